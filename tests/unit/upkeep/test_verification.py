"""Verification: three sorted streams walked side by side, whatever portions they come in."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.ledger.program import ProgramSettings
from ledger_service.storage.audit import Mismatch, Scope, StoredAccount, StoredLot
from ledger_service.upkeep.findings import CHECKS, Finding
from ledger_service.upkeep.verification import Report, verify
from tests.books.commands import Batch, histories, programs
from tests.books.memory import Books
from tests.builders import PROGRAM_ID, entry, lot


class AuditOf:
    """An audit of what a test made up, in portions of its own."""

    def __init__(
        self,
        entries: Sequence[Any] = (),
        accounts: Sequence[StoredAccount] = (),
        lots: Sequence[StoredLot] = (),
        mismatches: Sequence[Mismatch] = (),
        rows_at_once: int = 3,
    ) -> None:
        self._rows = {"entries": entries, "accounts": accounts, "lots": lots, "mismatches": mismatches}
        self._rows_at_once = rows_at_once

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


@settings(max_examples=50, deadline=None)
@given(programs, histories(), st.integers(1, 9))
async def test_sound_books_are_sound_in_whatever_portions_they_are_read(
    program: ProgramSettings, history: list[Batch], rows_at_once: int
):
    books = Books(program)
    for now, commands in history:
        books.post(commands, now)
    accounts = [books.accounts[account_id] for account_id in sorted(books.accounts)]
    audit = AuditOf(
        [one for account in accounts for one in books.entries[account.account_id]],
        [
            StoredAccount(
                *(PROGRAM_ID, one.account_id, one.seq, one.balance, one.held, one.debt, one.lifetime_points),
                *(one.next_due_at, one.head_hash),
            )
            for one in accounts
        ],
        [StoredLot(PROGRAM_ID, account.account_id, one) for account in accounts for one in account.lots],
        rows_at_once=rows_at_once,
    )
    report, findings, progress = await verified(audit)
    assert findings == []
    assert report.accounts_total == len(accounts)
    assert report.entries_total == progress == sum(len(chain) for chain in books.entries.values())
    assert [balance.total for balance in report.trial_balances] == [0] * bool(accounts)


async def test_entries_and_lots_of_nobody_are_told_once_each():
    audit = AuditOf(
        [entry("anna"), entry("zoe")],
        [empty_account("berta")],
        [StoredLot(PROGRAM_ID, "anna", lot(100)), StoredLot(PROGRAM_ID, "carla", lot(5))],
    )
    _, findings, _ = await verified(audit)
    assert [(one.account_id, one.check) for one in findings] == [
        ("anna", "account"),
        ("carla", "account"),
        ("carla", "lot"),
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
