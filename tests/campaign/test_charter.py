"""The charter's rules as they meet the campaign: each a refused input or something that is not there."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from services.campaign.app import create_api
from shared.contracts.refusals import CODES
from tests.campaign.harness import Campaign, codes, repost
from tests.support.services import settings_for

# C3: nothing here posts, likes, comments, schedules, writes texts or reads platforms; nothing lets it sign in there.
# C8, C9: no marks for persons, no vetting.
FORBIDDEN = """
    password passwd pwd token cookie credential secret login signin session oauth
    schedule scheduled scheduler publish_at send_at
    like liked likes unlike comment comments reply replies upvote vote follow follower followers
    generate generated generator prompt draft autopost crosspost scrape scraped crawl crawler fetch fetched
    rank ranking score penalty penalties party belief religion ethnicity health nationality
"""


def names_in(document: dict[str, Any]) -> Iterator[str]:
    """Path segments, parameters, fields, values of enumerations and operation ids of an OpenAPI document."""
    for path, operations in document["paths"].items():
        yield from path.split("/")
        for operation in operations.values():
            yield operation["operationId"]
            yield from (parameter["name"] for parameter in operation.get("parameters", ()))
    waiting: list[Any] = [document]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield from found.get("properties", {})
            yield from (value for value in found.get("enum", ()) if isinstance(value, str))
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def words(name: str) -> set[str]:
    apart = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return {apart, *re.split(r"[^a-z]+", apart)}


def test_c3_no_endpoint_or_field_to_act_on_a_platform() -> None:
    document = create_api(settings_for("postgresql://nowhere/none")).openapi()
    names = set(names_in(document)) - set(CODES)  # what a refusal may say, here or elsewhere
    assert {"reposts", "shared_at", "link_removed", "withdraw"} <= names, "the walk misses what is there"
    assert {name for name in names if words(name) & set(FORBIDDEN.split())} == set()


@pytest.mark.parametrize("field", ["password", "access_token", "cookie", "schedule_at", "likes", "comment", "handle"])
async def test_c3_fields_to_act_on_a_platform_are_refused(campaign: Campaign, field: str) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    share = repost(volunteer, account, post_id)
    body = share["data"] | {field: "x"}
    answer = await campaign.http.post("/campaign/api/v1/reposts", json=body)
    assert (answer.json()["code"], answer.json()["pointer"]) == ("schema", f"/{field}")
    [[answer]] = await campaign.take(share | {"data": body})
    assert (answer["data"]["code"], answer["data"]["pointer"]) == ("schema", f"/data/{field}")


@pytest.mark.parametrize("door", ["http", "intake"])
async def test_c2_a_share_counts_only_from_an_account_disclosed_and_verified_by_then(
    campaign: Campaign, door: str
) -> None:
    post_id = await campaign.published("2014-06-01 08:00")
    volunteer, account, never = uuid4(), uuid4(), uuid4()
    await campaign.know(
        campaign.roster.registered(volunteer),
        # Disclosed in June, seen and verified by an operator in July, withdrawn in August.
        campaign.roster.disclosed(volunteer, account, "2014-06-02 09:00", verified="2014-07-01 09:00"),
        campaign.roster.withdrawn(volunteer, account, "2014-08-01 09:00"),
    )
    elsewhere, theirs = await campaign.sharer()

    async def told(who: Any, by: Any, when: str) -> str:
        share = repost(who, by, post_id, when)
        if door == "intake":
            answers = await campaign.take(share)
            if answers == [[]]:
                await campaign.let_waits_end()
                await campaign.settle()
                answers = [[(await campaign.answers())[share["id"]]]]
            return codes(answers)[0]
        answer = await campaign.http.post("/campaign/api/v1/reposts", json=share["data"])
        return "accepted" if answer.status_code == 201 else answer.json()["code"]

    assert await told(volunteer, account, "2014-06-15 09:00") == "account_not_disclosed"
    assert await told(volunteer, account, "2014-07-01 08:59:59") == "account_not_disclosed"
    assert await told(volunteer, account, "2014-08-01 09:00") == "account_not_disclosed"
    assert await told(volunteer, never, "2014-07-15 09:00") == "unknown_account"
    assert await told(elsewhere, account, "2014-07-15 09:00") == "unknown_account"
    assert await told(volunteer, theirs, "2014-07-15 09:00") == "unknown_account"
    assert await campaign.events("repost_logged") == []
    assert await told(volunteer, account, "2014-07-01 09:00") == "accepted"


async def test_c2_a_withdrawal_known_late_still_tells(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    assert codes(await campaign.take(repost(volunteer, account, post_id))) == ["accepted"]
    await campaign.know(campaign.roster.withdrawn(volunteer, account, "2014-07-01 08:59"))
    [voided] = await campaign.events("repost_voided")
    assert voided.data.reason == "not_disclosed"
