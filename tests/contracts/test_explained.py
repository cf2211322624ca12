"""Whoever runs the service can look up every setting and every metric, and finds no others."""

import prometheus_client
import pytest
from pydantic_core import PydanticUndefined

from ledger_service import metrics
from ledger_service.settings import Settings

METRICS = {name: thing for name, thing in vars(metrics).items() if name.isupper() and hasattr(thing, "describe")}
# What would name a member, a key or a request: such a label grows without end.
FORBIDDEN_LABELS = {"account", "account_id", "key", "key_id", "idempotency_key", "order_id", "request_id", "phone"}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_explains_itself_and_has_a_default(name):
    field = Settings.model_fields[name]
    assert field.description is not None
    assert len(field.description) > 40
    assert field.default is not PydanticUndefined


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_help_text_and_only_labels_that_stay_few(name):
    (family,) = METRICS[name].describe()
    assert len(family.documentation) > 10
    assert not FORBIDDEN_LABELS.intersection(METRICS[name]._labelnames)


def test_every_metric_is_exported_under_the_names_of_the_handbook():
    exported = prometheus_client.generate_latest().decode()
    for name in (
        "http_server_request_duration_seconds",
        "http_server_active_requests",
        "ledger_entries_total",
        "ledger_points_total",
        "ledger_idempotent_replays_total",
        "ledger_batch_size",
        "ledger_batch_phase_seconds",
        "ledger_batch_conflicts_total",
        "ledger_db_pool_in_use",
        "ledger_db_errors_total",
        "ledger_event_loop_lag_seconds",
        "process_cpu_seconds_total",
    ):
        assert f"# TYPE {name.removesuffix('_total')}" in exported
