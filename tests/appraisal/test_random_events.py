"""Logs made by chance keep the contract's rules, and hold the collisions that make them worth checking against."""

import json
import uuid
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.event_log import SHAPES
from tests.support.random_events import COUNTIES, NOW, arrivals, encode, generate, random_question, type_of
from tests.support.random_schemes import LISTENING, random_scheme

SHANGHAI = ZoneInfo("Asia/Shanghai")
MANY = generate(7, 3000)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_seed_gives_the_same_log_again() -> None:
    assert generate(3, 200) == generate(3, 200)
    assert generate(3, 200) != generate(4, 200)
    assert len(generate(3, 200)) == 200
    assert json.loads(encode(MANY[0])) == MANY[0]


def test_every_event_keeps_the_rules_of_the_envelope() -> None:
    assert len({event["id"] for event in MANY}) == len(MANY)
    for event in MANY:
        kind = type_of(event)
        shape, data = SHAPES[kind], event["data"]
        assert uuid.UUID(event["id"]).version == 7
        assert event["source"] == f"/qingsheng/{kind.split('.')[0]}"
        assert event["subject"] == f"{shape.kind}/{data[shape.named_by]}"
        assert event["partitionkey"] == data[shape.key]
        assert moment(event["recordedtime"]) <= NOW
        assert moment(event["time"]) <= moment(event["recordedtime"]) + timedelta(hours=24)
        assert len(encode(event)) < 1500
        if shape.own_time is None:
            assert shape.undoes or event["time"] == event["recordedtime"]
        elif shape.own_time.endswith("_on"):
            assert moment(event["time"]).astimezone(SHANGHAI) == moment(f"{data[shape.own_time]}T12:00:00+08:00")
        else:
            assert data[shape.own_time] == event["time"]


@pytest.mark.parametrize("odd", [True, False])
def test_recording_never_goes_back_for_a_key_and_sequences_rise(odd: bool) -> None:
    last: dict[tuple[str, str], tuple[int, datetime]] = defaultdict(lambda: (0, moment("2000-01-01T00:00:00Z")))
    again = 0
    for event in generate(7, 1000, odd=odd):
        # A volunteer has a version in each service.
        key = event["source"], event["partitionkey"]
        sequence, recorded = last[key]
        assert moment(event["recordedtime"]) >= recorded
        again += int(event["sequence"]) <= sequence
        last[key] = max(sequence, int(event["sequence"])), moment(event["recordedtime"])
    assert (again > 0) == odd


def test_the_collisions_of_interest_are_there() -> None:
    told = Counter(type_of(event) for event in MANY)
    assert set(told) == set(SHAPES) - {"roster.volunteer_declined"}
    ids: dict[str, Counter[str]] = defaultdict(Counter)
    order: dict[str, list[str]] = defaultdict(list)
    for event in MANY:
        kind = type_of(event)
        name = event["data"][SHAPES[kind].named_by]
        ids[kind][name] += 1
        order[name].append(kind)
    for twice in ("opinion.tip_reported", "campaign.repost_logged", "training.attendance_recorded"):
        assert ids[twice].most_common(1)[0][1] > 1
    # Undone before it was told of, and undone without ever being told of.
    assert any(kinds[0] == "opinion.tip_voided" and "opinion.tip_reported" in kinds for kinds in order.values())
    assert any(kinds[0] == "campaign.repost_voided" and len(kinds) == 1 for kinds in order.values())
    # Triaged before it was told of, and without.
    assert any(kinds[0] == "opinion.tip_triaged" and "opinion.tip_reported" in kinds for kinds in order.values())
    assert ids["opinion.tip_triaged"].keys() - ids["opinion.tip_reported"].keys()
    # At the very borders of days, and in the future.
    hairs = Counter(moment(event["time"]).astimezone(SHANGHAI).time().isoformat() for event in MANY)
    assert hairs["00:00:00"] > 100
    assert hairs["23:59:59.999999"] > 50
    assert any(moment(event["time"]) > NOW for event in MANY)
    assert {event["county"] for event in MANY} == {*COUNTIES, "350900"}


def test_arrivals_are_all_events_with_copies() -> None:
    arrived = arrivals(MANY[:100], Random(1))
    assert len(arrived) == 110
    assert {event["id"] for event in arrived} == {event["id"] for event in MANY[:100]}
    assert arrived[:100] != MANY[:100]


def test_schemes_are_valid() -> None:
    rng = Random(1)
    for _ in range(300):
        weights: dict[str, Any] = {rule["indicator"]: rule["weight"] for rule in random_scheme(rng)["indicators"]}
        assert sum(weights.values()) == 100
        assert min(weights.values()) > 0
        sharing = weights.get("sharing_participation", 0)
        assert sharing <= 20
        assert sum(weights.get(name, 0) for name in LISTENING) >= 2 * sharing


def test_questions_may_be_asked() -> None:
    rng = Random(1)
    asked = [random_question(rng) for _ in range(300)]
    assert all(question.now <= NOW for question in asked)
    assert all(
        question.as_of is None or question.as_of <= question.now.astimezone(SHANGHAI).date() for question in asked
    )
    assert {len(question.period) for question in asked} == {4, 7}
