"""Going through the year day by day, as members, tills and the calendar do."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from ledger_service.cli.caller import Caller, CallFailed, detail_of
from ledger_service.cli.purchases.posting import Tally
from ledger_service.cli.year import happenings
from ledger_service.cli.year.baskets import Basket
from ledger_service.cli.year.happenings import Operation
from ledger_service.cli.year.sending import Result, send
from ledger_service.cli.year.told import POSTED, Told

BEFORE_MIDNIGHT = timedelta(seconds=1)
"""So much before its end a day is posted: what is recorded at midnight would belong to the next one."""


class Year:
    """The days of a file, lived once. What is posted on a day hangs on the seed and on earlier answers alone."""

    def __init__(self, caller: Caller, zone: ZoneInfo, seed: int, tally: Tally, moved: Callable[[], None]) -> None:
        self.caller = caller
        self.zone = zone
        self.seed = seed
        self.tally = tally
        self.moved = moved
        self.told = Told()
        self.tonight: list[Operation] = []
        """Captures and releases of the holds placed the day before."""
        self.returning: dict[date, list[Operation]] = defaultdict(list)

    async def live(self, baskets: Sequence[Basket]) -> Told:
        """Every day from the first basket's to the last one's. Raises CallFailed; the same call later goes on."""
        last = baskets[-1].day
        days = {day: list(bought) for day, bought in groupby(baskets, key=lambda basket: basket.day)}
        day = baskets[0].day
        while day <= last:
            await self.live_day(day, days.get(day, []))
            day += timedelta(days=1)
        return self.told

    async def live_day(self, day: date, baskets: list[Basket]) -> None:
        """The clock goes to the end of the day; then what happened arrives, as from tills that upload at night."""
        await self.advance(day_end(day, self.zone) - BEFORE_MIDNIGHT)
        earns = [happenings.earn(self.seed, basket) for basket in baskets]
        answers = await self.post(self.tonight + earns)
        earned = answers[len(self.tonight) :]
        self.tonight = []

        paying = self.payments(baskets, earned)
        payments = [operation for _, _, operation in paying]
        answers = await self.post(payments + self.returning.pop(day, []))
        for (basket, way, operation), (status, body) in zip(paying, answers, strict=False):
            if operation.body["op"] == "hold" and status in POSTED:
                end = happenings.end_of_hold(self.seed, basket, way, body)
                self.tonight += [] if end is None else [end]

        for basket in baskets:
            for back in happenings.returns_of(self.seed, basket):
                self.returning[back.day].append(happenings.refund(self.seed, basket, back))
        self.tally.read += len(baskets)
        self.tally.posted += len(baskets)
        self.moved()

    def payments(self, baskets: list[Basket], earned: list[Result]) -> list[tuple[Basket, happenings.Way, Operation]]:
        """Who pays with vouchers today: every household once at most, so that no answer hangs on another's."""
        paying: dict[str, tuple[Basket, happenings.Way, Operation]] = {}
        for basket, (status, entry) in zip(baskets, earned, strict=True):
            if status not in POSTED or basket.account_id in paying:
                continue
            available = entry["available_after"]
            way = happenings.way_of(self.seed, basket, available)
            if way is not None:
                operation = happenings.payment(self.seed, basket, way, available)
                paying[basket.account_id] = (basket, way, operation)
        return list(paying.values())

    async def post(self, operations: list[Operation]) -> list[Result]:
        """Send and count."""
        results = await send(self.caller, operations)
        for operation, result in zip(operations, results, strict=True):
            self.told.take(operation, result)
        return results

    async def advance(self, to: datetime) -> None:
        """Move the program's clock; where it is further already, an earlier run was there."""
        body = {"to": rfc3339(to)}
        response = await self.caller.post("/test-clock/advance", body, key="not-kept")
        if response.status_code == 422 and any(error["code"] == "backwards" for error in response.json()["errors"]):
            return
        if response.status_code != 200:
            raise CallFailed(f"The clock cannot be moved to {body['to']}: {detail_of(response)}")


def day_end(day: date, zone: ZoneInfo) -> datetime:
    """The local midnight that ends a day."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def day_begin(day: date, zone: ZoneInfo) -> datetime:
    """The local midnight that begins a day."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
