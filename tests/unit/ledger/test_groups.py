from hypothesis import given
from hypothesis import strategies as st

from ledger_service.ledger.groups import Groups

names = st.sampled_from("abcdefgh")


def test_accounts_that_nothing_bound_stand_alone():
    assert Groups().numbers(["a", "b", "c"]) == [0, 1, 2]
    assert not Groups().touch(["a"], ["b"])
    assert Groups().touch(["a"], ["b", "a"])


def test_bound_accounts_share_a_number():
    groups = Groups()
    groups.bind("a", "c")
    assert groups.numbers(["a", "b", "c"]) == [0, 1, 0]
    assert groups.touch(["c"], ["a"])
    assert not groups.touch(["b"], ["a", "c"])


@given(st.lists(st.tuples(names, names)), names, names)
def test_binding_reaches_as_far_as_a_chain_of_commands_does(pairs, one, other):
    groups = Groups()
    reached = {one}
    for first, second in pairs:
        groups.bind(first, second)
    for _ in pairs:
        for first, second in pairs:
            if first in reached or second in reached:
                reached |= {first, second}
    assert groups.touch([one], [other]) == (other in reached)
    number_of = dict(zip("abcdefgh", groups.numbers(list("abcdefgh")), strict=True))
    assert (number_of[one] == number_of[other]) == (other in reached)
