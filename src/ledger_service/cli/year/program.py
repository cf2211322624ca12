"""The test program that a year runs through: made once, its key kept in a file of ours."""

import json
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from ledger_service.cli.caller import Caller, CallFailed, detail_of
from ledger_service.cli.console import Misused
from ledger_service.cli.dev.files import keep
from ledger_service.cli.year.living import rfc3339

SAMPLE = "grocery_program.json"


def sample_settings() -> dict[str, Any]:
    """The settings document of a grocery chain."""
    text = (files("ledger_service.cli") / "sample" / SAMPLE).read_text()
    settings: dict[str, Any] = json.loads(text)
    return settings


def kept_key(state: Path) -> str | None:
    """The admin key that an earlier run kept, if one did."""
    return state.read_text().strip() if state.is_file() else None


async def made_program(operator: Caller, slug: str, settings: dict[str, Any], clock: datetime, state: Path) -> str:
    """Make the program and keep its admin key, which is shown this once; answer the key.

    Raises CallFailed, and Misused when there is such a program already."""
    body = {"slug": slug, "mode": "test", "settings": settings, "clock": rfc3339(clock)}
    response = await operator.post("/programs", body, key=f"year-program-{slug}")
    made = response.json()
    if response.status_code == 409 or (response.status_code == 201 and made["api_key"] is None):
        raise Misused(
            f"There is a program {slug!r} already, and its key is not in {state}. "
            "Name that file with --state, or another program with --program."
        )
    if response.status_code != 201:
        raise CallFailed(f"The program {slug!r} cannot be made: {detail_of(response)}")
    keep(state, str(made["api_key"]))
    return str(made["api_key"])
