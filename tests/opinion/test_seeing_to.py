"""What operators do with a tip from day to day: due dates, assignment, answers, and what a county's operators may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.opinion.queries import Calendar
from services.opinion.rules import due_on, may_be_due
from services.opinion.status import Status, status_of
from shared.access.roles import Role
from shared.contracts.refusals import Refusal
from tests.opinion.harness import correction_body, correction_of, opinion_at, signed_in, tip_body, tip_of
from tests.training.harness import GUTIAN, JIAOCHENG, SHANGHAI, XIAPU, Service, at, refused

TODAY = datetime.now(UTC).astimezone(SHANGHAI).date()


def days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


async def listed(opinion: Service, **query: Any) -> list[str]:
    answer = await opinion.get("/tips", **query)
    assert answer.status_code == 200, answer.text
    return [tip["tip_id"] for tip in answer.json()["items"]]


def test_a_tip_is_due_some_local_days_after_its_report() -> None:
    assert due_on(at("2014-07-28 23:59"), SHANGHAI, 7) == at("2014-08-04 00:00").date()
    assert due_on(at("2014-07-29 00:01"), SHANGHAI, 7) == at("2014-08-05 00:00").date()
    reported_at = at("2014-07-28 10:00")
    assert may_be_due(reported_at.date(), reported_at, SHANGHAI) is None
    for day, code in ((-1, "out_of_order_date"), (367, "time_out_of_range")):
        refusal = may_be_due(reported_at.date() + timedelta(days=day), reported_at, SHANGHAI)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.pointer) == (code, "/due_on")


async def test_overdue_tips(database_url: str) -> None:
    async with opinion_at(database_url, tip_due_days=5) as opinion:
        late, resolved, void, fresh, longer = [
            await tip_of(opinion, reported_at=days_ago(days)) for days in (6, 6, 6, 5, 6)
        ]
        await opinion.post(f"/tips/{resolved}/resolve", {"outcome": "answered", "answered": True})
        await opinion.post(f"/tips/{void}/void", {"reason": "spam"})
        answer = await opinion.post(f"/tips/{longer}/due", {"due_on": (TODAY + timedelta(days=9)).isoformat()})
        assert answer.json()["due_on"] == (TODAY + timedelta(days=9)).isoformat()
        assert await listed(opinion, overdue=True) == [late]
        assert await listed(opinion, overdue=False) == [resolved, void, fresh, longer]
        shown = (await opinion.get(f"/tips/{late}")).json()
        assert (shown["overdue"], shown["due_on"]) == (True, (TODAY - timedelta(days=1)).isoformat())
        assert await opinion.events("due") == [], "other systems learn of facts, not of plans"


async def test_triage_may_put_topic_and_date_right(opinion: Service) -> None:
    tip_id = await tip_of(opinion, topic="other")
    early = {"responsible_unit_id": JIAOCHENG, "due_on": "2014-07-27"}
    assert refused(await opinion.post(f"/tips/{tip_id}/triage", early)) == (422, "out_of_order_date", "/due_on")
    answer = await opinion.post(
        f"/tips/{tip_id}/triage", {"responsible_unit_id": JIAOCHENG, "topic": "housing", "due_on": "2014-08-30"}
    )
    assert (answer.json()["topic"], answer.json()["due_on"]) == ("housing", "2014-08-30")
    assert await listed(opinion, topic="housing") == [tip_id]
    [reported] = await opinion.events("tip_reported")
    assert reported.data.topic == "other", "what was told stays told"


async def test_assignment(opinion: Service) -> None:
    tip_id = await tip_of(opinion)
    async with (
        signed_in(opinion, Role.COUNTY_OPERATOR, county=JIAOCHENG) as desk,
        signed_in(opinion, Role.COUNTY_OPERATOR, county=XIAPU),
        signed_in(opinion, Role.COMMITTEE),
    ):
        answer = await desk.post(f"/tips/{tip_id}/assign", {"assigned_to": f"desk-{JIAOCHENG}"})
        assert (answer.status_code, answer.json()["assigned_to"]) == (200, f"desk-{JIAOCHENG}")
        assert await listed(opinion, assigned_to=f"desk-{JIAOCHENG}") == [tip_id]
        for name in (f"desk-{XIAPU}", "committee-desk", "nobody"):
            answer = await desk.post(f"/tips/{tip_id}/assign", {"assigned_to": name})
            assert refused(answer) == (422, "schema", "/assigned_to"), name
        await desk.post(f"/tips/{tip_id}/triage", {"responsible_unit_id": JIAOCHENG})
        assert (await desk.post(f"/tips/{tip_id}/assign", {"assigned_to": None})).json()["assigned_to"] is None
        await desk.post(f"/tips/{tip_id}/void", {"reason": "test"})
        for step, body in (
            ("assign", {"assigned_to": None}),
            ("due", {"due_on": "2014-08-30"}),
            ("answer", {"answer": "好"}),
        ):
            assert refused(await desk.post(f"/tips/{tip_id}/{step}", body))[:2] == (409, "invalid_state")
    assert len(await opinion.events()) == 3


async def test_a_county_sees_to_its_tips_and_those_given_to_it(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit(XIAPU), opinion.roster.unit(GUTIAN))
    own, given, foreign = [await tip_of(opinion, unit_id=unit) for unit in (XIAPU, JIAOCHENG, JIAOCHENG)]
    await opinion.post(f"/tips/{given}/triage", {"responsible_unit_id": XIAPU})
    steps: list[tuple[str, dict[str, Any]]] = [
        ("triage", {"responsible_unit_id": XIAPU}),
        ("assign", {"assigned_to": None}),
        ("due", {"due_on": "2014-08-30"}),
        ("answer", {"answer": "正在核实。"}),
        ("resolve", {"outcome": "answered", "answered": True}),
        ("void", {"reason": "test"}),
    ]
    async with signed_in(opinion, Role.COUNTY_OPERATOR, county=XIAPU) as desk:
        assert await listed(desk) == [own, given]
        for tip_id, status in ((own, 200), (given, 200), (foreign, 403)):
            assert (await desk.get(f"/tips/{tip_id}")).status_code == status
        for step, body in steps:
            assert refused(await desk.post(f"/tips/{foreign}/{step}", body))[:2] == (403, "forbidden"), step
        for step, body in steps[1:]:
            assert (await desk.post(f"/tips/{given}/{step}", body)).status_code == 200, step
        merge = {"reason": "duplicate", "merged_into": foreign}
        assert refused(await desk.post(f"/tips/{own}/void", merge))[:2] == (403, "forbidden")
        assert refused(await desk.post("/tips", tip_body(unit_id=GUTIAN)))[:2] == (403, "forbidden")
        assert (await desk.post("/tips", tip_body(unit_id=XIAPU))).status_code == 201
    assert await listed(opinion) != await listed(opinion, unit_id=XIAPU)


async def test_a_county_sees_to_its_corrections(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit(XIAPU))
    foreign = await correction_of(opinion)
    async with signed_in(opinion, Role.COUNTY_OPERATOR, county=XIAPU) as desk:
        assert (await desk.get("/corrections")).json()["items"] == []
        assert (await desk.get(f"/corrections/{foreign}")).status_code == 403
        for step, body in (
            ("claim", {"claim": "青少年宫收费"}),
            ("evidence", {"evidence": [{"link": "https://a.example"}]}),
            ("timeline", {"text": "记者来电"}),
            ("close", {"outcome": "clarified", "media_met": True, "evidence": [], "official_source": None}),
        ):
            answer = await desk.post(f"/corrections/{foreign}/{step}", body)
            assert refused(answer)[0] in (403, 422), step
            if step != "close":
                assert refused(answer)[1] == "forbidden", step
        assert refused(await desk.post("/corrections", correction_body()))[:2] == (403, "forbidden")
        assert (await desk.post("/corrections", correction_body(unit_id=XIAPU))).status_code == 201


@pytest.mark.parametrize("roles", [(), (Role.COMMITTEE,), (Role.AUDITOR,), (Role.OPS,)])
async def test_only_operators_write(opinion: Service, roles: tuple[Role, ...]) -> None:
    tip_id = await tip_of(opinion)
    async with signed_in(opinion, *roles) as other:
        for path, body in (
            ("/tips", tip_body()),
            (f"/tips/{tip_id}/void", {"reason": "test"}),
            ("/corrections", correction_body()),
        ):
            assert (await other.post(path, body)).status_code == (403 if roles else 401)
        may_read = roles in ((Role.COMMITTEE,), (Role.AUDITOR,))
        for path in ("/tips", f"/tips/{tip_id}", "/corrections"):
            assert ((await other.get(path)).status_code == 200) == may_read, path
    assert len(await opinion.events()) == 1


# -- the private link --------------------------------------------------------------------------------------------------


async def told(opinion: Service, token: str) -> Status | None:
    async with opinion.transaction() as connection:
        return await status_of(connection, Calendar(SHANGHAI, 7, datetime.now(UTC)), token)


async def reported_with_link(opinion: Service, **change: Any) -> tuple[str, str]:
    """A tip's id, and the token of its private link."""
    await opinion.know(opinion.roster.unit())
    answer = await opinion.post("/tips", tip_body(**change))
    path, _, relation = answer.headers["link"].partition("; ")
    assert relation == 'rel="monitor"'
    return answer.json()["tip_id"], path.strip("<>").removeprefix("/opinion/status/")


