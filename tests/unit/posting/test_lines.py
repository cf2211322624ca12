"""Lines: order per account, one batch per account, and nobody waits for ever."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.posting.batch import Batch, Ticket
from ledger_service.posting.lines import Lines
from tests.builders import earn, together, unmerge
from tests.unit.posting.tickets import on, ticket
from tests.unit.posting.virtual_time import in_virtual_time


def lines_with(*tickets: Ticket) -> Lines:
    lines = Lines(1)
    for one in tickets:
        lines.enter(one)
    return lines


def end(lines: Lines, batch: Batch, again: Iterable[Ticket] = ()) -> None:
    lines.put_back(list(again))
    lines.release(batch.lines)


def both(*account_ids: str) -> Ticket:
    """A command that is first in all these accounts or waits."""
    return ticket(together(*(earn(account_id=account_id) for account_id in account_ids)))


async def test_all_that_waits_goes_into_one_batch_in_order_of_the_accounts() -> None:
    waiting = [on("a"), on("b"), on("a")]
    assert lines_with(*waiting).cut(10).tickets == [waiting[0], waiting[2], waiting[1]]


async def test_a_hot_line_travels_whole_up_to_the_cap() -> None:
    waiting = [on("hot") for _ in range(10_000)]
    lines = lines_with(*waiting)
    batches = []
    while (batch := lines.cut(256)).tickets:
        batches.append(batch.tickets)
        end(lines, batch)
    assert [len(tickets) for tickets in batches] == [256] * 39 + [16]
    assert [one for tickets in batches for one in tickets] == waiting


async def test_a_batch_takes_no_further_account_than_its_portion_but_what_waits_for_one_goes_together() -> None:
    hot = [on("hot") for _ in range(10)]
    waiting = [on("a"), on("b"), *hot, on("c")]
    lines = lines_with(*waiting)
    assert [lines.cut(8, portion=2).tickets for _ in range(3)] == [waiting[:2], hot[:8], waiting[-1:]]


async def test_what_a_batch_left_to_other_lanes_did_not_have_to_stay() -> None:
    lines = lines_with(*(on(name) for name in "abcd"))
    running = lines.cut(3, portion=2)
    assert lines.left_behind(room=1) == 1
    assert lines.left_behind(room=2) == 0
    lines.enter(on("a"))
    assert lines.left_behind(room=2) == 1
    assert lines.left_behind(room=-1) == 3
    end(lines, running)


async def test_a_command_that_names_an_account_twice_stands_in_its_line_once() -> None:
    twice, behind = ticket(unmerge("a", account_id="a")), on("a")
    lines = lines_with(twice, behind)
    batch = lines.cut(10)
    assert batch.tickets == [twice, behind]
    end(lines, batch, again=[twice])
    assert lines.cut(10).tickets == [twice]


async def test_an_account_is_in_one_running_batch_at_most() -> None:
    early, late = on("a"), on("a")
    lines = lines_with(early)
    running = lines.cut(10)
    lines.enter(late)
    assert lines.cut(10).tickets == []
    end(lines, running)
    assert lines.cut(10).tickets == [late]


async def test_what_goes_again_goes_before_all_that_came_later() -> None:
    first, second, third = on("a"), on("a"), on("a")
    lines = lines_with(first, second)
    running = lines.cut(10)
    lines.enter(third)
    end(lines, running, again=[first, second])
    assert lines.cut(10).tickets == [first, second, third]


async def test_a_command_with_several_accounts_travels_when_it_is_first_in_all_of_them() -> None:
    before, transfer, after = on("b"), both("a", "b"), on("b")
    assert lines_with(before, transfer, after).cut(10).tickets == [before, transfer, after]


async def test_a_command_with_several_accounts_waits_until_no_batch_holds_any() -> None:
    lines = lines_with(on("b"))
    running = lines.cut(10)
    transfer = both("a", "b")
    lines.enter(transfer)
    assert lines.cut(10).tickets == []
    end(lines, running)
    assert lines.cut(10).tickets == [transfer]


async def test_a_waiting_transfer_is_not_overtaken_on_either_account() -> None:
    lines = lines_with(on("b"))
    running = lines.cut(10)
    transfer, later = both("a", "b"), on("a")
    lines.enter(transfer)
    lines.enter(later)
    assert lines.cut(10).tickets == []
    end(lines, running)
    assert lines.cut(10).tickets == [transfer, later]


async def test_many_transfers_from_one_hot_account_share_a_batch() -> None:
    transfers = [both(f"m-{number}", "hot") for number in range(50)]
    assert lines_with(*transfers).cut(256).tickets == transfers


async def test_transfers_in_a_circle_do_not_wait_for_each_other() -> None:
    circle = [both("a", "b"), both("b", "c"), both("c", "a")]
    lines = lines_with(*circle)
    carried = []
    while (batch := lines.cut(2)).tickets:
        carried += batch.tickets
        end(lines, batch)
    assert carried == circle


async def test_a_command_larger_than_any_batch_travels_with_nobody_else() -> None:
    small, large, last = on("a"), both("b", "c", "d"), on("e")
    lines = lines_with(small, large, last)
    sizes = [[one.size for one in lines.cut(2).tickets] for _ in range(3)]
    assert sizes == [[1], [3], [1]]


async def test_a_batch_counts_the_commands_of_a_together_one_each() -> None:
    lines = lines_with(both("a", "b"), both("c", "d"), on("e"))
    assert [lines.cut(4).size, lines.cut(4).size] == [4, 1]


async def test_after_two_conflicts_a_command_travels_with_its_own_account_only() -> None:
    first, stubborn, same, other = on("a"), on("b", conflicts=2), on("b"), on("c")
    lines = lines_with(first, stubborn, same, other)
    assert [lines.cut(10).tickets for _ in range(3)] == [[first], [stubborn, same], [other]]


async def test_a_command_that_travels_alone_is_not_joined_through_a_transfer() -> None:
    stubborn, transfer = on("a", conflicts=2), both("a", "b")
    lines = lines_with(stubborn, transfer)
    alone = lines.cut(10)
    assert alone.tickets == [stubborn]
    end(lines, alone)
    assert lines.cut(10).tickets == [transfer]


async def test_a_late_transfer_lets_those_behind_it_go() -> None:
    lines = lines_with(on("b"))
    lines.cut(10)
    transfer, behind = both("a", "b"), on("a")
    lines.enter(transfer)
    lines.enter(behind)
    lines.drop(transfer)
    assert lines.cut(10).tickets == [behind]


async def test_a_late_command_leaves_from_the_middle_of_its_line() -> None:
    waiting = [on("a") for _ in range(3)]
    lines = lines_with(*waiting)
    lines.drop(waiting[1])
    assert lines.cut(10).tickets == [waiting[0], waiting[2]]


async def test_nothing_is_kept_of_accounts_that_nobody_asks_for() -> None:
    late = on("late")
    lines = lines_with(on("a"), both("b", "c"), late)
    lines.drop(late)
    end(lines, lines.cut(10))
    assert len(lines) == 0


ACCOUNTS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=3, unique=True)
STEPS = st.one_of(
    st.tuples(st.just("enter"), ACCOUNTS),
    st.tuples(st.just("cut"), st.tuples(st.integers(1, 4), st.one_of(st.none(), st.integers(1, 4)))),
    st.tuples(st.just("end"), st.integers(0, 3)),
    st.tuples(st.just("drop"), st.integers(0, 20)),
)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_whatever_happens_everyone_travels_once_and_each_account_in_order(
    steps: list[tuple[str, object]],
) -> None:
    in_virtual_time(_travel(steps))


async def _travel(steps: list[tuple[str, object]]) -> None:
    lines = Lines(1)
    waiting: list[Ticket] = []
    running: list[Batch] = []
    carried: list[Ticket] = []

    def cut(size_max: int, portion: int | None = None) -> bool:
        batch = lines.cut(size_max, portion)
        if not batch.tickets:
            return False
        assert batch.size <= size_max or len(batch.tickets) == 1
        held = [line.account_id for one in running for line in one.lines]
        assert not set(held) & {line.account_id for line in batch.lines}
        running.append(batch)
        for one in batch.tickets:
            waiting.remove(one)
            ahead = [other for other in waiting if other.number < one.number]
            assert not any(set(one.command.account_ids) & set(other.command.account_ids) for other in ahead)
        return True

    def finish(again: int) -> None:
        batch = running.pop(0)
        going = batch.tickets[-again:] if again else []
        carried.extend(one for one in batch.tickets if one not in going)
        waiting.extend(going)
        end(lines, batch, sorted(going, key=lambda one: one.number))

    for step, detail in steps:
        match step, detail:
            case "enter", list():
                one = both(*detail)
                waiting.append(one)
                lines.enter(one)
            case "cut", (int() as size_max, portion):
                cut(size_max, portion)
            case "end", int() if running:
                # Those of one account go again as a whole tail, as conflicts have it.
                finish(0 if detail else len(running[0].tickets))
            case "drop", int() if detail < len(waiting):
                lines.drop(waiting.pop(detail))
            case _:
                pass
    while running or cut(3):
        finish(0)
    assert waiting == [], "someone would wait for ever"
    assert len(set(carried)) == len(carried)
    assert len(lines) == 0
