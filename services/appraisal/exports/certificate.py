"""A certificate of commendation as a document to be printed: A4 across, the name left to be written in by hand."""

import io
from datetime import date, datetime
from typing import Any

from docx import Document as new_document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from services.appraisal.exports.briefing import MEDIA_TYPE as MEDIA_TYPE
from shared.web.i18n import Catalogue

_INK = RGBColor(0x0B, 0x6E, 0x69)
_SONG, _LATIN = "宋体", "Georgia"


def certificate(words: Catalogue, year: int, unit: str, awarded_on: date, volunteer_id: str, at: datetime) -> bytes:
    """``unit``: its name; ``volunteer_id`` stands small at the foot, so that a certificate can be checked."""
    paper: Any = new_document()
    section = paper.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Cm(29.7), Cm(21)
    section.left_margin = section.right_margin = Cm(4)
    section.top_margin, section.bottom_margin = Cm(3.5), Cm(2)
    told = paper.core_properties
    told.title, told.author = words("appraisal_commendation.paper.title"), "Qingsheng 青声"
    told.created = told.modified = at.replace(tzinfo=None)
    told.language = "zh-CN" if words.language == "zh" else "en-GB"
    _line(paper, words("appraisal_commendation.paper.title"), 40, bold=True, after=30)
    _line(paper, words("appraisal_commendation.paper.name"), 20, after=18)
    _line(paper, words("appraisal_commendation.paper.text", unit=unit, year=year), 18, after=42)
    _line(paper, words("appraisal_commendation.paper.committee"), 16, side=WD_ALIGN_PARAGRAPH.RIGHT)
    _line(paper, awarded_on.isoformat(), 16, side=WD_ALIGN_PARAGRAPH.RIGHT)
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(foot, words("appraisal_commendation.paper.number", number=f"{year}/{volunteer_id}"), 8, bold=False)
    buffer = io.BytesIO()
    paper.save(buffer)
    return buffer.getvalue()


def _line(
    paper: Any,
    text: str,
    size: int,
    *,
    bold: bool = False,
    after: int = 6,
    side: WD_ALIGN_PARAGRAPH = WD_ALIGN_PARAGRAPH.CENTER,
) -> None:
    paragraph = paper.add_paragraph()
    paragraph.alignment = side
    paragraph.paragraph_format.space_after = Pt(after)
    paragraph.paragraph_format.line_spacing = 1.5
    _run(paragraph, text, size, bold=bold)


def _run(paragraph: Any, text: str, size: int, *, bold: bool) -> None:
    run = paragraph.add_run(text)
    run.font.size, run.font.bold, run.font.name = Pt(size), bold, _LATIN
    run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _SONG)
    if bold:
        run.font.color.rgb = _INK