async def test_the_private_link_tells_what_became_of_a_tip(opinion: Service) -> None:
    tip_id, token = await reported_with_link(opinion, topic="other")
    assert len(token) >= 43
    assert token.encode() not in await opinion.pool.fetchval("select status_hash from tip")
    status = await told(opinion, token)
    assert status is not None
    assert (status.state, status.due_on, status.answer, status.unit) == (
        "reported", at("2014-08-04 00:00").date(), None, {"zh": JIAOCHENG},
    )  # fmt: skip
    await opinion.post(f"/tips/{tip_id}/answer", {"answer": "正在核实。"})
    body = {"outcome": "acted", "answered": True, "answer": "八月底起每周六办一次。"}
    await opinion.post(f"/tips/{tip_id}/resolve", body)
    status = await told(opinion, token)
    assert status is not None
    assert (status.state, status.outcome, status.answer) == ("resolved", "acted", "八月底起每周六办一次。")
    assert await told(opinion, token[:-1]) is None


async def test_the_token_is_kept_nowhere(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit())
    first = await opinion.post("/tips", tip_body(), Idempotency_Key="k")
    again = await opinion.post("/tips", tip_body(), Idempotency_Key="k")
    assert ("link" in first.headers, "link" in again.headers) == (True, False)
    assert first.json() == again.json()
    kept = await opinion.pool.fetchval("select headers::text || convert_from(body, 'UTF8') from idempotency_key")
    assert "status/" not in kept


