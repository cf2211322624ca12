"""Random programs and random commands: few accounts, few orders and few dates, so that everything meets everything."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from ledger_service.ledger.commands import (
    AttachIdentifier,
    Command,
    OpenAccount,
    RevokeIdentifier,
    Together,
)
from ledger_service.ledger.program import Clawback, ProgramSettings
from tests.builders import (
    DAY,
    NOON,
    adjust,
    attach,
    claim,
    earn,
    fingerprint_of,
    open_account,
    redeem,
    reverse,
    revoke,
    set_status,
    settle_due,
    together,
)

Batch = tuple[datetime, list[Command]]
"""What is asked at one instant."""

ACCOUNTS = ("a", "b", "c")


def weighted(*choices: tuple[st.SearchStrategy[Any], int]) -> st.SearchStrategy[Any]:
    """One of these, as often as its weight says (`one_of` would take every choice once)."""
    repeated = [strategy for strategy, weight in choices for _ in range(weight)]
    return st.integers(0, len(repeated) - 1).flatmap(repeated.__getitem__)


programs = st.builds(
    ProgramSettings,
    version=st.integers(1, 3),
    auto_open=st.booleans(),
    clawback=st.one_of(
        st.sampled_from([Clawback(), Clawback("allow_debt")]),
        st.builds(
            Clawback,
            st.just("limit"),
            st.none() | st.integers(0, 20),
            st.none() | st.sampled_from([0, 10, 50, 100]),
        ),
    ),
    points_per_entry_max=st.sampled_from([1000, 1000, 1000, 20]),
    backdate_days_max=st.sampled_from([90, 90, 2]),
)

_account = st.sampled_from([*"aaaaaabbbc"])
_order = st.sampled_from([None, None, None, None, "A-1", "A-2"])
_source = st.sampled_from(["till", "till", "web"])
# Days after NOON, whatever the time is by then: ahead, exactly at the instants of the batches and, later, behind.
_expires_at = st.sampled_from([None, None, *(NOON + days * DAY for days in (1, 2, 2, 3, 4, 5))])
_available_at = st.sampled_from([None, None, None, None, *(NOON + days * DAY for days in range(4))])
_occurred_at = st.sampled_from([*[None] * 8, NOON, NOON + 2 * DAY])
# Few values, but every claim has an id of its own, as in production.
_claims = st.builds(claim, st.sampled_from(["1111", "2222"]))

earns = st.builds(
    earn,
    st.integers(1, 30),
    account_id=_account,
    source=_source,
    order_id=_order,
    expires_at=_expires_at,
    available_at=_available_at,
    occurred_at=_occurred_at,
)
redeems = st.builds(
    redeem,
    st.integers(1, 20),
    account_id=_account,
    source=_source,
    order_id=_order,
    occurred_at=_occurred_at,
)
adjusts = st.builds(
    adjust,
    st.integers(1, 20) | st.integers(-20, -1),
    account_id=_account,
    allow_negative=st.booleans(),
)
reverses = st.builds(reverse, st.integers(1, 5), st.none() | st.integers(1, 12), account_id=_account)
statuses = st.builds(
    set_status, st.sampled_from(["active", "active", "active", "suspended", "closed"]), account_id=_account
)
postings = weighted((earns, 5), (redeems, 4), (reverses, 4), (adjusts, 1))
memberships = st.one_of(
    statuses,
    st.builds(open_account, _account, identifiers=st.lists(_claims, max_size=2)),
    st.builds(attach, _claims, account_id=_account),
    st.builds(revoke, st.sampled_from(["0", "1", "2"]), account_id=_account),
)
settlings = st.builds(settle_due, account_id=_account)
single_commands = weighted((postings, 12), (memberships, 1))
bulks = st.lists(single_commands, min_size=1, max_size=4).map(lambda singles: together(*singles))
any_commands = weighted((single_commands, 9), (bulks, 2), (settlings, 1))


@st.composite
def histories(draw: Any) -> list[Batch]:
    """Some accounts, then batches in the order of time; a key is sometimes asked again, or used for something else."""
    asked: list[Command] = [open_account(account_id) for account_id in ACCOUNTS[:2]]
    batches: list[Batch] = [(NOON, list(asked))]
    now = NOON
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from([0, 1, 12, 24, 36]),
                st.lists(
                    st.tuples(any_commands, st.integers(0, 40)),
                    min_size=2,
                    max_size=8,
                ),
            ),
            min_size=2,
            max_size=6,
        )
    )
    claimed: list[str] = []
    for hours, wanted in steps:
        now += timedelta(hours=hours)
        batch = []
        for drawn, again in wanted:
            command = _revoking_what_was_claimed(drawn, claimed)
            earlier = asked[-1 - again] if again < min(4, len(asked)) else None
            if earlier is None or earlier.key is None:
                batch.append(command)
            elif again % 2 or command.key is None:
                batch.append(replace(earlier, request_id=command.request_id))
            else:
                batch.append(replace(command, key=earlier.key))
            asked.append(batch[-1])
        batches.append((now, batch))
    return batches


def _revoking_what_was_claimed(command: Command, claimed: list[str]) -> Command:
    """A drawn revocation names one of the latest claims by its place."""
    match command:
        case Together():
            singles = tuple(_revoking_what_was_claimed(single, claimed) for single in command.commands)
            command = replace(command, commands=singles)
        case RevokeIdentifier():
            place = int(command.identifier_id)
            command = replace(command, identifier_id=claimed[-1 - place] if place < len(claimed) else "unknown")
        case AttachIdentifier():
            claimed.append(command.identifier.identifier_id)
            return command
        case OpenAccount():
            claimed.extend(held.identifier_id for held in command.identifiers)
            return command
        case _:
            return command
    return replace(command, fingerprint=fingerprint_of(command))
