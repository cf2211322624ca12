"""The proxy turns away what an instance would refuse: when it is asked to, and never whom it should not."""

import asyncio
import json
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from ledger_service.api.problems import body_of
from ledger_service.cli.cluster.installed import find_daemons
from ledger_service.cli.cluster.proxy_settings import Backend, Proxied, haproxy_text
from ledger_service.errors import Failure

ROOM = 8
"""Asked for by the instance. As many as a key may have on its way whatever room there is."""
LONG = "date(3600000,ms)"
CREATED = b"HTTP/1.1 201 Created\r\n%bcontent-length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\n%bcontent-length: 2\r\n\r\n{}"
ROOM_HEADER = b"ledger-room: %d\r\n" % ROOM


def haproxy() -> str:
    """Where it is; empty where there is none."""
    try:
        return find_daemons(os.environ.get("PATH", ""))[1]
    except Failure:
        return ""


pytestmark = pytest.mark.skipif(not haproxy(), reason="NOT PROVEN: HAProxy is not installed")


@dataclass
class Instance:
    """An instance at our word: answers what it is told to, when it is told to."""

    answer: bytes = CREATED % b""
    came: int = 0
    is_holding: bool = False
    held: list[asyncio.Event] = field(default_factory=list)
    came_in: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                sizes = [
                    line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
                ]
                await reader.readexactly(int(sizes[0]) if sizes else 0)
                if not head.startswith(b"GET /readyz"):
                    await self.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" if b"/readyz" in head else self.answer)
        except (EOFError, ConnectionError):
            writer.close()

    async def wait(self) -> None:
        """Wait to be let go, if we hold."""
        async with self.came_in:
            self.came += 1
            self.came_in.notify_all()
        if self.is_holding:
            self.held.append(asyncio.Event())
            await self.held[-1].wait()

    async def until(self, came: int) -> None:
        """Return when so many came."""
        async with self.came_in:
            await asyncio.wait_for(self.came_in.wait_for(lambda: self.came >= came), 20)

    def let_go(self) -> None:
        """Answer all, and whoever comes from now on."""
        self.is_holding = False
        for one in self.held:
            one.set()


@dataclass
class Street:
    """Instances, the proxy before them, and a way to it."""

    instances: list[Instance]
    client: httpx2.AsyncClient
    coming: list[asyncio.Task[httpx2.Response]] = field(default_factory=list)

    @property
    def instance(self) -> Instance:
        """The first of them."""
        return self.instances[0]

    async def ask(self, path: str = "/v1/accounts/m-1/earn", key: str = "flood", **headers: str) -> httpx2.Response:
        return await self.client.post(path, content=b"{}", headers={"Authorization": f"Bearer {key}", **headers})

    async def hold(self, count: int, path: str = "/v1/accounts/m-1/earn", key: str = "flood") -> None:
        """Have so many more on their way."""
        self.instance.is_holding = True
        before = self.instance.came
        self.coming += [asyncio.create_task(self.ask(path, key)) for _ in range(count)]
        await self.instance.until(before + count)

    async def asked_for_less(self) -> None:
        """The instance refuses one, with the room it wants, and answers another."""
        self.instance.answer = REFUSED % ROOM_HEADER
        refused = await self.ask()
        assert (refused.status_code, refused.headers.get("ledger-room")) == (503, None)
        self.instance.answer = CREATED % b""
        assert (await self.ask()).status_code == 201


