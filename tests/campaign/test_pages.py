"""The campaign's pages: columns and posts, lists of shares, and a volunteer's own page."""

import re
from typing import Any, get_args
from uuid import UUID, uuid4

import httpx
import pytest

from shared.access.roles import Role
from shared.contracts.campaign import RepostVoidReason
from shared.web.i18n import catalogue
from tests.campaign.harness import CITY, JIAOCHENG, XIAPU, Campaign, repost, session_of
from tests.support.browsing import Visitor, words_of
from tests.tables.books import xlsx

FORM = {
    "title": "青年志愿者在行动",
    "unit_id": CITY,
    "published_at": "2014-07-01T08:00",
    "url_weibo": "https://weibo.example/1",
    "url_wechat": "https://wechat.example/1",
}


@pytest.fixture
async def desk(campaign: Campaign) -> Visitor:
    await campaign.know(*(campaign.roster.unit(unit) for unit in (CITY, JIAOCHENG, XIAPU)))
    return Visitor(campaign.http, await session_of(campaign.settings, Role.CITY_OPERATOR))


async def posted(desk: Visitor, **change: str) -> str:
    """The path of a new post's page."""
    answer = await desk.send("/campaign/posts/new", FORM | change)
    assert answer.status_code == 303, words_of(answer.text)
    return answer.headers["location"].partition("?")[0]


async def test_nothing_is_there_at_first(desk: Visitor) -> None:
    assert "No post has been entered yet." in await desk.see("/campaign/posts")
    assert "There is no column yet." in await desk.see("/campaign/columns")


async def test_a_column_and_a_text_on_two_channels(campaign: Campaign, desk: Visitor) -> None:
    opening = {"title_zh": "青春宁德", "title_en": "Young Ningde", "unit_id": CITY, "opened_on": "2014-03-01"}
    opened = await desk.send("/campaign/columns", opening)
    column = opened.headers["location"].partition("?")[0]
    assert "The column is open." in await desk.see(opened.headers["location"])
    column_id = column.rpartition("/")[2]
    path = await posted(desk, column_id=column_id)
    events = await campaign.events("post_published")
    assert [(event.data.channel, event.data.url, str(event.data.column_id)) for event in events] == [
        ("weibo", "https://weibo.example/1", column_id),
        ("wechat", "https://wechat.example/1", column_id),
    ]
    assert words_of(await desk.see(column)).count("青年志愿者在行动") == 2
    assert "Young Ningde" in await desk.see("/campaign/posts")
    assert "https://weibo.example/1" in await desk.see(path)


async def test_of_a_text_all_channels_are_taken_or_none(campaign: Campaign, desk: Visitor) -> None:
    await posted(desk, url_wechat="")
    again = await desk.send("/campaign/posts/new", FORM)
    assert again.status_code == 422
    assert 'id="url_weibo-error"' in again.text
    assert 'value="https://wechat.example/1"' in again.text
    assert len(await campaign.events("post_published")) == 1


async def test_what_is_wrong_stands_beside_its_field(desk: Visitor) -> None:
    for change, field in (
        ({"title": ""}, "title"),
        ({"unit_id": ""}, "unit_id"),
        ({"published_at": ""}, "published_at"),
        ({"published_at": "2099-01-01T00:00"}, "published_at"),
        ({"url_wechat": "javascript:alert(1)"}, "url_wechat"),
        ({"url_weibo": "", "url_wechat": ""}, "url_weibo"),
        ({"column_id": str(uuid4())}, "column_id"),
    ):
        answer = await desk.send("/campaign/posts/new", FORM | change)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text, (change, words_of(answer.text))
    for change, field in (({"title_zh": ""}, "title_zh"), ({"opened_on": "1999-01-01"}, "opened_on")):
        opening = {"title_zh": "青春宁德", "unit_id": CITY, "opened_on": "2014-03-01"}
        answer = await desk.send("/campaign/columns", opening | change)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
    for content in (None, xlsx(["昵称"], ["x"])):
        answer = await desk.send("/campaign/shares", file=content)
        assert answer.status_code == 422
        assert 'id="file-error"' in answer.text
    for asked in ("x", str(uuid4())):
        assert 'id="volunteer_id-error"' in await desk.see(f"/campaign/volunteers?volunteer_id={asked}", 422)
    path = await posted(desk)
    assert (await desk.send(f"{path}/withdraw")).status_code == 422


