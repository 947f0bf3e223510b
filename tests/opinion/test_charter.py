"""The charter's rules as they meet opinion: each a refused input or something that is not there."""

import re
from typing import Any, get_args

import pytest

from services.opinion.app import create_api
from services.opinion.retention import Retention
from services.opinion.worker import create_worker
from shared.contracts.opinion import CorrectionOutcome
from tests.opinion.harness import closing_body, correction_of, retention_of, tip_body, tip_of, tip_report
from tests.support.services import settings_for
from tests.training.harness import JIAOCHENG, Service, codes, refused
from tests.training.test_charter import VETTING, names_in

PERSON = {
    "author", "handle", "profile", "nickname", "username", "user", "person", "suspect", "name", "phone", "email", "mail",
    "address", "account", "poster",
}  # fmt: skip
PRESSURE = {
    "takedown",
    "complaint",
    "complain",
    "delete",
    "remove",
    "block",
    "ban",
    "censor",
    "warn",
    "pressure",
    "police",
}


def words_of_the_api() -> set[str]:
    names = set(names_in(create_api(settings_for("postgresql://nowhere/none")).openapi()))
    assert {"tips", "corrections", "relayed_by", "official_source"} <= names, "the walk misses what is there"
    return {word for name in names for word in re.split(r"[^a-z]+", name.lower())}


# -- C4 ----------------------------------------------------------------------------------------------------------------


def test_c4_no_field_for_an_author_a_handle_or_a_profile() -> None:
    assert words_of_the_api() & PERSON == set()


@pytest.mark.parametrize("field", ["author", "handle", "profile_url", "name", "phone", "link", "about"])
async def test_c4_unknown_fields_are_refused(opinion: Service, field: str) -> None:
    await opinion.know(opinion.roster.unit())
    answer = await opinion.post("/tips", tip_body(**{field: "x"}))
    assert refused(answer) == (422, "schema", f"/{field}")
    assert codes(await opinion.take(tip_report(**{field: "x"}))) == ["schema"]


@pytest.mark.parametrize("door", ["http", "intake"])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("请回电13800138000，路灯坏了。", "personal_data"),
        ("我的身份证11010519491231002X，补贴没到账。", "personal_data"),
        ("加我微信 lin_xiaohai88 细说。", "personal_data"),
        ("看 https://weibo.com/u/1234567890 的照片。", "personal_data"),
        ("网民某某发帖抹黑学校，请处理。", "person_targeted"),
        ("请查清发帖人是谁。", "person_targeted"),
        ("User nightowl77 posted that the water is poisoned.", "person_targeted"),
        ("拨打12345两次，路灯还是没亮，见 https://www.nd.example/notice/1 。", None),
    ],
)
async def test_c4_both_doors_screen_alike(opinion: Service, door: str, text: str, code: str | None) -> None:
    await opinion.know(opinion.roster.unit())
    if door == "http":
        answer = await opinion.post("/tips", tip_body(text=text))
        assert (None if answer.status_code == 201 else answer.json()["code"]) == code
        told = answer.text
    else:
        [[answer]] = await opinion.take(tip_report(text=text))
        assert answer["data"].get("code") == code
        told = str(answer)
    assert "13800138000" not in told
    assert "xiaohai" not in told
    assert len(await opinion.events()) == (code is None)


async def test_c4_a_tip_found_to_be_about_a_person_loses_its_text_at_once(opinion: Service) -> None:
    tip_id = await tip_of(opinion)
    await opinion.post(f"/tips/{tip_id}/void", {"reason": "about_a_person"})
    shown = (await opinion.get(f"/tips/{tip_id}")).json()
    assert (shown["text"], shown["text_erased_at"] is None) == (None, False)


# -- C5 ----------------------------------------------------------------------------------------------------------------


