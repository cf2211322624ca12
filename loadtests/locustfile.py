"""A shop's day for locust, against a deployment of your own.

    LEDGER_API_KEY=lsk_test_… uvx locust -f loadtests/locustfile.py --host https://ledger.example --users 200

Every user is a till: of a hundred things it does, 70 are looks at a balance, 20 earns, 8 redeems, and 2 holds that are
captured. Accounts are opened when they are met first. Use a program for tests: points are given away.

Environment  LEDGER_API_KEY (scopes read, earn, redeem, accounts), LEDGER_ACCOUNTS (1000: how many members there are),
             LEDGER_PREFIX (locust-: how their ids begin), LEDGER_WAIT_SECONDS (1: the most a till waits in between)

Locust's users wait for an answer before they ask again, so its latencies flatter a service that stands still. For
figures to be published: `ledger-service bench --all`.
"""

import os
import random
import uuid
from typing import Any

from locust import HttpUser, between, task  # type: ignore[import-not-found]

ACCOUNTS = int(os.environ.get("LEDGER_ACCOUNTS", "1000"))
PREFIX = os.environ.get("LEDGER_PREFIX", "locust-")
WAIT_SECONDS = float(os.environ.get("LEDGER_WAIT_SECONDS", "1"))

OPENING_POINTS = 1000
TRIES = 3
LATER = (0, 429, 502, 503, 504)
"""Answers after which the same request is sent again under the same key. 0: there was none."""

ORDINARY_REFUSALS = ("insufficient_points", "limit_exceeded")
"""What a till has to live with: not a failure of the service."""

opened: set[str] = set()


class Till(HttpUser):  # type: ignore[misc]
    """One till of a shop."""

    wait_time = between(0, WAIT_SECONDS)

    def on_start(self) -> None:
        """Sign in."""
        self.client.headers["Authorization"] = f"Bearer {os.environ['LEDGER_API_KEY']}"

    @task(70)  # type: ignore[untyped-decorator]
    def look_at_balance(self) -> None:
        """What a member asks at the till."""
        self.client.get(f"/v1/accounts/{self.member()}/balance", name="balance")

    @task(20)  # type: ignore[untyped-decorator]
    def earn(self) -> None:
        """A basket was paid."""
        self.post(f"/v1/accounts/{self.member()}/earn", {"points": random.randint(1, 50)}, "earn")

    @task(8)  # type: ignore[untyped-decorator]
    def redeem(self) -> None:
        """A reward."""
        self.post(f"/v1/accounts/{self.member()}/redeem", {"points": random.randint(5, 100)}, "redeem")

    @task(2)  # type: ignore[untyped-decorator]
    def hold_and_capture(self) -> None:
        """Points set aside while the member pays the rest, then taken."""
        held = self.post(f"/v1/accounts/{self.member()}/holds", {"points": 20, "expires_in_seconds": 900}, "hold")
        if held is not None:
            self.post(f"/v1/holds/{held['hold_id']}/capture", {}, "capture")

    def member(self) -> str:
        """Somebody, with an account that has some points."""
        account_id = f"{PREFIX}{random.randint(1, ACCOUNTS)}"
        if account_id not in opened:
            # Keys of their own, for ever the same: whoever opens it a second time, from wherever, replays the first.
            self.post("/v1/accounts", {"account_id": account_id}, "open", key=f"{account_id}-open")
            path = f"/v1/accounts/{account_id}/earn"
            self.post(path, {"points": OPENING_POINTS}, "first earn", key=f"{account_id}-first")
            opened.add(account_id)
        return account_id

    def post(self, path: str, body: dict[str, Any], name: str, key: str | None = None) -> dict[str, Any] | None:
        """Post under one key, however often it takes; the answer, or None when it was refused or there was none."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        for _ in range(TRIES):
            with self.client.post(path, json=body, headers=headers, name=name, catch_response=True) as response:
                if response.status_code == 201:
                    answer: dict[str, Any] = response.json()
                    return answer
                if response.status_code in LATER:
                    response.failure(f"status {response.status_code}, to be sent again")
                    continue
                code = response.json().get("code")
                if code in ORDINARY_REFUSALS:
                    response.success()
                else:
                    response.failure(str(code))
                return None
        return None
