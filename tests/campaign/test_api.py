"""Columns, posts and shares over HTTP, on real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.campaign.harness import JIAOCHENG, XIAPU, Campaign, at, post_body

API = "/campaign/api/v1"


def refused(answer: Any) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem["message"]) == {"zh", "en"}
    return answer.status_code, problem["code"], problem.get("pointer")


def share_body(volunteer: Any, account: Any, post: str, when: str = "2014-07-01 09:00", **more: Any) -> dict[str, Any]:
    return {
        "post_id": post,
        "volunteer_id": str(volunteer),
        "account_id": str(account),
        "shared_at": at(when).isoformat(),
        **more,
    }


# -- columns -----------------------------------------------------------------------------------------------------------


async def test_a_column_belongs_to_the_county_of_its_unit(campaign: Campaign) -> None:
    await campaign.know(campaign.roster.unit("350900-TW", "350900"))
    body = {"title": {"zh": "青春宁德"}, "opened_on": "2014-03-01", "unit_id": "350900-TW"}
    answer = await campaign.http.post(f"{API}/columns", json=body)
    assert answer.status_code == 201
    column = answer.json()
    assert column == {
        **body,
        "title": {"zh": "青春宁德", "en": None},
        "county": "350900",
        "column_id": column["column_id"],
    }
    [event] = await campaign.events()
    assert event.type == "qingsheng.campaign.column_opened.v1"
    assert (event.county, event.sequence, event.time) == ("350900", 1, at("2014-03-01 12:00"))
    assert (str(event.data.column_id), event.data.title.zh, event.data.title.en) == (
        column["column_id"],
        "青春宁德",
        None,
    )

    shown = await campaign.http.get(f"{API}/columns/{column['column_id']}")
    assert shown.json() == column | {"posts": 0, "counts": {"counted": 0, "voided": 0, "counties": []}}
    assert shown.headers["etag"] == answer.headers["etag"]
    assert (await campaign.http.get(f"{API}/columns")).json() == {"items": [column], "next_cursor": None}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"unit_id": XIAPU}, (422, "unknown_unit", "/unit_id")),
        ({"opened_on": "1999-12-31"}, (422, "time_out_of_range", "/opened_on")),
        ({"opened_on": "9998-12-31"}, (422, "time_out_of_range", "/opened_on")),
        ({"opened_on": 16130}, (422, "schema", "/opened_on")),
        ({"title": {"zh": "a\x00b"}}, (422, "schema", "/title/zh")),
        ({"title": {"zh": "专栏", "fr": "x"}}, (422, "schema", "/title/fr")),
        ({"party": "x"}, (422, "schema", "/party")),
    ],
)
async def test_columns_refused(campaign: Campaign, change: dict[str, Any], problem: Any) -> None:
    await campaign.know(campaign.roster.unit())
    body = {"title": {"zh": "专栏"}, "opened_on": "2014-03-01", "unit_id": JIAOCHENG}
    assert refused(await campaign.http.post(f"{API}/columns", json=body | change)) == problem
    assert await campaign.events() == []


# -- posts -------------------------------------------------------------------------------------------------------------


async def test_a_post_is_published_in_a_column(campaign: Campaign) -> None:
    await campaign.know(campaign.roster.unit())
    opening = {"title": {"zh": "专栏", "en": "Column"}, "opened_on": "2014-03-01", "unit_id": JIAOCHENG}
    column_id = (await campaign.http.post(f"{API}/columns", json=opening)).json()["column_id"]
    body = post_body(column_id=column_id)
    answer = await campaign.http.post(f"{API}/posts", json=body)
    assert answer.status_code == 201
    post = answer.json()
    assert (post["county"], post["shares"], post["withdrawn"]) == (JIAOCHENG, 0, None)
    assert {name: post[name] for name in body if name != "published_at"} == {
        name: body[name] for name in body if name != "published_at"
    }
    [event] = await campaign.events("post_published")
    assert (event.county, event.partitionkey, event.time) == (JIAOCHENG, post["post_id"], at("2014-07-01 08:00"))
    assert (event.data.url, event.data.title, event.data.channel) == (body["url"], body["title"], "weibo")
    assert (str(event.data.column_id), event.data.unit_id) == (column_id, JIAOCHENG)

    elsewhere = await campaign.published()
    listed = (await campaign.http.get(f"{API}/posts", params={"column_id": column_id})).json()
    assert [item["post_id"] for item in listed["items"]] == [post["post_id"]]
    listed = (await campaign.http.get(f"{API}/posts", params={"url": body["url"]})).json()
    assert listed["items"] == [post]
    assert (await campaign.http.get(f"{API}/posts/{elsewhere}")).json()["column_id"] is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"unit_id": XIAPU}, (422, "unknown_unit", "/unit_id")),
        ({"column_id": str(uuid4())}, (422, "unknown_column", "/column_id")),
        ({"published_at": "1999-12-31T00:00:00Z"}, (422, "time_out_of_range", "/published_at")),
        ({"published_at": "9998-12-31T23:59:59-23:59"}, (422, "time_out_of_range", "/published_at")),
        ({"published_at": "2014-07-01T08:00:00"}, (422, "schema", "/published_at")),
        ({"published_at": 1404172800}, (422, "schema", "/published_at")),
        ({"url": "javascript:alert(1)"}, (422, "schema", "/url")),
        ({"likes": 3}, (422, "schema", "/likes")),
    ],
)
async def test_posts_refused(campaign: Campaign, change: dict[str, Any], problem: Any) -> None:
    await campaign.know(campaign.roster.unit())
    assert refused(await campaign.http.post(f"{API}/posts", json=post_body() | change)) == problem
    assert await campaign.events() == []


async def test_a_post_may_be_dated_a_day_ahead_at_most(campaign: Campaign) -> None:
    await campaign.know(campaign.roster.unit())
    for ahead, status in ((timedelta(hours=23), 201), (timedelta(hours=25), 422)):
        body = post_body() | {"published_at": (datetime.now(UTC) + ahead).isoformat()}
        assert (await campaign.http.post(f"{API}/posts", json=body)).status_code == status


async def test_one_standing_post_a_link_letter_by_letter(campaign: Campaign) -> None:
    url = "https://weibo.example/" + "长" * 1900  # longer than an index could hold
    post_id = await campaign.published(url=url)
    again = await campaign.http.post(f"{API}/posts", json=post_body(url=url))
    assert refused(again) == (409, "already_recorded", "/url")
    await campaign.published(url=url + "/")
    await campaign.http.post(f"{API}/posts/{post_id}/withdraw", json={"reason": "error"})
    await campaign.published(url=url)


async def test_withdrawing_a_post_keeps_its_shares(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    await campaign.http.post(f"{API}/reposts", json=share_body(volunteer, account, post_id))
    answer = await campaign.http.post(f"{API}/posts/{post_id}/withdraw", json={"reason": "deleted"})
    assert answer.status_code == 200
    assert answer.json()["shares"] == 1
    assert answer.json()["withdrawn"]["reason"] == "deleted"
    [event] = await campaign.events("post_withdrawn")
    assert (event.county, event.sequence, event.data.reason) == (JIAOCHENG, 2, "deleted")
    assert (event.data.unit_id, event.data.published_at) == (JIAOCHENG, at("2014-07-01 08:00"))
    assert event.time == datetime.fromisoformat(answer.json()["withdrawn"]["at"])

    again = await campaign.http.post(f"{API}/posts/{post_id}/withdraw", json={"reason": "error"})
    assert refused(again) == (409, "invalid_state", None)
    unknown = await campaign.http.post(f"{API}/posts/{uuid4()}/withdraw", json={"reason": "error"})
    assert refused(unknown) == (404, "not_found", None)

    # Made while the post stood, told after it was withdrawn.
    late, late_account = await campaign.sharer()
    answer = await campaign.http.post(f"{API}/reposts", json=share_body(late, late_account, post_id))
    assert answer.status_code == 201
    now = datetime.now(UTC) + timedelta(minutes=1)
    afterwards = share_body(late, late_account, post_id) | {"shared_at": now.isoformat()}
    assert refused(await campaign.http.post(f"{API}/reposts", json=afterwards)) == (422, "unknown_post", "/post_id")


# -- shares ------------------------------------------------------------------------------------------------------------


async def test_a_share_is_logged_for_the_county_of_that_day(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    await campaign.know(campaign.roster.unit(XIAPU), campaign.roster.transferred(volunteer, "2014-07-02", XIAPU))
    later = await campaign.published(published="2014-07-02 08:00")
    link = "https://weibo.example/s/1"
    answer = await campaign.http.post(f"{API}/reposts", json=share_body(volunteer, account, post_id, link=link))
    assert answer.status_code == 201
    share = answer.json()
    assert (share["county"], share["platform"], share["link"]) == (JIAOCHENG, "weibo", link)
    assert (share["counted"], share["voided"]) == (True, None)
    moved = await campaign.http.post(f"{API}/reposts", json=share_body(volunteer, account, later, "2014-07-02 09:00"))
    assert moved.json()["county"] == XIAPU

    first, second = await campaign.events("repost_logged")
    assert (first.county, first.sequence, first.time) == (JIAOCHENG, 1, at("2014-07-01 09:00"))
    assert (second.county, second.sequence) == (XIAPU, 2)
    assert first.partitionkey == str(volunteer)
    assert (str(first.data.repost_id), str(first.data.post_id)) == (share["repost_id"], post_id)
    assert (first.data.volunteer_id, first.data.account_id, first.data.platform) == (volunteer, account, "weibo")


async def test_every_share_refused_over_http(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    other, others_account = await campaign.sharer()
    gone = await campaign.published()
    await campaign.know(campaign.roster.withdrawn(other, others_account, "2014-06-01 09:00"))
    good = share_body(volunteer, account, post_id)
    assert (await campaign.http.post(f"{API}/reposts", json=good)).status_code == 201
    for body, problem in [
        (good, (409, "already_logged", None)),
        (good | {"volunteer_id": str(uuid4())}, (422, "unknown_account", "/account_id")),
        (share_body(uuid4(), uuid4(), gone), (422, "unknown_volunteer", "/volunteer_id")),
        (share_body(volunteer, account, gone, "2014-04-30 23:59"), (422, "volunteer_not_active", "/volunteer_id")),
        (share_body(volunteer, uuid4(), gone), (422, "unknown_account", "/account_id")),
        (share_body(volunteer, others_account, gone), (422, "unknown_account", "/account_id")),
        (share_body(other, others_account, gone), (422, "account_not_disclosed", "/account_id")),
        (share_body(volunteer, account, str(uuid4())), (422, "unknown_post", "/post_id")),
        (share_body(volunteer, account, gone, "2014-07-01 07:59"), (422, "time_out_of_range", "/shared_at")),
        (good | {"shared_at": "9998-12-31T23:59:59-23:59"}, (422, "time_out_of_range", "/shared_at")),
        (good | {"handle": "@somebody"}, (422, "schema", "/handle")),
        (good | {"link": "ftp://x"}, (422, "schema", "/link")),
    ]:
        assert refused(await campaign.http.post(f"{API}/reposts", json=body)) == problem, body
    assert len(await campaign.events("repost_logged")) == 1
    assert await campaign.pool.fetchval("select count(*) from parked") == 0


async def test_a_voided_share_stands_in_the_list_and_may_be_logged_again(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    body = share_body(volunteer, account, post_id)
    first = (await campaign.http.post(f"{API}/reposts", json=body)).json()
    voided = await campaign.http.post(f"{API}/reposts/{first['repost_id']}/void", json={"reason": "link_removed"})
    assert voided.status_code == 200
    assert (voided.json()["counted"], voided.json()["voided"]["reason"]) == (False, "link_removed")
    [event] = await campaign.events("repost_voided")
    assert (event.county, event.sequence, event.data.reason) == (JIAOCHENG, 2, "link_removed")
    assert (event.data.volunteer_id, event.data.shared_at) == (volunteer, at("2014-07-01 09:00"))
    again = await campaign.http.post(f"{API}/reposts/{first['repost_id']}/void", json={"reason": "error"})
    assert refused(again) == (409, "already_withdrawn", None)
    unknown = await campaign.http.post(f"{API}/reposts/{uuid4()}/void", json={"reason": "error"})
    assert refused(unknown) == (404, "not_found", None)

    second = await campaign.http.post(f"{API}/reposts", json=body)
    assert second.status_code == 201
    for query in ({"volunteer_id": str(volunteer)}, {"post_id": post_id}, {}):
        listed = (await campaign.http.get(f"{API}/reposts", params=query)).json()["items"]
        assert [(item["repost_id"], item["counted"]) for item in listed] == [
            (first["repost_id"], False),
            (second.json()["repost_id"], True),
        ]
    assert (await campaign.http.get(f"{API}/reposts", params={"post_id": str(uuid4())})).json()["items"] == []
    assert (await campaign.http.get(f"{API}/posts/{post_id}")).json()["shares"] == 1


# -- what all of them have ---------------------------------------------------------------------------------------------


async def test_lists_come_in_pages(campaign: Campaign) -> None:
    made = [await campaign.published() for _ in range(5)]
    found: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await campaign.http.get(f"{API}/posts", params=query)).json()
        found += [item["post_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (found, cursor) == (made, None)
    for bad in ("nonsense", "WyJ4Il0=", "WzFd"):  # not ours, ["x"], [1]
        answer = await campaign.http.get(f"{API}/posts", params={"cursor": bad})
        assert refused(answer) == (422, "schema", "query:cursor")
    assert refused(await campaign.http.get(f"{API}/posts", params={"limit": "0"}))[1] == "schema"


async def test_what_is_not_there_is_not_found(campaign: Campaign) -> None:
    for kind in ("columns", "posts", "reposts"):
        assert refused(await campaign.http.get(f"{API}/{kind}/{uuid4()}")) == (404, "not_found", None)


async def test_a_write_is_answered_once_under_its_key(campaign: Campaign) -> None:
    await campaign.know(campaign.roster.unit())
    body, key = post_body(), {"Idempotency-Key": "k1"}
    first = await campaign.http.post(f"{API}/posts", json=body, headers=key)
    again = await campaign.http.post(f"{API}/posts", json=body, headers=key)
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), first.headers["etag"])
    other = await campaign.http.post(f"{API}/posts", json=post_body(), headers=key)
    assert refused(other) == (409, "idempotency_key_reused", None)
    assert len(await campaign.events()) == 1


async def test_if_match_is_heeded_where_it_is_given(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    share = await campaign.http.post(f"{API}/reposts", json=share_body(volunteer, account, post_id))
    repost_id = share.json()["repost_id"]
    for path, reason in ((f"posts/{post_id}/withdraw", "error"), (f"reposts/{repost_id}/void", "error")):
        thing = path.rpartition("/")[0]
        etag = (await campaign.http.get(f"{API}/{thing}")).headers["etag"]
        for stale in ('"2"', '"abc"'):
            answer = await campaign.http.post(f"{API}/{path}", json={"reason": reason}, headers={"If-Match": stale})
            assert refused(answer) == (412, "version_conflict", None)
        answer = await campaign.http.post(f"{API}/{path}", json={"reason": reason}, headers={"If-Match": etag})
        assert answer.status_code == 200
        assert answer.headers["etag"] != etag
        assert (await campaign.http.get(f"{API}/{thing}")).headers["etag"] == answer.headers["etag"]
