"""The report as a circular (.docx): overall, results, county by county, method, data quality. Pure.

Every sentence is a template filled with numbers of the report; nothing is judged and nothing is made up.
"""

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from docx import Document as new_document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor

from services.appraisal.exports.document import Document, Row, number, printable

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MOST_IN_ANNEX = 60
"""Bodies: with more of them the annex would be hundreds of pages, and the workbook is the place to look."""
_FIGURES = ("numerator", "denominator", "value", "target", "attainment", "weight", "points")
_LATIN = "Times New Roman"
_BODY, _HEADING = "FangSong", "SimHei"
"""Typefaces of Chinese circulars; programs without them take their own."""
_INK, _RULE, _SHADE = RGBColor(0x1F, 0x3B, 0x57), "8A97A3", "E9EEF3"
_PODIUM = 3


def briefing(document: Document) -> bytes:
    paper = _Paper(document)
    words, report = document.words, document.report
    paper.title(words("exports.briefing.title", period=document.period_name))
    paper.labels(document.labels)
    paper.text(
        words(
            "exports.briefing.opening",
            scheme=document.scheme_name,
            period=document.period_name,
            dates=document.dates,
        )
    )
    if report["provisional"] and report["status"] != "not_begun":
        paper.text(words("exports.briefing.provisional", certainty=document.certainty))
    _overall(paper)
    _results(paper)
    _counties(paper)
    _method(paper)
    _quality(paper)
    _annex(paper)
    return paper.bytes()


class _Paper:
    """A paper under way, A4: its styles, page head and foot, paragraphs and tables."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.words = document.words
        self.paper: Any = new_document()
        self._styles()
        section = self.paper.sections[0]
        self._lay(section, landscape=False)
        self._head_and_foot(section)
        told = self.paper.core_properties
        told.title, told.subject = printable(document.title), document.label_line
        told.comments, told.author = document.report["digest"], "Qingsheng 青声"
        told.language = "zh-CN" if self.words.language == "zh" else "en-GB"
        told.created = told.modified = document.at.replace(tzinfo=None)

    def _styles(self) -> None:
        chinese = self.words.language == "zh"
        sizes = {"Normal": 12 if chinese else 11, "Title": 20, "Heading 1": 15, "Heading 2": 13}
        for name, size in sizes.items():
            style = self.paper.styles[name]
            style.font.size, style.font.name = Pt(size), _LATIN
            # Chinese characters take the typeface for East Asia; a theme's would go before it.
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for attribute in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                fonts.attrib.pop(qn(f"w:{attribute}"), None)
            fonts.set(qn("w:eastAsia"), _BODY if name == "Normal" else _HEADING)
            fonts.set(qn("w:hAnsi"), _LATIN)
            style.paragraph_format.space_after = Pt(6)
            if name != "Normal":
                style.font.color.rgb, style.font.bold = _INK, name != "Title" or not chinese
        title = self.paper.styles["Title"].element.get_or_add_pPr()
        for line in title.findall(qn("w:pBdr")):
            title.remove(line)
        self.paper.styles["Normal"].paragraph_format.line_spacing = 1.4 if chinese else 1.15

    def _head_and_foot(self, section: Any) -> None:
        head = section.header.paragraphs[0]
        self._run(head, self.document.label_line, size=8)
        foot = section.footer.paragraphs[0]
        foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
        run = foot.add_run()
        for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
            element = OxmlElement("w:fldChar" if kind else "w:instrText")
            if kind:
                element.set(qn("w:fldCharType"), kind)
            else:
                element.text = text
            run._r.append(element)

    def title(self, text: str) -> None:
        paragraph = self._paragraph(text, "Title")
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER

    def heading(self, text: str, level: int = 1) -> None:
        self._paragraph(text, f"Heading{level}")

    def text(self, text: str, *, bullet: bool = False) -> None:
        paragraph = self._paragraph(text, "ListBullet" if bullet else None)
        if self.words.language == "zh" and not bullet:
            paragraph.paragraph_format.first_line_indent = Pt(24)  # two characters

    def _paragraph(self, text: str, style_id: str | None) -> Any:
        """By the style's id: to look a name up among all styles takes longer than the rest of the paragraph."""
        paragraph = self.paper.add_paragraph(printable(text))
        if style_id:
            paragraph._p.style = style_id
        return paragraph

    def caption(self, text: str) -> None:
        paragraph = self.paper.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        self._run(paragraph, text, size=10)

    def labels(self, told: Sequence[tuple[str, str]]) -> None:
        self.table(None, told, [3.2, 13.0], size=9.5)

    def table(
        self, heads: Sequence[str] | None, rows: Sequence[Sequence[str]], widths: Sequence[float], *, size: float
    ) -> None:
        """Cells as text; ``widths`` in centimetres. The row of heads is repeated on every page."""
        table = self.paper.add_table(rows=0, cols=len(widths))
        table.style, table.autofit = "Table Grid", False
        _border(table)
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Cm(width)
        lines = [_row(heads, widths, size, is_head=True)] if heads else []
        lines += [_row(row, widths, size, bold_first=heads is None) for row in rows]
        for line in parse_xml(f"<w:tbl {nsdecls('w')}>{''.join(lines)}</w:tbl>"):
            table._tbl.append(line)
        self.paper.add_paragraph().paragraph_format.space_after = Pt(2)

    def _run(self, paragraph: Any, text: str, *, size: float, bold: bool = False) -> None:
        run = paragraph.add_run(printable(text))
        run.font.size, run.font.bold = Pt(size), bold or None

    def section(self, *, landscape: bool) -> None:
        """The pages that follow: lying where a table is wider than a page."""
        section = self.paper.add_section()
        self._lay(section, landscape)

    def _lay(self, section: Any, landscape: bool) -> None:
        section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
        long, short = Cm(29.7), Cm(21)
        section.page_width, section.page_height = (long, short) if landscape else (short, long)
        section.left_margin = section.right_margin = Cm(1.8 if landscape else 2.4)
        section.top_margin, section.bottom_margin = Cm(2.6), Cm(2.2)

    def bytes(self) -> bytes:
        buffer = io.BytesIO()
        self.paper.save(buffer)
        return buffer.getvalue()


