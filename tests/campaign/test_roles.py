"""Who may do what in the campaign: counties apart, producers read what they need."""

from typing import Any
from uuid import uuid4

import pytest

from shared.access.roles import Role
from tests.campaign.harness import (
    CITY,
    GUTIAN,
    JIAOCHENG,
    XIAPU,
    Campaign,
    key_of,
    post_body,
    refused,
    repost,
    session_of,
)

API = "/campaign/api/v1"


def share(volunteer: Any, account: Any, post: Any) -> dict[str, Any]:
    return repost(volunteer, account, post)["data"]


async def column(campaign: Campaign, unit_id: str = JIAOCHENG, **headers: str) -> Any:
    body = {"title": {"zh": "青春宁德"}, "opened_on": "2014-03-01", "unit_id": unit_id}
    return await campaign.post("/columns", body, **headers)


async def test_a_county_operator_does_all_for_the_own_county_and_nothing_for_another(campaign: Campaign) -> None:
    await campaign.know(*(campaign.roster.unit(unit) for unit in (CITY, JIAOCHENG, XIAPU)))
    own = await campaign.as_county(JIAOCHENG)
    assert (await column(campaign, **own)).status_code == 201
    assert refused(await column(campaign, XIAPU, **own)) == (403, "forbidden", None)
    assert (await campaign.post("/posts", post_body(), **own)).status_code == 201
    assert refused(await campaign.post("/posts", post_body(unit_id=XIAPU), **own)) == (403, "forbidden", "/unit_id")

    their_column = (await column(campaign, XIAPU)).json()["column_id"]
    their_post = await campaign.published(unit_id=XIAPU)
    of_city = await campaign.published(unit_id=CITY)
    theirs, their_account = await campaign.sharer(XIAPU)
    mine, my_account = await campaign.sharer(JIAOCHENG)
    their_share = (await campaign.post("/reposts", share(theirs, their_account, their_post))).json()["repost_id"]
    for path in (f"/columns/{their_column}", f"/posts/{their_post}", f"/reposts/{their_share}"):
        assert refused(await campaign.http.get(API + path, headers=own)) == (403, "forbidden", None)
    withdraw = await campaign.post(f"/posts/{their_post}/withdraw", {"reason": "error"}, **own)
    assert refused(withdraw) == (403, "forbidden", None)
    void = await campaign.post(f"/reposts/{their_share}/void", {"reason": "error"}, **own)
    assert refused(void) == (403, "forbidden", None)
    link = f"/volunteers/{theirs}/link"
    assert refused(await campaign.post(link, {}, **own)) == (403, "forbidden", None)
    assert refused(await campaign.http.delete(API + link, headers=own)) == (403, "forbidden", None)
    logged = await campaign.post("/reposts", share(theirs, their_account, of_city), **own)
    assert refused(logged) == (403, "forbidden", "/volunteer_id")

    # The own volunteers' shares of anybody's posts.
    for post in (their_post, of_city):
        assert (await campaign.post("/reposts", share(mine, my_account, post), **own)).status_code == 201
    assert {r["county"] for r in (await campaign.http.get(f"{API}/reposts", headers=own)).json()["items"]} == {
        JIAOCHENG
    }
    assert {p["county"] for p in (await campaign.http.get(f"{API}/posts", headers=own)).json()["items"]} == {
        JIAOCHENG,
        CITY,
    }
    assert {c["county"] for c in (await campaign.http.get(f"{API}/columns", headers=own)).json()["items"]} == {
        JIAOCHENG
    }
    # That somebody may not enter a share says nothing about it.
    assert await campaign.pool.fetchval("select count(*) from refused_share") == 0


async def test_a_producer_reads_columns_and_posts_and_nothing_else(campaign: Campaign) -> None:
    post_id, key = await campaign.published(), await key_of(campaign.settings, "feeds")
    column_id = (await column(campaign)).json()["column_id"]
    for path in ("/posts", "/columns", f"/posts/{post_id}", f"/columns/{column_id}"):
        assert (await campaign.http.get(API + path, headers=key)).status_code == 200
    assert refused(await campaign.http.get(f"{API}/reposts", headers=key)) == (403, "forbidden", None)
    assert refused(await campaign.post("/posts", post_body(), **key)) == (403, "forbidden", None)


@pytest.mark.parametrize("role", [Role.COMMITTEE, Role.AUDITOR])
async def test_readers_write_nothing(campaign: Campaign, role: Role) -> None:
    post_id, reader = await campaign.published(), await session_of(campaign.settings, role)
    volunteer, account = await campaign.sharer(GUTIAN)
    assert (await campaign.http.get(f"{API}/reposts", headers=reader)).status_code == 200
    writes: list[tuple[str, Any]] = [
        ("/posts", post_body()),
        (f"/posts/{post_id}/withdraw", {"reason": "error"}),
        ("/reposts", share(volunteer, account, post_id)),
        (f"/reposts/{uuid4()}/void", {"reason": "error"}),
        (f"/volunteers/{volunteer}/link", {}),
    ]
    for path, body in writes:
        assert refused(await campaign.post(path, body, **reader)) == (403, "forbidden", None)
