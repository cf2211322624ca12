"""What is measured as the cost of metrics moves the metrics that an earn moves."""

from prometheus_client import REGISTRY

from cost_of_metrics import BATCH, ROUTE, measured

RUNS = 5
"""Of each kind: the best of them is told."""


def test_each_metric_of_an_earn_is_noted():
    before = seen()
    measured(times=2)
    assert {name: seen()[name] - before[name] for name in before} == {
        "requests": RUNS * 2,
        "auth": RUNS * 2,
        "load": RUNS * 2 * BATCH,
        "batches": RUNS * 2,
        "posted": RUNS * 2 * BATCH,
    }


def seen() -> dict[str, float]:
    labels = {"http_request_method": "POST", "http_route": ROUTE, "http_response_status_code": "201"}
    return {
        "requests": value("http_server_request_duration_seconds_count", **labels),
        "auth": value("ledger_station_seconds_count", station="auth"),
        "load": value("ledger_station_seconds_count", station="load"),
        "batches": value("ledger_batch_size_count"),
        "posted": value("ledger_entries_total", kind="earn", result="posted"),
    }


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0
