"""``qingsheng report``: the table in the terminal holds the numbers of the JSON report."""

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from qingsheng import cli, report
from shared.web.i18n import catalogue
from tests.appraisal.exports.harness import FORMULA, report_of
from tests.support.services import settings_for


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setattr(cli, "settings_here", lambda: settings_for(database_url))
    monkeypatch.setattr(cli.out, "width", 160)
    monkeypatch.setattr(cli.out, "soft_wrap", False)


async def run(*words: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, cli.app, ["report", *words])


def shown(told: object) -> str:
    return report.NOTHING if told is None else json.dumps(told)


def rows_of(output: str) -> list[list[str]]:
    """The cells of every row between rules."""
    return [[cell.strip() for cell in line.strip("│┃").split("│")] for line in output.splitlines() if "│" in line]


@pytest.mark.parametrize(
    ("words", "path"), [(["2014-H1"], "2014-H1"), (["2014", "--as-of", "2014-09-29"], "2014?as_of=2014-09-29")]
)
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_figure_is_that_of_the_json_report(
    http: httpx.AsyncClient, deployed: None, words: list[str], path: str, language: str
) -> None:
    expected = await report_of(http, path)
    told = await run(*words, "--lang", language)
    assert told.exit_code == 0, told.output
    rows = rows_of(told.output)
    counties, sums = rows[: len(expected["counties"])], rows[len(expected["counties"]) :]
    for row, county in zip(counties, expected["counties"], strict=True):
        assert row[0] == shown(county["rank"])
        assert (county["name"].get(language) or county["name"]["zh"]) in row[1]
        assert row[2:] == [shown(county["score"]), *(shown(each["points"]) for each in county["indicators"])]
    for number, (row, each) in enumerate(zip(sums, expected["city"], strict=True), 1):
        assert row[:2] == [str(number), catalogue(language)(f"appraisal.indicator.{each['indicator']}.name")]
        assert row[4:] == [shown(each[name]) for name in ("numerator", "denominator", "value")]
    assert expected["digest"] in told.output
    assert FORMULA[language] in told.output


async def test_json_is_what_the_api_answers(http: httpx.AsyncClient, deployed: None) -> None:
    expected = await report_of(http, "2014-Q3?scheme=ningde-2014@1")
    told = await run("2014-Q3", "--scheme", "ningde-2014@1", "--json")
    assert json.loads(told.stdout) == expected


async def test_an_older_revision(closed: httpx.AsyncClient, deployed: None) -> None:
    told = await run("2014-H1", "--revision", "1", "--json")
    assert json.loads(told.stdout)["digest"] == (await report_of(closed, "2014-H1?revision=1"))["digest"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [80, 120])
async def test_a_narrow_terminal_cuts_no_figure(
    http: httpx.AsyncClient, deployed: None, monkeypatch: pytest.MonkeyPatch, width: int, language: str
) -> None:
    monkeypatch.setattr(cli.out, "width", width)
    expected = await report_of(http, "2014-H1")
    told = await run("2014-H1", "--lang", language)
    _, _, tables = told.output.partition(catalogue(language)("appraisal.table.caption"))
    assert max(cell_len(line) for line in tables.splitlines()) <= width
    assert "…" not in tables
    lines = [line.replace("│", " ").split() for line in tables.splitlines()]
    for county in expected["counties"]:
        figures = [shown(county["score"]), *(shown(each["points"]) for each in county["indicators"])]
        assert any(line[-len(figures) :] == figures and line[0] == shown(county["rank"]) for line in lines), county


async def test_a_period_that_there_is_not_is_answered_with_those_there_are(
    closed: httpx.AsyncClient, deployed: None
) -> None:
    for language, said in (("zh", "已关闭的有：2014-H1。"), ("en", "Closed so far: 2014-H1.")):
        told = await run("2014-H3", "--lang", language)
        assert told.exit_code == 2
        assert "2014-H3" in told.output
        assert said in " ".join(told.output.split())


async def test_wrong_use_says_what_to_do(http: httpx.AsyncClient, deployed: None) -> None:
    for words in (
        ["2014-H3"],
        ["2014", "--as-of", "2999-01-01"],
        ["2014", "--as-of", "soon"],
        ["2014", "--lang", "fr"],
    ):
        told = await run(*words)
        assert told.exit_code == 2, told.output
        assert re.search(r"\w", told.output)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN", "LC_ALL": "en_GB"}, "en"),
        ({"LANG": "fr_FR"}, "en"),
        ({}, "en"),
    ],
)
def test_the_terminals_language(environment: dict[str, str], language: str) -> None:
    assert report.language_here(environment) == language
