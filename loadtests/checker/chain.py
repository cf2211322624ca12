"""Check 11: every entry's hash covers it and the hash before it."""

from collections.abc import Iterator

from checker.exact import entry_of
from checker.findings import CHAIN, Finding, place
from checker.history import History
from ledger_service.ledger.entries import GENESIS, chain_hash


def chain(history: History) -> Iterator[Finding]:
    """Hashes that are not those of their entries; entries without movements are passed over."""
    for account_id, rows in history.books.accounts.items():
        previous = GENESIS
        for row in rows:
            where = place(account_id, row.seq)
            try:
                stored = bytes.fromhex(row.hash)
                if row.has_movements:
                    expected = chain_hash(entry_of(row, previous))
                    if stored != expected:
                        yield Finding(CHAIN, where, "hash", expected.hex(), row.hash)
            except (KeyError, ValueError, TypeError) as wrong:
                yield Finding(CHAIN, where, "cannot be hashed", "the fields of an entry", repr(wrong))
                return
            previous = stored


def without_movements(history: History) -> int:
    """How many entries this check passes over."""
    return sum(not row.has_movements for row in history.books.at.values())
