"""Kinds: each has its sign and its references."""

from typing import get_args

import pytest

from ledger_service.ledger.entries import Kind
from ledger_service.upkeep.kinds import PAIRED, REVERSES, fits
from tests.builders import entry

SIGNS = {
    "earn": (0, 1),
    "redeem": (-1,),
    "expire": (-1,),
    "reverse_earn": (-1, 0),
    "reverse_redeem": (1,),
    "adjust": (-1, 1),
    "transfer_out": (-1,),
    "transfer_in": (1,),
    "merge_out": (-1, 0, 1),
    "merge_in": (-1, 0, 1),
    "hold": (0,),
    "release": (0,),
    "confirm": (0,),
    "tier": (0,),
}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_has_its_signs(kind: str):
    references = {"reverses_seq": 1 if kind in REVERSES else None, "transfer_id": "t-1" if kind in PAIRED else None}
    fitting = tuple(points for points in (-1, 0, 1) if fits(entry(seq=2, kind=kind, points=points, **references)))
    assert fitting == SIGNS[kind]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_references_are_made_by_the_kinds_that_need_them_and_no_others(kind: str):
    points = SIGNS[kind][0]
    for reverses_seq in (None, 1):
        for transfer_id in (None, "t-1"):
            one = entry(seq=2, kind=kind, points=points, reverses_seq=reverses_seq, transfer_id=transfer_id)
            assert fits(one) == (
                (reverses_seq is not None) == (kind in REVERSES) and (transfer_id is not None) == (kind in PAIRED)
            )


def test_an_unknown_kind_never_fits():
    assert not fits(entry(kind="gift"))
