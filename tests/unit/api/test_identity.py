"""Identity: one spelling for each card, phone and address, and nothing that leads back to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.api.identity import Identity, normalised
from ledger_service.api.problems import Unfit
from ledger_service.ledger.commands import IdentifierType

IDENTITY = Identity(b"p" * 32)


def spelled(identifier_type: IdentifierType, value: str) -> str:
    return normalised(identifier_type, value, "/value")


@pytest.mark.parametrize(
    "value", ["+49 30 901820", "0049 (30) 90 18 20", "+4930901820", "+49-30-901820", " +4930901820 "]
)
def test_a_phone_is_the_same_however_it_is_written(value: str) -> None:
    assert spelled("phone", value) == "+4930901820"


@pytest.mark.parametrize("value", ["030 901820", "+", "+49", "+4930901820123456789", "phone", "+999 1", "112"])
def test_what_no_phone_can_have_is_refused(value: str) -> None:
    with pytest.raises(Unfit) as raised:
        spelled("phone", value)
    assert raised.value.fields["errors"][0]["pointer"] == "/value"


def test_a_phone_that_is_only_unlikely_is_taken() -> None:
    assert spelled("phone", "+1 555 0100 999") == "+15550100999"


@pytest.mark.parametrize(("value", "same"), [("Ann@Example.COM", "ann@example.com"), (" a@b.de ", "a@b.de")])
def test_an_address_is_the_same_in_capitals(value: str, same: str) -> None:
    assert spelled("email", value) == same


@pytest.mark.parametrize("value", ["ann", "ann@", "@example.com", "a@b@c", "a b@c.de", "a@b..de"])
def test_what_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(Unfit):
        spelled("email", value)


def test_spaces_and_hyphens_on_a_card_do_not_count() -> None:
    assert spelled("card", "2900 0000-12 34a") == "290000001234A"


def test_an_external_id_is_taken_as_it_is() -> None:
    assert spelled("external", "Crm-7 / x") == "Crm-7 / x"


@pytest.mark.parametrize(("identifier_type", "value"), [("card", " - "), ("external", "  ")])
def test_nothing_is_no_identifier(identifier_type: IdentifierType, value: str) -> None:
    with pytest.raises(Unfit):
        spelled(identifier_type, value)


@pytest.mark.parametrize(
    ("identifier_type", "value", "masked"),
    [
        ("card", "2900 0000 1234", "****1234"),
        ("card", "1234567", "****"),
        ("phone", "+49 30 901820", "****20"),
        ("email", "ann@example.com", "a***@e***.com"),
        ("email", "ann@localhost", "a***@***"),
        ("external", "crm-0012345", "****2345"),
    ],
)
def test_a_mask_shows_enough_to_recognise_and_no_more(identifier_type: IdentifierType, value: str, masked: str) -> None:
    assert IDENTITY.claim(1, identifier_type, value, "idn_1").masked == masked


@given(st.text("0123456789ABCDEF", min_size=8, max_size=20))
def test_a_claim_has_nothing_of_the_value_but_its_last_characters(value: str) -> None:
    claim = IDENTITY.claim(1, "card", value, "idn_1")
    assert len(claim.digest) == 32
    assert value.encode() not in claim.digest
    assert value not in claim.masked


def test_a_digest_is_another_in_another_program_type_and_under_another_pepper() -> None:
    digests = {
        IDENTITY.digest(1, "card", "1"),
        IDENTITY.digest(2, "card", "1"),
        IDENTITY.digest(1, "external", "1"),
        Identity(b"q" * 32).digest(1, "card", "1"),
    }
    assert len(digests) == 4


def test_the_same_key_makes_the_same_id() -> None:
    made = IDENTITY.made_id("acc", 1, "key")
    assert made == IDENTITY.made_id("acc", 1, "key")
    assert made.startswith("acc_")
    assert len(made) == 30
    assert len({made, IDENTITY.made_id("acc", 2, "key"), IDENTITY.made_id("idn", 1, "key")}) == 3
