"""Finding: whose books a call is about when its path does not say so, but names a hold, an order or a merged account.

What was found may be merged before the command about it is decided. Then it is found and asked again.
"""

import asyncio
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ledger_service.api.calls import Call, until_deadline
from ledger_service.api.commands import Target
from ledger_service.api.problems import Unfit
from ledger_service.api.schemas import Body
from ledger_service.api.verb import Verb
from ledger_service.errors import DatabaseUnavailable
from ledger_service.ledger.commands import Command
from ledger_service.ledger.outcomes import Outcome, Refused
from ledger_service.ledger.refusals import MergedMeanwhile

PAUSE_SECONDS_MIN: Final = 0.05
PAUSE_SECONDS_MAX: Final = 0.15

TRIES_MAX: Final = 3
"""How often a call is decided whose account is merged every time between finding it and deciding."""

Found = Mapping[Target, Target]
"""What paths name, with the accounts that it is about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for: a verb, on what its path names, with its body."""

    verb: Verb
    call: Call
    target: Target
    body: Body

    @property
    def is_found(self) -> bool:
        """Whether the path says whose books it is about."""
        return self.verb.not_found is None

    def command(self, found: Found) -> Command:
        """Raises Unfit, also when what the path names was not found."""
        target = self.target if self.is_found else found.get(self.target)
        if target is None:
            raise _not_found(self.verb.not_found or "not_found", self.target)
        return self.verb.to_command(self.call, target, self.body)


async def find(call: Call, asked: Collection[Asked]) -> dict[Target, Target]:
    """Whose books these are about; what does not exist is left out. At most one look for each sort of thing."""
    targets = [each.target for each in asked if not each.is_found]
    if not targets:
        return {}
    return await until_deadline(call, _find_through_failover(call, targets))


async def _find_through_failover(call: Call, targets: list[Target]) -> dict[Target, Target]:
    """What a command would wait for, the question that comes before it waits for, too."""
    while True:
        try:
            return await _find(call, targets)
        except DatabaseUnavailable:
            if not call.services.poster.expects_database():
                raise
        await asyncio.sleep(random.uniform(PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX))  # noqa: S311 - spread, not secrecy


async def _find(call: Call, targets: list[Target]) -> dict[Target, Target]:
    lookups, program_id = call.services.lookups, call.program_id
    holds = await lookups.holds(program_id, {target.hold_id for target in targets if target.hold_id})
    order_ids = {target.order_id for target in targets if target.order_id}
    orders = await lookups.orders(program_id, call.principal.source, order_ids)
    merged = await lookups.merged_into(program_id, {target.account_id for target in targets if target.account_id})
    found: dict[Target, Target] = {}
    for target in targets:
        if target.hold_id and (place := holds.get(target.hold_id)):
            first, *others = place.account_ids
            order_id = place.order_id or ""
            found[target] = replace(target, account_id=first, chain=tuple(others), order_id=order_id)
        elif target.order_id and (accounts := orders.get(target.order_id)):
            found[target] = replace(target, account_id=accounts[0], chain=accounts[1:])
        elif target.account_id:
            into = merged.get(target.account_id)
            found[target] = target if into is None else replace(target, chain=(into,))
    return found


def is_merged_meanwhile(outcome: Outcome) -> bool:
    """Whether the account was merged after it was found: nothing was decided."""
    return isinstance(outcome, Refused) and isinstance(outcome.refusal, MergedMeanwhile)


def _not_found(code: str, target: Target) -> Unfit:
    if target.hold_id:
        return Unfit(code, hold_id=target.hold_id)
    return Unfit(code, order_id=target.order_id) if target.order_id else Unfit(code, account_id=target.account_id)
