"""`ledger-service drill`: break things under load, and prove that nothing was lost."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ledger_service.cli.drill.faults.fault import Fault
    from ledger_service.cli.drill.rig import Rig
    from ledger_service.cli.drill.rounds import Plan

ALL_SHORT = "all-short"
ALL = "all"
OVERLOAD = "overload"
LOST_SHOWN = 5
REPORT_WIDTH = 140

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(no_args_is_help=True)
def drill(
    fault: str | None = typer.Argument(None, help="F01 … F46, overload, all-short (what CI runs) or all."),
    list_all: bool = typer.Option(False, "--list", help="Show all faults, a line each."),
    runs: int = typer.Option(1, min=1, max=1000, help="Rounds: the fault is injected and healed so often."),
    rate: float = typer.Option(100.0, min=1, max=10_000, help="Operations a second, as they mean to come."),
    seed: int = typer.Option(1, help="Draws the load and whatever is random in the fault."),
    duration: float | None = typer.Option(
        None, min=1, max=86_400, help="Seconds that a fault lasts that does not end at once. Default: its own."
    ),
    repeats: float = typer.Option(
        0.1, min=0, max=100, help="How often each success is sent once more under its key, on average."
    ),
    folder: Path | None = typer.Option(
        None, help="Where history, figures and picture go. Default: in loadtests/results/drills."
    ),
    cluster: Path | None = typer.Option(
        None, help="A cluster of `ledger-service cluster up`. Default: one that is started for this and deleted."
    ),
    url: str | None = typer.Option(None, help="Instead of a cluster: a service that runs. For what callers do wrong."),
    api_key: str | None = typer.Option(None, envvar="LEDGER_API_KEY", help="An admin's key of that service."),
    yardstick: bool = typer.Option(
        False,
        "--yardstick",
        help="Instead of the service: the usual way in a hurry, which is to lose something in F05.",
    ),
    shared_cores: bool = typer.Option(
        False,
        "--shared-cores",
        help="For overload: callers and proxy run on all cores, and take from what they flood. Default: half each.",
    ),
) -> None:
    """Run load with forced retries, break something, mend it, read the whole ledger, and hold it against the history.

    Needs a checkout, where the history checker is: loadtests/checker. Ends with 1 when an acknowledged entry is lost,
    doubled or made up, when a fault does not heal, or when it shows something that must not be. How long the service
    was away is a figure, compared with what is promised, and never the exit code. A fault that this machine cannot
    have is skipped, said so, and counts as not proven."""
    from ledger_service.cli.drill.matrix import SHORT, SHORT_SECONDS, fault_named
    from ledger_service.cli.drill.verdict import checker_folder

    if list_all or fault is None:
        show_all()
        return
    checker = checker_folder()
    results = folder or checker / "results" / "drills"
    if fault == ALL_SHORT:
        duration = duration or SHORT_SECONDS
    names = {ALL_SHORT: SHORT, ALL: all_names()}.get(fault, (fault,))
    faults = [] if fault == OVERLOAD else [fault_named(name) for name in names]

    from ledger_service.cli.drill.rounds import Plan

    plan = Plan(runs, rate, seed, results, duration, repeats, shares_cores=shared_cores)
    clean = with_rig(faults, plan, checker, cluster, url, api_key, yardstick)
    if not clean:
        raise typer.Exit(1)


def with_rig(
    faults: "list[Fault]",
    plan: "Plan",
    checker: Path,
    cluster: Path | None,
    url: str | None,
    api_key: str | None,
    yardstick: bool,
) -> bool:
    """Make the rig, drill, and take it down; whether everything was clean. No faults: the overload drill."""
    from ledger_service.cli.console import Misused, people
    from ledger_service.cli.dev.command import terminating_like_ctrl_c
    from ledger_service.cli.dev.postgres import forget_variables
    from ledger_service.cli.drill.rigs import cluster_rig, single_rig

    console = people()
    forget_variables()
    if url is not None and api_key is None:
        raise Misused("A service by its address needs --api-key, too.")
    shared = [fault for fault in faults if fault.own_rig is None]
    with terminating_like_ctrl_c():
        try:
            if yardstick and len(shared) < len(faults):
                raise Misused("The usual way is drilled on a cluster, and this fault has a rig of its own.")
            clean = drill_alone(faults, plan, checker)
            if faults and not shared:
                return clean
            if url is not None and api_key is not None:
                return drill_all(shared, single_rig(url, api_key), plan, checker) and clean
            with cluster_rig(cluster, console.print) as rig:
                if yardstick:
                    return compare_all(shared, rig, plan, checker)
                return drill_all(shared, rig, plan, checker) and clean
        except KeyboardInterrupt:
            console.print("Stopped; nothing is proven.")
            raise typer.Exit(130) from None


def drill_alone(faults: "list[Fault]", plan: "Plan", checker: Path) -> bool:
    """Those of the faults that have a rig of their own, each on its own: before there is a cluster, which would take
    time from them. Whether all were clean."""
    from ledger_service.cli.console import people, say_line
    from ledger_service.errors import Failure

    clean = True
    for fault in faults:
        if fault.own_rig is None:
            continue
        try:
            with fault.own_rig(people().print) as rig:
                clean = drill_all([fault], rig, plan, checker) and clean
        except Failure as failure:
            say_line(f"{fault.name} FAILED, not proven: {failure}")
            clean = False
    return clean


def drill_all(faults: "list[Fault]", rig: "Rig", plan: "Plan", checker: Path) -> bool:
    """One drill after the other; whether all that were done were clean."""
    from dataclasses import replace

    from ledger_service.cli.console import people, say_line
    from ledger_service.cli.drill.report import broken, print_report, write_figures
    from ledger_service.cli.drill.rounds import drill as drill_one
    from ledger_service.cli.drill.timeline import PICTURE, draw
    from ledger_service.cli.loop import run_to_end
    from ledger_service.errors import Failure

    console = people()
    console.width = max(console.width, REPORT_WIDTH)  # a log has no width, and tables are not made for 80 columns
    if not faults:
        from ledger_service.cli.drill.overload import overload

        return overload(rig, replace(plan, folder=plan.folder / OVERLOAD), console)
    clean = True
    for fault in faults:
        if (reason := fault.need(rig)) is not None:
            say_line(f"{fault.name} SKIPPED, not proven: {reason}")
            continue
        of_fault = replace(plan, folder=plan.folder / fault.name)
        try:
            result = run_to_end(drill_one(fault, rig, of_fault, checker, console.print))
        except Failure as failure:
            say_line(f"{fault.name} FAILED, not proven: {failure}")
            clean = False
            continue
        title = f"{fault.name}: {fault.what} ({plan.rate:.0f}/s, seed {plan.seed})"
        draw(result.told, result.marks, title, of_fault.folder / PICTURE)
        path = write_figures(result)
        print_report(result, console)
        for sentence in broken(result):
            console.print(f"[bold red]broken:[/bold red] {sentence}", soft_wrap=True)
        say_line(f"{fault.name} {'clean' if result.is_clean else 'BROKEN'}, figures {path}")
        clean = clean and result.is_clean
    return clean


def compare_all(faults: "list[Fault]", rig: "Rig", plan: "Plan", checker: Path) -> bool:
    """The usual way under each fault. A loss is what is looked for, so it is no reason to end with 1."""
    from dataclasses import replace

    from ledger_service.cli.console import people, say_line
    from ledger_service.cli.drill.yardstick import compare, write_comparison
    from ledger_service.cli.loop import run_to_end

    done = True
    for fault in faults:
        of_fault = replace(plan, folder=plan.folder / f"{fault.name}-usual-way")
        found = run_to_end(compare(fault, rig, of_fault, checker, people().print))
        write_comparison(found, of_fault.folder)
        said = f"{found.acknowledged:,} acknowledged, {len(found.lost):,} of them lost"
        say_line(f"{fault.name} the usual way: {said}" + (f"; {found.trouble}" if found.trouble else ""))
        for key in found.lost[:LOST_SHOWN]:
            people().print(f"  lost: {key}")
        done = done and found.trouble is None
    return done


def all_names() -> tuple[str, ...]:
    """Every fault but the one that draws from all others."""
    from ledger_service.cli.drill.faults.storm import SINGLE

    return tuple(sorted(fault.name for fault in SINGLE))


def show_all() -> None:
    """The faults, a line each."""
    from ledger_service.cli.drill.matrix import FAULTS, SHORT
    from ledger_service.cli.tables import show

    rows = [(fault.name, fault.what, "yes" if fault.name in SHORT else "") for fault in FAULTS.values()]
    rows.append((OVERLOAD, "twice and five times the load that was measured to be the most", ""))
    show(("fault", "what is done", "in all-short"), rows)
