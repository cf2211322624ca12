"""Faults that callers make: copies, lost answers, other bodies under known keys, new keys for known orders."""

import asyncio
import hashlib
import json
from contextlib import AsyncExitStack
from time import monotonic_ns
from urllib.parse import urlsplit

from ledger_service.cli.drill.faults.crashes import FAILOVER_SECONDS_MAX
from ledger_service.cli.drill.faults.fault import Fault, a_cluster, anything
from ledger_service.cli.drill.operations import Operation, earning, operation
from ledger_service.cli.drill.proxy import Proxy
from ledger_service.cli.drill.rig import blocking
from ledger_service.cli.drill.scene import Scene
from ledger_service.cli.drill.schedule import Kind
from ledger_service.cli.drill.wire import Reply, Wire

COPIES = 1000
PATIENT_MS = 10_000
ORDERS = 20
KEYS_PER_ORDER = 5
LOST_SHARE = 0.3
ACROSS = 500
"""Settled keys that come again after the failover."""


async def send_copies(scene: Scene) -> None:
    """One request, a thousand times at once, to all instances."""
    made = an_earn(scene)
    wires = [Wire(url) for url in scene.rig.instance_urls or (scene.rig.url,)]
    asked = (scene.ask(wires[number % len(wires)], made, PATIENT_MS) for number in range(COPIES))
    replies = [reply for reply, _ in await asyncio.gather(*asked)]
    bodies = {hashlib.sha256(reply.body).hexdigest() for reply in replies if reply is not None}
    first = [reply for reply in replies if reply is not None and "idempotent-replayed" not in reply.headers]
    scene.claim(f"{COPIES} copies at once: all answered 201", all(is_created(reply) for reply in replies))
    scene.claim("with one and the same body", len(bodies) == 1)
    scene.claim("one of them first, the others replayed", len(first) == 1)
    for wire in wires:
        wire.close()


async def change_bodies(scene: Scene) -> None:
    """Known keys come with other bodies: of a success, and of a refusal."""
    wire = scene.load.wire
    account_id = scene.chance.choice(scene.load.crowd.account_ids())
    earned = an_earn(scene, account_id)
    first, _ = await scene.ask(wire, earned)
    other = earning(next(scene.numbers), account_id, (earned.points or 0) + 1, key=str(earned.key))
    changed, _ = await scene.ask(wire, other)
    again, _ = await scene.ask(wire, earned)
    scene.claim("another body under a key that posted: 422", status_of(changed) == 422)
    scene.claim("the first body again: the first answer", is_same(first, again))
    refused = a_redeem(scene, account_id, points=10**12)
    answer, _ = await scene.ask(wire, refused)
    smaller = a_redeem(scene, account_id, points=1, key=str(refused.key))
    changed, _ = await scene.ask(wire, smaller)
    again, _ = await scene.ask(wire, refused)
    scene.claim("a redeem beyond the balance: 409", status_of(answer) == 409)
    scene.claim("another body under a key that was refused: 422", status_of(changed) == 422)
    scene.claim("the refused body again: the same refusal", is_same(answer, again))


async def lose_answers(scene: Scene) -> None:
    """A proxy cuts connections just when the answer comes: written, and nobody was told."""
    parts = urlsplit(scene.rig.url)
    async with AsyncExitStack() as stack:
        proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or 80, scene.load.crowd.seed)
        await stack.enter_async_context(proxy)
        cutting = Wire(f"http://127.0.0.1:{proxy.port}")
        before, scene.load.wire = scene.load.wire, cutting
        proxy.cut_share = LOST_SHARE
        try:
            await scene.wait(scene.seconds)
        finally:
            proxy.cut_share = 0.0
            scene.load.wire = before
            await scene.answered(cutting)
            cutting.close()
        scene.claim(f"answers were lost: {proxy.cut}", proxy.cut > 0)


async def repeat_across_failover(scene: Scene) -> None:
    """The primary ends, and what was settled before comes again to its successor."""
    cluster = scene.rig.cluster
    earlier = scene.load.settled_keys[-ACROSS:]
    since_ns = monotonic_ns()
    await blocking(cluster.kill_postgres, await blocking(cluster.primary))
    scene.claim("writes came back without a human", await scene.writing_again(since_ns, FAILOVER_SECONDS_MAX))
    told = await scene.load.repeat_all(earlier)
    settled = sum(one.is_settled for one in told)
    scene.claim(f"keys from before the failover were replayed: {settled} of {len(told)}", settled == len(told))


async def repeat_orders(scene: Scene) -> None:
    """Tills that lost an answer come with a new key for the same order, several at once."""
    wire = scene.load.wire
    same, refused = 0, 0
    for _ in range(ORDERS):
        account_id = scene.chance.choice(scene.load.crowd.account_ids())
        points, order_id = scene.chance.randint(1, 60), f"{scene.load.crowd.run}-o{next(scene.numbers)}"
        tries = [an_earn(scene, account_id, points, order_id) for _ in range(KEYS_PER_ORDER)]
        replies = [reply for reply, _ in await asyncio.gather(*(scene.ask(wire, made) for made in tries))]
        seqs = {json.loads(reply.body).get("seq") for reply in replies if reply is not None}
        statuses = sorted(status_of(reply) or 0 for reply in replies)
        same += len(seqs) == 1 and statuses == [*[200] * (KEYS_PER_ORDER - 1), 201]
        dearer, _ = await scene.ask(wire, an_earn(scene, account_id, points + 1, order_id))
        refused += status_of(dearer) == 409
    scene.claim(f"new keys for one order: one entry, answered to all: {same} of {ORDERS}", same == ORDERS)
    scene.claim(f"other points for a known order: 409 in {refused} of {ORDERS}", refused == ORDERS)


def an_earn(
    scene: Scene, account_id: str | None = None, points: int | None = None, order_id: str | None = None
) -> Operation:
    """An earn under a key of its own."""
    number = next(scene.numbers)
    return earning(
        number,
        account_id or scene.chance.choice(scene.load.crowd.account_ids()),
        points or scene.chance.randint(1, 60),
        key=f"{scene.load.crowd.run}-{number}",
        order_id=order_id,
    )


def a_redeem(scene: Scene, account_id: str, points: int, key: str | None = None) -> Operation:
    """A redeem, by default under a key of its own."""
    number = next(scene.numbers)
    path = f"/v1/accounts/{account_id}/redeem"
    return operation(
        number, Kind.REDEEM, account_id, path, {"points": points}, key=key or f"{scene.load.crowd.run}-{number}"
    )


def status_of(reply: Reply | None) -> int | None:
    """None: there was no answer."""
    return None if reply is None else reply.status


def is_created(reply: Reply | None) -> bool:
    """Whether it says 201."""
    return status_of(reply) == 201


def is_same(one: Reply | None, other: Reply | None) -> bool:
    """Whether both were answered alike, to the byte."""
    return one is not None and other is not None and (one.status, one.body) == (other.status, other.body)


CALLERS = (
    Fault("F32", "one request a thousand times at once", send_copies, need=anything, watch_seconds=1.0),
    Fault("F33", "known keys come with other bodies", change_bodies, need=anything, watch_seconds=1.0),
    Fault(
        "F34",
        "answers are lost after the commit",
        lose_answers,
        need=anything,
        watch_seconds=1.0,
        lasts_seconds=8.0,
        replays_all=True,
    ),
    Fault(
        "F35",
        "the primary ends, and keys from before come again",
        repeat_across_failover,
        need=a_cluster,
        replays_all=True,
    ),
    Fault("F36", "tills repeat orders under new keys", repeat_orders, need=anything, watch_seconds=1.0),
)