def _overall(paper: _Paper) -> None:
    document, words = paper.document, paper.words
    counties, report = document.counties, document.report
    paper.heading(words("exports.briefing.overall"))
    if not counties:
        paper.text(words("exports.briefing.empty"))
        return
    if report["status"] == "not_begun":
        paper.text(words("exports.briefing.not_begun", start=document.period.start))
        return
    ranked = [row for row in counties if row["rank"] is not None]
    counts = {"bodies": len(counties), "ranked": len(ranked), "unranked": len(counties) - len(ranked)}
    told = [words("exports.briefing.bodies", **counts)]
    for rank in dict.fromkeys(row["rank"] for row in ranked[:_PODIUM]):
        there = [row for row in ranked if row["rank"] == rank]
        names = words("exports.list_break").join(document.name_of(row) for row in there)
        told.append(words("exports.briefing.place", rank=rank, names=names, score=number(there[0]["score"])))
    paper.text(_together(paper, told))
    paper.text(words("exports.briefing.sums"))
    paper.caption(words("exports.briefing.sums_reading"))
    heads = [words(f"exports.column.{name}") for name in ("indicator", "numerator", "denominator", "value", "target")]
    targets = {each["indicator"]: number(each["target"]) for each in counties[0]["indicators"]}
    rows = [
        [
            document.indicator_name(each["indicator"]),
            *(number(each[name]) for name in ("numerator", "denominator", "value")),
            targets[each["indicator"]],
        ]
        for each in report["city"]
    ]
    paper.table(heads, rows, [5.0, 2.8, 2.8, 2.8, 2.8], size=9.5)


def _results(paper: _Paper) -> None:
    document, words = paper.document, paper.words
    if not document.counties:
        return
    columns = document.columns
    paper.section(landscape=True)
    paper.heading(words("exports.briefing.table"))
    paper.caption(words("exports.briefing.table_reading"))
    heads = [words(f"appraisal.table.{name}") for name in ("rank", "county", "score")]
    heads += [words("exports.briefing.head", name=each["name"], weight=number(each["weight"])) for each in columns]
    rows = [
        [
            number(row["rank"]),
            document.name_of(row),
            number(row["score"]),
            *(number(each["points"]) for each in row["indicators"]),
        ]
        for row in document.counties
    ]
    share = (26.0 - 6.0) / len(columns)
    paper.table(heads, rows, [1.3, 3.0, 1.7, *([share] * len(columns))], size=9)
    for name, text in document.notes:
        paper.text(words("exports.briefing.explained", name=name, text=text), bullet=True)
    paper.section(landscape=False)


def _counties(paper: _Paper) -> None:
    document, words = paper.document, paper.words
    if not document.counties:
        return
    paper.heading(words("exports.briefing.counties"))
    for row in document.counties:
        paper.heading(document.name_of(row), 2)
        paper.text(_together(paper, _county(document, row)))


