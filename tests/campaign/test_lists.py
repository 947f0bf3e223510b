"""Lists of shares as files: answered row by row, tried out first, given back with the errors in them."""

from typing import Any
from uuid import uuid4

import httpx

from shared.tables import ADVICE, MEDIA_TYPE, RESULT
from tests.campaign.harness import XIAPU, Campaign, at, post_body, refused
from tests.tables.books import cells, text, xlsx

HEADINGS = ["志愿者编号", "账号编号", "推文链接", "推文编号", "分享时间", "分享链接"]


async def send(campaign: Campaign, content: bytes, query: str = "", **headers: str) -> httpx.Response:
    path = f"/campaign/api/v1/repost-lists{query}"
    return await campaign.http.post(path, content=content, headers=headers)


def said(answer: httpx.Response) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200, answer.text
    return [(row["row"], row["status"], row["code"], row["pointer"]) for row in answer.json()["rows"]]


async def test_a_list_is_answered_row_by_row(campaign: Campaign) -> None:
    await campaign.know(campaign.roster.unit())
    body = post_body()
    post_id = (await campaign.post("/posts", body)).json()["post_id"]
    volunteer, account = await campaign.sharer()
    there, their_account = await campaign.sharer(XIAPU)
    who, when = [str(volunteer), str(account)], "2014-07-01 09:00"
    content = xlsx(
        HEADINGS,
        [*who, body["url"], None, when, "https://weibo.example/share/1"],
        [str(there), str(their_account), None, post_id, at(when).isoformat()],
        [*who, None, post_id, "2014/7/1 10:00"],
        [*who, body["url"], post_id, when],
        [*who, None, None, when],
        [str(volunteer), str(their_account), None, post_id, when],
        [*who, None, post_id, "2014-07-01"],
        [*who, None, str(uuid4()), when],
        [*who, None, post_id, "2014-07-01 07:59"],
        [*who, None, post_id, when, "javascript:alert(1)"],
        [str(volunteer), "我的微博", None, post_id, when],
    )
    expected = [
        (2, "logged", None, None),
        (3, "logged", None, None),
        (4, "refused", "already_logged", None),
        (5, "refused", "schema", "/post_url"),
        (6, "refused", "schema", "/post_url"),
        (7, "refused", "unknown_account", "/account_id"),
        (8, "refused", "schema", "/shared_at"),
        (9, "refused", "unknown_post", "/post_id"),
        (10, "refused", "time_out_of_range", "/shared_at"),
        (11, "refused", "schema", "/link"),
        (12, "refused", "schema", "/account_id"),
    ]
    tried = await send(campaign, content, "?dry_run=true")
    assert await campaign.events("repost") == []
    assert await campaign.pool.fetchval("select count(*) from refused_share") == 0
    done = await send(campaign, content)
    assert said(tried) == said(done) == expected
    assert (done.json()["logged"], done.json()["refused"]) == (2, 9)
    first, second = await campaign.events("repost_logged")
    assert (first.data.shared_at, first.data.platform, second.county) == (at(when), "weibo", XIAPU)
    assert (
        await campaign.pool.fetchval("select link from repost where repost_id = $1", first.data.repost_id) is not None
    )


async def test_a_copy_comes_back_with_the_errors_in_it(campaign: Campaign) -> None:
    post_id, (volunteer, account) = await campaign.published(), await campaign.sharer()
    content = text(
        ["volunteer_id", "account_id", "post_id", "shared_at"],
        [volunteer, account, post_id, "2014-04-30 09:00"],
        [volunteer, account, "-1+1", "2014-07-01 09:00"],
    )
    answer = await send(campaign, content, Accept=MEDIA_TYPE)
    headings, late, odd = cells(answer.content)
    assert headings[-2:] == [RESULT, ADVICE]
    assert late[-2] == odd[-2] == "refused"
    assert "在册" in late[-1]
    assert "not registered" in late[-1]
    assert odd[2] == "-1+1"
    assert await campaign.events("repost") == []


async def test_a_county_logs_its_own_volunteers_alone(campaign: Campaign) -> None:
    post_id, (volunteer, account) = await campaign.published(), await campaign.sharer(XIAPU)
    mine, my_account = await campaign.sharer()
    rows = [[str(v), str(a), post_id, "2014-07-01 09:00"] for v, a in ((volunteer, account), (mine, my_account))]
    content = xlsx(["volunteer_id", "account_id", "post_id", "shared_at"], *rows)
    answer = await send(campaign, content, **await campaign.as_county("350902"))
    assert [row[1:3] for row in said(answer)] == [("refused", "forbidden"), ("logged", None)]


async def test_the_template_and_lists_refused_as_a_whole(campaign: Campaign) -> None:
    assert cells((await campaign.get("/repost-lists/template.xlsx")).content) == [HEADINGS]
    named = xlsx([*HEADINGS, "微博昵称"], ["x"])
    assert refused(await send(campaign, named)) == (422, "schema", "/7")
