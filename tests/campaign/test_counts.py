"""What posts and columns say of their shares: counts by county, and nothing of persons."""

from typing import Any

from tests.campaign.harness import CITY, GUTIAN, JIAOCHENG, XIAPU, Campaign, post_body, refused, repost

API = "/campaign/api/v1"


async def test_counts_of_a_post_and_of_its_column_by_county(campaign: Campaign) -> None:
    await campaign.know(*(campaign.roster.unit(unit) for unit in (CITY, JIAOCHENG, XIAPU)))
    body = {"title": {"zh": "青春宁德"}, "opened_on": "2014-03-01", "unit_id": CITY}
    column_id = (await campaign.post("/columns", body)).json()["column_id"]
    first = await campaign.published(unit_id=CITY, column_id=column_id)
    second = await campaign.published(unit_id=CITY, column_id=column_id, channel="wechat")
    await campaign.published(unit_id=CITY)
    empty = await campaign.published(unit_id=CITY, column_id=column_id)
    await campaign.post(f"/posts/{empty}/withdraw", {"reason": "error"})
    for unit, posts in ((JIAOCHENG, [first, second]), (JIAOCHENG, [first]), (XIAPU, [second])):
        volunteer, account = await campaign.sharer(unit)
        for post in posts:
            logged = await campaign.post("/reposts", repost(volunteer, account, post)["data"])
            assert logged.status_code == 201
    await campaign.post(f"/reposts/{logged.json()['repost_id']}/void", {"reason": "link_removed"})

    def counts(found: Any) -> Any:
        return (
            found["counts"]["counted"],
            found["counts"]["voided"],
            [(each["county"], each["counted"], each["voided"]) for each in found["counts"]["counties"]],
        )

    assert counts((await campaign.get(f"/posts/{first}")).json()) == (2, 0, [(JIAOCHENG, 2, 0)])
    assert counts((await campaign.get(f"/posts/{second}")).json()) == (1, 1, [(JIAOCHENG, 1, 0), (XIAPU, 0, 1)])
    assert counts((await campaign.get(f"/posts/{empty}")).json()) == (0, 0, [])
    column = (await campaign.get(f"/columns/{column_id}")).json()
    assert counts(column) == (3, 1, [(JIAOCHENG, 3, 0), (XIAPU, 0, 1)])
    assert column["posts"] == 2


async def test_one_text_on_several_channels_is_a_post_each(campaign: Campaign) -> None:
    await campaign.know(campaign.roster.unit(GUTIAN))
    for channel in ("weibo", "wechat", "other"):
        answer = await campaign.post("/posts", post_body(channel=channel, unit_id=GUTIAN))
        assert answer.status_code == 201
    assert [event.data.channel for event in await campaign.events("post_published")] == ["weibo", "wechat", "other"]
    assert refused(await campaign.post("/posts", post_body(channel="radio", unit_id=GUTIAN)))[1:] == (
        "schema",
        "/channel",
    )