def _county(document: Document, row: Row) -> list[str]:
    """What is said of one county: score and rank, what is on target, what is farthest from it, what is not scored."""
    words, name = document.words, document.name_of(row)
    between = words("exports.list_break")
    if document.report["status"] == "not_begun":
        return [words("exports.briefing.county_not_begun", county=name)]
    if row["score"] is None:
        told = [words("exports.briefing.county_no_score", county=name, reason=document.place_note(row))]
    elif row["rank"] is None:
        place = {"county": name, "score": number(row["score"]), "reason": document.place_note(row)}
        told = [words("exports.briefing.county_unranked", **place)]
    else:
        place = {"county": name, "score": number(row["score"]), "rank": row["rank"]}
        told = [words("exports.briefing.county_ranked", **place)]
    scored = [each for each in row["indicators"] if each["attainment"] is not None]
    reached = [document.indicator_name(each["indicator"]) for each in scored if each["attainment"] == 1]
    short = [each for each in scored if each["attainment"] < 1]
    if reached:
        told.append(words("exports.briefing.reached", count=len(reached), indicators=between.join(reached)))
    elif scored:
        told.append(words("exports.briefing.reached_none"))
    if short:
        farthest = min(short, key=lambda each: each["attainment"])
        numbers = {name: number(farthest[name]) for name in ("value", "target", "attainment")}
        indicator = document.indicator_name(farthest["indicator"])
        told.append(words("exports.briefing.farthest", indicator=indicator, **numbers))
    left_out = [
        words(
            "exports.briefing.left_out_one",
            indicator=document.indicator_name(each["indicator"]),
            note=document.note(each["note"]),
        )
        for each in row["indicators"]
        if each["attainment"] is None
    ]
    if left_out:
        told.append(words("exports.briefing.left_out", indicators=between.join(left_out)))
    return told


def _method(paper: _Paper) -> None:
    document, words = paper.document, paper.words
    paper.heading(words("exports.briefing.method"))
    paper.text(words("appraisal.legend.score"))
    paper.text(words("appraisal.legend.counting"))
    for each in document.columns:
        numbers = {name: number(each[name]) for name in ("weight", "target")}
        named = words("exports.briefing.weight", name=each["name"], **numbers)
        told = _together(paper, [each["what"], each["rule"]] if each["rule"] else [each["what"]])
        paper.text(words("exports.briefing.defined", name=named, text=told), bullet=True)


def _quality(paper: _Paper) -> None:
    document, words = paper.document, paper.words
    report = document.report
    paper.heading(words("exports.briefing.quality"))
    told = [*document.freshness, document.certainty]
    paper.text(_together(paper, [words("exports.sentence", text=each) for each in told]))
    aside = document.set_aside
    paper.text(words("exports.briefing.set_aside", count=aside) if aside else words("exports.briefing.set_aside_none"))
    if "restated" in report:
        changed = len(report["restated"]["counties"]) if report["restated"] else 0
        key = "restated" if changed else "restated_none"
        paper.text(words(f"exports.briefing.{key}", count=changed))
    address = f"/appraisal/api/v1/reports/{report['period']}"
    paper.text(words("exports.briefing.check", address=address, digest=report["digest"]))


def _annex(paper: _Paper) -> None:
    document, words = paper.document, paper.words
    if not document.counties:
        return
    if len(document.counties) > MOST_IN_ANNEX:
        paper.text(words("exports.briefing.annex_left_out", bound=MOST_IN_ANNEX))
        return
    paper.section(landscape=True)
    paper.heading(words("exports.briefing.annex"))
    heads = [words("appraisal.table.county")]
    heads += [words(f"exports.column.{name}") for name in ("indicator", *_FIGURES, "note")]
    rows = [
        [
            document.name_of(row),
            document.indicator_name(each["indicator"]),
            *(number(each[name]) for name in _FIGURES),
            document.note(each["note"]),
        ]
        for row in document.counties
        for each in row["indicators"]
    ]
    paper.table(heads, rows, [2.8, 4.2, 2.0, 2.2, 2.0, 1.8, 2.0, 1.8, 2.0, 4.6], size=8.5)


def _together(paper: _Paper, sentences: Sequence[str]) -> str:
    return ("" if paper.words.language == "zh" else " ").join(sentences)


# -- what python-docx has no word for --------------------------------------------------------------------------------


def _row(
    texts: Sequence[str], widths: Sequence[float], size: float, *, is_head: bool = False, bold_first: bool = False
) -> str:
    """A table's row as XML. Cell by cell through python-docx, a province's table would take a minute."""
    head = "<w:tblHeader/>" if is_head else ""
    shade = f'<w:shd w:val="clear" w:color="auto" w:fill="{_SHADE}"/>' if is_head else ""
    middle = '<w:jc w:val="center"/>' if is_head else ""
    told: list[str] = []
    for at, (text, width) in enumerate(zip(texts, widths, strict=True)):
        bold = "<w:b/>" if is_head or (bold_first and at == 0) else ""
        told.append(
            f'<w:tc><w:tcPr><w:tcW w:w="{Cm(width).twips}" w:type="dxa"/>{shade}</w:tcPr>'
            f'<w:p><w:pPr><w:spacing w:after="20" w:line="240" w:lineRule="auto"/>{middle}</w:pPr>'
            f'<w:r><w:rPr>{bold}<w:sz w:val="{round(size * 2)}"/></w:rPr>'
            f'<w:t xml:space="preserve">{escape(printable(text))}</w:t></w:r></w:p></w:tc>'
        )
    return f"<w:tr><w:trPr><w:cantSplit/>{head}</w:trPr>{''.join(told)}</w:tr>"


def _border(table: Any) -> None:
    """Thin grey rules instead of the style's black ones."""
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", "4"), ("color", _RULE)):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    table._tbl.tblPr.find(qn("w:tblLayout")).addprevious(borders)  # the order of elements is fixed
