"""Posting: the one endpoint behind every row of VERBS. Bare ASGI: the framework's work would cost more than ours."""

from typing import Final

from pydantic import TypeAdapter
from starlette.types import Receive, Scope, Send

from ledger_service.api.answers import answer
from ledger_service.api.calls import EXCHANGE, Call, Callers, content_of, flag, needed_key, query_of, until_deadline
from ledger_service.api.commands import Target
from ledger_service.api.fields import ACCOUNT_ID
from ledger_service.api.problems import Unfit
from ledger_service.api.schemas import Body, NoBody
from ledger_service.api.validation import read_json
from ledger_service.api.verbs import Verb
from ledger_service.ledger.points import POINTS_MAX

_QUERY: Final = frozenset({"dry_run"})
_SEQ_SIZE_MAX: Final = 16


class PostingEndpoint:
    """What came in, what was asked, what goes out. ASGI."""

    def __init__(self, verb: Verb, callers: Callers) -> None:
        self._verb = verb
        self._poster = callers.services.poster
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
        command = verb.to_command(call, target, body)
        if is_rehearsal:
            outcome = await until_deadline(call, self._poster.rehearse(call.program_id, command))
        else:
            outcome = await self._poster.post(call.program_id, command, call.deadline)
        answered = answer(outcome, verb.status)
        scope[EXCHANGE].code = answered.code
        await answered.send(send)

    async def _body(self, call: Call, receive: Receive) -> Body:
        if self._verb.body is NoBody:
            return NoBody()
        return read_json(self._adapter, await content_of(call, receive))


def target_of(path: dict[str, str]) -> Target:
    """What the path names. Raises Unfit when no such thing can exist, as it is for what does not."""
    account_id = path.get("account_id", "")
    if account_id and not ACCOUNT_ID.fullmatch(account_id):
        raise Unfit("account_not_found")
    if "seq" in path:
        return Target(account_id, seq=seq_of(path["seq"]))
    identifier_id = path.get("identifier_id", "")
    if identifier_id and not ACCOUNT_ID.fullmatch(identifier_id):
        raise Unfit("not_found")
    return Target(account_id, identifier_id=identifier_id)


def seq_of(text: str) -> int:
    """The seq that a path names. Raises Unfit `entry_not_found`."""
    if len(text) > _SEQ_SIZE_MAX or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= POINTS_MAX:
        raise Unfit("entry_not_found")
    return int(text)
