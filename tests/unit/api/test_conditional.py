"""Conditional requests: what entity tags match."""

import pytest

from ledger_service.api.conditional import entity_tag, is_unchanged, version_of


@pytest.mark.parametrize("told", [b'"7"', b'W/"7"', b"*", b'"6", "7"', b' "7" '])
def test_a_tag_that_the_caller_has_is_unchanged(told: bytes) -> None:
    assert is_unchanged(told, entity_tag(7))


@pytest.mark.parametrize("told", [None, b'"8"', b"7", b'"77"', b""])
def test_any_other_tag_is_a_change(told: bytes | None) -> None:
    assert not is_unchanged(told, entity_tag(7))


@pytest.mark.parametrize(("told", "version"), [(b'"3"', 3), (b'"12" ', 12)])
def test_if_match_names_a_version(told: bytes, version: int) -> None:
    assert version_of(told) == version


@pytest.mark.parametrize(
    "told", [b"3", b"*", b'W/"3"', b'""', b'"x"', b'"3", "4"', b'"-3"', b'"' + b"9" * 30 + b'"', b""]
)
def test_what_is_none_of_our_tags_names_no_version(told: bytes) -> None:
    assert version_of(told) == 0
