"""Posting: the one endpoint behind every row of VERBS. Bare ASGI: the framework's work would cost more than ours."""

from asyncio import Future
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Final

from pydantic import TypeAdapter
from starlette.types import Receive, Scope, Send

from ledger_service import stations
from ledger_service.api.answers import Answer, answer
from ledger_service.api.bodies import is_nothing
from ledger_service.api.calls import EXCHANGE, Call, Callers, content_of, flag, needed_key, query_of, until_deadline
from ledger_service.api.commands import Target
from ledger_service.api.fields import ACCOUNT_ID, ORDER_ID
from ledger_service.api.finding import TRIES_MAX, Asked, find, is_merged_meanwhile
from ledger_service.api.problems import Unfit
from ledger_service.api.schemas import Body, NoBody
from ledger_service.api.validation import read_json
from ledger_service.api.verb import Verb
from ledger_service.ledger.commands import Command
from ledger_service.ledger.outcomes import Outcome
from ledger_service.ledger.points import POINTS_MAX
from ledger_service.posting.batch import Ticket

_QUERY: Final = frozenset({"dry_run"})
_SEQ_SIZE_MAX: Final = 16


class PostingEndpoint:
    """What came in, what was asked, what goes out. ASGI, and, for what needs no looking up, straight."""

    def __init__(self, verb: Verb, callers: Callers) -> None:
        self.scope = verb.scope
        self.goes_straight = verb.method == "POST" and verb.needs_body and verb.not_found is None
        self._verb = verb
        self._callers = callers
        self._adapter: TypeAdapter[Body] = TypeAdapter(verb.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb = self._verb
        call = await self._callers.call(scope, verb.scope)
        target = target_of(scope["path_params"])
        is_rehearsal = flag(query_of(scope, _QUERY), "dry_run")
        if not is_rehearsal and verb.method == "POST":
            needed_key(call)
        body = await self._body(call, receive)
        if verb.not_found is None:
            outcome = await outcome_of(call, verb.to_command(call, target, body), is_rehearsal)
        else:
            outcome = await found_and_posted(Asked(verb, call, target, body), is_rehearsal)
        answered = answer(outcome, verb.status)
        scope[EXCHANGE].code = answered.code
        await answered.send(send)

    def can_begin(self, query: bytes) -> bool:
        """Whether a request with this query string may go straight: a rehearsal may not."""
        return not query

    def begin(
        self, call: Call, account_id: str, query: bytes, content: bytes
    ) -> tuple[Future[Outcome], Callable[[Outcome], Answer]]:
        """Post what this content says. Raises Unfit and Failure."""
        needed_key(call)
        command = self._verb.to_command(call, Target(account_id), read_json(self._adapter, content))
        ticket = call.services.poster.enter(call.program_id, command, call.deadline)
        return ticket.answer, partial(self._answer_to, ticket)

    def _answer_to(self, ticket: Ticket, outcome: Outcome) -> Answer:
        stations.WAKE.note(perf_counter() - ticket.since)
        return answer(outcome, self._verb.status)

    async def _body(self, call: Call, receive: Receive) -> Body:
        if self._verb.body is NoBody or (not self._verb.needs_body and is_nothing(call.headers)):
            return self._verb.body()
        return read_json(self._adapter, await content_of(call, receive))


async def outcome_of(call: Call, command: Command, is_rehearsal: bool) -> Outcome:
    """What the command came to, or, rehearsed, what it would come to."""
    poster = call.services.poster
    if is_rehearsal:
        return await until_deadline(call, poster.rehearse(call.program_id, command))
    return await poster.post(call.program_id, command, call.deadline)


async def found_and_posted(asked: Asked, is_rehearsal: bool) -> Outcome:
    """Post what is about something that has to be found first. Raises Unfit when there is no such thing."""
    for _ in range(TRIES_MAX):
        command = asked.command(await find(asked.call, (asked,)))
        outcome = await outcome_of(asked.call, command, is_rehearsal)
        if not is_merged_meanwhile(outcome):
            break
    return outcome


def target_of(path: dict[str, str]) -> Target:
    """What the path names. Raises Unfit when no such thing can exist, as it is for what does not."""
    account_id = path.get("account_id", "")
    if account_id and not ACCOUNT_ID.fullmatch(account_id):
        raise Unfit("account_not_found")
    if "seq" in path:
        return Target(account_id, seq=seq_of(path["seq"]))
    if "hold_id" in path:
        return Target(hold_id=hold_id_of(path["hold_id"]))
    if "order_id" in path:
        if not ORDER_ID.fullmatch(path["order_id"]):
            raise Unfit("order_not_found")
        return Target(order_id=path["order_id"])
    identifier_id = path.get("identifier_id", "")
    if identifier_id and not ACCOUNT_ID.fullmatch(identifier_id):
        raise Unfit("not_found")
    return Target(account_id, identifier_id=identifier_id)


def seq_of(text: str) -> int:
    """The seq that a path names. Raises Unfit `entry_not_found`."""
    if len(text) > _SEQ_SIZE_MAX or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= POINTS_MAX:
        raise Unfit("entry_not_found")
    return int(text)


def hold_id_of(text: str) -> str:
    """The hold that a path names. Raises Unfit `hold_not_found`."""
    if not ACCOUNT_ID.fullmatch(text):
        raise Unfit("hold_not_found")
    return text
