"""The demo program of `dev`: its key, an account to play with, and calls that can be pasted."""

import json
import secrets
import shlex

from ledger_service.cli.caller import Caller, CallFailed, detail_of
from ledger_service.cli.console import Misused
from ledger_service.cli.dev.files import Files, keep, kept
from ledger_service.errors import KeyTaken
from ledger_service.storage.database import Database
from ledger_service.storage.keys import Keys
from ledger_service.storage.programs import Programs

PROGRAM = "demo"
MODE = "live"
SOURCE = "demo-shop"
SCOPES = ("admin", "operator")
ACCOUNT = "demo-1"


async def prepare(files: Files, api_key: str | None) -> str:
    """Make the demo program and its key unless they are there; answer the key.

    A given key becomes the key that is kept. Raises Misused when it was revoked."""
    async with Database.open(files.service_url(), readers=1) as database:
        keys = Keys(database, files.secret().encode())
        if api_key is not None:
            keep(files.api_key, api_key)
        token = kept(files.api_key, lambda: keys.new(MODE, SCOPES, SOURCE).token)
        if await keys.find(keys.digest(token)) is not None:
            return token
        key = keys.new(MODE, SCOPES, SOURCE, name="dev", token=token)
        programs = Programs(database)
        program = await programs.find(PROGRAM)
        try:
            if program is None:
                await programs.create(None, PROGRAM, MODE, {}, None, key)
            else:
                await keys.create(None, program.program_id, key)
        except KeyTaken:
            raise Misused(
                f"The API key of this instance was revoked. Give another one with --api-key, or delete {files.api_key} "
                "and a new one is made."
            ) from None
    return token


async def open_account(caller: Caller) -> str:
    """Open the demo account unless it is there; answer its id."""
    response = await caller.post("/accounts", {"account_id": ACCOUNT}, key=f"dev-open-{ACCOUNT}")
    if response.status_code not in (200, 201, 409):
        raise CallFailed(f"The account {ACCOUNT} cannot be opened: {detail_of(response)}")
    return ACCOUNT


def curl_lines(url: str, api_key: str, account_id: str) -> list[str]:
    """An earn, a redeem and a balance. Pasting a line twice posts once; the next start makes new keys."""
    place = f"{url}/v1/accounts/{account_id}"
    word = secrets.token_hex(3)
    return [
        curl(f"{place}/earn", api_key, f"try-earn-{word}", {"points": 120, "order_id": f"A-{word}"}),
        curl(f"{place}/redeem", api_key, f"try-redeem-{word}", {"points": 50, "order_id": f"B-{word}"}),
        f"curl -sS -w '\\n' {place}/balance -H {shlex.quote(f'Authorization: Bearer {api_key}')}",
    ]


def curl(url: str, api_key: str, key: str, body: dict[str, object]) -> str:
    """One POST as a line for a shell."""
    headers = (
        f"Authorization: Bearer {api_key}",
        f"Idempotency-Key: {key}",
        "Content-Type: application/json",
    )
    words = " ".join(f"-H {shlex.quote(header)}" for header in headers)
    return f"curl -sS -w '\\n' {url} {words} -d {shlex.quote(json.dumps(body))}"
