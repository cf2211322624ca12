import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace

import pytest

from ledger_service.ledger import commands, entries, lots, outcomes, postings, proposals, standing, states
from ledger_service.ledger.slots import through_slots
from tests.builders import NOON, account_state, earn, entry, lot, redeem


@through_slots
@dataclass(frozen=True, slots=True)
class Shelf:
    name: str
    height: int = 3
    books: list[str] = field(default_factory=list)


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    key: str | None
    parts: tuple[int, ...] = ()


@through_slots
@dataclass(frozen=True, slots=True, kw_only=True)
class Longer(Named):
    size: int


VALUES = [
    Shelf("a", 4, ["x"]),
    Named(key="k"),
    Longer(key=None, size=2),
    account_state(),
    entry(),
    lot(),
    earn(),
    redeem(),
]


def test_arguments_go_where_they_went_by_place_and_by_name():
    assert Shelf("a", 4, ["x"]) == Shelf(books=["x"], height=4, name="a")
    shelf = Shelf("a")
    assert (shelf.name, shelf.height, shelf.books) == ("a", 3, [])
    longer = Longer(size=2, key=None)
    assert (longer.key, longer.parts, longer.size) == (None, (), 2)


def test_a_default_that_is_made_is_made_for_each_value():
    assert Shelf("a").books is not Shelf("b").books
    given = ["x"]
    assert Shelf("a", books=given).books is given


def test_arguments_that_are_missing_unknown_or_too_many_are_refused():
    with pytest.raises(TypeError, match="name"):
        Shelf()
    with pytest.raises(TypeError, match="width"):
        Shelf("a", width=1)
    with pytest.raises(TypeError, match="positional"):
        Longer(None, (), 2)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_as_frozen_as_before(value):
    for one in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, one.name, None)
        with pytest.raises(FrozenInstanceError):
            delattr(value, one.name)
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_can_be_copied_kept_changed_and_shown_as_before(value):
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == replace(value) == value
    name = fields(value)[0].name
    assert replace(value, **{name: "other"}) != value
    assert repr(value).startswith(f"{type(value).__name__}({name}={getattr(value, name)!r}")


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for module in (commands, entries, lots, outcomes, postings, proposals, standing, states)
        for kind in vars(module).values()
        if inspect.isclass(kind) and is_dataclass(kind) and kind.__module__ == module.__name__
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_value_is_made_of_its_fields_in_their_order(kind):
    parameters = inspect.signature(kind.__init__, follow_wrapped=False).parameters
    expected = sorted(fields(kind), key=lambda one: one.kw_only)
    assert list(parameters) == ["self", *(one.name for one in expected)]


def test_what_does_more_than_keep_its_arguments_is_refused():
    @dataclass(frozen=True, slots=True)
    class Checked:
        size: int

        def __post_init__(self) -> None:
            assert self.size

    @dataclass(frozen=True, slots=True)
    class Stamped:
        at: object = field(default=NOON, init=False)

    for kind in (Checked, Stamped):
        with pytest.raises(TypeError, match=f"{kind.__name__} does more"):
            through_slots(kind)