async def test_a_list_is_tried_out_and_recorded_and_a_share_voided(campaign: Campaign, desk: Visitor) -> None:
    path = await posted(desk)
    volunteer, account = await campaign.sharer()
    who = [str(volunteer), str(account)]
    content = xlsx(
        ["志愿者编号", "账号编号", "推文链接", "分享时间"],
        [*who, FORM["url_weibo"], "2014-07-01 09:00"],
        [*who, FORM["url_wechat"], "2014-05-01 09:00"],
    )
    answer = await desk.send("/campaign/shares", file=content)
    tried = words_of(await desk.see(answer.headers["location"]))
    assert "Record 1 rows" in tried
    assert "disclosed and verified" in tried
    assert await campaign.counted() == []
    assert "Recorded." in await desk.done(f"{answer.headers['location']}/record")
    [repost_id] = await campaign.counted()
    page = words_of(await desk.see(path))
    assert "350902 1 0" in page
    assert str(volunteer) in page
    void = f"{path}/reposts/{repost_id}/void"
    assert "The share is void." in await desk.done(void, {"reason": "link_removed"})
    assert "350902 0 1" in words_of(await desk.see(path))
    assert (await desk.send(void, {"reason": "link_removed"})).status_code == 422
    assert "The post is withdrawn." in await desk.done(f"{path}/withdraw", {"reason": "deleted"})


async def test_counties_stay_apart_and_readers_press_nothing(campaign: Campaign, desk: Visitor) -> None:
    of_city = await posted(desk)
    theirs = await posted(desk, unit_id=XIAPU, url_weibo="https://weibo.example/2", url_wechat="")
    volunteer, account = await campaign.sharer(XIAPU)
    await campaign.take(repost(volunteer, account, of_city.rpartition("/")[2]))
    own = Visitor(campaign.http, await campaign.as_county(JIAOCHENG))
    await own.see(theirs, 403)
    page = await own.see(of_city)
    assert str(volunteer) not in page
    assert "/withdraw" not in page
    assert (await own.send(f"{of_city}/withdraw", {"reason": "error"})).status_code == 403
    await own.see(f"/campaign/volunteers/{volunteer}", 403)
    reader = Visitor(campaign.http, await session_of(campaign.settings, Role.COMMITTEE))
    assert str(volunteer) in await reader.see(of_city)
    assert '<form class="form"' not in await reader.see(of_city)
    await reader.see("/campaign/shares", 403)


async def test_a_volunteer_sees_what_counts_and_takes_a_share_back(campaign: Campaign, desk: Visitor) -> None:
    path = await posted(desk)
    volunteer, account = await campaign.sharer()
    post_id = path.rpartition("/")[2]
    await campaign.take(
        repost(volunteer, account, post_id),
        repost(volunteer, account, post_id, "2014-07-01 10:00"),
        repost(volunteer, account, None, "2014-05-01 10:00", post_url=FORM["url_wechat"]),
    )
    place = f"/campaign/volunteers/{volunteer}"
    found = await desk.see(f"/campaign/volunteers?volunteer_id={volunteer}", 302)
    assert found == ""
    issued = await desk.done(f"{place}/link")
    [address] = re.findall(r'value="([^"]*/campaign/mine/[^"]*)"', issued)
    page = httpx.URL(address).path
    assert "cannot be shown again" in await desk.see(place)

    async with httpx.AsyncClient(transport=campaign.http._transport, base_url="http://test") as phone:
        for language, told in (
            ("en", ["Counts", "once is enough", "not yet publicly disclosed"]),
            ("zh", ["已计入", "一次即可", "尚未公开披露"]),
        ):
            text = words_of(await Visitor(phone, language=language).see(page))
            assert [each in text for each in told] == [True] * 3, text
            assert "350902" not in text
        me = Visitor(phone)
        [repost_id] = await campaign.counted()
        back = f"{page}/reposts/{repost_id}/take-back"
        taken = await me.done(back)
        assert "this share counts no more" in taken
        assert "You took it back." in taken
        assert "take-back" not in taken
        assert (await me.send(back)).status_code == 303  # pressed twice
        [event] = await campaign.events("repost_voided")
        assert (event.data.repost_id, event.data.reason) == (repost_id, "volunteer_request")
        other, _ = await campaign.sharer()
        assert (await me.send(f"{page}/reposts/{other}/take-back")).status_code == 404
        seen = await phone.get(page, headers={"Accept": "text/html"})
        assert (seen.headers["cache-control"], seen.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert "The link has ended." in await desk.done(f"{place}/end-link")
        assert "does not work" in await me.see(page, 404)
        assert (await me.send(back)).status_code == 404


async def test_pages_in_chinese_and_for_nobody(campaign: Campaign, desk: Visitor) -> None:
    path = await posted(desk)
    zh = Visitor(campaign.http, await session_of(campaign.settings, Role.CITY_OPERATOR), language="zh")
    for page in ("posts", "columns", "posts/new", "shares", "volunteers"):
        assert '<html lang="zh-CN">' in await zh.see(f"/campaign/{page}")
    assert "微博" in await zh.see(path)
    async with httpx.AsyncClient(transport=campaign.http._transport, base_url="http://test") as nobody:
        answer = await nobody.get("/campaign/posts", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/roster/sign-in?next=%2Fcampaign%2Fposts")
    assert UUID(path.rpartition("/")[2])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_there_are_words_for_every_reason(language: str) -> None:
    words: Any = catalogue(language)
    for reason in get_args(RepostVoidReason):
        assert words(f"campaign.why_void.{reason}")
        assert words(f"campaign.void_reason.{reason}")
