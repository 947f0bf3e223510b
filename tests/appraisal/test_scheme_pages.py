"""Schemes on pages: a draft from the scheme in force, errors beside their fields, tried, compared, adopted."""

import re
from collections.abc import AsyncIterator
from decimal import Decimal
from html import unescape

import pytest

from services.appraisal.scheme_form import INDICATORS, beside, scheme_told, values
from services.appraisal.schemes import DEFAULT, Scheme, problems
from tests.appraisal.test_closing import NOW, A, half_a_year
from tests.support.appraisal import People, people
from tests.support.browsing import Visitor, words_of

NEW = "/appraisal/schemes/new"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[People]:
    async with people(database_url, [A]) as made:
        await made.take(half_a_year().events, NOW)
        yield made


def filled(html: str) -> dict[str, str]:
    """The form's fields as they stand on the page."""
    found = dict(re.findall(r'<input id="[^"]*" name="([^"]*)"[^>]*? value="([^"]*)"', html))
    for name, options in re.findall(r'<select id="[^"]*" name="([^"]*)".*?>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else "redistribute"
    return {name: unescape(value) for name, value in found.items()}


def test_a_scheme_goes_through_the_form_unchanged() -> None:
    told = scheme_told(values(DEFAULT.to_data()))
    assert Scheme.of(told).to_data() == DEFAULT.to_data()


def test_every_problem_stands_beside_a_field_of_the_form() -> None:
    fields = values(DEFAULT.to_data())
    fields |= {"weight-roster_fill": "ten", "target-tips_reported": "0", "param-tips_triaged_in_time": "0"}
    found = beside(problems(scheme_told(fields)), fields)
    assert {name: [each.rule for each in told] for name, told in found.items()} == {
        "weight-roster_fill": ["wrong_type"]
    }
    found = beside(problems(scheme_told(fields | {"weight-roster_fill": "11"})), fields)
    assert {name: [each.rule for each in told] for name, told in found.items()} == {
        "target-tips_reported": ["target_positive"],
        "param-tips_triaged_in_time": ["days_range"],
        "indicators": ["weights_sum"],
    }
    assert scheme_told({"weight-tips_reported": "0.1"})["indicators"][0]["weight"] == Decimal("0.1")
    assert set(INDICATORS) >= {each.indicator for each in DEFAULT.indicators}


async def test_from_the_scheme_in_force_to_an_adopted_one(desk: People) -> None:
    committee = Visitor(desk.http, desk.headers["committee"])
    fields = filled(await committee.see(NEW))
    assert fields["scheme_id"] == "ningde-2014"
    assert fields["version"] == "2"
    assert fields["weight-roster_fill"] == "10"
    assert fields["weight-needs_acted"] == ""
    more = fields | {"weight-training_coverage": "10", "weight-needs_acted": "10", "target-needs_acted": "4"}
    more |= {"valid_from": "2014-01-01", "period": "2014-H1"}

    tried = words_of((await committee.send(NEW, more | {"what": "try"})).text)
    draft = Scheme.of(scheme_told(more)).to_data()
    what_if = await desk.post("/reports/2014-H1/what-if", draft, "committee")
    for move in what_if["moves"]:
        assert f"{move['score_before']} {move['score_after']}" in tried
    assert len((await desk.get("/schemes"))["items"]) == 0

    page = words_of(await committee.done(NEW, more | {"what": "save"}))
    assert "it is not adopted yet" in page
    [kept] = (await desk.get("/schemes"))["items"]
    assert (kept["version"], kept["adopted_at"]) == (2, None)
    assert "periods that are running will be computed by it as well" in page

    compared = "/appraisal/schemes/compare?left=ningde-2014@1&right=ningde-2014@2&period=2014-H1"
    beside_each_other = words_of(await committee.see(compared))
    sides = await desk.get("/reports/2014-H1/compare?left=ningde-2014@1&right=ningde-2014@2")
    for row in sides["counties"]:
        assert f"{row['score_before']} {row['score_after']}" in beside_each_other
    await committee.see(compared.replace("2014-H1", "2014-Q9"), 422)
    await committee.see(compared.replace("ningde-2014@2", "nobody@1"), 422)

    adopted = words_of(await committee.done("/appraisal/schemes/ningde-2014@2/adopt"))
    assert "Adopted." in adopted
    assert (await desk.get("/reports/2014-H1"))["scheme_version"] == 2
    assert "/adopt" not in await committee.see("/appraisal/schemes/ningde-2014@2")
    assert (await committee.send("/appraisal/schemes/ningde-2014@2/adopt")).status_code == 409


async def test_errors_name_the_rule_beside_the_field(desk: People) -> None:
    committee = Visitor(desk.http, desk.headers["committee"])
    fields = filled(await committee.see(NEW))
    wrong = fields | {"weight-sharing_participation": "40", "param-sharing_participation": "11", "scheme_id": "a@b"}
    answer = await committee.send(NEW, wrong | {"what": "save"})
    assert answer.status_code == 422
    assert 'id="scheme_id-error"' in answer.text
    answer = await committee.send(NEW, wrong | {"what": "save", "scheme_id": "steeper"})
    html = answer.text
    for field in ("weight-sharing_participation", "param-sharing_participation", "indicators"):
        [shown] = re.findall(rf'id="{field}-error">(.*?)</strong>', html, re.DOTALL)
        assert "rule weights_sum" in shown if field == "indicators" else "rule C7" in shown
    assert 'name="weight-sharing_participation" inputmode="decimal" autocomplete="off" value="40" aria-invalid' in html
    assert (await desk.get("/schemes"))["items"] == []
    taken = fields | {"version": "1", "what": "save", "period": "2014"}
    await committee.done(NEW, taken | {"scheme_id": "own"})
    clash = await committee.send(NEW, taken | {"scheme_id": "own", "target-roster_fill": "0.9"})
    assert clash.status_code == 422
    assert 'id="version-error"' in clash.text


async def test_only_the_committee_writes_schemes(desk: People) -> None:
    county = Visitor(desk.http, desk.headers[A])
    listed = await county.see("/appraisal/schemes")
    assert "ningde-2014@1" in listed
    assert NEW not in listed
    await county.see(NEW, 403)
    assert "/adopt" not in await county.see("/appraisal/schemes/ningde-2014@1")
    await county.see("/appraisal/schemes/nobody@1", 404)
    assert (await county.send("/appraisal/schemes/ningde-2014@1/adopt")).status_code == 403
