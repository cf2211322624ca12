"""The service as the laws see it: each step is a request over HTTP and the same command for the naive books."""

import asyncio
import hashlib
import json
import pickle
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ledger_service.ledger.commands import (
    CancelOrder,
    Capture,
    Command,
    ConfirmOrder,
    IdentifierClaim,
    PlaceHold,
    Refund,
    Release,
    Together,
    singles,
)
from ledger_service.ledger.membership import rfc3339
from ledger_service.ledger.program import ProgramSettings
from tests.books.reference.books import Answer, Reference
from tests.books.requests import Read, Request, Step, request_of
from tests.builders import NOON, SOURCE

CREATED = 201
KNOWS_NUMBERS = {"insufficient_points": ("available", "as_of_seq"), "limit_exceeded": ("limit", "allowed")}
"""Refusals whose numbers are compared, and the fields in which HTTP tells them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP."""

    status: int
    body: Any
    is_replay: bool


Ask = Callable[[Request, str | None], Awaitable[Reply]]
"""Sends method, path and body, with an idempotency key."""


def card(number: str) -> IdentifierClaim:
    """A card that its plain number stands for."""
    return IdentifierClaim(number, "card", number.encode(), "")


def asked_over_http(command: Command) -> Command:
    """The same command as one caller asks for it; what it means is what its request says, as in the contract."""
    if isinstance(command, Together):
        command = replace(command, commands=tuple(asked_over_http(one) for one in command.commands))
    command = replace(command, source=SOURCE)
    request = json.dumps(request_of(command, {}), sort_keys=True)
    return replace(command, fingerprint=hashlib.sha256(request.encode()).digest()[:16])


def told(step: Step, reply: Reply) -> Answer:
    """The reply in the words of the naive books, as far as HTTP tells them."""
    answer = _told_once(step, reply)
    return ("replayed", answer) if reply.is_replay and answer[0] != "repeated" else answer


def _told_once(step: Step, reply: Reply) -> Answer:
    match step, reply.status, reply.body:
        case Together(), 200, {"results": results}:
            if codes := [one["body"]["code"] for one in results if one["status"] != CREATED and "code" in one["body"]]:
                assert codes.count("bulk_aborted") == len(codes) - 1 == len(results) - 1, results
                return ("refused", "bulk_aborted")
            replies = [Reply(one["status"], one["body"], False) for one in results]
            return ("together", tuple(_told_once(one, part) for one, part in zip(step.commands, replies, strict=True)))
        case PlaceHold(), 201, {"account_id": account_id, "seq": seq, "points": points, "status": "open"}:
            assert points == step.points
            return ("held", account_id, seq)
        case Command(), 201, {"entries": entries}:
            return ("several", tuple(_entry(entry) for entry in entries))
        case Command(), 200, {"entries": [entry]}:
            return ("repeated", entry["account_id"], entry["seq"])
        case Command(), 201, {"kind": _}:
            return ("posted", _entry(reply.body))
        case Command(), 200, {"kind": _}:
            return ("repeated", reply.body["account_id"], reply.body["seq"])
        case Command(), 200 | 201, {"status": _} | {"identifier_id": _}:
            return ("answered",)
        case Read(), 200, said:
            return _read(step, said)
        case _, status, {"code": code, "status": said} if status == said and 400 <= status < 500:
            if code == "insufficient_points":
                assert reply.body["missing"] == reply.body["requested"] - reply.body["available"]
            return ("refused", code, *(reply.body[name] for name in KNOWS_NUMBERS.get(code, ())))
    raise AssertionError(f"{step} was answered {reply}")


def _read(step: Read, said: dict[str, Any]) -> Answer:
    match said:
        case {"account": {"account_id": account_id}, "balance": numbers}:
            return ("read", account_id, *_balance(numbers))
        case {"kind": kind, "points": points}:
            return ("read", kind, points)
    return ("read", step.account_id, *_balance(said))


def _entry(entry: dict[str, Any]) -> tuple[Any, ...]:
    numbers = ("points", "balance_after", "available_after", "held_after", "written_off")
    return (entry["account_id"], entry["seq"], entry["kind"], *(entry[name] for name in numbers))


def _balance(numbers: dict[str, Any]) -> tuple[int, ...]:
    return tuple(numbers[name] for name in ("seq", "balance", "available", "pending", "held"))


