"""The .xlsx, read back: every figure of the JSON report, native charts over them, the events behind them."""

import io
import re
import zipfile
from typing import Any

import httpx
import pytest
import python_calamine

from services.appraisal.exports import behind
from shared.web.i18n import catalogue
from tests.appraisal.exports.harness import API, FIGURES, FORMULA, appraisal, export_of, report_of

PATHS = ["2014", "2014-H1", "2014-Q3", "2014?as_of=2014-09-29", "2014-Q2?scheme=ningde-2014"]


class Book:
    """Sheets by their place: report, indicators, method, evidence; cells as the reader gives them, empty ones None."""

    def __init__(self, content: bytes) -> None:
        read = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        self.names = read.sheet_names
        self.sheets = [
            [[None if cell == "" else cell for cell in row] for row in read.get_sheet_by_name(name).to_python()]
            for name in self.names
        ]
        self._zip = zipfile.ZipFile(io.BytesIO(content))

    def parts(self, begins: str) -> list[str]:
        return [self._zip.read(name).decode() for name in self._zip.namelist() if re.match(begins, name)]

    def below(self, sheet: int, head: str) -> list[list[Any]]:
        """The rows below the one that has this heading, up to the first empty one."""
        rows = self.sheets[sheet]
        top = next(at for at, row in enumerate(rows) if head in row) + 1
        found = rows[top:]
        return found[: next((at for at, row in enumerate(found) if not any(row)), len(found))]


async def book_of(http: httpx.AsyncClient, path: str, language: str) -> Book:
    answer = await export_of(http, path, "xlsx", language)
    assert answer.headers["content-language"] == language
    return Book(answer.content)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_figure_is_that_of_the_json_report(http: httpx.AsyncClient, path: str, language: str) -> None:
    report, book, words = await report_of(http, path), await book_of(http, path, language), catalogue(language)

    results = book.below(0, words("appraisal.table.rank"))
    assert [row[2] for row in results] == [row["county"] for row in report["counties"]]
    for row, county in zip(results, report["counties"], strict=True):
        assert row[0] == county["rank"]
        assert row[1] == (county["name"].get(language) or county["name"]["zh"])
        assert row[3] == county["score"]
        assert row[4:-1] == [each["points"] for each in county["indicators"]]
        assert (row[-1] is None) == (county["rank"] is not None)

    told = book.below(1, words("exports.column.indicator_code"))
    expected = [(county["county"], each) for county in report["counties"] for each in county["indicators"]]
    expected += [(None, each) for each in report["city"]]
    assert len(told) == len(expected)
    for row, (county, figure) in zip(told, expected, strict=True):
        assert (row[1], row[3]) == (county, figure["indicator"])
        assert row[2] == words(f"appraisal.indicator.{figure['indicator']}.name")
        assert row[4:11] == [figure.get(name) for name in FIGURES], figure
        note = figure.get("note")
        assert row[11] == (words(f"appraisal.note.short.{note}") if note else None)


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_it_says_what_it_is(http: httpx.AsyncClient, language: str) -> None:
    path = "2014-H1?as_of=2014-09-29"
    report, book, words = await report_of(http, path), await book_of(http, path, language), catalogue(language)
    assert book.names == [words(f"exports.sheet.{name}") for name in ("report", "indicators", "method", "evidence")]
    labels = {row[0]: row[2] for row in book.sheets[0] if row[0] and row[2]}
    assert "2014-H1" in labels[words("exports.label.period")]
    assert words("exports.no_revision") == labels[words("exports.label.revision")]
    assert "ningde-2014" in labels[words("appraisal.fact.scheme")]
    assert "2014-09-29" in labels[words("appraisal.fact.seen")]
    assert labels[words("appraisal.fact.digest")] == report["digest"]
    for sheet in book.sheets[1:]:
        assert report["digest"] in sheet[1][0]
    [styles] = book.parts("xl/styles.xml")
    assert f'<name val="{words("exports.font")}"/>' in styles
    assert [row[3] for row in book.below(2, words("exports.column.rule"))] == [
        each["target"] for each in report["counties"][0]["indicators"]
    ]


