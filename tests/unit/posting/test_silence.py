"""Silence: when nobody is answered, and whom that held up."""

from ledger_service.posting.silence import SECONDS, Silence

NOW = 1000.0


def test_before_anybody_was_answered_and_a_while_after_the_last_there_is_silence():
    silence = Silence()
    assert silence.is_there(NOW)
    silence.note(NOW)
    assert not silence.is_there(NOW + SECONDS)
    assert silence.is_there(NOW + SECONDS + 0.01)


def test_without_a_database_there_is_silence_whenever_somebody_was_answered():
    silence = Silence()
    silence.note(NOW)
    silence.has_no_database = True
    assert silence.is_there(NOW)


def test_whoever_came_before_the_first_answer_was_held_up():
    silence = Silence()
    silence.note(NOW)
    silence.note(NOW + SECONDS / 2)
    assert silence.held_up(NOW)
    assert not silence.held_up(NOW + SECONDS / 4)
    silence.note(NOW + 10)
    assert silence.held_up(NOW + 9)
    assert not silence.held_up(NOW + 11)
