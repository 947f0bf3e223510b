"""The open page and its twin (charter C10): for everybody, the report's own numbers, and no small count of persons."""

from collections.abc import AsyncIterator

import pytest

from services.appraisal.schemes import DEFAULT
from tests.appraisal.test_closing import CITY, NOW, A, B, half_a_year
from tests.support.appraisal import People, people
from tests.support.browsing import Visitor, words_of

SHARING = "sharing_participation"
PAGE = "/appraisal/public/2014-H1"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[People]:
    """Nobody is signed in. Two counties with volunteers enough, and a city level of three, of whom two were trained."""
    async with people(database_url, []) as made:
        await made.take(half_a_year().events, NOW)
        yield made


async def test_c10_what_is_measured_is_public_with_the_numbers_of_the_report(desk: People) -> None:
    report = await desk.get("/reports/2014-H1")
    public = await desk.get("/public/2014-H1")
    assert public["method"] == DEFAULT.to_data()
    assert (public["period"], public["status"], public["scheme_version"]) == ("2014-H1", "running", 1)
    assert public["digest"] is None  # it could be tried out until the small counts fit
    assert {row["county"] for row in public["counties"]} == {A, B, CITY}
    full = {row["county"]: row for row in report["counties"]}
    for row in public["counties"]:
        if row["county"] == CITY:
            continue
        whole = full[row["county"]]
        assert row["withheld"] == {}
        assert (row["name"], row["score"], row["rank"]) == (whole["name"], whole["score"], whole["rank"])
        for each, told in zip(row["indicators"], whole["indicators"], strict=True):
            assert all(each[name] == told[name] for name in told if name not in each["withheld"])
            assert set(each["withheld"]) == ({"numerator", "denominator"} if each["indicator"] == SHARING else set())


async def test_c10_counts_of_persons_below_five_are_withheld_with_what_would_tell_them(desk: People) -> None:
    public = await desk.get("/public/2014-H1")
    city = public["counties"][-1]
    assert city["county"] == CITY
    assert city["score"] is None
    found = {each["indicator"]: each for each in city["indicators"]}
    assert found["roster_fill"]["withheld"]["numerator"] == "fewer_than_5"
    assert found["roster_fill"]["denominator"] == 30  # the quota is no count of persons
    assert (
        found["training_coverage"]["withheld"].items()
        >= {
            "numerator": "fewer_than_5",
            "denominator": "fewer_than_5",
            "value": "derivable",
        }.items()
    )
    assert found["tips_reported"]["withheld"]["denominator"] == "fewer_than_5"
    assert all(each["points"] is None for each in city["indicators"])
    sums = {each["indicator"]: each for each in public["city"]}
    assert sums["roster_fill"]["numerator"] is None
    assert sums["training_coverage"]["denominator"] is None
    assert sums["tips_reported"]["value"] is None
    assert sums["tips_triaged_in_time"]["withheld"] == {}


@pytest.mark.parametrize(("language", "fewer"), [("zh", "少于 5"), ("en", "fewer than 5")])
async def test_c10_the_open_page_needs_no_sign_in_and_says_fewer_than_five(
    desk: People, language: str, fewer: str
) -> None:
    html = await Visitor(desk.http, language=language).see(PAGE)
    text = words_of(html)
    assert text.count(fewer) >= 4
    public = await desk.get("/public/2014-H1")
    for row in public["counties"][:2]:
        assert str(row["score"]) in text
    assert 'href="/appraisal/api/v1/public/2014-H1"' in html
    for each in DEFAULT.to_data()["indicators"]:
        assert f'id="indicator-{each["indicator"]}"' in html


async def test_c10_a_closed_period_is_public_with_its_digest(desk: People) -> None:
    closed = await desk.post("/periods/2014-H1/close")
    public = await desk.get("/public/2014-H1")
    assert (public["status"], public["revision"], public["digest"]) == ("closed", 1, closed["digest"])
    assert closed["digest"] in await Visitor(desk.http).see(PAGE)


async def test_the_open_page_of_no_period_and_of_one_to_come(desk: People) -> None:
    visitor = Visitor(desk.http)
    assert "no period" in words_of(await visitor.see("/appraisal/public/2014-Q9", 404))
    assert (await desk.ask("GET", "/public/2014-Q9")).json()["code"] == "not_found"
    assert "has not begun" in words_of(await visitor.see("/appraisal/public/2099"))
    assert (await desk.get("/public/2099"))["counties"][0]["withheld"] == {}
    answer = await desk.http.get("/appraisal/public", headers={"Accept": "text/html"})
    assert answer.headers["location"] == "/appraisal/public/2014"


WHOLE = (
    "/reports/2014-H1",
    f"/reports/2014-H1/counties/{A}/explanation",
    f"/reports/2014-H1/counties/{A}/indicators/roster_fill/evidence",
    "/reports/2014-H1/quality",
    "/reports/2014-H1.csv",
    "/trends?period=2014-H1",
)


async def test_c10_whole_counts_are_for_those_with_a_role_where_reports_are_not_open(database_url: str) -> None:
    async with people(database_url, [A], reports_open=False) as desk:
        for path in WHOLE:
            assert (await desk.ask("GET", path)).status_code == 401, path
            for who in ("committee", "auditor", "city", A):
                assert (await desk.ask("GET", path, who)).status_code != 401, path
        for path in ("/appraisal/reports/2014-H1", f"/appraisal/reports/2014-H1/counties/{A}", "/appraisal/trends"):
            assert (await desk.http.get(path)).status_code == 401, path
        assert (await desk.ask("GET", "/public/2014-H1")).status_code == 200
        home = await desk.http.get("/appraisal/")
        assert (home.status_code, home.headers["location"]) == (302, "/appraisal/public")