async def test_the_link_of_a_duplicate_follows_to_the_tip_that_stands(opinion: Service) -> None:
    stands, _ = await reported_with_link(opinion)
    middle, _ = await reported_with_link(opinion)
    last, token = await reported_with_link(opinion)
    await opinion.post(f"/tips/{last}/void", {"reason": "duplicate", "merged_into": middle})
    await opinion.post(f"/tips/{middle}/void", {"reason": "duplicate", "merged_into": stands})
    await opinion.post(f"/tips/{stands}/resolve", {"outcome": "answered", "answered": True, "answer": "已修复。"})
    status = await told(opinion, token)
    assert status is not None
    assert (status.state, status.answer, status.merged) == ("resolved", "已修复。", True)


async def test_answers_are_screened_and_follow_from_being_answered(opinion: Service) -> None:
    tip_id = await tip_of(opinion)
    for text, code in (("请联系13800138000", "personal_data"), ("已找李建国谈话", "person_targeted")):
        assert refused(await opinion.post(f"/tips/{tip_id}/answer", {"answer": text})) == (422, code, "/answer")
        body = {"outcome": "answered", "answered": True, "answer": text}
        assert refused(await opinion.post(f"/tips/{tip_id}/resolve", body)) == (422, code, "/answer")
    body = {"outcome": "answered", "answered": False, "answer": "好"}
    assert refused(await opinion.post(f"/tips/{tip_id}/resolve", body)) == (422, "schema", "/answered")
