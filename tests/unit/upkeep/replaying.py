"""Replaying what a test made up, or what the books in memory hold."""

from dataclasses import replace
from typing import Any

from ledger_service.ledger.entries import GENESIS, Entry, seal
from ledger_service.ledger.lots import microseconds
from ledger_service.ledger.standing import standing_text
from ledger_service.ledger.states import AccountState
from ledger_service.storage.audit import StoredAccount
from ledger_service.upkeep.findings import Finding
from ledger_service.upkeep.replay import Replay
from tests.books.memory import Books
from tests.builders import ACCOUNT, DAY, NOON, PROGRAM_ID, entry, movement

VERSIONS = frozenset((PROGRAM_ID, version) for version in (1, 2, 3))


def stored_of(account: AccountState) -> StoredAccount:
    return StoredAccount(
        PROGRAM_ID,
        account.account_id,
        account.seq,
        account.balance,
        account.held,
        account.debt,
        account.lifetime_points,
        account.next_due_at,
        account.head_hash,
        account.status,
        account.merged_into,
        standing_text(account.standing),
    )


def contradictions_of(books: Books, account_id: str) -> list[Finding]:
    """What is wrong with an account of these books, in its entries and in what they should have made."""
    replay = Replay(PROGRAM_ID, account_id)
    holds = {hold_id: facts.hold for hold_id, facts in books.holds.items()}
    findings = [one for entry in books.entries[account_id] for one in replay.apply(entry, VERSIONS, holds)]
    account = books.accounts[account_id]
    findings += replay.contradictions(stored_of(account))
    findings += replay.lot_contradictions(account.lots)
    findings += replay.hold_contradictions(account.holds)
    findings += replay.day_contradictions(list(books.days[account_id].values()))
    return findings


def replayed(account_id: str, entries: list[Entry]) -> tuple[Replay, list[Finding]]:
    replay = Replay(PROGRAM_ID, account_id)
    return replay, [finding for entry in entries for finding in replay.apply(entry, VERSIONS)]


def checks_of(entries: list[Entry]) -> list[str]:
    return [finding.check for finding in replayed(ACCOUNT, entries)[1]]


def resealed(changed: Entry) -> Entry:
    return seal(replace(changed, hash=b""))


def chained(entries: list[Entry]) -> list[Entry]:
    """The entries as one account's chain."""
    previous_hash = GENESIS
    links = []
    for one in entries:
        links.append(resealed(replace(one, previous_hash=previous_hash)))
        previous_hash = links[-1].hash
    return links


def held(seq: int = 2, points: int = 30, **others: Any) -> Entry:
    """An entry that holds points of the 100 that `entry()` earned."""
    chosen: dict[str, Any] = {
        "kind": "hold",
        "points": 0,
        "balance_after": 100,
        "available_after": 100 - points,
        "held_after": points,
        "movements": (movement(-points),),
        "detail": f'{{"hold":{{"expires_at":{microseconds(NOON + DAY)},"points":{points}}},"hold_id":"h-1"}}',
    } | others
    return entry(seq=seq, **chosen)
