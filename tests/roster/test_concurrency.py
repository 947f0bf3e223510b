"""What two do at once ends as if one had come after the other."""

import asyncio

from tests.roster.harness import ACCOUNT, CONSENT, MOVE, PLAIN, ROW, Roster, workbook


async def test_the_last_place_of_a_quota_is_given_once(roster: Roster) -> None:
    await roster.put("/units/350902/quotas/county/2014", {"quota": 1}, 200)
    both = [await roster.nominated() for _ in range(2)]
    answers = await asyncio.gather(*(roster.post(f"/volunteers/{one}/register", CONSENT) for one in both))
    assert sorted(str(answer.get("state")) for answer in answers) == ["None", "registered"]
    assert {answer.get("code") for answer in answers} == {None, "quota_full"}
    [quota] = (await roster.get("/quotas?year=2014"))["items"]
    assert (quota["quota"], quota["filled"]) == (1, 1)


async def test_two_ledgers_share_the_last_places(roster: Roster) -> None:
    await roster.put("/units/350902/quotas/county/2014", {"quota": 5}, 200)
    answers = await asyncio.gather(*(roster.send(workbook(*[PLAIN] * 4)) for _ in range(2)))
    assert sorted(answer["registered"] for answer in answers) == [1, 4]
    codes = [row["code"] for answer in answers for row in answer["rows"] if row["status"] == "refused"]
    assert codes == ["quota_full"] * 3


async def test_a_ledger_sent_twice_at_once_is_taken_once(roster: Roster) -> None:
    book = workbook(*(ROW | {"row_ref": f"r{n}"} for n in range(20)))
    answers = await asyncio.gather(*(roster.send(book) for _ in range(2)))
    assert sorted(answer["registered"] for answer in answers) == [0, 20]
    assert sorted(answer["already_registered"] for answer in answers) == [0, 20]
    assert await roster.pool.fetchval("select count(*) from volunteer") == 20


async def test_one_nomination_is_decided_once(roster: Roster) -> None:
    path = f"/volunteers/{await roster.nominated()}"
    answers = await asyncio.gather(
        roster.post(f"{path}/register", CONSENT), roster.post(f"{path}/decline", {"reason": "other"})
    )
    assert [answer.get("code") for answer in answers].count("invalid_state") == 1


async def test_moving_to_and_fro_at_once_blocks_nobody(roster: Roster) -> None:
    there = [await roster.registered() for _ in range(4)]
    back = [await roster.registered(unit_id="350921") for _ in range(4)]
    calls = [roster.post(f"/volunteers/{one}/transfer", MOVE, 200) for one in there]
    calls += [roster.post(f"/volunteers/{one}/transfer", MOVE | {"to_unit_id": "350902"}, 200) for one in back]
    calls += [roster.post(f"/volunteers/{one}/accounts", ACCOUNT, 201) for one in there + back]
    await asyncio.gather(*calls)
    for one in there + back:
        sequences = [event.sequence for event in await roster.events(one)]
        assert sequences == [1, 2, 3, 4]