async def test_c5_texts_are_erased_when_they_are_needed_no_longer(opinion: Service) -> None:
    assert retention_of(opinion).kept.days == 180
    open_tip, fresh, resolved, voided = [await tip_of(opinion) for _ in range(4)]
    for tip_id in (fresh, resolved):
        await opinion.post(f"/tips/{tip_id}/resolve", {"outcome": "answered", "answered": True})
    await opinion.post(f"/tips/{voided}/void", {"reason": "spam"})

    async def age(tip_id: str, column: str, days: int) -> None:
        await opinion.pool.execute(
            f"update tip set {column} = now() - make_interval(days => $2) where tip_id = $1::text::uuid", tip_id, days
        )

    await age(open_tip, "reported_at", 3650)
    await age(fresh, "resolved_at", 179)
    await age(resolved, "resolved_at", 181)
    await age(voided, "voided_at", 181)
    async with opinion.transaction() as connection:
        assert await retention_of(opinion).erase_old_texts(connection) == 2
        assert await retention_of(opinion).erase_old_texts(connection) == 0

    shown = {tip_id: (await opinion.get(f"/tips/{tip_id}")).json() for tip_id in (open_tip, fresh, resolved, voided)}
    assert [shown[tip_id]["text"] is None for tip_id in shown] == [False, False, True, True]
    assert [shown[tip_id]["text_erased_at"] is None for tip_id in shown] == [True, True, False, False]
    assert shown[resolved]["resolved"]["outcome"] == "answered", "only the text goes"


async def test_c5_a_resolved_tip_voided_later_keeps_its_text_no_longer(opinion: Service) -> None:
    tip_id = await tip_of(opinion)
    await opinion.post(f"/tips/{tip_id}/resolve", {"outcome": "answered", "answered": True})
    await opinion.post(f"/tips/{tip_id}/void", {"reason": "error"})
    await opinion.pool.execute("update tip set resolved_at = now() - interval '181 days'")
    async with opinion.transaction() as connection:
        assert await retention_of(opinion).erase_old_texts(connection) == 1


def test_c5_the_worker_runs_the_retention_job() -> None:
    worker = create_worker(settings_for("postgresql://nowhere/none"))
    assert {Retention.erase_old_texts, Retention.erase_needless_contacts} <= {
        getattr(job, "__func__", None) for job in worker._jobs
    }


# -- C6 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", get_args(CorrectionOutcome))
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"evidence": []}, "no_evidence"),
        ({"evidence": None}, "no_evidence"),
        ({"official_source": None}, "no_source"),
        ({"official_source": ""}, "no_source"),
        ({"official_source": "http://www.ningde.example/notice"}, "no_source"),
        ({"official_source": "市政府"}, "no_source"),
    ],
)
async def test_c6_no_correction_without_evidence_and_official_source(
    opinion: Service, outcome: str, change: dict[str, Any], code: str
) -> None:
    case_id = await correction_of(opinion)
    body = {name: value for name, value in (closing_body(outcome=outcome) | change).items() if value is not None}
    answer = await opinion.post(f"/corrections/{case_id}/close", body)
    assert refused(answer)[:2] == (422, code)
    assert await opinion.events("closed") == []


async def test_c6_the_report_was_right_is_worth_as_much_as_clarified(opinion: Service) -> None:
    told: dict[str, Any] = {}
    for outcome in ("clarified", "partly_right_fixed", "right_fixed"):
        case_id = await correction_of(opinion)
        answer = await opinion.post(f"/corrections/{case_id}/close", closing_body(outcome=outcome))
        assert answer.status_code == 200
        assert answer.json()["closed"]["outcome"] == outcome
    for event in await opinion.events("closed"):
        told[event.data.outcome] = (event.county, event.time, event.data.evidence_count, event.data.media_met)
    assert len(told) == 3
    assert len(set(told.values())) == 1, "the events differ in nothing but the outcome"
    assert next(iter(told.values()))[0] == JIAOCHENG


def test_c6_no_takedown_complaint_or_pressure_workflow() -> None:
    assert words_of_the_api() & PRESSURE == set()
    paths = create_api(settings_for("postgresql://nowhere/none")).openapi()["paths"]
    assert {path.removeprefix("/api/v1/corrections") for path in paths if "/corrections" in path} == {
        "",
        "/{case_id}",
        "/{case_id}/claim",
        "/{case_id}/evidence",
        "/{case_id}/timeline",
        "/{case_id}/close",
        "/api/v1/public/corrections",
        "/api/v1/public/corrections/{case_id}",
    }


# -- C9 ----------------------------------------------------------------------------------------------------------------


def test_c9_no_field_to_vet() -> None:
    assert words_of_the_api() & VETTING == set()
