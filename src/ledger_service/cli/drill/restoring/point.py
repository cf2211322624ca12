"""A point in time, and all books as they were exactly then."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any, Self

from ledger_service.cli.psql import Psql, PsqlFailed

TRIES_MAX = 20

BOOKS = """json_build_object(
    'accounts', (SELECT coalesce(json_object_agg(program_id || '/' || account_id, concat_ws(' ',
            status, seq, balance, held, debt, lifetime_points, encode(head_hash, 'hex'))), '{}') FROM ledger.account),
    'entries', (SELECT count(*) FROM ledger.entry),
    'chain', (SELECT md5(string_agg(encode(hash, 'hex'), '' ORDER BY program_id, account_id, seq)) FROM ledger.entry),
    'keys', (SELECT coalesce(json_agg(key), '[]') FROM (
        SELECT idempotency_key AS key FROM ledger.entry WHERE idempotency_key IS NOT NULL
        UNION SELECT idempotency_key FROM ledger.outcome) AS known)
)"""

READ = f"SELECT {BOOKS};\n"

# A snapshot alone is no place in the WAL: a commit is written there before anyone sees it. So the books are held still.
# Every writer begins with an account, or has nothing but an outcome: whoever has begun is waited for, nobody else
# begins, and readers go on. What is committed before has an earlier commit time than `at` and an earlier place in the
# WAL than the restore point, and what is committed after has later ones.
NOTE = f"""
BEGIN;
SET LOCAL lock_timeout = '250ms';
LOCK TABLE ledger.account, ledger.outcome IN EXCLUSIVE MODE;
SELECT clock_timestamp() AS held_at \\gset
SELECT json_build_object('books', {BOOKS}, 'lsn', pg_create_restore_point(:'name'), 'at', clock_timestamp(),
    'held_ms', 1000 * extract(epoch FROM clock_timestamp() - :'held_at'::timestamptz));
COMMIT;
"""  # noqa: S608 - of our own making


@dataclass(frozen=True, slots=True)
class Books:
    """All books of a database, by their digests."""

    accounts: Mapping[str, str]
    """Of each account its status, seq, numbers and the hash of its last entry, which covers all before it."""
    entries: int
    chain: str
    """Of the hashes of all entries."""
    keys: frozenset[str]
    """Of everything that was ever posted or refused."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """As Postgres tells them."""
        return cls(document["accounts"], document["entries"], document["chain"] or "", frozenset(document["keys"]))

    @classmethod
    def read(cls, psql: Psql) -> Self:
        """As they are now. Blocks. Raises PsqlFailed."""
        return cls.of(json.loads(psql.run(READ)))


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the history of a database that it can be restored to."""

    name: str
    at: str
    """By the database's clock."""
    lsn: str
    books: Books
    held_ms: float
    """How long nobody could write."""
    before_ns: int
    """What was answered before this instant of our clock is in the books."""

    @classmethod
    def note(cls, psql: Psql, name: str) -> Self:
        """The point that is now. Whoever writes waits a moment. Blocks. Raises PsqlFailed."""
        for left in reversed(range(TRIES_MAX)):
            before_ns = monotonic_ns()
            try:
                found = json.loads(psql.run(NOTE, name=name))
            except PsqlFailed as failure:
                if not left or "lock timeout" not in str(failure):
                    raise
            else:
                books = Books.of(found["books"])
                return cls(name, found["at"], found["lsn"], books, float(found["held_ms"]), before_ns)
        raise AssertionError("unreachable")  # pragma: no cover - the last try raises or returns


def differences(expected: Books, found: Books) -> list[str]:
    """What is not as it should be, a sentence each."""
    names = sorted(expected.accounts.keys() | found.accounts.keys())
    digests = ((name, expected.accounts.get(name, "nothing"), found.accounts.get(name, "nothing")) for name in names)
    sentences = [f"account {name}: {ours} expected, {theirs} found" for name, ours, theirs in digests if ours != theirs]
    if (expected.entries, expected.chain) != (found.entries, found.chain):
        sentences.append(f"{expected.entries} entries expected, {found.entries} found, or others")
    if expected.keys != found.keys:
        missing, more = len(expected.keys - found.keys), len(found.keys - expected.keys)
        sentences.append(f"{missing} keys are missing, {more} are there that should not be")
    return sentences
