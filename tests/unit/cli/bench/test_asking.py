"""What clients ask: the mix of a shop in its shares, keys that never come twice, captures of what is held."""

import json
from collections import Counter

from ledger_service.cli.bench.asking import BULK_OPERATIONS, Asking


def asking(scenario: str, *, tokens: tuple[str, ...] = ("t",), run: str = "r", random_keys: bool = False) -> Asking:
    return Asking(scenario, "host", tokens, 50, run, random_keys)


def key_of(request: bytes) -> str:
    return request.partition(b"Idempotency-Key: ")[2].partition(b"\r\n")[0].decode()


def kind_of(request: bytes) -> str:
    method, path, _ = request.decode().split(" ", 2)
    return method if method == "GET" else path.rpartition("/")[2]


def test_a_shop_looks_earns_redeems_and_holds_in_its_shares() -> None:
    shop = asking("shop")
    kinds = Counter(kind_of(shop.request()) for _ in range(20_000))
    shares = {kind: round(count / 20_000, 2) for kind, count in kinds.items()}
    assert shares == {"GET": 0.70, "earn": 0.20, "redeem": 0.08, "holds": 0.02}


def test_a_hold_is_captured_by_the_next_request() -> None:
    shop = asking("shop")
    assert shop.told(201, b'{"hold_id":"hold_7","status":"open"}') == 1
    assert b"POST /v1/holds/hold_7/capture " in shop.request()
    assert b"capture" not in shop.request()


def test_only_what_was_written_counts_as_posted() -> None:
    shop = asking("shop")
    assert [shop.told(status, b"{}") for status in (200, 201, 409, 503)] == [0, 1, 0, 0]
    assert asking("bulk").told(200, b'{"results":[{"status":201},{"status":503},{"status":201}]}') == 2


def test_keys_never_come_twice_in_order_or_at_random() -> None:
    for random_keys in (False, True):
        earns = asking("earn", random_keys=random_keys)
        keys = [key_of(earns.request()) for _ in range(500)]
        assert len(set(keys)) == 500
        assert (len({key[:4] for key in keys}) > 400) is random_keys


def test_whoever_is_told_the_same_run_asks_the_same() -> None:
    one, same, other = asking("earn", run="1"), asking("earn", run="1"), asking("earn", run="2")
    requests = [[each.request() for _ in range(20)] for each in (one, same, other)]
    assert requests[0] == requests[1] != requests[2]


def test_many_programs_are_all_asked() -> None:
    tokens = tuple(f"token-{number}" for number in range(20))
    earns = asking("earn", tokens=tokens)
    asked = {earns.request().partition(b"Bearer ")[2].partition(b"\r")[0].decode() for _ in range(2000)}
    assert asked == set(tokens)


def test_a_bulk_is_full_and_each_operation_has_a_key_of_its_own() -> None:
    request = asking("bulk").request()
    head, _, body = request.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    operations = json.loads(body)["operations"]
    assert len({one["idempotency_key"] for one in operations}) == BULK_OPERATIONS
