import json

from ledger_service.ledger.points import POINTS_MAX


def test_every_number_of_points_is_read_exactly_by_a_client_that_knows_only_floats():
    assert float(POINTS_MAX) == POINTS_MAX
    assert int(json.loads(f"{POINTS_MAX}.0")) == POINTS_MAX
    assert float(POINTS_MAX + 2) != POINTS_MAX + 2
