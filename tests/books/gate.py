"""The gate of the books in memory: it fails a test (AssertionError) on what the database's gate would reject."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger_service.errors import KeyTaken
from ledger_service.ledger.commands import IdentifierClaim
from ledger_service.ledger.entries import GENESIS, Entry, chain_hash
from ledger_service.ledger.holds import HoldFacts
from ledger_service.ledger.lots import Movement, moved
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.proposals import AccountChange, Proposal
from ledger_service.ledger.standing import QualifyingDay
from ledger_service.ledger.states import AccountState, Identifier, KnownOutcome

if TYPE_CHECKING:
    from tests.books.memory import Books

OrderReference = tuple[str, str, str]
"""Source, kind, order_id."""

WITHOUT_POINTS = ("hold", "release", "confirm", "tier")


def write(books: Books, proposal: Proposal) -> frozenset[str]:
    """Write what is as loaded, answer the accounts in conflict, of which nothing was written."""
    stale = {
        change.after.account_id
        for change in proposal.accounts
        if _version(books, change.after.account_id) != change.loaded_version
    }
    names = [change.after.account_id for change in proposal.accounts]
    assert names == sorted(set(names)), "writers would lock in different orders"
    written = [change for change in proposal.accounts if not _is_void([change.after.account_id], proposal, stale)]
    changed = {change.after.account_id for change in written}
    _refuse_taken(books, proposal, stale)
    _check_pairs([entry for entry in proposal.entries if entry.account_id in changed])
    for entry in proposal.entries:
        if entry.account_id in changed:
            _write_entry(books, entry)
    _write_holds(books, proposal, changed)
    for change in written:
        _write_account(books, change, [entry for entry in proposal.entries if _is_of(entry, change)])
    _write_days(books, proposal, changed)
    for record in proposal.keys:
        is_outside = record.command.account_id not in names
        if not _is_void(record.command.account_ids, proposal, stale) and not (is_outside and stale):
            assert record.command.key is not None
            books.outcomes[record.command.key] = KnownOutcome(record.command.fingerprint, record.first)
    _write_identifiers(books, proposal, stale)
    assert {entry.account_id for entry in proposal.entries} <= set(names)
    return frozenset(set(names) - changed)


def _is_of(entry: Entry, change: AccountChange) -> bool:
    return entry.account_id == change.after.account_id


def _is_void(account_ids: Iterable[str], proposal: Proposal, stale: set[str]) -> bool:
    return bool(stale) and proposal.groups.touch(account_ids, stale)


def _version(books: Books, account_id: str) -> int:
    return books.accounts[account_id].version if account_id in books.accounts else 0


def _refuse_taken(books: Books, proposal: Proposal, stale: set[str]) -> None:
    """The unique indexes: a key, an order and a hold are written once."""
    for record in proposal.keys:
        if record.command.key in books.outcomes and not _is_void(record.command.account_ids, proposal, stale):
            raise KeyTaken(f"key {record.command.key}")
    for entry in proposal.entries:
        if not _is_void([entry.account_id], proposal, stale) and _order_of(entry) in books.orders:
            raise KeyTaken(f"order {entry.order_id}")


def _check_pairs(entries: Iterable[Entry]) -> None:
    """A transfer or a merge is two entries of two accounts, and makes no point and loses none."""
    pairs: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        assert (entry.transfer_id is not None) == (entry.kind.partition("_")[0] in ("transfer", "merge")), entry
        if entry.transfer_id is not None:
            pairs[entry.transfer_id].append(entry)
    for pair in pairs.values():
        assert len(pair) == 2, pair
        assert sum(entry.points for entry in pair) == 0, pair
        assert pair[0].account_id != pair[1].account_id
        assert {entry.kind.partition("_")[2] for entry in pair} == {"out", "in"}


def _write_account(books: Books, change: AccountChange, entries: list[Entry]) -> None:
    after = change.after
    before = books.accounts.get(after.account_id, AccountState(account_id=after.account_id))
    chain = books.entries[after.account_id]
    assert after.seq == len(chain)
    assert after.version == before.version, "only the gate raises a version"
    assert change.loaded_hash == before.head_hash
    assert after.head_hash == (chain[-1].hash if chain else GENESIS)
    movements: tuple[Movement, ...] = tuple(movement for entry in entries for movement in entry.movements)
    assert after.lots == moved(before.lots, movements), "the lots are not what the entries made of them"
    assert all(lot.remaining > 0 for lot in after.lots)
    assert len({(lot.expires_at, lot.available_at) for lot in after.lots}) == len(after.lots)
    assert after.balance == (chain[-1].balance_after if chain else 0)
    assert after.held == (chain[-1].held_after if chain else 0)
    assert after.balance == sum(lot.remaining for lot in after.lots) + after.held - after.debt
    assert after.debt >= 0
    assert not (after.debt and after.lots), "a debt beside points that could pay it"
    assert max(abs(after.balance), after.lifetime_points) <= POINTS_MAX
    _check_merged(before, after, entries)
    opens = [facts.hold for facts in books.holds.values() if facts.status == "open"]
    mine = [hold for hold in opens if hold.account_id == after.account_id]
    assert sorted(after.holds, key=lambda hold: hold.hold_id) == sorted(mine, key=lambda hold: hold.hold_id)
    assert after.held == sum(hold.points for hold in mine)
    assert [hold.expires_at for hold in after.holds] == sorted(hold.expires_at for hold in after.holds)
    books.accounts[after.account_id] = replace(after, version=before.version + 1, days=())


def _check_merged(before: AccountState, after: AccountState, entries: list[Entry]) -> None:
    kinds = {entry.kind for entry in entries}
    assert (after.status == "merged") == (after.merged_into is not None)
    if after.status == "merged":
        assert (after.balance, after.held, after.debt, after.lots) == (0, 0, 0, ())
        assert before.status == "merged" or "merge_out" in kinds
    if before.status == "merged":
        assert not entries or "merge_in" in kinds, "a merged account moves again only when its merge is undone"


def _write_entry(books: Books, entry: Entry) -> None:
    chain = books.entries[entry.account_id]
    previous = chain[-1] if chain else None
    assert entry.seq == len(chain) + 1
    assert entry.balance_after == (previous.balance_after if previous else 0) + entry.points
    assert entry.previous_hash == (previous.hash if previous else GENESIS)
    assert entry.hash == chain_hash(entry)
    assert entry.kind not in WITHOUT_POINTS or entry.points == 0
    chain.append(entry)
    if entry.order_id is not None and entry.kind in ("earn", "redeem"):
        books.orders[_order_of(entry)] = entry
    if entry.detail is not None:
        detail = json.loads(entry.detail)
        assert entry.detail == json.dumps(detail, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    if entry.reverses_seq is not None:
        account_id = entry.account_id
        if entry.detail is not None:
            account_id = json.loads(entry.detail).get("reverses_account", account_id)
        place = (account_id, entry.reverses_seq)
        books.reversals[place].append(entry)
        reversed_entry = books.entries[account_id][entry.reverses_seq - 1]
        assert reversed_entry.kind == {"reverse_redeem": "redeem"}.get(entry.kind, "earn")
        assert books.reversed_points(*place) <= abs(reversed_entry.points)


def _write_holds(books: Books, proposal: Proposal, changed: set[str]) -> None:
    for hold in proposal.holds_placed:
        if hold.account_id in changed:
            assert hold.hold_id not in books.holds, "a hold is placed once"
            assert -sum(movement.points for movement in hold.movements) == hold.points > 0
            books.holds[hold.hold_id] = HoldFacts(hold)
    for move in proposal.holds_moved:
        if move.from_account in changed:
            facts = books.holds[move.id]
            assert (facts.status, facts.hold.account_id) == ("open", move.from_account)
            books.holds[move.id] = replace(facts, hold=replace(facts.hold, account_id=move.to_account))
    for closing in proposal.holds_closed:
        if closing.account_id in changed:
            facts = books.holds[closing.hold_id]
            assert (facts.status, facts.hold.account_id) == ("open", closing.account_id), "a hold is closed once"
            assert 0 <= closing.captured <= facts.hold.points
            assert (closing.status == "captured") == (closing.captured > 0)
            books.holds[closing.hold_id] = HoldFacts(
                facts.hold, closing.status, closing.captured, closing.seq, closing.closed_at
            )


def _write_days(books: Books, proposal: Proposal, changed: set[str]) -> None:
    places = [(change.account_id, change.change.day) for change in proposal.days]
    assert places == sorted(set(places)), "one for each account and day, sorted"
    for day_change in proposal.days:
        if day_change.account_id in changed:
            days, added = books.days[day_change.account_id], day_change.change
            old = days.get(added.day, QualifyingDay(added.day))
            days[added.day] = QualifyingDay(
                added.day, old.points + added.points, old.spend + added.spend, old.visits + added.visits
            )
    for change in proposal.accounts:
        if change.after.account_id in changed and books.program.settings.ladder is not None:
            stored = books.days[change.after.account_id].values()
            assert _counting(change.after.days) == _counting(stored), "the days are not what the entries made of them"


def _counting(days: Iterable[QualifyingDay]) -> list[QualifyingDay]:
    return sorted(day for day in days if day.points or day.spend or day.visits)


def _write_identifiers(books: Books, proposal: Proposal, stale: set[str]) -> None:
    for revocation in proposal.revocations:
        if not _is_void([revocation.account_id], proposal, stale):
            books.identifiers = [
                held for held in books.identifiers if held.claim.identifier_id != revocation.identifier_id
            ]
    gone = {revocation.identifier_id for revocation in proposal.revocations}
    for new in proposal.attachments:
        if new.claim.identifier_id in gone or _is_void([new.account_id], proposal, stale):
            continue
        if any(same(held, new.claim) for held in books.identifiers):
            raise KeyTaken(f"identifier {new.claim.masked}")
        books.identifiers.append(Identifier(new.claim, new.account_id, new.attached_at))
    for move in proposal.identifiers_moved:
        if move.id not in gone and not _is_void([move.from_account], proposal, stale):
            (place,) = [number for number, held in enumerate(books.identifiers) if held.claim.identifier_id == move.id]
            books.identifiers[place] = replace(books.identifiers[place], account_id=move.to_account)


def _order_of(entry: Entry) -> OrderReference:
    # Reversals carry the order of what they reverse, and there may be many of them.
    return (entry.source, entry.kind, entry.order_id or "") if entry.kind in ("earn", "redeem") else ("", "", "")


def same(held: Identifier, claim: IdentifierClaim) -> bool:
    """Whether it is the same card, phone, address or external id."""
    return (held.claim.type, held.claim.digest) == (claim.type, claim.digest)
