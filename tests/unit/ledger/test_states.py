from tests.builders import DAY, NOON, account_state, lot


def test_rule_1_available_is_what_is_usable_now_less_debt():
    account = account_state(lots=[lot(10), lot(20, NOON), lot(40, available_at=NOON + DAY)], held=80)
    assert account.available(NOON - DAY) == 30
    assert account.available(NOON) == 10
    assert account.available(NOON + DAY) == 50
    assert account_state(debt=15).available(NOON) == -15


def test_the_next_due_work_is_the_soonest_expiry():
    assert account_state(lots=[lot(10), lot(20, NOON + DAY), lot(5, NOON)]).next_due_at == NOON


def test_nothing_falls_due_where_nothing_expires():
    assert account_state().next_due_at is None
    assert account_state(lots=[lot(10), lot(5, available_at=NOON)]).next_due_at is None
