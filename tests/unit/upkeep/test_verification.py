"""Verification: three sorted streams walked side by side, whatever portions they come in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.ledger.entries import Entry
from ledger_service.ledger.holds import Hold
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.standing import QualifyingDay, standing_text
from ledger_service.storage.audit import Mismatch, Scope, StoredAccount, StoredDay, StoredHold, StoredLot
from ledger_service.upkeep.findings import CHECKS, Finding
from ledger_service.upkeep.said import holds_moved_in
from ledger_service.upkeep.verification import Report, verify
from tests.books.commands import Batch, histories
from tests.books.memory import Books
from tests.books.programs import programs
from tests.builders import NOON, PROGRAM_ID, entry, hold, lot
from tests.varied_books import CLUB, purchases_holds_and_merges


class AuditOf:
    """An audit of what a test made up, in portions of its own."""

    def __init__(
        self,
        entries: Sequence[Any] = (),
        accounts: Sequence[StoredAccount] = (),
        lots: Sequence[StoredLot] = (),
        open_holds: Sequence[StoredHold] = (),
        qualifying_days: Sequence[StoredDay] = (),
        mismatches: Sequence[Mismatch] = (),
        rows_at_once: int = 3,
        stored_holds: Mapping[str, Hold] | None = None,
    ) -> None:
        self._rows = {
            "entries": entries,
            "accounts": accounts,
            "lots": lots,
            "open_holds": open_holds,
            "qualifying_days": qualifying_days,
            "mismatches": mismatches,
        }
        self._rows_at_once = rows_at_once
        self._holds = stored_holds or {}

    async def holds(self, _program_id: int, hold_ids: Sequence[str]) -> dict[str, Hold]:
        return {hold_id: self._holds[hold_id] for hold_id in hold_ids if hold_id in self._holds}

    async def rule_versions(self) -> frozenset[tuple[int, int]]:
        return frozenset((PROGRAM_ID, version) for version in (1, 2, 3))

    def __getattr__(self, name: str) -> Any:
        return lambda _scope: self._portions(self._rows[name])

    async def _portions(self, rows: Sequence[Any]) -> AsyncIterator[list[Any]]:
        for start in range(0, len(rows), self._rows_at_once):
            yield list(rows[start : start + self._rows_at_once])


async def verified(audit: AuditOf) -> tuple[Report, list[Finding], int]:
    findings: list[Finding] = []
    progress: list[int] = []
    report = await verify(audit, Scope(), findings.append, progress.append)  # type: ignore[arg-type]
    assert report.findings_total == len(findings)
    assert {finding.check for finding in findings} <= set(CHECKS)
    return report, findings, sum(progress)


def empty_account(account_id: str) -> StoredAccount:
    return StoredAccount(PROGRAM_ID, account_id, 0, 0, 0, 0, 0, None, bytes(32))


def audit_of(books: Books, rows_at_once: int = 3) -> AuditOf:
    """What an audit of these books reads."""
    accounts = [books.accounts[account_id] for account_id in sorted(books.accounts)]
    return AuditOf(
        [one for account in accounts for one in books.entries[account.account_id]],
        [
            StoredAccount(
                *(PROGRAM_ID, one.account_id, one.seq, one.balance, one.held, one.debt, one.lifetime_points),
                *(one.next_due_at, one.head_hash, one.status, one.merged_into, standing_text(one.standing)),
            )
            for one in accounts
        ],
        [StoredLot(PROGRAM_ID, account.account_id, one) for account in accounts for one in account.lots],
        [StoredHold(PROGRAM_ID, account.account_id, one) for account in accounts for one in account.holds],
        [
            StoredDay(PROGRAM_ID, account.account_id, day)
            for account in accounts
            for _, day in sorted(books.days[account.account_id].items())
        ],
        rows_at_once=rows_at_once,
        stored_holds={hold_id: facts.hold for hold_id, facts in books.holds.items()},
    )


@settings(max_examples=50, deadline=None)
@given(programs, histories(), st.integers(1, 9))
async def test_sound_books_are_sound_in_whatever_portions_they_are_read(
    program: ProgramSettings, history: list[Batch], rows_at_once: int
):
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
    report, findings, progress = await verified(audit_of(books, rows_at_once))
    assert findings == []
    assert report.accounts_total == len(books.accounts)
    assert report.entries_total == progress == sum(len(chain) for chain in books.entries.values())
    assert [balance.total for balance in report.trial_balances] == [0] * bool(books.accounts)


@pytest.mark.parametrize("rows_at_once", [1, 4])
async def test_holds_are_followed_into_the_account_that_theirs_was_merged_into(rows_at_once: int):
    books = Books(ProgramSettings.of(1, CLUB))
    for now, commands in purchases_holds_and_merges():
        books.post(commands, now)
    _, findings, _ = await verified(audit_of(books, rows_at_once))
    assert findings == []
    assert {account_id for account_id, entries in books.entries.items() if holds_moved_into(entries)} == {
        "c-4",
        "c-5",
        "c-6",
    }


def holds_moved_into(entries: Sequence[Entry]) -> bool:
    return any(holds_moved_in(one) for one in entries)


async def test_whatever_belongs_to_nobody_is_told_once_each():
    audit = AuditOf(
        [entry("anna"), entry("zoe")],
        [empty_account("berta")],
        [StoredLot(PROGRAM_ID, "anna", lot(100)), StoredLot(PROGRAM_ID, "carla", lot(5))],
        [StoredHold(PROGRAM_ID, "dora", hold())],
        [StoredDay(PROGRAM_ID, "emma", QualifyingDay(NOON.date(), 5))],
    )
    _, findings, _ = await verified(audit)
    assert [(one.account_id, one.check) for one in findings] == [
        ("anna", "account"),
        ("carla", "account"),
        ("carla", "lot"),
        ("dora", "account"),
        ("dora", "hold"),
        ("emma", "account"),
        ("emma", "qualifying_day"),
        ("zoe", "account"),
        ("zoe", "lot"),
        (None, "trial_balance"),
    ]


async def test_what_two_tables_disagree_about_is_a_finding():
    mismatch = Mismatch(PROGRAM_ID, "anna", 7, "order", "order A-1 once", "2 earn entries")
    _, findings, _ = await verified(AuditOf(mismatches=[mismatch]))
    assert findings == [Finding(PROGRAM_ID, "anna", 7, "order", "order A-1 once", "2 earn entries")]


async def test_books_without_accounts_are_sound():
    report, findings, _ = await verified(AuditOf())
    assert (report.accounts_total, findings, report.trial_balances) == (0, [], [])
