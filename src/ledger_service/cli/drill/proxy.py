"""A TCP proxy that misbehaves on request: swallows what passes, or cuts a connection just when its answer comes."""

import asyncio
import random
from contextlib import suppress

HOST = "127.0.0.1"
CHUNK_BYTES = 1 << 16


class Proxy:
    """One port in front of another. Enter it with `async with`."""

    def __init__(self, host: str, port: int, seed: int) -> None:
        self.host = host
        self.behind = port
        self.chance = random.Random(seed)  # noqa: S311 - draws faults, protects nothing
        self.cut_share = 0.0
        """The share of answers that are lost: they were given, and never arrive."""
        self.cut = 0
        self.passing = asyncio.Event()
        self.passing.set()
        self.server: asyncio.Server | None = None
        self.open: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self.server = await asyncio.start_server(self.accept, HOST, 0)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self.server is not None  # noqa: S101 - entered
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        for writer in list(self.open):
            writer.close()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self.server is not None  # noqa: S101 - entered
        return int(self.server.sockets[0].getsockname()[1])

    def swallow(self) -> None:
        """From now on nothing passes, and nobody is told: connections stay open, new ones are accepted."""
        self.passing.clear()

    def let_pass(self) -> None:
        """What was swallowed stays lost to those who gave up; what still waits goes on."""
        self.passing.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - start_server runs it in one
        self.tasks.add(task)
        self.open.add(writer)
        other: asyncio.StreamWriter | None = None
        try:
            await self.passing.wait()
            behind, other = await asyncio.open_connection(self.host, self.behind)
            self.open.add(other)
            ways = [
                asyncio.create_task(self.carry(reader, other, is_answer=False)),
                asyncio.create_task(self.carry(behind, writer, is_answer=True)),
            ]
            self.tasks.update(ways)
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
                self.tasks.discard(way)
        except (OSError, asyncio.CancelledError):
            pass  # whoever cancels it takes the proxy down; raised, it would be printed by the streams
        finally:
            for one in (writer, other):
                if one is not None:
                    self.open.discard(one)
                    with suppress(OSError, RuntimeError):
                        one.close()
            self.tasks.discard(task)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        """Pass on what comes, until it ends."""
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self.passing.wait()
                if is_answer and self.chance.random() < self.cut_share:
                    self.cut += 1
                    return
                writer.write(data)
                await writer.drain()
