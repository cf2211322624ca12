"""The service as the laws see it: each step is a request over HTTP and the same command for the sequential model."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from ledger_service.ledger.commands import (
    Adjust,
    AttachIdentifier,
    Command,
    Earn,
    IdentifierClaim,
    OpenAccount,
    Redeem,
    Reverse,
    SetStatus,
    Together,
)
from ledger_service.ledger.program import ProgramSettings
from tests.books.model import Account, Answer, Model
from tests.builders import NOON

CREATED = 201


@dataclass(frozen=True, slots=True)
class Read:
    """A question, which changes nothing: a balance, one entry, or an account by its card."""

    account_id: str = ""
    seq: int | None = None
    card: str | None = None


Step = Command | Read


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP."""

    status: int
    body: Any
    is_replay: bool


Ask = Callable[[str, str, Any, str | None], Awaitable[Reply]]
"""Sends method, path, body and idempotency key."""


def settings_document(settings: ProgramSettings) -> dict[str, Any]:
    """The settings as a caller writes them."""
    clawback = {"mode": settings.clawback.mode}
    bounds = {"points": settings.clawback.points, "percent": settings.clawback.percent}
    if settings.clawback.mode == "limit":
        clawback |= {name: bound for name, bound in bounds.items() if bound is not None}
    return {
        "auto_open": settings.auto_open,
        "clawback": clawback,
        "limits": {"max_points_per_entry": settings.points_per_entry_max},
    }


def card(number: str) -> IdentifierClaim:
    """A card that its plain number stands for."""
    return IdentifierClaim(number, "card", number.encode(), "")


def request_of(step: Step) -> tuple[str, str, Any]:
    """Method, path and body."""
    account = f"/v1/accounts/{step.account_id}"
    match step:
        case Read(card=str(card)):
            return "POST", "/v1/accounts/lookup", {"type": "card", "value": card}
        case Read(seq=int(seq)):
            return "GET", f"{account}/entries/{seq}", None
        case Read():
            return "GET", f"{account}/balance", None
        case Earn() | Redeem():
            verb = type(step).__name__.lower()
            return "POST", f"{account}/{verb}", _without_none(points=step.points, order_id=step.order_id)
        case Adjust():
            body = {"points": step.points, "reason": step.reason, "allow_negative": step.allow_negative}
            return "POST", f"{account}/adjust", body
        case Reverse():
            return (
                "POST",
                f"{account}/entries/{step.seq}/reverse",
                _without_none(points=step.points, reason=step.reason),
            )
        case SetStatus():
            return "POST", f"{account}/status", {"status": step.status, "reason": step.reason}
        case OpenAccount():
            cards = [{"type": "card", "value": claim.digest.decode()} for claim in step.identifiers]
            return "POST", "/v1/accounts", {"account_id": step.account_id, "identifiers": cards}
        case AttachIdentifier():
            return "POST", f"{account}/identifiers", {"type": "card", "value": step.identifier.digest.decode()}
        case Together():
            return "POST", "/v1/bulk", {"mode": "atomic", "operations": [_operation(one) for one in step.commands]}
    raise TypeError(f"{type(step).__name__} has no request")


def _operation(command: Command) -> dict[str, Any]:
    _, path, body = request_of(command)
    named = {"op": path.rpartition("/")[2], "account_id": command.account_id, "idempotency_key": command.key}
    return named | ({"seq": command.seq} if isinstance(command, Reverse) else {}) | body


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def fingerprinted(command: Command) -> Command:
    """The same command; what it means is what its request says, as in the contract."""
    if isinstance(command, Together):
        command = replace(command, commands=tuple(fingerprinted(one) for one in command.commands))
    request = json.dumps(request_of(command), sort_keys=True)
    return replace(command, fingerprint=hashlib.sha256(request.encode()).digest()[:16])


