"""What if, side by side, trends, and schemes from draft to adoption: against the oracle, on random schemes too."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from services.appraisal import comparing, reports
from services.appraisal.schemes import Scheme
from tests.appraisal.test_closing import NOW, A, half_a_year
from tests.support import oracle
from tests.support.appraisal import People, people
from tests.support.engine import SHANGHAI, engine
from tests.support.random_events import arrivals, generate, random_question
from tests.support.random_schemes import random_scheme


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[People]:
    async with people(database_url, [A]) as made:
        yield made


def scheme(**changes: Any) -> dict[str, Any]:
    """Listening and training, half and half."""
    return {
        "scheme_id": "half",
        "version": 1,
        "name": {"zh": "各半", "en": "Half and half"},
        "valid_from": "2014-04-01",
        "indicators": [
            {"indicator": "tips_answered", "weight": 50, "target": 1},
            {"indicator": "training_coverage", "weight": 50, "target": 0.7},
        ],
    } | changes


def moved(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """By county: score and rank before and after, written out plainly."""
    earlier = {row["county"]: row for row in before["counties"]}
    return {
        row["county"]: (earlier[row["county"]]["score"], row["score"], earlier[row["county"]]["rank"], row["rank"])
        for row in after["counties"]
    }


@pytest.mark.parametrize("seed", range(300, 312))
async def test_what_if_agrees_with_the_oracle_on_random_schemes(database_url: str, seed: int) -> None:
    rng = Random(seed)
    events = generate(seed, rng.choice((60, 200, 600)))
    async with engine(database_url) as running:
        for _ in range(4):
            asked = random_question(rng)
            mine, draft = random_scheme(rng), random_scheme(rng)
            await running.clear()
            await running.take(arrivals(events, rng), asked.now, rng)
            question = reports.question(asked.period, None, asked.as_of, asked.now, SHANGHAI)
            question = reports.under(question, Scheme.of(mine))
            found = await running.read(
                lambda c, q=question, d=draft, now=asked.now: comparing.what_if(
                    c, q, Scheme.of(d), prefix="", now=now, zone=SHANGHAI
                )
            )
            told: dict[str, Any] = {"now": asked.now, "as_of": asked.as_of}
            before, after = (oracle.report(events, asked.period, scheme=each, **told) for each in (mine, draft))
            assert json.loads(json.dumps(found["report"]["counties"])) == json.loads(json.dumps(after["counties"]))
            assert found["report"]["city"] == after["city"]
            moves = {
                m["county"]: (m["score_before"], m["score_after"], m["rank_before"], m["rank_after"])
                for m in found["moves"]
            }
            assert moves == moved(before, after)
            for move in found["moves"]:
                score_before, score_after, rank_before, rank_after = moves[move["county"]]
                assert (move["score_change"] is None) == (score_before is None or score_after is None)
                if move["score_change"] is not None:
                    assert move["score_change"] == round(score_after - score_before, 2)
                assert (move["rank_change"] is None) == (rank_before is None or rank_after is None)
                if move["rank_change"] is not None:
                    assert move["rank_change"] == rank_before - rank_after


async def test_what_if_over_http_keeps_nothing_and_names_the_rule_that_is_broken(desk: People) -> None:
    await desk.take(half_a_year().events, NOW)
    before = await desk.get("/reports/2014-H1")
    found = await desk.post("/reports/2014-H1/what-if", scheme(), "")
    assert (found["report"]["scheme"], found["report"]["status"]) == ("half", "running")
    assert [each["county"] for each in found["moves"]] == [row["county"] for row in found["report"]["counties"]]
    again = await desk.get("/reports/2014-H1")
    assert again["digest"] == before["digest"]
    assert (await desk.get("/schemes"))["items"] == []

    sharing = {"indicator": "sharing_participation", "weight": 30, "target": 0.5, "params": {"cap": 2}}
    wrong = scheme(indicators=[{"indicator": "tips_answered", "weight": 70, "target": 0}, sharing])
    refused = await desk.post("/reports/2014-H1/what-if", wrong, "", 422)
    assert refused["code"] == "schema"
    assert {(each["pointer"], each["rule"]) for each in refused["errors"]} == {
        ("/indicators/0/target", "target_positive"),
        ("/indicators/1/weight", "C7"),
    }
    assert all(set(each["message"]) == {"zh", "en"} for each in refused["errors"])
    not_json = await desk.ask("POST", "/reports/2014-H1/what-if", content=b"{")
    assert (not_json.status_code, not_json.json()["code"]) == (400, "not_json")


async def test_what_if_of_a_closed_period_is_seen_from_its_closing_instant(desk: People) -> None:
    await desk.take(half_a_year().events, NOW)
    closed = await desk.post("/periods/2014-H1/close")
    found = await desk.post("/reports/2014-H1/what-if", scheme(), "")
    assert (found["report"]["status"], found["report"]["revision"]) == ("closed", 1)
    before = {move["county"]: move["score_before"] for move in found["moves"]}
    assert before == {row["county"]: row["score"] for row in closed["counties"]}
    assert (await desk.get("/reports/2014-H1"))["digest"] == closed["digest"]


async def test_a_scheme_goes_from_draft_to_adoption_and_appraises_from_its_date_on(desk: People) -> None:
    await desk.take(half_a_year().events, NOW)
    closed = await desk.post("/periods/2014-Q2/close")
    made = await desk.post("/schemes", scheme(), status=201)
    assert await desk.post("/schemes", scheme()) == made
    other = scheme(indicators=[{"indicator": "tips_answered", "weight": 100, "target": 1}])
    assert (await desk.post("/schemes", other, status=409))["pointer"] == "/version"
    assert (await desk.get("/reports/2014-H2"))["scheme"] == "ningde-2014"
    drafted = await desk.get("/reports/2014-H1?scheme=half@1")
    assert drafted["scheme"] == "half"

    await desk.post("/schemes/half@1/adopt")
    assert (await desk.post("/schemes/half/adopt", {"version": 1}, status=409))["code"] == "invalid_state"
    assert (await desk.get("/reports/2014-H2"))["scheme"] == "half"
    assert (await desk.get("/reports/2014-H1"))["scheme"] == "ningde-2014"  # it began before the scheme
    assert (await desk.get("/reports/2014-Q2"))["digest"] == closed["digest"]
    [listed] = (await desk.get("/schemes"))["items"]
    assert listed["digest"] == made["digest"]
    assert listed["adopted_at"] is not None
    async with desk.reading() as connection:
        told = [json.loads(row["value"]) for row in await connection.fetch("select value from outbox order by id")]
    assert told[-1]["type"] == "qingsheng.appraisal.scheme_adopted.v1"
    assert told[-1]["data"] == {
        "scheme_id": "half", "version": 1, "digest": made["digest"], "valid_from": "2014-04-01"
    }  # fmt: skip
    actions = [line["action"] for line in (await desk.get("/audit", "auditor"))["items"]]
    assert actions == ["scheme.adopted", "scheme.proposed", "period.closed"]


async def test_only_the_committee_proposes_and_adopts(desk: People) -> None:
    for who, status in ((A, 403), ("", 401)):
        await desk.post("/schemes", scheme(), who, status)
        await desk.post("/schemes/half@1/adopt", None, who, status)
    assert (await desk.post("/schemes/half@1/adopt", status=404))["code"] == "not_found"
    unknown = await desk.ask("GET", "/reports/2014-H1?scheme=half@1")
    assert (unknown.status_code, unknown.json()["pointer"]) == (422, "query:scheme")


async def test_two_schemes_stand_side_by_side(desk: People) -> None:
    log = half_a_year()
    await desk.take(log.events, NOW)
    await desk.post("/schemes", scheme(), status=201)
    found = await desk.get("/reports/2014-H1/compare?left=ningde-2014@1&right=half@1")
    now = datetime.now(UTC)
    left, right = (
        oracle.report(log.events, "2014-H1", scheme=each, now=now) for each in (oracle.NINGDE_2014, scheme())
    )
    assert {
        row["county"]: (row["score_before"], row["score_after"], row["rank_before"], row["rank_after"])
        for row in found["counties"]
    } == moved(left, right)
    row = next(row for row in found["counties"] if row["county"] == A)
    answered = next(each for each in row["indicators"] if each["indicator"] == "tips_answered")
    assert (answered["left"]["weight"], answered["right"]["weight"]) == (10, 50)
    fill = next(each for each in row["indicators"] if each["indicator"] == "roster_fill")
    assert fill["right"] is None
    assert fill["points_change"] is None


async def test_trends_give_score_and_rank_per_county_and_period(desk: People) -> None:
    log = half_a_year()
    await desk.take(log.events, NOW)
    closed = await desk.post("/periods/2014-Q1/close")
    found = await desk.get("/trends?from=2013-Q4&to=2014-Q2")
    assert [each["period"] for each in found["items"]] == ["2013-Q4", "2014-Q1", "2014-Q2"]
    _, first, second = found["items"]
    assert (first["status"], first["revision"], second["status"]) == ("closed", 1, "running")
    assert [(row["county"], row["score"]) for row in first["counties"]] == [
        (row["county"], row["score"]) for row in closed["counties"]
    ]
    now = oracle.report(log.events, "2014-Q2", now=datetime.now(UTC))
    assert [(row["county"], row["score"], row["rank"]) for row in second["counties"]] == [
        (row["county"], row["score"], row["rank"]) for row in now["counties"]
    ]


@pytest.mark.parametrize(
    "asked", ["from=2014&to=2014-Q2", "from=2014-Q2&to=2014-Q1", "from=x&to=2014", "from=2000-01&to=2014-01", "to=2014"]
)
async def test_trends_of_no_run_of_periods_are_refused(desk: People, asked: str) -> None:
    answer = await desk.ask("GET", f"/trends?{asked}")
    assert (answer.status_code, answer.json()["code"]) == (422, "schema")
