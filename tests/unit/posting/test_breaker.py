"""The breaker: through a failover everyone waits, after it nobody does."""

from ledger_service.posting.breaker import FORGOTTEN_AFTER_SECONDS, OPEN_AFTER_SECONDS, PROBE_SECONDS, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(clock: Clock, seconds: float) -> Breaker:
    """A breaker that was told of failures for so long."""
    breaker = Breaker(clock)
    end = clock.now + seconds
    while clock.now < end:
        breaker.fail()
        clock.now += 0.25
    breaker.fail()
    return breaker


def test_while_a_failover_may_run_everyone_waits():
    clock = Clock()
    breaker = failing(clock, OPEN_AFTER_SECONDS - 0.5)
    assert all(breaker.admits() for _ in range(5))


def test_after_that_one_command_now_and_then_finds_out():
    clock = Clock()
    breaker = failing(clock, OPEN_AFTER_SECONDS + 1)
    assert [breaker.admits() for _ in range(4)] == [True, False, False, False]
    clock.now += PROBE_SECONDS
    assert [breaker.admits(), breaker.admits()] == [True, False]


def test_the_first_success_lets_everyone_in():
    clock = Clock()
    breaker = failing(clock, OPEN_AFTER_SECONDS + 1)
    breaker.admits()
    breaker.succeed()
    assert all(breaker.admits() for _ in range(5))


def test_an_old_failure_says_nothing_about_now():
    clock = Clock()
    breaker = failing(clock, OPEN_AFTER_SECONDS + 1)
    clock.now += FORGOTTEN_AFTER_SECONDS + 0.5
    assert all(breaker.admits() for _ in range(5))
    breaker.fail()
    assert breaker.admits(), "a new failure begins anew"