@dataclass
class World:
    """What the books may hold, as far as their answers tell."""

    reference: Reference
    now: datetime = NOON

    def answer(self, step: Step) -> Answer:
        """What the naive books say when this step comes next, in the words of `told`."""
        if isinstance(step, Read):
            return self._read(step)
        # Whose books a request is about is looked up before its key is.
        for command in singles([step]):
            if missing := self._missing(command):
                return ("refused", missing)
        return self._visible(step, self.reference.answer(step, self.now))

    def _missing(self, command: Command) -> str | None:
        match command:
            case Capture() | Release() if command.hold_id not in self.reference.holds:
                return "hold_not_found"
            case Refund() | ConfirmOrder() | CancelOrder():
                references = [(command.source, kind, command.order_id) for kind in ("earn", "redeem")]
                return None if any(found in self.reference.orders for found in references) else "order_not_found"
        return None

    def _visible(self, step: Command, answer: Answer) -> Answer:
        match answer:
            case ("replayed", ("repeated", *_) as repeated):
                return repeated  # HTTP says the same of both
            case ("replayed", first):
                return ("replayed", self._visible(step, first))
            case ("together", parts):
                assert isinstance(step, Together)
                firsts = (part[1] if part[0] == "replayed" else part for part in parts)
                return ("together", tuple(map(self._visible, step.commands, firsts)))
            case ("posted", (account_id, seq, "hold", *_)):
                return ("held", account_id, seq)
            case ("refused", code, *_) if code not in KNOWS_NUMBERS:
                return ("refused", code)
        return answer

    def _read(self, step: Read) -> Answer:
        account_id = step.account_id
        if step.card is not None:
            account_id = self.reference.identifiers.get(("card", step.card.encode()), ("", ""))[0]
        account = self.reference.accounts.get(account_id)
        if account is None:
            return ("refused", "account_not_found")
        if step.seq is None:
            available, pending = account.available(self.now), len(account.pending(self.now))
            return (
                "read",
                account_id,
                len(account.lines),
                available + pending + account.held,
                available,
                pending,
                account.held,
            )
        if step.seq > len(account.lines):
            return ("refused", "entry_not_found")
        line = account.lines[step.seq - 1]
        return ("read", line.kind, line.points)

    def advance(self, hours: int) -> None:
        """Time passes, and everything that falls due is done."""
        self.now += timedelta(hours=hours)
        for account in self.reference.accounts.values():
            account.tick(self.now)

    def copied(self) -> "World":
        """A world of its own. Pickled, since it is copied for every step of every order: `deepcopy` takes ten times as
        long."""
        copied: World = pickle.loads(pickle.dumps(self))
        return copied


def explanations(worlds: Sequence[World], steps: Sequence[Step], answers: Sequence[Answer]) -> list[World]:
    """The worlds that may be there now: those that some order of these steps, from a world that may have been there
    before, leads to with exactly these answers. None: no order explains them."""
    if not steps:
        return list(worlds)
    found: list[World] = []
    for world in worlds:
        for place, step in enumerate(steps):
            then = world.copied()
            if then.answer(step) == answers[place]:
                others = [*steps[:place], *steps[place + 1 :]]
                rest = explanations([then], others, [*answers[:place], *answers[place + 1 :]])
                found += [after for after in rest if after not in found]
    return found


@dataclass
class Round:
    """Steps at the same moment, so many hours after the ones before."""

    hours: int
    steps: list[Step] = field(default_factory=list)


async def play(settings: ProgramSettings, rounds: Sequence[Round], askers: Sequence[Ask]) -> World:
    """Ask for the steps of each round at the same moment, of each asker in turn, and explain what was answered.

    Answers a world that explains everything; fails the test when there is none."""
    worlds = [World(Reference(settings))]
    holds: dict[str, str] = {}
    for round_ in rounds:
        if round_.hours:
            for world in worlds:
                world.advance(round_.hours)
            advanced = await askers[0](("POST", "/v1/test-clock/advance", {"to": rfc3339(worlds[0].now)}), None)
            assert advanced.status == 200, advanced
        asked = [ask_for(step, askers[number % len(askers)], holds) for number, step in enumerate(round_.steps)]
        answers = await asyncio.gather(*asked)
        explained = explanations(worlds, round_.steps, answers)
        alone = [worlds[0].copied().answer(step) for step in round_.steps]
        assert explained, f"no order of {round_.steps} explains {answers}; each alone would get {alone}"
        worlds = explained
    return worlds[0]


async def ask_for(step: Step, ask: Ask, holds: dict[str, str]) -> Answer:
    """What the service says, in the words of the naive books. `holds` are the ids that it made, by ours."""
    reply = await ask(request_of(step, dict(holds)), None if isinstance(step, Read) else step.key)
    placed = [(step, reply.body)] if isinstance(step, PlaceHold) else []
    if isinstance(step, Together) and reply.status == 200:
        placed = [(one, result["body"]) for one, result in zip(step.commands, reply.body["results"], strict=True)]
    for one, body in placed:
        if isinstance(one, PlaceHold) and "hold_id" in body:
            holds[one.hold_id] = body["hold_id"]
    return told(step, reply)
