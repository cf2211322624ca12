"""Profiling: what is printed adds up, and a picture that could not be drawn says why."""

from pathlib import Path

from rich.console import Console

from ledger_service.cli.bench.profiling import Drawing, Profile, Spent, Watch, drawn, print_profile, with_title

WATCH = Watch("earn", 64, 10, 20_000, Path("profile.svg"), Path("there/is/no/py-spy"))
STATIONS = {"parse": Spent(1000, 0.05), "gate": Spent(1000, 7.0), "wake": Spent(990, 1.0)}


def printed(profile: Profile) -> str:
    console = Console(record=True, width=120)
    print_profile(profile, console)
    return console.export_text()


def test_stations_are_told_in_microseconds_of_all_requests_and_what_is_missing_is_elsewhere():
    said = printed(Profile(WATCH, STATIONS, Spent(1000, 10.0), Spent(1000, 0.2), Path("here.svg")))
    rows = {line.split("│")[1].strip(): line.split("│")[2].strip() for line in said.splitlines() if "│" in line}
    assert rows == {
        "parse": "50",
        "gate": "7,000",
        "wake": "1,000",
        "elsewhere": "1,950",
        "the whole": "10,000",
        "CPU of the process": "200",
    }
    assert "100 requests/s" in said
    assert "here.svg" in said


def test_nothing_asked_is_no_division_by_zero():
    nothing = Spent(0, 0.0)
    assert "the whole" in printed(Profile(WATCH, {"parse": nothing}, nothing, nothing, None, "nobody came"))


def test_without_py_spy_the_figures_come_all_the_same_with_the_reason():
    with drawn(WATCH, pid=1) as drawing:
        assert isinstance(drawing, Drawing)
    assert "make install" in drawing.reason
    nothing = Spent(0, 0.0)
    assert "No flame graph: there is no py-spy" in printed(Profile(WATCH, {}, nothing, nothing, None, drawing.reason))


def test_a_flame_graph_does_not_tell_the_paths_of_the_machine_that_drew_it() -> None:
    drawn = '<svg><text id="title" y="24.00">/home/me/py-spy record --pid 7</text><text id="details"> </text></svg>'
    expected = '<svg><text id="title" y="24.00">earn &amp; co, 128</text><text id="details"> </text></svg>'
    assert with_title(drawn, "earn & co, 128") == expected
