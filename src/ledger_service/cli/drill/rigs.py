"""Making a rig: of a cluster, of its own or one that runs already; of a Postgres with an archive; or of a service by
its address."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger_service.cli.cluster.cluster import Cluster
from ledger_service.cli.cluster.files import ClusterFiles
from ledger_service.cli.cluster.status import is_well
from ledger_service.cli.dev import demo
from ledger_service.cli.dev.database import prepare
from ledger_service.cli.dev.files import DATABASE, Files
from ledger_service.cli.drill.own_instance import OwnInstance
from ledger_service.cli.drill.restoring.archive import WalArchive
from ledger_service.cli.drill.rig import Rig
from ledger_service.cli.drill.scene import Say
from ledger_service.cli.loop import run_to_end
from ledger_service.cli.psql import Psql
from ledger_service.embedded import EmbeddedPostgres
from ledger_service.embedded.binaries import find_binaries


@contextmanager
def cluster_rig(folder: Path | None, say: Say) -> Iterator[Rig]:
    """The cluster in this folder, started if it does not run and then stopped again; no folder: one that is deleted
    afterwards. Raises ClusterFailure, EmbeddedFailure."""
    if folder is not None:
        found = Cluster.start(folder, say) if not runs_well(folder) else None
        cluster = found or Cluster.load(folder)
        try:
            yield rig_of(cluster)
        finally:
            if found is not None:
                found.stop(say)
        return
    with tempfile.TemporaryDirectory(prefix="ledger-drill-") as made:
        own = Path(made)
        own.chmod(0o755)  # Postgres runs as another account when we are root
        try:
            yield rig_of(Cluster.start(own, say))
        finally:
            Cluster.load(own).stop(say)


@contextmanager
def archiving_rig(say: Say) -> Iterator[Rig]:
    """A Postgres of its own that archives its WAL, and one instance of the service; deleted afterwards.

    Raises EmbeddedFailure, PsqlFailed, DrillFailure."""
    with tempfile.TemporaryDirectory(prefix="ledger-drill-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # Postgres runs as another account when we are root
        archive = WalArchive.made(folder)
        with EmbeddedPostgres.start(archive.data_dir, settings=archive.settings(), say=say) as postgres:
            files = Files(archive.data_dir)
            prepare(postgres, files.service_password())
            token = run_to_end(demo.prepare(files, None))
            environment = {"LEDGER_DATABASE_URL": files.service_url(), "LEDGER_SECRET": files.secret()}
            instance = OwnInstance.start(environment, folder / "instance.log")
            try:
                yield Rig(
                    url=instance.url,
                    token=token,
                    log_dir=folder,
                    psql_at=lambda _: Psql(postgres.bin_dir, postgres.url(DATABASE)),
                    single_port=postgres.port,
                    environment=environment,
                    held_archive=archive,
                )
            finally:
                instance.stop()


def runs_well(folder: Path) -> bool:
    """Whether a cluster runs there."""
    return (folder / "cluster.json").exists() and is_well(Cluster.load(folder))


def rig_of(cluster: Cluster) -> Rig:
    """The rig of a cluster."""
    files = ClusterFiles.of(cluster.state)
    bin_dir = find_binaries().bin_dir
    return Rig(
        url=cluster.state.url,
        token=cluster.state.api_key,
        log_dir=cluster.state.logs,
        instance_urls=tuple(instance.url for instance in cluster.state.services),
        held_cluster=cluster,
        psql_at=lambda port: Psql(bin_dir, files.superuser_url(port, DATABASE)),
        environment={"LEDGER_DATABASE_URL": files.service_url(), "LEDGER_SECRET": files.secret()},
    )


def single_rig(url: str, token: str) -> Rig:
    """A service that runs already. Nothing behind it can be broken."""
    return Rig(url=url, token=token, log_dir=Path(tempfile.gettempdir()))
