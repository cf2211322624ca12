"""Claims: the idempotency keys of configuration calls, which do not travel through the poster."""

from dataclasses import dataclass

from ledger_service.errors import KeyTaken
from ledger_service.ledger.outcomes import Refused, Replayed
from ledger_service.ledger.refusals import KeyReused, Refusal
from ledger_service.storage.database import Database, read_failures, write_failures
from ledger_service.storage.rows import first_of, outcome_form

OPERATOR_CALLS = 0
"""The program under which the keys of operator calls are kept."""


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The idempotency of one configuration call."""

    program_id: int
    key: str
    fingerprint: bytes
    request_id: str


RECALL = """
SELECT form, detail::text AS detail, fingerprint FROM ledger.outcome
WHERE program_id = $1 AND idempotency_key = $2 AND form IN ('answered', 'refused')
"""


REFUSE = "SELECT ledger.refuse_call_v1($1, $2, $3, $4)"


async def refuse(database: Database, claim: KeyClaim | None, refusal: Refusal) -> Replayed | Refused:
    """Refuse a configuration call, and keep that under its key; without a claim only refuse it."""
    if claim is None:
        return Refused(refusal, "")
    refused = Refused(refusal, claim.request_id)
    _, _, detail = outcome_form(refused)
    try:
        async with database.writer() as connection:
            with write_failures():
                await connection.execute(REFUSE, claim.program_id, claim.key, claim.fingerprint, detail)
    except KeyTaken:
        return await recall(database, claim)
    return refused


async def recall(database: Database, claim: KeyClaim) -> Replayed | Refused:
    """What the claimed key stands for already. KeyTaken: for nothing, something else was unique."""
    async with database.writer() as connection:
        with read_failures():
            row = await connection.fetchrow(RECALL, claim.program_id, claim.key)
            is_known = row is not None or await connection.fetchval(
                "SELECT 1 FROM ledger.outcome WHERE program_id = $1 AND idempotency_key = $2",
                claim.program_id,
                claim.key,
            )
    if not is_known:
        raise KeyTaken("outcome")
    if row is None or row["fingerprint"] != claim.fingerprint:
        return Refused(KeyReused(), claim.request_id)
    return Replayed(first_of(row["form"], (), row["detail"]))
