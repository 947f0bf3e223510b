"""Tips that other systems report: every answer they can get, on real PostgreSQL."""

from uuid import uuid4

from tests.opinion.harness import tip_report
from tests.training.harness import JIAOCHENG, XIAPU, Service, at, codes, pointers, report


async def test_tips_of_a_hotline(opinion: Service) -> None:
    volunteer = await opinion.volunteer()
    answers = await opinion.take(
        tip_report(channel="hotline", kind="question", topic="health"), tip_report(relayed_by=str(volunteer))
    )
    assert codes(answers) == ["accepted", "accepted"]
    events = await opinion.events("tip_reported")
    assert [answer["data"]["event_ids"] for [answer] in answers] == [[str(event.id)] for event in events]
    assert [answer["data"]["subjects"] for [answer] in answers] == [[f"tip/{event.data.tip_id}"] for event in events]
    assert [(event.county, event.time, event.data.relayed_by) for event in events] == [
        (JIAOCHENG, at("2014-07-28 10:00"), None),
        (JIAOCHENG, at("2014-07-28 10:00"), volunteer),
    ]
    shown = (await opinion.get(f"/tips/{events[0].data.tip_id}")).json()
    assert (shown["channel"], shown["state"]) == ("hotline", "reported")
    assert shown["text"].startswith("单身青年")
    sent = await opinion.pool.fetchval("select string_agg(convert_from(value, 'UTF8'), '') from outbox")
    assert "单身" not in sent


async def test_tips_refused_at_once(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit())
    refusals = [
        (tip_report(unit_id=XIAPU), "unknown_unit", "/data/unit_id"),
        (tip_report(relayed_by="我们的 4711"), "unknown_volunteer", "/data/relayed_by"),
        (tip_report(text="请回电13800138000。"), "personal_data", "/data/text"),
        (tip_report(text="举报张建国在群里造谣。"), "person_targeted", "/data/text"),
        # What must not be kept is not parked either.
        (tip_report(text="请回电13800138000。", relayed_by=str(uuid4())), "personal_data", "/data/text"),
        (tip_report(reported_at="1999-12-31T00:00:00Z"), "time_out_of_range", "/data/reported_at"),
        (tip_report(reported_at="9998-12-31T00:00:00Z"), "time_out_of_range", "/data/reported_at"),
        (tip_report(text=""), "schema", "/data/text"),
        (tip_report(text="字" * 4001), "schema", "/data/text"),
        (tip_report(reported_at=None), "schema", "/data/reported_at"),
        (tip_report(handle="@x"), "schema", "/data/handle"),
        (tip_report(text="字" * 30_000), "too_large", None),
        (tip_report() | {"type": "qingsheng.intake.tip_reported.v2"}, "unknown_type", "/type"),
        (tip_report() | {"time": "9998-01-01T00:00:00Z"}, "time_out_of_range", "/time"),
        (tip_report() | {"specversion": "0.3"}, "not_cloudevents", "/specversion"),
        (tip_report() | {"source": "/ext/others"}, "source_not_allowed", "/source"),
        (report("repost_withdrawn", {"report_id": "x", "reason": "error"}), "unknown_type", "/type"),
    ]
    answers = await opinion.take(*(told for told, _, _ in refusals))
    assert codes(answers) == [code for _, code, _ in refusals]
    assert pointers(answers) == [pointer for _, _, pointer in refusals]
    assert await opinion.events() == []
    assert await opinion.pool.fetchval("select count(*) from parked") == 0


async def test_a_report_said_again(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit())
    told = tip_report()
    [[first]] = await opinion.take(told)
    assert await opinion.take(told) == [[first]]
    assert codes(await opinion.take(tip_report(id=told["id"], kind="claim"))) == ["accepted+id_reused"]
    assert len(await opinion.events()) == 1
    # Two tips alike are two tips: whether one is a duplicate, people decide.
    assert codes(await opinion.take(tip_report(), tip_report())) == ["accepted", "accepted"]


async def test_a_tip_waits_for_who_relayed_it(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit())
    volunteer = uuid4()
    told, in_vain = tip_report(relayed_by=str(volunteer)), tip_report(relayed_by=str(uuid4()))
    assert codes(await opinion.take(told, in_vain)) == ["waiting", "waiting"]
    rows = await opinion.pool.fetch("select thing, awaits, request from parked")
    assert {row["awaits"] for row in rows} == {"qingsheng.roster.events"}
    assert f"volunteer/{volunteer}" in {row["thing"] for row in rows}
    assert all("单身".encode() not in row["request"] for row in rows), "what waits is sealed"
    await opinion.know(opinion.roster.registered(volunteer))
    assert await opinion.settle() == 1
    await opinion.let_waits_end()
    assert await opinion.settle() == 1
    answers = await opinion.answers()
    assert answers[told["id"]]["type"] == "qingsheng.intake.accepted.v1"
    refusal = answers[in_vain["id"]]["data"]
    assert (refusal["code"], refusal["pointer"]) == ("unknown_volunteer", "/data/relayed_by")
    [event] = await opinion.events()
    assert event.data.relayed_by == volunteer
