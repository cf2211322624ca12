"""Confirming: points that wait for an event become usable (points.md, rule 4)."""

from datetime import datetime

from ledger_service.ledger.commands import ConfirmOrder
from ledger_service.ledger.details import detail_of, part_of
from ledger_service.ledger.earning import expiry_of
from ledger_service.ledger.lots import ALWAYS, NEVER, Movement
from ledger_service.ledger.postings import Posting
from ledger_service.ledger.program import ProgramSettings
from ledger_service.ledger.refusals import AlreadyReversed, NothingToReverse, Refusal
from ledger_service.ledger.states import AccountState, EntryFacts


def decide_confirm(
    account: AccountState, command: ConfirmOrder, earn: EntryFacts, now: datetime, settings_then: ProgramSettings
) -> Posting | Refusal:
    """Free what still waits of an earn. Expiry counts from now, by the policies under which the points were earned."""
    entry = earn.entry
    if entry.available_at != NEVER:
        return NothingToReverse(entry.kind)
    left = entry.points - earn.reversed_points
    if left == 0:
        return AlreadyReversed(entry.seq)
    movements = _freed(account, earn, left, now, settings_then)
    dates = {movement.expires_at for movement in movements if movement.points > 0}
    soonest = min(dates, default=NEVER)
    return Posting(
        kind="confirm",
        points=0,
        movements=movements,
        source=command.source,
        key=command.key,
        occurred_at=now,
        order_id=entry.order_id,
        reason=command.reason,
        expires_at=None if soonest == NEVER else soonest,
        reverses_seq=entry.seq,
        reverses_account=None if entry.account_id == account.account_id else entry.account_id,
    )


def _freed(
    account: AccountState, earn: EntryFacts, left: int, now: datetime, settings_then: ProgramSettings
) -> tuple[Movement, ...]:
    """Points that pay a debt, or were taken back meanwhile, wait no more: never more is freed than the lot holds."""
    detail = detail_of(earn.entry)
    ladder = settings_then.ladder
    level = next((level for level in ladder.levels if level.id == detail.get("level")), None) if ladder else None
    rules = {rule.id: rule for rule in settings_then.rules}
    waiting = {lot.expires_at: lot.remaining for lot in account.lots if lot.available_at == NEVER}
    net: dict[tuple[datetime, datetime], int] = {}
    for document in detail["parts"]:
        part, rule_id = part_of(document)
        points = min(part.points, left, waiting.get(part.expires_at, 0))
        if points == 0:
            continue
        left -= points
        waiting[part.expires_at] -= points
        expires_at = part.expires_at
        if expires_at == NEVER:
            own = rules[rule_id].expiry if rule_id in rules else None
            expires_at = expiry_of(own, level, now, settings_then)
        for dates, moved in (((part.expires_at, NEVER), -points), ((expires_at, ALWAYS), points)):
            net[dates] = net.get(dates, 0) + moved
    return tuple(Movement(*dates, points) for dates, points in net.items())
