"""What a cluster keeps in its folder beside its nodes: passwords and keys, made once, each in a file of mode 0600."""

import secrets
from dataclasses import dataclass

from ledger_service.cli.cluster.state import HOST, ClusterState
from ledger_service.cli.dev.files import DATABASE, ROLE, Files, kept

SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class ClusterFiles(Files):
    """The files of one cluster, those of `dev` and some more."""

    postgres_ports: tuple[int, ...]

    @classmethod
    def of(cls, state: ClusterState) -> "ClusterFiles":
        return cls(state.folder, tuple(node.postgres_port for node in state.nodes))

    def service_url(self) -> str:
        """All three Postgres by name: the service itself finds the primary, without a proxy between."""
        hosts = ",".join(f"{HOST}:{port}" for port in self.postgres_ports)
        return f"postgresql://{ROLE}:{self.service_password()}@{hosts}/{DATABASE}"

    def superuser_url(self, port: int, database: str) -> str:
        """One Postgres, as the superuser."""
        return f"postgresql://{SUPERUSER}:{self.superuser_password()}@{HOST}:{port}/{database}"

    def superuser_password(self) -> str:
        return self._password("superuser")

    def replication_password(self) -> str:
        return self._password("replication")

    def rewind_password(self) -> str:
        return self._password("rewind")

    def patroni_password(self) -> str:
        """What changes of Patroni's REST interface ask for."""
        return self._password("patroni")

    def _password(self, whose: str) -> str:
        return kept(self.directory / f"{whose}-password", lambda: secrets.token_urlsafe(24))
