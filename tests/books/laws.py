"""What holds in any books, whatever was asked of them (points.md, section 12): laws 1 to 4 and 6."""

import json
from collections import Counter, defaultdict

from ledger_service.ledger.entries import GENESIS, Entry, chain_hash
from tests.books.memory import Books
from tests.books.replayed import replayed


def check_laws(books: Books) -> None:
    """All of them, of all accounts."""
    for account_id in books.accounts:
        check_law_1_the_chain(books, account_id)
        check_law_2_the_balance(books, account_id)
        check_law_6_the_replay(books, account_id)
    check_law_3_nothing_is_made_by_moving_it(books)
    check_law_4_nothing_is_taken_back_twice(books)


def all_entries(books: Books) -> list[Entry]:
    return [entry for chain in books.entries.values() for entry in chain]


def check_law_1_the_chain(books: Books, account_id: str) -> None:
    """seq is 1 to n without gaps, balance_after is the previous one and the points, and the hash chain holds."""
    balance, previous = 0, GENESIS
    for place, entry in enumerate(books.entries[account_id], start=1):
        balance += entry.points
        assert (entry.seq, entry.balance_after, entry.previous_hash) == (place, balance, previous)
        assert entry.hash == chain_hash(entry)
        assert entry.available_after <= entry.balance_after - entry.held_after
        previous = entry.hash
    stored = books.accounts[account_id]
    assert (stored.seq, stored.balance, stored.head_hash) == (len(books.entries[account_id]), balance, previous)


def check_law_2_the_balance(books: Books, account_id: str) -> None:
    """The balance is lots and held points less debt; no lot is below 0; debt only where no point is left."""
    stored = books.accounts[account_id]
    assert stored.balance == sum(lot.remaining for lot in stored.lots) + stored.held - stored.debt
    assert all(lot.remaining > 0 for lot in stored.lots)
    assert stored.debt == 0 or not stored.lots


def check_law_3_nothing_is_made_by_moving_it(books: Books) -> None:
    """The entries of a transfer or a merge come to 0, and so does the trial balance."""
    pairs: defaultdict[str, list[Entry]] = defaultdict(list)
    counters: Counter[str] = Counter()
    for entry in all_entries(books):
        if entry.transfer_id is not None:
            pairs[entry.transfer_id].append(entry)
        else:
            counters[entry.kind] -= entry.points
    for pair in pairs.values():
        assert [len(pair), sum(entry.points for entry in pair)] == [2, 0]
    assert sum(counters.values()) + sum(account.balance for account in books.accounts.values()) == 0


def check_law_4_nothing_is_taken_back_twice(books: Books) -> None:
    """Taken back is at most what was earned, given back what was redeemed; a hold is closed exactly once."""
    undone: Counter[tuple[str, int]] = Counter()
    closed: Counter[str] = Counter()
    for entry in all_entries(books):
        detail = {} if entry.detail is None else json.loads(entry.detail)
        if entry.reverses_seq is not None:
            place = (detail.get("reverses_account", entry.account_id), entry.reverses_seq)
            undone[place] += abs(entry.points) + entry.written_off
        if "hold_id" in detail and entry.kind in ("redeem", "release"):
            facts = books.holds[detail["hold_id"]]
            closed[detail["hold_id"]] += (entry.account_id, entry.seq) == (facts.hold.account_id, facts.closed_seq)
    for (account_id, seq), points in undone.items():
        assert points <= abs(books.entries[account_id][seq - 1].points)
    for hold_id, facts in books.holds.items():
        assert closed[hold_id] == (0 if facts.status == "open" else 1)
        assert 0 <= facts.captured <= facts.hold.points
        assert (facts.captured > 0) == (facts.status == "captured")


def check_law_6_the_replay(books: Books, account_id: str) -> None:
    """Its entries alone give the stored account, lots and holds."""
    sizes = {hold_id: facts.hold.points for hold_id, facts in books.holds.items()}
    stored, again = books.accounts[account_id], replayed(books.entries[account_id], sizes)
    assert (stored.seq, stored.balance, stored.held, stored.debt) == (again.seq, again.balance, again.held, again.debt)
    assert (stored.lots, stored.lifetime_points) == (again.open_lots(), again.lifetime)
    assert {hold.hold_id: hold.points for hold in stored.holds} == again.open_holds
    for hold_id, captured in again.captured.items():
        assert books.holds[hold_id].captured == captured
    standing = stored.standing
    assert (standing.spend, standing.visits) == (again.spend, again.visits)
    assert (standing.tier, standing.floor) == (again.tier, again.floor)
    if standing.redeemed_on is not None:
        assert again.redeemed[standing.redeemed_on.isoformat()] == standing.redeemed
    days = books.days[account_id].values()
    assert again.qualifying_days() == {
        day.day: (day.points, day.spend, day.visits) for day in days if day.points or day.spend or day.visits
    }
