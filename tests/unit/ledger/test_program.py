from zoneinfo import ZoneInfo

import pytest

from ledger_service.ledger.points import POINTS_MAX
from ledger_service.ledger.policies import Clawback
from ledger_service.ledger.program import ProgramSettings


def test_rule_11_a_new_program_works_with_no_settings_at_all():
    assert ProgramSettings.of(1, {}) == ProgramSettings(
        version=1, auto_open=False, clawback=Clawback("clamp"), points_per_entry_max=POINTS_MAX, backdate_days_max=90
    )


def test_rule_11_a_document_is_read_as_far_as_it_decides_about_points():
    document = {
        "auto_open": True,
        "clawback": {"mode": "limit", "points": 500, "percent": 10},
        "limits": {"max_points_per_entry": 1_000_000, "max_backdate_days": 0, "max_redeem_per_day": None},
        "time_zone": "Europe/Berlin",
    }
    assert ProgramSettings.of(4, document) == ProgramSettings(
        version=4,
        zone=ZoneInfo("Europe/Berlin"),
        auto_open=True,
        clawback=Clawback("limit", 500, 10),
        points_per_entry_max=1_000_000,
        backdate_days_max=0,
    )


def test_rule_11_null_means_the_default():
    document = {"clawback": None, "limits": {"max_points_per_entry": None, "max_backdate_days": None}}
    assert ProgramSettings.of(1, document) == ProgramSettings()
    assert ProgramSettings.of(1, {"limits": None}) == ProgramSettings()


@pytest.mark.parametrize(
    ("clawback", "debt"),
    [
        (Clawback(), 0),
        (Clawback("allow_debt"), POINTS_MAX),
        (Clawback("limit", points=50), 50),
        (Clawback("limit", percent=25), 49),
        (Clawback("limit", points=50, percent=25), 49),
        (Clawback("limit", points=40, percent=25), 40),
        (Clawback("limit", percent=0), 0),
    ],
)
def test_rule_7_the_debt_up_to_which_taking_back_may_go(clawback, debt):
    assert clawback.debt_max(lifetime_points=199) == debt
