"""Nominations, the waiting list, and the review: one by one and in bulk."""

from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.roster import rules
from shared.clock import Clock
from tests.roster.harness import CONSENT, MEMBER, PLAIN, ROW, Roster, fact, roster_at, workbook
from tests.support.engine import SHANGHAI

YEAR = Clock(SHANGHAI).now().astimezone(SHANGHAI).year
NOW = {"registered_on": f"{YEAR}-01-01", "consented_on": f"{YEAR}-01-01"}


async def quota(roster: Roster, number: int) -> None:
    await roster.put(f"/units/350902/quotas/county/{YEAR}", {"quota": number}, 200)


async def line(roster: Roster) -> list[tuple[str, int | None]]:
    items = (await roster.get("/volunteers?state=nominated"))["items"]
    return [(item["volunteer_id"], item["waiting_position"]) for item in items]


async def test_beyond_the_quota_nominations_wait_in_their_order(roster: Roster) -> None:
    await quota(roster, 2)
    first = await roster.post("/volunteers", MEMBER, 201)
    second, third, fourth = [await roster.post("/volunteers", MEMBER, 201) for _ in range(3)]
    assert [each["waiting_position"] for each in (first, second, third, fourth)] == [None, None, 1, 2]
    ids = [each["volunteer_id"] for each in (first, second, third, fourth)]
    assert await line(roster) == list(zip(ids, [None, None, 1, 2], strict=True))
    [found] = (await roster.get(f"/quotas?year={YEAR}"))["items"]
    assert (found["filled"], found["nominated"], found["waiting"]) == (0, 4, 2)

    refused = await roster.post(f"/volunteers/{ids[2]}/register", NOW, 409)
    assert refused["code"] == "not_in_turn"
    assert "2" in refused["message"]["en"]
    await roster.post(f"/volunteers/{ids[1]}/register", NOW, 200)  # both of the first two have a place
    await roster.post(f"/volunteers/{ids[0]}/register", NOW, 200)
    assert (await roster.post(f"/volunteers/{ids[2]}/register", NOW, 409))["code"] == "quota_full"
    assert await line(roster) == [(ids[2], 1), (ids[3], 2)]

    # A place comes free: it is the next one's.
    await roster.post(f"/volunteers/{ids[0]}/leave", None, 200)
    assert await line(roster) == [(ids[2], None), (ids[3], 1)]
    assert (await roster.post(f"/volunteers/{ids[3]}/register", NOW, 409))["code"] == "not_in_turn"
    # Whoever comes back goes behind those who wait.
    today = Clock(SHANGHAI).now().astimezone(SHANGHAI).date().isoformat()
    back = {"registered_on": today, "consented_on": today}
    assert (await roster.post(f"/volunteers/{ids[0]}/register", back, 409))["code"] == "not_in_turn"
    await roster.post(f"/volunteers/{ids[2]}/decline", {"reason": "not_eligible"}, 200)
    await roster.post(f"/volunteers/{ids[3]}/register", NOW, 200)
    assert await line(roster) == []


async def test_a_ledger_takes_no_place_of_those_who_wait(roster: Roster) -> None:
    await quota(roster, 2)
    await roster.post("/volunteers", MEMBER, 201)
    told = await roster.send(workbook(*[PLAIN | NOW] * 2))
    assert [row.get("code") for row in told["rows"]] == [None, "not_in_turn"]


async def test_a_nomination_of_this_year_waits_for_no_place_of_an_earlier_one(database_url: str) -> None:
    async with roster_at(database_url, story_mode=True) as roster:

        def at(moment: str) -> dict[str, Any]:
            return {"headers": {"Qingsheng-Story-Time": f"{moment}T09:00:00+08:00"}}

        await roster.put("/units/350902/quotas/county/2014", {"quota": 1}, 200, **at("2014-01-01"))
        first = await roster.post("/volunteers", MEMBER, 201, **at("2015-02-01"))
        second = await roster.post("/volunteers", MEMBER, 201, **at("2014-03-01"))
        # Who is nominated in 2015 is not ahead of anybody where places of 2014 are given.
        path = f"/volunteers/{second['volunteer_id']}/register"
        assert (await roster.post(path, CONSENT, 200, **at("2014-05-02")))["state"] == "registered"
        assert first["state"] == "nominated"


