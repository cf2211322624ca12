"""Kinds: which sign and which references an entry of each kind has."""

from ledger_service.ledger.entries import Entry

REVERSES = frozenset({"reverse_earn", "reverse_redeem", "confirm"})
"""They name the entry that they undo, or free."""
PAIRED = frozenset({"transfer_out", "transfer_in", "merge_out", "merge_in"})
"""They come in twos, under one transfer_id."""


def fits(entry: Entry) -> bool:
    """Whether the kind is known, and sign and references are as they must be for it."""
    return (
        _sign_fits(entry.kind, entry.points)
        and (entry.reverses_seq is not None) == (entry.kind in REVERSES)
        and (entry.transfer_id is not None) == (entry.kind in PAIRED)
    )


def described(entry: Entry) -> str:
    """The entry with what `fits` looks at."""
    return (
        f"{entry.kind} of {entry.points} points, reverses {entry.reverses_seq}, belongs to transfer {entry.transfer_id}"
    )


def _sign_fits(kind: str, points: int) -> bool:
    match kind:
        case "earn":
            return points >= 0
        case "redeem" | "expire" | "transfer_out":
            return points < 0
        case "reverse_earn":
            return points <= 0
        case "reverse_redeem" | "transfer_in":
            return points > 0
        case "adjust":
            return points != 0
        case "hold" | "release" | "confirm" | "tier":
            return points == 0
        case "merge_out" | "merge_in":
            # A debt that moves is a merge with its signs the other way round.
            return True
        case _:
            return False
