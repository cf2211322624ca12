"""The matrix: every fault that was promised, under its name."""

import pytest

from ledger_service.cli.console import Misused
from ledger_service.cli.drill.matrix import FAULTS, SHORT, fault_named

PROMISED_NUMBERS = (
    1,
    2,
    3,
    5,
    6,
    7,
    10,
    12,
    13,
    14,
    16,
    17,
    22,
    23,
    24,
    27,
    28,
    30,
    32,
    33,
    34,
    35,
    36,
    42,
    43,
    44,
    46,
)
PROMISED = ["F04b", *(f"F{number:02}" for number in PROMISED_NUMBERS)]


def test_every_promised_fault_is_there():
    assert sorted(fault.name for fault in FAULTS.values()) == sorted(PROMISED)


def test_names_are_found_in_either_case():
    assert fault_named("f04B") is fault_named("F04b")


def test_an_unknown_fault_says_where_the_known_ones_are():
    with pytest.raises(Misused, match="--list"):
        fault_named("F99")


def test_the_short_selection_is_of_known_faults():
    assert {fault_named(name).name for name in SHORT} == set(SHORT)