@asynccontextmanager
async def street(
    asked: str = LONG, answered: str = LONG, unasked: int = 128, reads: str = "int(1500)", instances: int = 1
) -> AsyncIterator[Street]:
    """With what is remembered for 100 and 250 ms remembered for as long as this."""
    found = [Instance() for _ in range(instances)]
    listening = [await asyncio.start_server(one.serve, "127.0.0.1", 0) for one in found]
    ports = [one.sockets[0].getsockname()[1] for one in listening]
    with tempfile.TemporaryDirectory(prefix="ledger-proxy-") as folder:
        proxy = Proxied(
            rw=f"unix@{folder}/rw",
            ro=f"unix@{folder}/ro",
            api=f"127.0.0.1:{free_port()}",
            databases=[],
            services=[Backend(f"service-{place}", f"127.0.0.1:{port}", port) for place, port in enumerate(ports, 1)],
        )
        text = haproxy_text(proxy)
        assert (text.count("date(100,ms)"), text.count("date(250,ms)"), text.count("int(128)")) == (2, 1, 1)
        text = text.replace("date(100,ms)", asked).replace("date(250,ms)", answered)
        settings = Path(folder) / "haproxy.cfg"
        assert text.count("int(1500)") == 1
        settings.write_text(text.replace("int(128)", f"int({unasked})").replace("int(1500)", reads))
        child = await asyncio.create_subprocess_exec(
            haproxy(), "-db", "-f", settings, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
            async with httpx2.AsyncClient(
                base_url=f"http://{proxy.api}", limits=limits, timeout=30, trust_env=False
            ) as client:
                await until_open(client)
                there = Street(found, client)
                yield there
                for one in found:
                    one.let_go()
                await asyncio.gather(*there.coming)
        finally:
            child.terminate()
            await child.wait()
            for one in listening:
                one.close()
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def until_open(client: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if (await client.get("/proxyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.02)


async def test_asked_for_less_it_turns_away_who_has_many_on_their_way_in_the_words_of_the_service():
    async with street() as asked:
        await asked.asked_for_less()
        await asked.hold(ROOM)
        turned_away = await asked.ask(**{"X-Request-Id": "till-7"})
        assert turned_away.status_code == 503
        assert turned_away.content == body_of("overloaded", "till-7")
        assert turned_away.headers["content-type"] == "application/problem+json"
        assert turned_away.headers["x-request-id"] == "till-7"
        assert turned_away.headers["cache-control"] == "no-store"
        assert turned_away.headers["retry-after"] in {"1", "2", "3"}


async def test_a_request_id_that_could_break_the_answer_is_replaced():
    async with street() as asked:
        await asked.asked_for_less()
        await asked.hold(ROOM)
        turned_away = await asked.ask(**{"X-Request-Id": '"},{"'})
        made = json.loads(turned_away.content)["request_id"]
        assert len(made) == 36
        assert turned_away.headers["x-request-id"] == made


async def test_a_redemption_has_half_as_much_room_again():
    async with street() as asked:
        await asked.asked_for_less()
        await asked.hold(ROOM)
        await asked.hold(ROOM // 2, "/v1/accounts/m-1/redeem")
        for path in ("redeem", "holds"):
            assert (await asked.ask(f"/v1/accounts/m-1/{path}")).status_code == 503


async def test_others_and_what_ends_something_begun_and_reads_are_let_through():
    async with street() as asked:
        await asked.asked_for_less()
        await asked.hold(ROOM)
        before = asked.instance.came
        for path, key in (
            ("/v1/accounts/m-1/earn", "other"),
            ("/v1/holds/h-1/capture", "flood"),
            ("/v1/holds/h-1/release", "flood"),
            ("/v1/accounts/m-1/entries/1/reverse", "flood"),
            ("/v1/bulk", "flood"),
        ):
            asked.coming.append(asyncio.create_task(asked.ask(path, key)))
        headers = {"Authorization": "Bearer flood"}
        asked.coming.append(asyncio.create_task(asked.client.get("/v1/accounts/m-1/balance", headers=headers)))
        await asked.instance.until(before + 6)


async def test_what_was_answered_is_not_on_its_way_any_more():
    async with street() as asked:
        await asked.asked_for_less()
        await asked.hold(ROOM)
        assert (await asked.ask()).status_code == 503
        asked.instance.let_go()
        await asyncio.gather(*asked.coming)
        assert (await asked.ask()).status_code == 201


async def test_while_nothing_is_answered_everybody_is_carried_as_through_a_failover():
    async with street(answered="date(0,ms)") as asked:
        await asked.asked_for_less()
        await asked.hold(4 * ROOM)


async def test_who_was_asked_for_less_forgets_it_when_less_came():
    async with street(asked="date(0,ms)") as asked:
        await asked.asked_for_less()
        await asked.hold(4 * ROOM)


async def test_unasked_it_lets_through_half_a_batch_for_each_instance():
    async with street(unasked=20) as unasked:
        assert (await unasked.ask()).status_code == 201
        await unasked.hold(20)
        assert (await unasked.ask()).status_code == 503


async def test_what_an_instance_that_stands_still_does_not_answer_we_answer_at_the_deadline_in_its_words():
    async with street() as still:
        still.instance.is_holding = True
        answer = await still.ask(**{"X-Request-Timeout-Ms": "200", "X-Request-Id": "till-7"})
        assert answer.status_code == 503
        assert answer.content == body_of("outcome_unknown", "till-7")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-request-id"] == "till-7"
        assert answer.headers["retry-after"] in {"1", "2", "3"}
        assert answer.elapsed.total_seconds() >= 0.3


async def test_a_read_that_is_not_answered_is_asked_again_and_a_post_is_not():
    async with street(reads="int(100)") as still:
        still.instance.is_holding = True
        headers = {"Authorization": "Bearer flood"}
        read = asyncio.create_task(still.client.get("/v1/accounts/m-1/balance", headers=headers))
        await still.instance.until(3)
        assert (await read).status_code == 503
        await still.ask(**{"X-Request-Timeout-Ms": "100"})
        assert still.instance.came == 4


async def test_a_read_leaves_an_instance_that_stands_still_long_before_its_deadline():
    headers = {"Authorization": "Bearer till", "X-Request-Timeout-Ms": "9000"}
    async with street(instances=2, reads="int(100)") as there:
        there.instance.is_holding = True
        for number in range(8):
            answer = await there.client.get(f"/v1/accounts/m-{number}/balance", headers=headers, timeout=5)
            assert answer.status_code == 201
        assert 0 < there.instance.came < 8
        assert there.instances[1].came == 8


async def test_an_account_is_one_instances_and_accounts_spread():
    headers = {"Authorization": "Bearer flood"}
    async with street(instances=2) as there:
        places = []
        for number in range(40):
            before = [one.came for one in there.instances]
            for verb in ("earn", "redeem", "holds"):
                await there.ask(f"/v1/accounts/m-{number}/{verb}")
            await there.client.get(f"/v1/accounts/m-{number}/balance", headers=headers)
            came = [one.came - earlier for one, earlier in zip(there.instances, before, strict=True)]
            assert sorted(came) == [0, 4]
            places.append(came.index(4))
        assert 10 <= sum(places) <= 30


async def test_an_instance_with_half_as_much_again_on_its_way_passes_on_the_rest_of_a_hot_account():
    async with street(instances=2) as there:
        for one in there.instances:
            one.is_holding = True
        for _ in range(40):  # one after the other, so that each finds those before it counted
            arriving = [asyncio.create_task(one.until(one.came + 1)) for one in there.instances]
            there.coming.append(asyncio.create_task(there.ask("/v1/accounts/hot/earn")))
            _, elsewhere = await asyncio.wait(arriving, return_when=asyncio.FIRST_COMPLETED)
            for waiting in elsewhere:
                waiting.cancel()
        assert sorted(one.came for one in there.instances) == [10, 30]
