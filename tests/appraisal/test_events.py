"""One event, whole, from where it stands on its topic."""

from shared.access.guard import READERS
from shared.access.roles import Role
from tests.appraisal.test_closing import A, half_a_year
from tests.support.appraisal import API, signed_in, taken_in, tell
from tests.support.kafka import read
from tests.support.services import client, settings_for, workers


async def test_the_whole_event_is_read_from_its_place(database_url: str, stack, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    events = half_a_year().events
    chosen = {event["type"]: event for event in events}
    async with workers(settings, "appraisal"), client(settings, ["appraisal"]) as http:
        await tell(settings, events)
        await taken_in(settings, events)
        for event in chosen.values():
            answer = await http.get(f"{API}/events/{event['id']}")
            assert answer.status_code == 200, answer.text
            found = answer.json()
            assert found["event"] == event
            assert not found["topic"].startswith(topic_prefix)
            stands = [
                (record.partition, record.offset)
                for record in await read(settings, found["topic"])
                if event["id"].encode() in record.value
            ]
            assert stands == [(found["partition"], found["offset"])]
        unknown = await http.get(f"{API}/events/0198c0de-0000-7000-8000-000000000000")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_while_the_broker_is_away_the_answer_is_unavailable(database_url: str, stack, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    events = half_a_year().events[:1]
    async with workers(settings, "appraisal"):
        await tell(settings, events)
        await taken_in(settings, events)
    async with client(settings_for(database_url, "127.0.0.1:1", topic_prefix), ["appraisal"]) as http:
        answer = await http.get(f"{API}/events/{events[0]['id']}")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_from_a_row_of_evidence_readers_get_the_whole_event_and_nobody_else(
    database_url: str, stack, topic_prefix: str
) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    events = half_a_year().events
    async with workers(settings, "appraisal"), client(settings, ["appraisal"]) as http:
        http.cookies.clear()
        await tell(settings, events)
        await taken_in(settings, events)
        evidence = f"{API}/reports/2014-H1/counties/{A}/indicators/tips_triaged_in_time/evidence"
        row = (await http.get(evidence)).json()["items"][0]
        event = next(event for event in events if event["id"] == row["id"])
        inside = event["data"]["tip_id"]
        for role in READERS:
            county = A if role is Role.COUNTY_OPERATOR else None
            headers = await signed_in(settings, role.value.replace("_", "."), role, county)
            answer = await http.get(f"{API}/events/{row['id']}", headers=headers)
            assert answer.json()["event"] == event, role
            assert inside in (await http.get(f"/appraisal/events/{row['id']}", headers=headers)).text
        for headers, refused in (
            (await signed_in(settings, "ops", Role.OPS), (403, "forbidden")),
            ({}, (401, "unauthorized")),
        ):
            answer = await http.get(f"{API}/events/{row['id']}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == refused
            page = await http.get(f"/appraisal/events/{row['id']}?lang=en", headers=headers)
            assert "is for operators, the committee and auditors" in page.text
            assert inside not in answer.text + page.text
