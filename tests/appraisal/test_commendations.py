"""Commendations (charter C8): only of volunteers who opted in, approved by the committee, never in an order of merit."""

import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import docx
import pytest

from tests.appraisal.test_closing import NOW, A, B, half_a_year
from tests.support.appraisal import People, people
from tests.support.browsing import Visitor, words_of
from tests.support.event_log import EventLog

DAY = "2014-06-01"
BODY = {"unit_id": A, "opted_in_on": DAY}


@pytest.fixture
async def log() -> EventLog:
    return half_a_year()


@pytest.fixture
async def desk(database_url: str, log: EventLog) -> AsyncIterator[People]:
    async with people(database_url, [A, B]) as made:
        await made.take(log.events, NOW)
        yield made


def volunteers(log: EventLog, county: str) -> list[str]:
    """Every other one attended the training of May."""
    told = [event for event in log.events if event["type"].endswith("volunteer_registered.v1")]
    return [event["data"]["volunteer_id"] for event in told if event["county"] == county]


async def opted_in(desk: People, volunteer: str, who: str = A, status: int = 200, **change: Any) -> Any:
    answer = await desk.ask("PUT", f"/commendations/consents/{volunteer}", who, json=BODY | change)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_c8_a_commendation_without_opt_in_is_refused(desk: People, log: EventLog) -> None:
    trained = volunteers(log, A)[0]
    refused = await desk.post("/commendations/2014", {"volunteer_id": trained}, status=422)
    assert (refused["code"], refused["pointer"]) == ("not_eligible", "/volunteer_id")
    assert (await desk.get("/commendations/2014/proposals", "committee"))["items"] == []
    await opted_in(desk, trained)
    await desk.ask("DELETE", f"/commendations/consents/{trained}", A)
    await desk.post("/commendations/2014", {"volunteer_id": trained}, status=422)
    async with desk.reading() as connection:
        assert await connection.fetchval("select count(*) from commendation_consent") == 0
        assert await connection.fetchval("select count(*) from outbox") == 0


async def test_an_award_is_told_with_the_day_of_the_opt_in(desk: People, log: EventLog) -> None:
    trained = volunteers(log, A)[0]
    await opted_in(desk, trained)
    [proposed] = (await desk.get("/commendations/2014/proposals", "committee"))["items"]
    assert proposed == {
        "volunteer_id": trained, "unit_id": A, "county": A, "opted_in_on": DAY, "trainings": 1, "sharing_months": 0,
        "awarded_at": None,
    }  # fmt: skip
    await desk.post("/commendations/2014", {"volunteer_id": trained}, status=201)
    async with desk.reading() as connection:
        [row] = await connection.fetch("select value from outbox")
        lines = await connection.fetch("select action, subject from audit order by number")
    event = json.loads(row["value"])
    assert event["type"] == "qingsheng.appraisal.commendation_awarded.v1"
    assert event["data"] == {"volunteer_id": trained, "year": 2014, "unit_id": A, "opted_in_on": DAY}
    assert (event["county"], event["partitionkey"]) == (A, trained)
    assert [(line["action"], line["subject"]) for line in lines] == [
        ("commendation.opted_in", f"volunteer/{trained}"),
        ("commendation.awarded", f"volunteer/{trained}"),
    ]
    again = await desk.post("/commendations/2014", {"volunteer_id": trained}, status=409)
    assert again["code"] == "invalid_state"
    [awarded] = (await desk.get("/commendations/2014", A))["items"]
    assert awarded["volunteer_id"] == trained
    assert (await desk.get("/commendations/2014", B))["items"] == []


async def test_c8_proposals_come_by_unit_and_id_whatever_was_served(desk: People, log: EventLog) -> None:
    chosen = volunteers(log, A)[0:8:2]
    more = {"session_id": log.new_id(), "venue_no": 1, "hours": 3}
    early = len(log.events)
    for number, volunteer in enumerate(reversed(chosen)):
        for day in range(number):
            present = more | {"attendance_id": log.new_id(), "session_id": log.new_id(), "volunteer_id": volunteer}
            held = date(2014, 7, 1) + timedelta(days=day)
            log.tell("training.attendance_recorded", present, A, happened=held)
    await desk.take(log.events[early:], NOW)
    for volunteer in chosen:
        await opted_in(desk, volunteer)
    items = (await desk.get("/commendations/2014/proposals", "committee"))["items"]
    assert [each["volunteer_id"] for each in items] == sorted(chosen)
    assert {each["trainings"] for each in items} == {1, 2, 3, 4}
    assert not any(word in name for each in items for name in each for word in ("rank", "score", "total"))


