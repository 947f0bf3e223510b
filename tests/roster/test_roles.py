"""Counties apart: a county's operator serves that county's people, and sees no other's."""

from typing import Any

from shared.access.roles import Role
from tests.roster.harness import ACCOUNT, CONSENT, MEMBER, MOVE, OTHER, PLAIN, Roster, workbook

CONTACT = {"name": "张三", "phone": "13800138000"}


async def test_a_county_operator_does_all_for_the_own_county(roster: Roster) -> None:
    own = await roster.as_county("350902")
    told = await roster.post("/volunteers", MEMBER | {"contact": CONTACT}, 201, headers=own)
    path = f"/volunteers/{told['volunteer_id']}"
    rows = [{"volunteer_id": told["volunteer_id"]} | CONSENT]
    assert (await roster.post("/volunteers/confirmations", {"confirmations": rows}, 200, headers=own))[
        "registered"
    ] == 1
    account = await roster.post(f"{path}/accounts", ACCOUNT, 201, headers=own)
    assert account["verified_by"] == "county_operator-350902"
    assert (await roster.get(f"{path}/contact", headers=own))["name"] == "张三"
    await roster.post(f"/accounts/{account['account_id']}/withdraw", None, 200, headers=own)
    assert [line["actor"] for line in await roster.audited("contact.read")] == ["county_operator-350902"]
    # Transferred to another county, the volunteer is that county's.
    await roster.post(f"{path}/transfer", MOVE, 200, headers=own)
    assert (await roster.get(path, 403, headers=own))["code"] == "forbidden"
    await roster.get(path, headers=await roster.as_county("350921"))


async def test_and_nothing_for_another(roster: Roster) -> None:
    registered = await roster.registered(unit_id="350921", contact=CONTACT)
    nominated = await roster.nominated(unit_id="350921")
    account = await roster.post(f"/volunteers/{registered}/accounts", ACCOUNT, 201)
    before = await roster.events()
    own = await roster.as_county("350902")
    theirs, waiting = f"/volunteers/{registered}", f"/volunteers/{nominated}"
    posts: list[tuple[str, Any]] = [
        ("/volunteers", MEMBER | {"unit_id": "350921"}),
        (f"{waiting}/register", CONSENT),
        (f"{waiting}/decline", {"reason": "other"}),
        (f"{theirs}/transfer", MOVE | {"to_unit_id": "350902"}),
        (f"{theirs}/leave", None),
        (f"{theirs}/erase", None),
        (f"{theirs}/accounts", ACCOUNT),
        (f"/accounts/{account['account_id']}/withdraw", None),
        ("/contact-lists", {"unit_id": "350921", "reason": "通知培训"}),
    ]
    for path, body in posts:
        assert (await roster.post(path, body, 403, headers=own))["code"] == "forbidden", path
    put = await roster.put(f"{theirs}/contact", CONTACT, 403, headers=own | {"If-Match": "*"})
    assert put["code"] == "forbidden"
    for path in (
        theirs,
        f"{theirs}/accounts",
        f"{theirs}/contact",
        f"{theirs}/export",
        "/units/350921",
        "/ledgers/350921.xlsx",
    ):
        assert (await roster.get(path, 403, headers=own))["code"] == "forbidden", path
    assert (await roster.get("/disclosures?county=350921", 403, headers=own))["code"] == "forbidden"
    for path, body in (
        ("confirmations", {"confirmations": [{"volunteer_id": nominated} | CONSENT]}),
        ("declinations", {"declinations": [{"volunteer_id": nominated, "reason": "other"}]}),
    ):
        told = await roster.post(f"/volunteers/{path}", body, 200, headers=own)
        assert [(row["status"], row["code"]) for row in told["rows"]] == [("refused", "forbidden")]
    book = workbook(PLAIN, PLAIN | {"unit_id": OTHER["unit_id"]})
    answer = (await roster.http.post("/roster/api/v1/ledgers?dry_run=true", content=book, headers=own)).json()
    assert [(row["status"], row.get("code"), row.get("pointer")) for row in answer["rows"]] == [
        ("registered", None, None),
        ("refused", "forbidden", "/unit_id"),
    ]
    assert await roster.events() == before
    assert await roster.audited("contact.read") == await roster.audited("contacts.exported") == []


async def test_lists_are_filtered_to_the_own_county(roster: Roster) -> None:
    for unit_id in ("350902", "350921"):
        await roster.put(f"/units/{unit_id}/quotas/county/2014", {"quota": 9}, 200)
        volunteer_id = await roster.registered(unit_id=unit_id)
        await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT, 201)
    own = await roster.as_county("350902")
    for path in ("/units", "/quotas", "/volunteers", "/disclosures"):
        assert len((await roster.get(path))["items"]) == 2, path
        items = (await roster.get(path, headers=own))["items"]
        assert [item["unit_id"] for item in items] == ["350902"], path
    assert (await roster.get("/volunteers?unit_id=350921", headers=own))["items"] == []


async def test_who_reads_reports_reads_nothing_personal(roster: Roster) -> None:
    volunteer_id = await roster.registered(contact=CONTACT)
    for role in (Role.COMMITTEE, Role.AUDITOR):
        headers = await roster.as_role(role)
        assert "张三" not in str(await roster.get(f"/volunteers/{volunteer_id}", headers=headers))
        for path in ("contact", "export"):
            assert (await roster.get(f"/volunteers/{volunteer_id}/{path}", 403, headers=headers))["code"] == "forbidden"
    lines = await roster.get("/audit", headers=await roster.as_role(Role.OPS), status=403)
    assert lines["code"] == "forbidden"


async def test_the_disclosure_register(roster: Roster) -> None:
    ids = [await roster.registered(), await roster.registered(unit_id="350921")]
    urls = ["https://example.org/1", "https://example.org/2"]
    accounts = [
        await roster.post(f"/volunteers/{one}/accounts", ACCOUNT | {"disclosure_url": url, "platform": platform}, 201)
        for one, url, platform in zip(ids, urls, ("weibo", "wechat"), strict=True)
    ]
    await roster.post(f"/accounts/{accounts[0]['account_id']}/withdraw", None, 200)

    async def listed(query: str) -> list[str]:
        return [item["disclosure_url"] for item in (await roster.get(f"/disclosures?{query}"))["items"]]

    assert await listed("") == urls
    assert (
        await listed("county=350902") == await listed("state=withdrawn") == await listed("platform=weibo") == urls[:1]
    )
    assert await listed("unit_id=350921") == await listed("state=standing") == urls[1:]
    page = await roster.get("/disclosures?limit=1")
    assert len(page["items"]) == 1
    assert await listed(f"cursor={page['next_cursor']}") == urls[1:]
    [first, _] = (await roster.get("/disclosures"))["items"]
    assert (first["verified_by"], first["county"], first["volunteer_id"]) == ("tester", "350902", ids[0])
    assert first["withdrawn_at"]
