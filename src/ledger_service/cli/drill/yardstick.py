"""The yardstick: the usual way under the same fault, on the same cluster. It shows that the rig can see a loss."""

import asyncio
import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ledger_service.cli.bench.children import listening, run
from ledger_service.cli.drill.faults.fault import Fault
from ledger_service.cli.drill.load import Load, Patience
from ledger_service.cli.drill.recorder import ATTEMPTS, Recorder
from ledger_service.cli.drill.report import FIGURES
from ledger_service.cli.drill.rig import Rig, blocking
from ledger_service.cli.drill.rounds import WARM_SECONDS, Plan, one_round
from ledger_service.cli.drill.scene import Say, Scene
from ledger_service.cli.drill.schedule import Crowd, Kind
from ledger_service.cli.drill.wire import Wire
from ledger_service.cli.psql import Psql
from ledger_service.embedded.ports import HOST, any_free_port
from ledger_service.errors import Failure

PREPARE_SECONDS_MAX = 60.0
KINDS = ((Kind.EARN, 0.8), (Kind.BALANCE, 0.2))
"""All that the usual way can do."""

HURRIED = Patience(attempt_ms_max=1000)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the usual way acknowledged, and what of it is in its books after healing."""

    acknowledged: int
    lost: tuple[str, ...]
    """Keys whose callers were told that points moved, and of which nothing is there."""
    trouble: str | None


async def compare(fault: Fault, rig: Rig, plan: Plan, loadtests: Path, say: Say) -> Comparison:
    """Do all rounds of a fault against the usual way. Raises DrillFailure, ClusterFailure."""
    name = f"usual_way_{secrets.token_hex(4)}"
    crowd = Crowd(
        run=name, seed=plan.seed, rate=plan.rate, accounts=plan.accounts, kinds=KINDS, order_share=0.0, repeats=0.3
    )
    environment, token = await blocking(prepared, rig, crowd, loadtests)
    trouble = None
    with the_usual_way(rig, environment) as url, Recorder(plan.folder) as recorder:
        load = Load(crowd, Wire(url), token, recorder, HURRIED)
        scene = Scene(rig, load, recorder, say, load.chance, fault.lasts_seconds)
        running = asyncio.create_task(load.run())
        try:
            await scene.wait(WARM_SECONDS)
            for number in range(1, plan.runs + 1):
                await one_round(fault, scene, number, [])
        except Failure as failure:
            trouble = str(failure)
        finally:
            load.stop()
            await running
    kept = await blocking(kept_keys, usual_way_psql(rig, name))
    told = acknowledged_keys(plan.folder / ATTEMPTS)
    return Comparison(len(told), tuple(sorted(told - kept)), trouble)


def write_comparison(found: Comparison, folder: Path) -> None:
    """Write the figures beside the history."""
    (folder / FIGURES).write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")


def prepared(rig: Rig, crowd: Crowd, loadtests: Path) -> tuple[dict[str, str], str]:
    """A database of its own on the primary, with the accounts of the crowd; the environment of the application, and
    its key. Blocks."""
    rig.psql().run(f"CREATE DATABASE {crowd.run};\n")
    psql = usual_way_psql(rig, crowd.run)
    token = secrets.token_hex(16)
    environment = {
        "PYTHONPATH": str(loadtests),
        "USUAL_WAY_DATABASE_URL": psql.url.replace("postgresql://", "postgresql+asyncpg://", 1),
        "USUAL_WAY_API_KEY": token,
    }
    run([sys.executable, "-m", "usual_way.prepare", str(crowd.accounts)], environment, PREPARE_SECONDS_MAX)
    psql.run(f"UPDATE account SET account_id = '{crowd.run}-' || replace(account_id, '-', '');\n")  # noqa: S608 - a name of our own making
    return environment, token


def usual_way_psql(rig: Rig, name: str) -> Psql:
    """Its database, by way of the proxy that knows the primary: the usual way knows one address."""
    psql = rig.psql()
    server, _, _ = psql.url.rpartition("/")
    credentials = server.rpartition("@")[0]
    return Psql(psql.bin_dir, f"{credentials}@{HOST}:{rig.cluster.state.rw_port}/{name}")


@contextmanager
def the_usual_way(rig: Rig, environment: dict[str, str]) -> Iterator[str]:
    """It under uvicorn, in a hurry; where it listens. Raises ChildFailed."""
    port = any_free_port()
    arguments = [sys.executable, "-m", "uvicorn", "--factory", "ledger_service.cli.drill.naive:application"]
    arguments += ["--host", HOST, "--port", str(port), "--no-access-log", "--log-level", "critical"]
    url = f"http://{HOST}:{port}"
    with listening(arguments, environment, rig.log_dir / "usual-way.log", f"{url}/livez"):
        yield url


def kept_keys(psql: Psql) -> set[str]:
    """All keys with an answer in its books. Raises PsqlFailed."""
    return set(psql.run("SELECT idempotency_key FROM kept_answer;\n").splitlines())


def acknowledged_keys(attempts: Path) -> set[str]:
    """The keys of which some caller was told that points moved."""
    with attempts.open(encoding="utf-8") as file:
        told = [json.loads(line) for line in file]
    return {one["key"] for one in told if one["key"] is not None and one["outcome"] == "ok"}
