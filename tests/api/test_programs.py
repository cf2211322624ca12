"""Programs and their settings over HTTP."""

from typing import Any

import pytest

from ledger_service.api.configuration import MadeProgram, ProgramVersions, ProgramView
from ledger_service.api.configuration import Programs as ProgramsView
from ledger_service.api.settings_document import SettingsDocument, settings_schema
from tests.api.shop import Shop, fresh_key, fresh_slug


async def test_settings_are_changed_by_who_knows_what_they_are(shop: Shop) -> None:
    read = await shop.get("/v1/program")
    program = ProgramView.model_validate(read.json())
    assert program.slug.startswith("demo-")
    assert (program.mode, program.version, read.headers["etag"]) == ("live", 1, '"1"')
    document = {"auto_open": True, "limits": {"max_points_per_entry": 100}}
    changed = await shop.call("PUT", "/v1/program", document, if_match='"1"')
    assert (changed.status_code, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"2"')
    assert changed.json()["settings"] == document
    assert (await shop.get("/v1/program")).json() == changed.json()


async def test_settings_decide_what_comes_after_them(shop: Shop) -> None:
    assert (await shop.post("/v1/accounts/m-1/earn", {"points": 5})).status_code == 404
    await shop.call("PUT", "/v1/program", {"auto_open": True, "limits": {"max_points_per_entry": 100}}, if_match='"1"')
    earned = await shop.post("/v1/accounts/m-1/earn", {"points": 5})
    assert (earned.status_code, earned.json()["rule_version"]) == (201, 2)
    refused = await shop.post("/v1/accounts/m-1/earn", {"points": 101})
    assert (refused.json()["code"], refused.json()["limit"]) == ("limit_exceeded", 100)


async def test_a_change_without_or_with_an_old_version_is_refused(shop: Shop) -> None:
    missing = await shop.call("PUT", "/v1/program", {})
    assert (missing.status_code, missing.json()["code"]) == (428, "version_required")
    for stale in ('"2"', '"0"', "1", "*", 'W/"1"'):
        answer = await shop.call("PUT", "/v1/program", {}, if_match=stale)
        assert (answer.status_code, answer.json()["code"]) == (412, "version_mismatch"), stale
    assert (await shop.get("/v1/program")).json()["version"] == 1


async def test_settings_that_do_not_fit_are_refused_with_a_pointer(shop: Shop) -> None:
    wrong = {"expiry": {"mode": "after", "months": 0}, "rules": [{"id": "a", "type": "visit", "points": 1, "per": "1"}]}
    answer = await shop.call("PUT", "/v1/program", wrong, if_match='"1"')
    errors = answer.json()["errors"]
    assert (answer.status_code, [each["pointer"] for each in errors]) == (422, ["/expiry/months", "/rules/0/per"])
    assert (await shop.get("/v1/program")).json()["version"] == 1


async def test_the_whole_document_is_kept_as_it_was_sent(shop: Shop) -> None:
    document = SettingsDocument.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    changed = await shop.call("PUT", "/v1/program", document, if_match='"1"')
    assert (changed.status_code, changed.json()["settings"]) == (200, document)


async def test_the_schema_of_the_settings_is_there_for_editors(shop: Shop) -> None:
    read = await shop.get("/v1/program/schema")
    assert (read.status_code, read.json()) == (200, settings_schema())
    assert (await (await shop.key("read")).get("/v1/program/schema")).status_code == 403


async def test_every_version_stays(shop: Shop) -> None:
    await shop.call("PUT", "/v1/program", {"currency": "EUR"}, if_match='"1"')
    versions = ProgramVersions.model_validate((await shop.get("/v1/program/versions")).json()).data
    assert [(version.version, version.settings.currency) for version in versions] == [(2, "EUR"), (1, None)]


async def test_the_program_is_unchanged_for_who_has_it(shop: Shop) -> None:
    assert (await shop.get("/v1/program", if_none_match='"1"')).status_code == 304


async def test_an_operator_makes_a_program_and_its_key_is_shown_once(shop: Shop) -> None:
    operator = await shop.key("operator")
    key = fresh_key()
    slug = fresh_slug("coffee-club")
    body: dict[str, Any] = {"slug": slug, "mode": "test", "settings": {"auto_open": True}}
    first = await operator.post("/v1/programs", body, idempotency_key=key)
    assert first.status_code == 201
    made = MadeProgram.model_validate(first.json())
    assert (made.slug, made.version, made.settings.auto_open) == (slug, 1, True)
    assert made.api_key is not None
    assert made.api_key.startswith("lsk_test_")
    assert (await shop.with_token(made.api_key).get("/v1/program")).json()["slug"] == slug
    again = await operator.post("/v1/programs", body, idempotency_key=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json() == first.json() | {"api_key": None}
    listed = ProgramsView.model_validate((await operator.get("/v1/programs")).json())
    own = (await shop.get("/v1/program")).json()["slug"]
    assert [program.slug for program in listed.data][-2:] == [own, slug]


async def test_a_slug_is_taken_once_and_a_key_stands_for_one_program(shop: Shop) -> None:
    operator = await shop.key("operator")
    key = fresh_key()
    body = {"slug": fresh_slug("coffee-club"), "mode": "live"}
    await operator.post("/v1/programs", body, idempotency_key=key)
    taken = await operator.post("/v1/programs", body)
    assert (taken.status_code, taken.json()["code"]) == (409, "program_exists")
    reused = await operator.post("/v1/programs", {"slug": fresh_slug("tea-club"), "mode": "live"}, idempotency_key=key)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"slug": "Coffee", "mode": "live"}, "/slug"),
        ({"slug": "", "mode": "live"}, "/slug"),
        ({"slug": "x" * 41, "mode": "live"}, "/slug"),
        ({"slug": "coffee", "mode": "trial"}, "/mode"),
        ({"slug": "coffee", "mode": "live", "clock": "2026-01-01T00:00:00Z"}, ""),
        ({"slug": "coffee", "mode": "live", "settings": {"rules": {}}}, "/settings/rules"),
    ],
)
async def test_a_program_that_does_not_fit_is_refused(shop: Shop, body: Any, pointer: str) -> None:
    answer = await (await shop.key("operator")).post("/v1/programs", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_test_program_starts_at_its_clock(shop: Shop) -> None:
    operator = await shop.key("operator")
    body = {"slug": fresh_slug("t"), "mode": "test", "settings": {"auto_open": True}, "clock": "2031-01-01T00:00:00Z"}
    token = (await operator.post("/v1/programs", body)).json()["api_key"]
    posted = await shop.with_token(token).post("/v1/accounts/m-1/earn", {"points": 5})
    assert posted.json()["occurred_at"] == "2031-01-01T00:00:00Z"
