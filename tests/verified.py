"""What `ledger-service verify` says of a test's books."""

from ledger_service.storage.audit import Audit, Scope
from ledger_service.upkeep.findings import Finding
from ledger_service.upkeep.verification import Report, verify


async def assert_verifies(read_url: str) -> Report:
    """Recompute all books of a database; fails the test with everything that is wrong."""
    findings: list[Finding] = []
    async with Audit.open(read_url) as audit:
        report = await verify(audit, Scope(), findings.append, lambda _entries: None)
    assert findings == []
    assert [balance.program_id for balance in report.trial_balances if balance.total] == []
    return report
