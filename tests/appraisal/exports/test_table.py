"""The .csv holds the numbers of the JSON report, and nothing that a spreadsheet would run."""

import csv
import io
import json

import httpx
import pytest

from services.appraisal.exports.table import COLUMNS
from shared.web.i18n import catalogue
from tests.appraisal.exports.harness import FIGURES, FORMULA, export_of, figures_of, report_of

PATHS = ["2014", "2014-H1", "2014-Q2", "2014-05", "2014?as_of=2014-09-29", "2014-H1?scheme=ningde-2014@1", "2099"]


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    read = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert tuple(read.fieldnames or ()) == COLUMNS
    return list(read)


def shown(told: object) -> str:
    return "" if told is None else told if isinstance(told, str) else json.dumps(told)


@pytest.mark.parametrize("path", PATHS)
async def test_every_figure_is_that_of_the_json_report(http: httpx.AsyncClient, path: str) -> None:
    report = await report_of(http, path)
    rows = rows_of((await export_of(http, path, "csv", "en")).content)
    told = figures_of(report)
    assert [(row["county"], row["indicator"]) for row in rows] == list(told)
    places = {row["county"]: row for row in report["counties"]}
    for row in rows:
        figure = told[row["county"], row["indicator"]]
        for name in (*FIGURES, "note"):
            assert row[name] == shown(figure[name]), row
        for name in ("score", "rank"):
            assert row[name] == shown(places[row["county"]][name])
        assert row["county_note"] == shown(places[row["county"]]["note"])
        for name in ("period", "status", "revision", "scheme", "scheme_version", "as_of", "provisional", "digest"):
            assert row[name] == shown(report[name])


async def test_words_are_in_the_language_asked_for(http: httpx.AsyncClient) -> None:
    for language, indicator in (("zh", "名册到位"), ("en", "Roster filled")):
        answer = await export_of(http, "2014", "csv", language)
        assert answer.headers["content-language"] == language
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert indicator in {row["indicator_name"] for row in rows_of(answer.content)}
        assert catalogue(language)("appraisal.indicator.tips_answered.name") in answer.text
    answer = await http.get("/appraisal/api/v1/reports/2014.csv", headers={"accept-language": "en-GB,zh;q=0.5"})
    assert answer.headers["content-language"] == "en"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_name_is_never_a_formula(http: httpx.AsyncClient, language: str) -> None:
    rows = rows_of((await export_of(http, "2014", "csv", language)).content)
    names = {row["county_name"] for row in rows if row["county"] == "350999"}
    assert names == {f"'{FORMULA[language]}"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@", "\t", "\r"))]


async def test_a_closed_period_names_its_revision(closed: httpx.AsyncClient) -> None:
    digests = set()
    for path, revision in (("2014-H1", "2"), ("2014-H1?revision=1", "1")):
        report = await report_of(closed, path)
        answer = await export_of(closed, path, "csv")
        rows = rows_of(answer.content)
        assert {(row["status"], row["revision"], row["digest"]) for row in rows} == {
            ("closed", revision, report["digest"])
        }
        assert f"qingsheng-2014-H1-r{revision}.csv" in answer.headers["content-disposition"]
        digests.add(report["digest"])
    assert len(digests) == 2


@pytest.mark.parametrize("ending", ["csv", "xlsx", "docx"])
async def test_what_cannot_be_asked_is_refused_as_the_json_report_does(http: httpx.AsyncClient, ending: str) -> None:
    for period, query in (
        ("2014-H3", ""),
        ("2014", "as_of=2999-01-01"),
        ("2014", "scheme=none@1"),
        ("2014", "revision=9"),
    ):
        expected = await http.get(f"/appraisal/api/v1/reports/{period}?{query}")
        answer = await http.get(f"/appraisal/api/v1/reports/{period}.{ending}?{query}")
        assert expected.status_code >= 400
        assert (answer.status_code, answer.json()["code"]) == (expected.status_code, expected.json()["code"])
        assert answer.headers["content-type"].startswith("application/problem+json")
