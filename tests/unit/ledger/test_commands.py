from ledger_service.ledger.commands import singles
from tests.builders import earn, redeem, together


def test_a_command_touches_its_own_account():
    assert earn(account_id="a").account_ids == ("a",)


def test_commands_together_touch_each_of_their_accounts_once_in_the_order_named():
    bulk = together(earn(account_id="b"), redeem(account_id="a"), earn(account_id="b"))
    assert bulk.account_ids == ("b", "a")
    assert bulk.account_id == "b"


def test_laid_open_the_commands_keep_their_order():
    first, second, third, fourth = earn(), earn(), redeem(), earn()
    assert singles([first, together(second, third), fourth]) == [first, second, third, fourth]
