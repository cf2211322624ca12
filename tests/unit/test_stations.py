"""Stations: counted once each, and told as a histogram that adds up."""

from itertools import pairwise

from ledger_service.stations import ALL, BOUNDS, Station, Stations


def test_a_station_counts_all_of_a_batch_at_once():
    station = Station("load")
    station.note(0.004, times=20)
    station.note(0.2)
    station.note(99.0)
    assert station.seconds == 0.004 * 20 + 0.2 + 99.0
    told = dict(station.buckets())
    assert (told["0.003"], told["0.005"], told["0.1"], told["0.25"], told["+Inf"]) == (0, 20, 20, 21, 22)


def test_a_bound_belongs_to_its_bucket():
    station = Station("gate")
    for bound in BOUNDS:
        station.note(bound)
    assert [count for _, count in station.buckets()] == [*range(1, len(BOUNDS) + 1), len(BOUNDS)]


def test_every_station_is_shown_and_its_buckets_never_fall():
    (family,) = Stations().collect()
    assert {sample.labels["station"] for sample in family.samples} == {station.name for station in ALL}
    for station in ALL:
        assert all(one <= other for (_, one), (_, other) in pairwise(station.buckets()))
