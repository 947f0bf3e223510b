"""The life of a period as its people go through it: confirmed, objected to, closed, restated, reopened, closed again."""

import re
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from shared.web.pages import signed
from tests.appraisal.test_closing import CITY, NOW, A, B, half_a_year, tip
from tests.support.appraisal import People, people
from tests.support.browsing import Visitor, words_of

PAGE = "/appraisal/periods/2014-H1"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[People]:
    async with people(database_url, [A, B]) as made:
        await made.take(half_a_year().events, NOW)
        yield made


def visitor(desk: People, who: str) -> Visitor:
    return Visitor(desk.http, desk.headers[who])


def hidden(html: str) -> dict[str, str]:
    """The fields that the confirming form sends by itself."""
    form = re.search(rf'<form method="post" action="{PAGE}/confirm">(.*?)</form>', html, re.DOTALL)
    assert form, words_of(html)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))


async def test_a_county_confirms_the_figures_that_it_saw(desk: People) -> None:
    county = visitor(desk, A)
    fields = hidden(await county.see(PAGE))
    assert fields["county"] == A
    assert "Confirmed." in words_of(await county.done(f"{PAGE}/confirm", fields))
    assert f'action="{PAGE}/confirm"' not in await county.see(PAGE)
    other = visitor(desk, B)
    assert A not in words_of(await other.see(PAGE))
    assert (await other.send(f"{PAGE}/confirm", fields)).status_code == 403
    log = half_a_year()
    early = len(log.events)
    tip(log, B, date(2014, 5, 2))
    seen = hidden(await other.see(PAGE))
    await desk.take(log.events[early:], NOW)
    stale = await other.send(f"{PAGE}/confirm", seen)
    assert stale.status_code == 422
    assert 'role="alert"' in stale.text
    assert not any(each["confirmed"] for each in (await desk.get("/periods/2014-H1", B))["counties"])


async def test_the_city_confirms_for_the_city_level_alone(desk: People) -> None:
    city = visitor(desk, "city")
    html = await city.see(PAGE)
    assert hidden(html)["county"] == CITY
    assert html.count(f'action="{PAGE}/confirm"') == 1


async def test_an_objection_is_made_and_answered_on_pages(desk: People) -> None:
    county, committee = visitor(desk, A), visitor(desk, "committee")
    told = {"county": A, "indicator": "training_coverage", "text": "Two venues of 27 May are missing."}
    wrong = await county.send(f"{PAGE}/objections", told | {"text": ""})
    assert wrong.status_code == 422
    assert 'id="text-error"' in wrong.text
    both = await county.send(f"{PAGE}/objections", {"county": A, "text": "Neither is named."})
    assert both.status_code == 422
    assert told["text"] in await county.done(f"{PAGE}/objections", told)
    link = re.search(r'href="(/appraisal/objections/[^"]+)"', await committee.see(PAGE))
    assert link
    assert "/appraisal/objections/" not in await county.see(PAGE)
    await county.see(link[1], 403)
    assert 'id="outcome-error"' in (await committee.send(link[1], {"answer": "They were added."})).text
    page = words_of(await committee.done(link[1], {"outcome": "upheld", "answer": "They were added."}))
    assert "Upheld They were added." in page
    again = await committee.send(link[1], {"outcome": "rejected", "answer": "A second thought."})
    assert again.status_code == 422


async def test_closing_is_looked_at_first_and_open_objections_need_a_reason(desk: People) -> None:
    county, committee = visitor(desk, A), visitor(desk, "committee")
    text = "Two venues of 27 May are missing."
    await county.done(f"{PAGE}/objections", {"county": A, "indicator": "training_coverage", "text": text})
    assert "/closing" not in await county.see(PAGE)
    await county.see(f"{PAGE}/closing", 403)
    before = words_of(await committee.see(f"{PAGE}/closing"))
    assert text in before
    assert "3 of 3 bodies have not confirmed" in before
    refused = await committee.send(f"{PAGE}/close", {})
    assert refused.status_code == 422
    assert 'id="force-error"' in refused.text
    assert 'id="reason-error"' in (await committee.send(f"{PAGE}/close", {"force": "1"})).text
    assert (await desk.get("/periods/2014-H1", "committee"))["status"] == "running"
    page = words_of(await committee.done(f"{PAGE}/close", {"force": "1", "reason": "answered by telephone"}))
    assert "answered by telephone" in page
    assert (await committee.send(f"{PAGE}/close", {})).status_code == 422


async def test_closed_restated_reopened_and_closed_again_with_the_chain(desk: People) -> None:
    committee = visitor(desk, "committee")
    page = await committee.done(f"{PAGE}/close", {})
    first = (await desk.get("/reports/2014-H1"))["digest"]
    assert first in page
    assert "No event that would change the figures" in words_of(page)
    log = half_a_year()
    early = len(log.events)
    for day in range(6):
        tip(log, B, date(2014, 5, 2) + timedelta(days=day), resolved=False)
    await desk.take(log.events[early:], NOW)
    [move] = [each for each in (await desk.get("/reports/2014-H1"))["restated"]["moves"] if each["county"] == B]
    restated = words_of(await committee.see(PAGE))
    assert f"{B} {move['score_before']} {move['score_after']} {signed(move['score_change'])} " in restated
    assert 'id="reason-error"' in (await committee.send(f"{PAGE}/reopen", {"reason": ""})).text
    reopened = words_of(await committee.done(f"{PAGE}/reopen", {"reason": "six tips came late"}))
    assert "six tips came late" in reopened
    page = await committee.done(f"{PAGE}/close", {})
    second = (await desk.get("/reports/2014-H1"))["digest"]
    rows = re.findall(r'title="([0-9a-f]{64})"', page)
    assert rows == [second, first, first]  # the second one, what it is bound to, the first one
    for revision in (1, 2):
        for file in (
            f"/record?revision={revision}",
            *(f".{end}?revision={revision}" for end in ("docx", "xlsx", "csv")),
        ):
            assert f'href="/appraisal/api/v1/reports/2014-H1{file}' in page
    chain = words_of(await committee.see("/appraisal/periods"))
    assert chain.count("fits its digest and the one before") == 2
    async with desk.reading() as connection:
        await connection.execute("update closing set record = replace(record, '2014-H1', '2014-H2') where revision = 1")
    assert "does not fit its digest" in words_of(await committee.see("/appraisal/periods"))


async def test_who_may_see_and_what_is_there_at_first(desk: People) -> None:
    sent_away = await desk.http.get(PAGE, headers={"Accept": "text/html"})
    assert sent_away.headers["location"].startswith("/roster/sign-in")
    auditor = visitor(desk, "auditor")
    page = await auditor.see(PAGE)
    assert "<form" not in page.split("<main")[1]
    assert "No period was closed yet" in words_of(await auditor.see("/appraisal/periods"))
    assert "has not begun" in words_of(await auditor.see("/appraisal/periods/2099"))
    await auditor.see("/appraisal/periods/2014-Q9", 404)
    answer = await desk.http.get(f"{PAGE}/reopening", headers=desk.headers["committee"] | {"Accept": "text/html"})
    assert answer.headers["location"] == PAGE