async def test_many_are_confirmed_at_once_row_by_row(roster: Roster) -> None:
    await quota(roster, 2)
    ids = [await roster.nominated() for _ in range(3)]
    done = await roster.registered(unit_id="350921")
    rows = [{"volunteer_id": each} | NOW for each in [ids[2], ids[1], ids[0], done, str(uuid4())]]
    rows.append({"volunteer_id": ids[0]} | NOW)
    rows.append({"volunteer_id": ids[1], "registered_on": NOW["registered_on"]})
    expected = [
        ("refused", "quota_full"),  # the third to be nominated, whatever the order here
        ("registered", None),
        ("registered", None),
        ("refused", "invalid_state"),
        ("refused", "not_found"),
        ("refused", "invalid_state"),  # twice in the list
        ("refused", "no_consent"),
    ]
    for dry_run in ("true", "false"):
        told = await roster.post(f"/volunteers/confirmations?dry_run={dry_run}", {"confirmations": rows}, 200)
        assert [(row["status"], row.get("code")) for row in told["rows"]] == expected
        assert (told["registered"], told["refused"]) == (2, 5)
        assert [row["row"] for row in told["rows"]] == list(range(7))
        assert all(row["message"]["zh"] for row in told["rows"] if row["status"] == "refused")
        registered = (await roster.get("/volunteers?state=registered&unit_id=350902"))["items"]
        assert len(registered) == (0 if dry_run == "true" else 2)
    assert [fact(event) for event in await roster.events(ids[0])] == ["volunteer_nominated", "volunteer_registered"]
    assert (await roster.post("/volunteers/confirmations", {"confirmations": []}, 422))["code"] == "schema"


async def test_many_are_declined_at_once_row_by_row(roster: Roster) -> None:
    ids = [await roster.nominated() for _ in range(2)]
    rows = [{"volunteer_id": each, "reason": "not_eligible"} for each in (*ids, ids[0], str(uuid4()))]
    for dry_run in ("true", "false"):
        told = await roster.post(f"/volunteers/declinations?dry_run={dry_run}", {"declinations": rows}, 200)
        assert [row.get("code") for row in told["rows"]] == [None, None, "invalid_state", "not_found"]
        assert (told["declined"], told["refused"]) == (2, 2)
    assert len((await roster.get("/volunteers?state=declined"))["items"]) == 2
    assert [fact(event) for event in await roster.events(ids[0])] == ["volunteer_nominated", "volunteer_declined"]


async def test_volunteers_are_found_by_id_and_by_reference(roster: Roster) -> None:
    told = await roster.send(workbook(ROW, ROW | {"row_ref": "r2"}))
    wanted = told["rows"][1]["volunteer_id"]
    for ref in ("r2", wanted):
        assert [item["volunteer_id"] for item in (await roster.get(f"/volunteers?ref={ref}"))["items"]] == [wanted]
    assert (await roster.get("/volunteers?ref=r3"))["items"] == []
    assert len((await roster.get("/volunteers?team=county"))["items"]) == 2
    assert (await roster.get("/volunteers?team=city"))["items"] == []


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_a_place_is_the_next_ones(quota: int, filled: int, ahead: int) -> None:
    refusal = rules.in_turn(quota, {2014: filled}, 2014, ahead)
    if filled >= quota:
        assert refusal is not None
        assert refusal.code == "quota_full"
    elif filled + ahead >= quota:
        assert refusal is not None
        assert refusal.code == "not_in_turn"
    else:
        assert refusal is None
    assert rules.in_turn(None, {2014: filled}, 2014, ahead) is None