async def test_only_those_who_serve_in_that_county_and_year(desk: People, log: EventLog) -> None:
    trained, untrained, leaver = volunteers(log, A)[0], volunteers(log, A)[1], volunteers(log, A)[2]
    for volunteer in (trained, untrained, leaver):
        await opted_in(desk, volunteer)
    early = len(log.events)
    log.tell("roster.volunteer_left", {"volunteer_id": leaver, "unit_id": A, "left_on": "2014-07-01"}, A,
             happened=date(2014, 7, 1))  # fmt: skip
    await desk.take(log.events[early:], NOW)
    assert [each["volunteer_id"] for each in (await desk.get("/commendations/2014/proposals", A))["items"]] == [trained]
    assert (await desk.get("/commendations/2014/proposals", B))["items"] == []
    assert (await desk.get("/commendations/2013/proposals", "committee"))["items"] == []
    for volunteer in (untrained, leaver):
        refused = await desk.post("/commendations/2014", {"volunteer_id": volunteer}, status=422)
        assert refused["code"] == "not_eligible"


async def test_a_county_records_the_consents_of_its_own(desk: People, log: EventLog) -> None:
    own, other = volunteers(log, A)[0], volunteers(log, B)[0]
    await opted_in(desk, other, status=403)
    await opted_in(desk, own, B, 403)
    assert (await opted_in(desk, own, status=422, unit_id="350922"))["code"] == "unknown_unit"
    assert (await opted_in(desk, log.new_id(), status=422))["code"] == "unknown_volunteer"
    later = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert (await opted_in(desk, own, status=422, opted_in_on=later))["pointer"] == "/opted_in_on"
    assert (await opted_in(desk, other, "city", 422))["pointer"] == "/unit_id"
    await opted_in(desk, own)
    assert (await desk.ask("DELETE", f"/commendations/consents/{own}", B)).status_code == 403
    await desk.post("/commendations/2014", {"volunteer_id": own}, A, 403)


@pytest.mark.parametrize(("language", "title"), [("zh", "荣誉证书"), ("en", "Certificate of Commendation")])
async def test_the_page_from_consent_to_certificate(desk: People, log: EventLog, language: str, title: str) -> None:
    trained = volunteers(log, A)[0]
    page = "/appraisal/commendations/2014"
    county = Visitor(desk.http, desk.headers[A], language)
    committee = Visitor(desk.http, desk.headers["committee"], language)
    wrong = await county.send(f"{page}/consents", {"volunteer_id": "no id", "what": "record"})
    assert wrong.status_code == 422
    for field in ("volunteer_id", "unit_id", "opted_in_on"):
        assert f'id="{field}-error"' in wrong.text
    assert trained in await county.done(f"{page}/consents", BODY | {"volunteer_id": trained, "what": "record"})
    assert "/awards" not in await county.see(page)
    seen = await committee.done(f"{page}/awards", {"volunteer_id": trained})
    link = f"/appraisal/api/v1/commendations/2014/{trained}.docx"
    assert f"{link}?lang={language}" in seen
    answer = await desk.http.get(f"{link}?lang={language}", headers=desk.headers[A])
    paper = docx.Document(io.BytesIO(answer.content))
    text = "\n".join(paragraph.text for paragraph in paper.paragraphs)
    assert text.startswith(title)
    assert "2014" in text
    assert A in text
    assert trained in paper.sections[0].footer.paragraphs[0].text
    assert (await desk.http.get(link, headers=desk.headers[B])).status_code == 403
    twice = await committee.send(f"{page}/awards", {"volunteer_id": trained})
    assert twice.status_code == 422
    assert 'role="alert"' in twice.text
    withdrawn = words_of(await county.done(f"{page}/consents", {"volunteer_id": trained, "what": "withdraw"}))
    assert trained in withdrawn  # what was awarded stays
