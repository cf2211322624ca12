"""Findings: every check has a name and says what holds."""

from ledger_service.upkeep.findings import CHECKS


def test_every_check_says_in_a_sentence_what_holds():
    assert all(name.islower() and name.replace("_", "").isalpha() for name in CHECKS)
    assert all(meaning[0].isupper() and meaning.endswith(".") for meaning in CHECKS.values())
    assert len(set(CHECKS.values())) == len(CHECKS)