def told(step: Step, reply: Reply) -> Answer:
    """The reply in the words of the model."""
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
        case Command(), 201, {"kind": kind, "seq": seq} if isinstance(step, Earn | Redeem | Adjust | Reverse):
            numbers = ("points", "balance_after", "available_after", "written_off")
            return ("posted", seq, kind, *(reply.body[name] for name in numbers))
        case Earn() | Redeem(), 200, {"seq": seq}:
            return ("repeated", seq)
        case OpenAccount() | AttachIdentifier(), 201, _:
            return ("answered",)
        case SetStatus(), 200, {"status": status}:
            assert status == step.status
            return ("answered",)
        case Read(), 200, {"account": {"account_id": account_id}, "balance": numbers}:
            return ("read", account_id, numbers["seq"], numbers["balance"], numbers["available"])
        case Read(seq=None), 200, numbers:
            return ("read", step.account_id, numbers["seq"], numbers["balance"], numbers["available"])
        case Read(), 200, {"kind": kind, "points": points}:
            return ("read", kind, points)
        case _, 409, {"code": "insufficient_points"}:
            assert reply.body["missing"] == reply.body["requested"] - reply.body["available"]
            return ("refused", "insufficient_points", reply.body["available"], reply.body["as_of_seq"])
        case _, status, {"code": code, "status": said} if status == said and 400 <= status < 500:
            return ("refused", code)
    raise AssertionError(f"{step} was answered {reply}")


@dataclass
class World:
    """What the books may hold, as far as their answers tell: the sequential model, and the numbers of its refusals."""

    model: Model
    insufficient: dict[str, tuple[int, int]] = field(default_factory=dict)

    def answer(self, step: Step) -> Answer:
        """What the model says when this step comes next, in the words of `told`."""
        if isinstance(step, Read):
            return self._read(step)
        account = self.model.accounts.get(step.account_id)
        numbers = (0, 0) if account is None else (_available(account), len(account.lines))
        answer = self.model.answer(step, NOON)
        if answer == ("refused", "insufficient_points") and step.key is not None:
            self.insufficient[step.key] = numbers
        return self._visible(step, answer)

    def _visible(self, step: Command, answer: Answer) -> Answer:
        match answer:
            case ("replayed", ("repeated", _) as repeated):
                return repeated  # HTTP says the same of both
            case ("replayed", first):
                return ("replayed", self._visible(step, first))
            case ("together", parts):
                return ("together", tuple(part[1] if part[0] == "replayed" else part for part in parts))
            case ("refused", "insufficient_points"):
                return (*answer, *self.insufficient[step.key or ""])
        return answer

    def _read(self, step: Read) -> Answer:
        account_id = step.account_id
        if step.card is not None:
            account_id = self.model.identifiers.get(("card", step.card.encode()), ("", ""))[0]
        account = self.model.accounts.get(account_id)
        if account is None:
            return ("refused", "account_not_found")
        if step.seq is None:
            balance = len(account.points) - account.debt
            return ("read", account_id, len(account.lines), balance, _available(account))
        if step.seq > len(account.lines):
            return ("refused", "entry_not_found")
        line = account.lines[step.seq - 1]
        return ("read", line.kind, line.points)


def _available(account: Account) -> int:
    return len(account.usable(NOON)) - account.debt


def explanations(worlds: Sequence[World], steps: Sequence[Step], answers: Sequence[Answer]) -> list[World]:
    """The worlds that may be there now: those that some order of these steps, from a world that may have been there
    before, leads to with exactly these answers. None: no order explains them."""
    if not steps:
        return list(worlds)
    found: list[World] = []
    for world in worlds:
        for place, step in enumerate(steps):
            then = deepcopy(world)
            if then.answer(step) == answers[place]:
                others = [*steps[:place], *steps[place + 1 :]]
                rest = explanations([then], others, [*answers[:place], *answers[place + 1 :]])
                found += [after for after in rest if after not in found]
    return found


async def play(settings: ProgramSettings, rounds: Sequence[Sequence[Step]], askers: Sequence[Ask]) -> World:
    """Ask for the steps of each round at the same moment, of each asker in turn, and explain what was answered.

    Answers a world that explains everything; fails the test when there is none."""
    worlds = [World(Model(settings))]
    for steps in rounds:
        asked = [ask_for(step, askers[number % len(askers)]) for number, step in enumerate(steps)]
        answers = await asyncio.gather(*asked)
        explained = explanations(worlds, steps, answers)
        assert explained, f"no order of {steps} explains {answers}; the books held one of {worlds}"
        worlds = explained
    return worlds[0]


async def ask_for(step: Step, ask: Ask) -> Answer:
    """What the service says, in the words of the model."""
    return told(step, await ask(*request_of(step), None if isinstance(step, Read) else step.key))