async def test_charts_are_drawn_from_the_cells(http: httpx.AsyncClient) -> None:
    report, book = await report_of(http, "2014"), await book_of(http, "2014", "zh")
    scores, parts = book.parts("xl/charts/chart")
    for chart in (scores, parts):
        assert "<c:barChart>" in chart
        assert 'typeface="Microsoft YaHei"' in chart
    assert "各县（市、区）总分" in scores
    [where] = re.findall(r"<c:val><c:numRef><c:f>考评报告!\$D\$(\d+):\$D\$(\d+)</c:f>", scores)
    first, last = map(int, where)
    drawn = [row[3] for row in book.sheets[0][first - 1 : last]]
    assert drawn == [row["score"] for row in report["counties"]]
    series = re.findall(r"<c:tx><c:v>(.*?)</c:v></c:tx>|<c:tx><c:strRef>.*?<c:v>(.*?)</c:v>", parts)
    assert [one or other for one, other in series] == [
        catalogue("zh")(f"appraisal.indicator.{each['indicator']}.name") for each in report["city"]
    ]


async def test_no_cell_is_a_formula_or_a_link(http: httpx.AsyncClient) -> None:
    book = await book_of(http, "2014", "zh")
    assert FORMULA["zh"] in {row[1] for row in book.sheets[0]}
    for sheet in book.parts("xl/worksheets/sheet"):
        assert "<f>" not in sheet
        assert "<hyperlink" not in sheet


@pytest.mark.parametrize("path", ["2014", "2014?as_of=2014-09-29"])
async def test_the_events_are_those_of_the_evidence(http: httpx.AsyncClient, path: str) -> None:
    report, book, words = await report_of(http, path), await book_of(http, path, "en"), catalogue("en")
    period, _, query = path.partition("?")
    found = iter(book.below(3, words("exports.column.why_not")))
    limit = min(behind.MOST_OF_A_FIGURE, behind.MOST_ROWS // (len(report["counties"]) * len(report["city"])))
    total = 0
    for county in report["counties"]:
        for each in county["indicators"]:
            where = f"{API}/reports/{period}/counties/{county['county']}/indicators/{each['indicator']}/evidence"
            items = (await http.get(f"{where}?limit={limit}&{query}")).json()["items"]
            for item in items:
                row = next(found)
                subject = None if item["subject"].startswith("volunteer/") else item["subject"]
                assert row[1] == county["county"]
                assert row[2] == words(f"appraisal.indicator.{each['indicator']}.name")
                assert row[3] == words(f"exports.part.{item['part']}")
                assert row[4] == words("exports.counted.yes" if item["counted"] else "exports.counted.no")
                assert row[5] == (words(f"exports.why_not.{item['why_not']}") if item["why_not"] else None)
                assert row[6:] == [
                    item["time"], item["type"], subject, item["id"], item["topic"], item["partition"], item["offset"]
                ]  # fmt: skip
            total += len(items)
    assert next(found, None) is None
    assert f"{total} rows in all" in book.sheets[3][2][0]
    assert "volunteer/" not in str(book.sheets[3])


async def test_the_evidence_sheet_keeps_its_bound_and_says_so(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind, "MOST_OF_A_FIGURE", 10)
    book = await book_of(http, "2014", "en")
    rows = book.below(3, "Why not")
    figures = [(row[1], row[2]) for row in rows]
    assert max(figures.count(each) for each in figures) == 10
    assert "At most 10 events" in book.sheets[3][2][0]
    assert "have more; all events: /appraisal/api/v1/reports/2014/counties/" in book.sheets[3][2][0]
    monkeypatch.setattr(behind, "MOST_ROWS", 50)
    book = await book_of(http, "2014", "en")
    assert book.below(3, "Why not") == []
    assert "Too many bodies" in book.sheets[3][2][0]


async def test_a_closed_period_names_its_revision(closed: httpx.AsyncClient) -> None:
    for path, revision in (("2014-H1", 2), ("2014-H1?revision=1", 1)):
        report, book = await report_of(closed, path), await book_of(closed, path, "zh")
        labels = {row[0]: row[2] for row in book.sheets[0] if row[0] and row[2]}
        assert labels["版次"] == f"第 {revision} 版"
        assert labels["状态"] == "已关闭"
        assert labels["摘要"] == report["digest"]
        assert [row[3] for row in book.below(0, "名次")] == [row["score"] for row in report["counties"]]


async def test_a_demo_says_that_its_details_are_made_up(database_url: str) -> None:
    async with appraisal(database_url, story_mode=True) as http:
        assert "模拟" in str((await book_of(http, "2014", "zh")).sheets[0])
