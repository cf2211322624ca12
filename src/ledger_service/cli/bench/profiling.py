"""Profiling: a service under load, watched by py-spy and by its own metrics."""

import re
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from ledger_service.cli.bench.clients import Client, Window
from ledger_service.cli.bench.contenders import Contender, the_service
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.ports import HOST
from ledger_service.stations import ALL, NAME

SAMPLES_PER_SECOND = 250
WARM_UP_SECONDS = 2
ROUTE = "http_server_request_duration_seconds"
TITLE = re.compile(r'(<text id="title"[^>]*>).*?(</text>)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched."""

    scenario: str
    connections: int
    seconds: int
    accounts: int
    picture: Path
    py_spy: Path

    def window(self, service: Contender, run: str, seconds: int) -> Window:
        """A stretch of its load."""
        return Window(
            host=HOST,
            port=service.port,
            token=service.token,
            scenario="balance" if self.scenario == "balance" else "earn",
            accounts=1 if self.scenario == "hot" else self.accounts,
            run=run,
            connections=self.connections,
            seconds=seconds,
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """Time spent on requests."""

    requests: float
    seconds: float

    @property
    def microseconds(self) -> float:
        """Of one request."""
        return 1e6 * self.seconds / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What was seen."""

    watch: Watch
    stations: dict[str, Spent]
    whole: Spent
    """From the first byte to the last, as callers' requests are measured."""
    cpu: Spent
    """Of the service's process."""
    picture: Path | None
    """None: py-spy could not draw it."""
    reason: str = ""


def watched(watch: Watch, client: Client, say: Callable[[str], None]) -> Profile:
    """Start a service, load it, watch it, stop it. Raises EmbeddedFailure, ChildFailed."""
    with tempfile.TemporaryDirectory(prefix="ledger-profile-") as folder:
        directory = Path(folder)
        with (
            EmbeddedPostgres.start(directory / "data", say=say) as postgres,
            the_service(postgres, directory, watch.accounts) as service,
        ):
            service.settle()
            stem = secrets.token_hex(4)
            say(f"{watch.scenario}, {watch.connections} connections: watching for {watch.seconds} s.")
            client.load(watch.window(service, f"{stem}-warm-up", WARM_UP_SECONDS))
            before, cpu_before = spent(service.port), service.cpu_seconds() or 0.0
            client.load(watch.window(service, f"{stem}-1", watch.seconds))
            after, cpu_after = spent(service.port), service.cpu_seconds() or 0.0
            # Drawn in a second stretch: who is looked at so often is slower, and the figures shall not be.
            with drawn(watch, service.pid) as drawing:
                client.load(watch.window(service, f"{stem}-2", watch.seconds + 1))
    differences = {
        name: Spent(after[name].requests - before[name].requests, after[name].seconds - before[name].seconds)
        for name in after
    }
    whole = differences.pop(ROUTE)
    cpu = Spent(whole.requests, cpu_after - cpu_before)
    reason = drawing.reason
    return Profile(watch, differences, whole, cpu, None if reason else watch.picture, reason)


def spent(port: int) -> dict[str, Spent]:
    """What /metrics says by now, by station; under ROUTE the whole requests of hot routes."""
    text = httpx2.get(f"http://{HOST}:{port}/metrics", trust_env=False).text
    found: dict[str, list[float]] = {station.name: [0.0, 0.0] for station in ALL} | {ROUTE: [0.0, 0.0]}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if family.name == NAME:
                one = found[sample.labels["station"]]
            elif family.name == ROUTE and "{account_id}" in sample.labels.get("http_route", ""):
                one = found[ROUTE]
            else:
                continue
            if sample.name.endswith("_count"):
                one[0] += sample.value
            elif sample.name.endswith("_sum"):
                one[1] += sample.value
    return {name: Spent(*figures) for name, figures in found.items()}


class Drawing:
    """py-spy at work, and why it could not."""

    def __init__(self) -> None:
        self.reason = ""


@contextmanager
def drawn(watch: Watch, pid: int) -> Iterator[Drawing]:
    """Have py-spy draw the flame graph of a process meanwhile."""
    drawing = Drawing()
    if not watch.py_spy.exists():
        drawing.reason = f"there is no {watch.py_spy.name} beside this Python: make install"
        yield drawing
        return
    watch.picture.parent.mkdir(parents=True, exist_ok=True)
    arguments = [str(watch.py_spy), "record", "--pid", str(pid), "--duration", str(watch.seconds)]
    arguments += ["--rate", str(SAMPLES_PER_SECOND), "--output", str(watch.picture), "--format", "flamegraph"]

    def draw() -> None:
        ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            drawing.reason = ended.stderr.strip().splitlines()[-1] if ended.stderr.strip() else "py-spy failed"
        else:
            title = f"{watch.scenario}, {watch.connections} connections"
            watch.picture.write_text(with_title(watch.picture.read_text(), title))

    drawer = threading.Thread(target=draw)
    drawer.start()
    try:
        yield drawing
    finally:
        drawer.join()


def with_title(picture: str, title: str) -> str:
    """The flame graph under another title. py-spy's own is its command line, with the paths of this machine."""
    return TITLE.sub(lambda found: found[1] + escape(title) + found[2], picture, count=1)


def print_profile(profile: Profile, console: Console) -> None:
    """The table, and where the picture is."""
    watch = profile.watch
    rate = profile.whole.requests / watch.seconds
    table = Table(
        title=f"{watch.scenario}, {watch.connections} connections, {rate:,.0f} requests/s", title_justify="left"
    )
    table.add_column("station")
    table.add_column("us of a request", justify="right")
    table.add_column("share", justify="right")
    whole = profile.whole.microseconds
    told = 0.0
    for name, one in profile.stations.items():
        # Each by all requests, so that they add up even if some met a station twice, or not.
        microseconds = 1e6 * one.seconds / profile.whole.requests if profile.whole.requests else 0.0
        told += microseconds
        table.add_row(name, f"{microseconds:,.0f}", f"{microseconds / whole:.1%}" if whole else "–")
    table.add_row("elsewhere", f"{whole - told:,.0f}", f"{(whole - told) / whole:.1%}" if whole else "–")
    table.add_section()
    table.add_row("the whole", f"{whole:,.0f}", "100%")
    table.add_row("CPU of the process", f"{profile.cpu.microseconds:,.0f}", "")
    console.print(table)
    if profile.picture is None:
        console.print(f"No flame graph: {profile.reason}", highlight=False)
    else:
        console.print(f"flame graph: {profile.picture}", highlight=False, soft_wrap=True)
