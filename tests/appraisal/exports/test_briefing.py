"""The .docx, read back: a circular whose numbers are all those of the JSON report."""

import io
import json
import re
from typing import Any

import docx
import httpx
import pytest
from docx.oxml.ns import qn

from services.appraisal.exports import briefing
from shared.web.i18n import catalogue
from tests.appraisal.exports.harness import FIGURES, FORMULA, export_of, report_of
from tests.support.services import client, settings_for

PATHS = ["2014", "2014-H1", "2014-Q3", "2014?as_of=2014-09-29", "2014-Q2?scheme=ningde-2014"]


async def paper_of(http: httpx.AsyncClient, path: str, language: str) -> Any:
    answer = await export_of(http, path, "docx", language)
    assert answer.headers["content-language"] == language
    return docx.Document(io.BytesIO(answer.content))


def cells(table: Any) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def shown(told: object) -> str:
    return "" if told is None else json.dumps(told)


def text_of(paper: Any) -> str:
    return "\n".join(paragraph.text for paragraph in paper.paragraphs)


def below(paper: Any, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    found: list[str] | None = None
    for paragraph in paper.paragraphs:
        if paragraph.style.name.startswith("Heading"):
            if found is not None:
                break
            found = [] if paragraph.text == heading else None
        elif found is not None:
            found.append(paragraph.text)
    assert found is not None, heading
    return "\n".join(found)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_figure_is_that_of_the_json_report(http: httpx.AsyncClient, path: str, language: str) -> None:
    report, paper, words = await report_of(http, path), await paper_of(http, path, language), catalogue(language)
    _, sums, results, annex = map(cells, paper.tables)

    def name(county: dict[str, Any]) -> str:
        return county["name"].get(language) or county["name"]["zh"]

    def indicator(each: dict[str, Any]) -> str:
        return words(f"appraisal.indicator.{each['indicator']}.name")

    assert sums[1:] == [
        [indicator(each), *(shown(each[n]) for n in ("numerator", "denominator", "value")), shown(target["target"])]
        for each, target in zip(report["city"], report["counties"][0]["indicators"], strict=True)
    ]
    assert results[1:] == [
        [shown(row["rank"]), name(row), shown(row["score"]), *(shown(each["points"]) for each in row["indicators"])]
        for row in report["counties"]
    ]
    assert annex[1:] == [
        [
            name(row),
            indicator(each),
            *(shown(each[figure]) for figure in FIGURES),
            words(f"appraisal.note.short.{each['note']}") if each["note"] else "",
        ]
        for row in report["counties"]
        for each in row["indicators"]
    ]
    for row in report["counties"]:
        told = below(paper, name(row))
        if row["score"] is not None:
            assert shown(row["score"]) in told
        for each in row["indicators"]:
            if each["attainment"] is None:
                assert indicator(each) in told.split(words("exports.briefing.left_out", indicators="")[:4])[-1]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_it_says_what_it_is_on_every_page(http: httpx.AsyncClient, language: str) -> None:
    path = "2014-H1?as_of=2014-09-29"
    report, paper, words = await report_of(http, path), await paper_of(http, path, language), catalogue(language)
    labels = dict(cells(paper.tables[0]))
    assert "2014-H1" in labels[words("exports.label.period")]
    assert labels[words("exports.label.revision")] == words("exports.no_revision")
    assert "ningde-2014" in labels[words("appraisal.fact.scheme")]
    assert "2014-09-29" in labels[words("appraisal.fact.seen")]
    assert labels[words("appraisal.fact.digest")] == report["digest"]
    for section in paper.sections:
        head = section.header.paragraphs[0].text
        assert report["digest"] in head
        assert "2014-H1" in head
        assert "ningde-2014@1" in head
    headings = [p.text for p in paper.paragraphs if p.style.name == "Heading 1"]
    parts = ("overall", "table", "counties", "method", "quality", "annex")
    assert headings == [words(f"exports.briefing.{part}") for part in parts]
    assert paper.paragraphs[0].style.name == "Title"


async def test_chinese_has_its_typefaces(http: httpx.AsyncClient) -> None:
    paper = await paper_of(http, "2014-H1", "zh")
    assert paper.paragraphs[0].text == "关于2014 年上半年县（市、区）志愿传播工作考评情况的通报"
    for style, typeface in (("Normal", "FangSong"), ("Title", "SimHei"), ("Heading 1", "SimHei")):
        fonts = paper.styles[style].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == typeface
        assert fonts.get(qn("w:eastAsiaTheme")) is None
    assert paper.core_properties.language == "zh-CN"


async def test_the_sentences_tell_the_numbers(http: httpx.AsyncClient) -> None:
    report, paper = await report_of(http, "2014"), await paper_of(http, "2014", "zh")
    ranked = [row for row in report["counties"] if row["rank"] is not None]
    overall = below(paper, "一、总体情况")
    counts = re.search(r"共考评 (\d+) 个对象，其中 (\d+) 个参加排名，(\d+) 个", overall)
    assert counts is not None
    bodies = len(report["counties"])
    assert [int(each) for each in counts.groups()] == [bodies, len(ranked), bodies - len(ranked)]
    for row in ranked:
        if row["rank"] == 1:
            assert row["name"]["zh"] in overall
        told = below(paper, row["name"]["zh"])
        assert f"得 {json.dumps(row['score'])} 分，列第 {row['rank']} 名" in told
        scored = [each for each in row["indicators"] if each["attainment"] is not None]
        reached = [each for each in scored if each["attainment"] == 1]
        assert (f"达到目标的有 {len(reached)} 项" in told) == bool(reached)
        least = min(each["attainment"] for each in scored)
        assert (f"达成度 {json.dumps(least)}。" in told) == (least < 1)
    assert "不排名" in below(paper, FORMULA["zh"])


async def test_before_it_begins_there_are_no_figures(http: httpx.AsyncClient) -> None:
    paper = await paper_of(http, "2099-H1", "zh")
    assert "尚未开始" in below(paper, "一、总体情况")
    assert "尚无数字" in below(paper, FORMULA["zh"])
    assert len(paper.tables) == 3


async def test_without_counties_it_says_so(database_url: str) -> None:
    async with client(settings_for(database_url), ["appraisal"]) as http:
        for ending in ("csv", "xlsx", "docx"):
            await export_of(http, "2014", ending, "en")
        assert "no city or county" in text_of(await paper_of(http, "2014", "en"))


async def test_late_events_and_unread_records_are_told(closed: httpx.AsyncClient) -> None:
    paper = await paper_of(closed, "2014-H1", "en")
    quality = below(paper, "5. Data quality")
    assert "Settled" in quality
    assert "No event that would change a figure arrived after the closing." in quality
    assert "No record was set aside" in quality
    assert "provisional" not in below(paper, "1. Overall")
    assert "revision 2" in paper.sections[0].header.paragraphs[0].text


async def test_with_very_many_bodies_the_annex_points_to_the_workbook(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(briefing, "MOST_IN_ANNEX", 2)
    paper = await paper_of(http, "2014", "en")
    assert len(paper.tables) == 3
    assert "more than 2 bodies" in text_of(paper)
