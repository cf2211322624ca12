"""Tables, figures and charts of a run of everything, from made figures."""

import json
from pathlib import Path

import pytest

from ledger_service.cli.bench.charts import LATENCY, MEMORY, THROUGHPUT, concurrency_lines, draw, draw_scale
from ledger_service.cli.bench.clients import Load
from ledger_service.cli.bench.everything import Everything
from ledger_service.cli.bench.everything_report import figures, print_everything
from ledger_service.cli.bench.memory import Memory
from ledger_service.cli.bench.open_loop import Arriving
from ledger_service.cli.bench.rounds import Arrived, Measured, Plan, Round
from ledger_service.cli.bench.rows import SERVICE, SMALLEST, USUAL_WAY, Row
from ledger_service.cli.bench.scale import Scale, ScalePlan, Size
from ledger_service.cli.bench.scale_report import print_scale, scale_figures
from ledger_service.cli.bench.year import Year

LOAD = Load(sent=10, answered=10, refused=0, broken=0, p50_ms=1, p99_ms=2, client_cpu_seconds=0.5, posted=10)
ARRIVING = Arriving(
    rate=70.0,
    sent=10,
    refused=0,
    broken=0,
    not_begun=0,
    posted=3,
    served=65.0,
    counted=9,
    p50_ms=2.0,
    p90_ms=4.0,
    p99_ms=8.0,
    p999_ms=9.0,
    most_ms=9.5,
    client_lag_p99_ms=0.5,
    client_cpu_seconds=0.1,
)


def measured(scenario: str, entrant: str, connections: int, *rates: float) -> Measured:
    rounds = [Round(LOAD, rate, cpu_seconds=4.0) for rate in rates]
    return Measured(Row(scenario, entrant, connections), rounds, warm_ups=[LOAD])


EVERYTHING = Everything(
    plan=Plan(rounds=3),
    client="wrk",
    measured_at="now",
    machine={"cores": 2, "postgres": "18.6"},
    measured=(
        measured("earn", SERVICE, 8, 50.0, 70.0, 60.0),
        measured("earn", SERVICE, 64, 150.0, 150.0, 160.0),
        measured("earn", USUAL_WAY, 64, 10.0, 10.0, 11.0),
    ),
    arrived=(Arrived("shop", SERVICE, 1.0, 0.0, [ARRIVING]), Arrived("shop", SERVICE, 0.7, 70.0, [ARRIVING])),
    memory=Memory(10, tuple([80_000_000] * 5 + [100_000_000] * 5), LOAD),
    year=Year(seconds=2.0, entries=300, faults=()),
    faults=("something",),
)


def test_the_figures_of_a_run_can_be_written_and_say_medians_with_their_ranges() -> None:
    said = json.loads(json.dumps(figures(EVERYTHING)))
    assert said["rows"][0]["per_second"] == {"median": 60.0, "least": 50.0, "most": 70.0}
    assert said["rows"][0]["cpu"]["median"] == pytest.approx(0.8)
    assert said["rows"][0]["client_cpu"]["median"] == pytest.approx(0.1)
    assert said["memory"]["most_mb"] == 100
    assert said["memory"]["growth"] == 1.25
    assert said["year"]["per_second"] == 150
    assert said["faults"] == ["something"]
    met = {one["name"]: one["is_met"] for one in said["targets"]}
    assert met["earn / the usual way, 64 connections"] is True
    assert met["memory, end / beginning of full load"] is False
    assert met["one hot account / earn spread"] is None


def test_the_tables_name_what_was_missed(capsys: pytest.CaptureFixture[str]) -> None:
    print_everything(figures(EVERYTHING))
    told = capsys.readouterr().out
    assert "the usual way" in told
    assert "50 to 70" in told
    assert [line.split("│")[4].strip() for line in told.splitlines() if "memory, end" in line] == ["missed"]


def test_throughput_is_drawn_over_callers_in_their_order() -> None:
    rows = list(reversed(figures(EVERYTHING)["rows"]))
    assert concurrency_lines(rows)[SERVICE] == ([8.0, 64.0], [60.0, 150.0])


def test_a_run_leaves_a_chart_of_everything_it_measured(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    drawn = draw(figures(EVERYTHING), tmp_path)
    assert [path.name for path in drawn] == [THROUGHPUT, LATENCY, MEMORY]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_refusals_and_lost_answers_are_told_apart() -> None:
    bad = Load(sent=12, answered=10, refused=3, broken=1, p50_ms=1, p99_ms=2, client_cpu_seconds=0, unposted=5)
    one = Measured(Row("bulk", SERVICE, 2), warm_ups=[bad])
    assert one.faults() == [
        "bulk, ledger-service, 2: 3 requests were refused.",
        "bulk, ledger-service, 2: 1 requests were broken.",
        "bulk, ledger-service, 2: 2 requests were never answered.",
        "bulk, ledger-service, 2: 5 operations of bulks were refused.",
    ]


def test_scale_says_what_an_entry_takes_on_disk_and_how_much_slower_it_got(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = tuple(
        Size(
            entries,
            1.0,
            {"entry": entries * 223, "lot": 1000},
            100,
            (measured("earn", SERVICE, 128, rate), measured("earn", SMALLEST, 128, 100.0)),
        )
        for entries, rate in ((1000, 100.0), (50_000, 90.0))
    )
    said = scale_figures(Scale(ScalePlan((1000, 50_000), 5, 1, 1, 500, "random"), "wrk", "now", {}, sizes, ()))
    assert said["sizes"][1]["bytes_per_entry"]["entry"] == 223
    assert said["targets"][0]["value"] == pytest.approx(0.9)
    print_scale(said)
    assert "50,000 entries" in capsys.readouterr().out
    pytest.importorskip("matplotlib")
    assert draw_scale(said["sizes"], tmp_path / "scale.png").stat().st_size > 0
