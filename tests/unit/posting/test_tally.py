"""The tally: every outcome counts once, under the kind it belongs to."""

from prometheus_client import REGISTRY

from ledger_service.ledger import commands
from ledger_service.ledger.commands import Command
from ledger_service.ledger.outcomes import (
    Answered,
    Outcome,
    Posted,
    PostedSeveral,
    Refused,
    Repeated,
    Replayed,
    WrittenTogether,
)
from ledger_service.ledger.refusals import InsufficientPoints
from ledger_service.posting import tally
from tests.builders import earn, entry, open_account, redeem, reverse, settle_due, together

POSTED = Posted(entry(points=50))
REFUSED = Refused(InsufficientPoints(as_of_seq=1, available=0, requested=1), "request-1")


def count_alone(command: Command, outcome: Outcome) -> None:
    batch = tally.Tally()
    batch.count(command, outcome)
    batch.show()


def entries(kind: str, result: str) -> float:
    return REGISTRY.get_sample_value("ledger_entries_total", {"kind": kind, "result": result}) or 0.0


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_posted_entry_counts_under_its_kind_with_its_points_without_sign() -> None:
    count, points = entries("reverse_earn", "posted"), sample("ledger_points_total", kind="reverse_earn")
    count_alone(reverse(), Posted(entry(kind="reverse_earn", points=-30)))
    assert entries("reverse_earn", "posted") == count + 1
    assert sample("ledger_points_total", kind="reverse_earn") == points + 30


def test_a_replay_counts_as_found_by_key_and_moves_no_points() -> None:
    count, points = entries("earn", "replayed"), sample("ledger_points_total", kind="earn")
    by_key = sample("ledger_idempotent_replays_total", match="key")
    count_alone(earn(), Replayed(POSTED))
    assert entries("earn", "replayed") == count + 1
    assert sample("ledger_idempotent_replays_total", match="key") == by_key + 1
    assert sample("ledger_points_total", kind="earn") == points


def test_a_repeated_order_counts_as_found_by_reference() -> None:
    count, by_order = (
        entries("earn", "repeated"),
        sample("ledger_idempotent_replays_total", match="reference"),
    )
    count_alone(earn(), Repeated(POSTED.entry))
    assert entries("earn", "repeated") == count + 1
    assert sample("ledger_idempotent_replays_total", match="reference") == by_order + 1


def test_a_refused_redeem_counts_by_its_code() -> None:
    count, refused = (
        entries("redeem", "refused"),
        sample("ledger_redeem_rejections_total", code="insufficient_points"),
    )
    count_alone(redeem(), REFUSED)
    assert entries("redeem", "refused") == count + 1
    assert sample("ledger_redeem_rejections_total", code="insufficient_points") == refused + 1


def test_only_redeems_count_as_redeem_rejections() -> None:
    refused = sample("ledger_redeem_rejections_total", code="insufficient_points")
    count_alone(reverse(), REFUSED)
    assert sample("ledger_redeem_rejections_total", code="insufficient_points") == refused


def test_the_commands_of_a_together_count_one_each() -> None:
    earns, redeems = entries("earn", "posted"), entries("redeem", "posted")
    outcomes: tuple[Outcome, ...] = (POSTED, Posted(entry(kind="redeem", points=-5)))
    count_alone(together(earn(), redeem()), WrittenTogether(outcomes))
    assert (entries("earn", "posted"), entries("redeem", "posted")) == (earns + 1, redeems + 1)


def test_a_refused_together_counts_once() -> None:
    count = entries("together", "refused")
    count_alone(together(earn(), redeem()), REFUSED)
    assert entries("together", "refused") == count + 1


def test_changes_without_an_entry_have_a_kind_of_their_own() -> None:
    accounts, due = entries("account", "posted"), entries("expire", "posted")
    count_alone(open_account(), Answered("{}"))
    count_alone(settle_due(), Answered("{}"))
    assert (entries("account", "posted"), entries("expire", "posted")) == (accounts + 1, due + 1)


def test_a_failure_counts_as_failed() -> None:
    count = entries("earn", "failed")
    tally.count_failure(earn())
    assert entries("earn", "failed") == count + 1


def test_entries_of_one_answer_count_one_each() -> None:
    before = [entries(kind, "posted") for kind in ("reverse_redeem", "reverse_earn")]
    several = PostedSeveral((entry(kind="reverse_redeem", points=5), entry(seq=2, kind="reverse_earn", points=-50)))
    count_alone(reverse(), several)
    assert [entries(kind, "posted") for kind in ("reverse_redeem", "reverse_earn")] == [one + 1 for one in before]


def test_every_command_has_a_kind() -> None:
    """One without would fail when it is counted, after it was written."""

    declared = {
        kind.__name__ for kind in vars(commands).values() if isinstance(kind, type) and issubclass(kind, Command)
    }
    assert declared - {"Command", "ChainCommand", "Preview"} <= {kind.__name__ for kind in tally.KINDS}
