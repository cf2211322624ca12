"""Check 8: the books really had to say no, at a moment at which they were asked."""

from collections.abc import Iterator, Mapping

from checker.attempts import Attempt, Command, Document
from checker.findings import REFUSALS, Finding, place
from checker.history import History
from checker.horizons import Horizon, horizons

NEEDS_POINTS = frozenset({"redeem", "hold", "transfer", "adjust"})

KNOWN_KINDS = frozenset(
    {"earn", "redeem", "reverse", "adjust", "hold", "capture", "release", "transfer", "refund", "cancel", "confirm"}
)
"""Kinds that leave the status of an account alone."""


def refusals(history: History) -> Iterator[Finding]:
    """Refusals that the books do not justify. `limit_exceeded` and `nothing_to_reverse` are not checked."""
    at = horizons(history)
    on_holds = _closings(history)
    is_status_constant = all(command.kind in KNOWN_KINDS for command in history.commands.values())
    for command in history.commands.values():
        refused = next((a for a in command.answered if a.outcome == "refused" and a.body is not None), None)
        if refused is None or refused.body is None:
            continue
        body = refused.body
        match body.get("code"):
            case "insufficient_points":
                yield from _not_missing(command, refused, body, history, at)
            case "duplicate_order":
                yield from _not_duplicate(refused, body, history)
            case "hold_not_open":
                yield from _still_open(command, refused, body, on_holds)
            case "already_reversed" | "exceeds_remaining" if refused.kind == "reverse":
                yield from _never_reversed(refused, body, history)
            case "account_not_active" if is_status_constant:
                shown = history.accounts.get(refused.account or "")
                takers = history.accounts.get(refused.to_account or "")
                if shown is not None and shown.status == "active" and (takers is None or takers.status == "active"):
                    yield Finding(REFUSALS, refused.where, "account_not_active", "another status", "always active")
            case _:
                pass


def _not_missing(
    command: Command, refused: Attempt, body: Document, history: History, at: Mapping[str, Horizon]
) -> Iterator[Finding]:
    if refused.kind not in NEEDS_POINTS or refused.account is None:
        return
    available, requested, seq = body["available"], body["requested"], body["as_of_seq"]
    if requested <= available or body.get("missing", requested - available) != requested - available:
        missing = f"{available} available, {body.get('missing')} missing"
        yield Finding(REFUSALS, refused.where, f"insufficient_points for {requested}", "points are missing", missing)
    if refused.points is not None and abs(refused.points) != requested:
        yield Finding(REFUSALS, refused.where, "requested", str(abs(refused.points)), str(requested))
    after = history.books.after(refused.account, seq)
    if after is None:
        yield Finding(REFUSALS, refused.where, f"as of seq {seq}", "an entry of the books", "there is none")
        return
    # Pending points become available without an entry.
    if not after.available <= available <= after.available + after.pending:
        yield Finding(
            REFUSALS, place(refused.account, seq), f"available for {refused.where}", str(after), f"{available}"
        )
    horizon = at.get(refused.account)
    if horizon is None or command.began_ns is None:
        return
    if seq < (least := horizon.least(command.began_ns)):
        yield Finding(REFUSALS, refused.where, "looked at an old state", f"seq {least} or later", f"seq {seq}")
    if refused.complete_ns is not None and horizon.began_ns(seq) > refused.complete_ns:
        yield Finding(REFUSALS, refused.where, f"looked at seq {seq}", "a seq that was asked for by then", f"seq {seq}")


def _not_duplicate(refused: Attempt, body: Document, history: History) -> Iterator[Finding]:
    earlier = history.books.at.get((body["account_id"], body["seq"]))
    if earlier is None or earlier.order_id != body["order_id"]:
        where = place(body["account_id"], body["seq"])
        yield Finding(REFUSALS, refused.where, "duplicate_order", f"{where} has order {body['order_id']}", str(earlier))
        return
    first = history.commands.get(earlier.key or "")
    is_same = (
        first is not None
        # The points of a purchase come from the rules: points asked for later are something else.
        and first.attempts[0].points is not None
        and refused.kind == earlier.kind
        and (refused.account, refused.order) == (earlier.account_id, earlier.order_id)
        and refused.points == abs(earlier.points)
    )
    if is_same:
        yield Finding(REFUSALS, refused.where, "duplicate_order", "the first entry again, 200", "409")
    seen = history.seen.get((earlier.account_id, earlier.seq))
    if seen is not None and seen.began_ns is not None and (refused.complete_ns or seen.began_ns) < seen.began_ns:
        yield Finding(REFUSALS, refused.where, "duplicate_order", "an order posted before", "one posted after")


def _closings(history: History) -> dict[str, list[Command]]:
    """The commands that can have closed each hold."""
    found: dict[str, list[Command]] = {}
    for command in history.commands.values():
        hold_id = command.attempts[0].hold_id
        if hold_id is not None and command.began_ns is not None and command.key in history.rows_of_key:
            found.setdefault(hold_id, []).append(command)
    return found


def _still_open(
    command: Command, refused: Attempt, body: Document, on_holds: Mapping[str, list[Command]]
) -> Iterator[Finding]:
    if body.get("hold_status") == "timed_out":
        return
    for other in on_holds.get(refused.hold_id or "", ()):
        began_ns = other.began_ns
        if other.key != command.key and began_ns is not None and began_ns < (refused.complete_ns or began_ns + 1):
            return
    yield Finding(REFUSALS, refused.where, "hold_not_open", "somebody closed it", "nobody did")


def _never_reversed(refused: Attempt, body: Document, history: History) -> Iterator[Finding]:
    row = history.books.at.get((refused.account or "", refused.reverses_seq or 0))
    if row is None:
        return
    if body["code"] == "exceeds_remaining":
        remaining = body["remaining"]
        if refused.points is not None and not 0 < remaining < refused.points:
            found = f"{remaining} remaining"
            yield Finding(REFUSALS, refused.where, f"exceeds_remaining for {refused.points}", "less remains", found)
        if isinstance(remaining, int) and remaining > abs(row.points):
            yield Finding(REFUSALS, refused.where, "remaining", f"at most {abs(row.points)}", str(remaining))
