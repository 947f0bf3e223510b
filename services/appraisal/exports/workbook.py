"""The report as a workbook (.xlsx): results with charts, every figure, the method, the events behind. Pure."""
# pyright: reportMissingTypeStubs=false

import io
from collections.abc import Iterable, Sequence
from typing import Any

import xlsxwriter

from services.appraisal.exports.behind import Behind
from services.appraisal.exports.document import Document, Row, printable

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_IN_A_CHART = 40
"""Bodies; with more of them a bar is no longer seen."""
FIGURES = ("numerator", "denominator", "value", "target", "attainment", "weight", "points")
COLOURS = (
    "#1F5FA8", "#2E8B6F", "#C98A1B", "#7A5BA6", "#C0504D", "#4AA3C7", "#8C8C3A", "#D98CA6", "#5B6B7A", "#A87B51",
)  # fmt: skip
_HEAD, _RULE, _STRIPE = "#1F3B57", "#B8C4CF", "#F3F6F9"


def workbook(document: Document, events: Behind) -> bytes:
    """No text is taken for a formula, a number or a link; numbers are the JSON report's, null is an empty cell."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book: Any = xlsxwriter.Workbook(buffer, options)
    book.set_properties(
        {
            "title": printable(document.title),
            "subject": document.label_line,
            "comments": document.report["digest"],
            "created": document.at.replace(tzinfo=None),
        }
    )
    writer = _Writer(book, document)
    _results(writer)
    _indicators(writer)
    _method(writer)
    _evidence(writer, events)
    book.close()
    return buffer.getvalue()


class _Writer:
    """A workbook under way: its formats, and sheets that carry the labels."""

    def __init__(self, book: Any, document: Document) -> None:
        self.book = book
        self.document = document
        self.words = document.words
        self.font = self.words("exports.font")
        plain = {"font_name": self.font, "font_size": 10, "valign": "top"}
        line = {"bottom": 1, "bottom_color": _RULE}
        add = book.add_format
        book.formats[0].set_font_name(self.font)
        book.formats[0].set_font_size(10)
        self.title = add({**plain, "font_size": 16, "bold": True, "font_color": _HEAD})
        self.quiet = add({**plain, "font_size": 9, "font_color": "#5A6672"})
        self.label = add({**plain, "bold": True, "font_color": "#5A6672"})
        self.plain = add(plain)
        self.wrapped = add({**plain, "text_wrap": True})
        self.section = add({**plain, "bold": True, "font_size": 12, "font_color": _HEAD})
        self.head = add(
            {
                **plain,
                "bold": True,
                "font_color": "#FFFFFF",
                "bg_color": _HEAD,
                "text_wrap": True,
                "valign": "vcenter",
                "align": "center",
                "border": 1,
                "border_color": "#FFFFFF",
            }
        )
        self.text = add({**plain, **line})
        self.number = add({**plain, **line, "align": "right"})
        self.strong = add({**plain, **line, "bold": True, "align": "right"})
        self.long = add({**plain, **line, "text_wrap": True})

    def sheet(self, name: str, title: str, widths: Sequence[float]) -> Any:
        """A sheet with title and label line on top; its content begins in row 4 (index 3)."""
        sheet = self.book.add_worksheet(self.words(f"exports.sheet.{name}"))
        for at, width in enumerate(widths):
            sheet.set_column(at, at, width)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        sheet.set_footer(f"&L&8{self.document.label_line.replace('&', '&&')[:200]}&R&8&P / &N")
        self.put(sheet, 0, 0, title, self.title)
        sheet.set_row(0, 24)
        return sheet

    def put(self, sheet: Any, row: int, column: int, told: Any, form: Any) -> None:
        """A number as a number, everything else as text; null leaves the cell empty."""
        if told is None:
            sheet.write_blank(row, column, None, form)
        elif isinstance(told, bool):
            sheet.write_boolean(row, column, told, form)
        elif isinstance(told, int | float):
            sheet.write_number(row, column, told, form)
        else:
            sheet.write_string(row, column, printable(str(told)), form)

    def heads(self, sheet: Any, row: int, told: Iterable[str], height: float = 20) -> None:
        sheet.set_row(row, height)
        for at, text in enumerate(told):
            self.put(sheet, row, at, text, self.head)


def _results(writer: _Writer) -> None:
    document, words = writer.document, writer.words
    columns = document.columns
    sheet = writer.sheet("report", document.title, [8, 20, 10, 10, *([12] * len(columns)), 30])
    row = 2
    for name, text in document.labels:
        writer.put(sheet, row, 0, name, writer.label)
        writer.put(sheet, row, 2, text, writer.plain)
        row += 1
    row += 1
    heads = [words(f"appraisal.table.{name}") for name in ("rank", "county")] + [words("exports.column.code")]
    heads.append(words("appraisal.table.score"))
    heads += [words("exports.column.points_of", indicator=each["name"], weight=each["weight"]) for each in columns]
    heads.append(words("exports.column.note"))
    writer.heads(sheet, row, heads, 48)
    sheet.repeat_rows(row)
    top = row + 1
    for body in document.counties:
        row += 1
        told: list[Any] = [body["rank"], document.name_of(body), body["county"], body["score"]]
        told += [each["points"] for each in body["indicators"]]
        told.append(document.place_note(body))
        forms = [writer.number, writer.text, writer.text, writer.strong, *([writer.number] * len(columns)), writer.long]
        for at, (each, form) in enumerate(zip(told, forms, strict=True)):
            writer.put(sheet, row, at, each, form)
    if row < top:
        writer.put(sheet, top, 0, words("exports.briefing.empty"), writer.plain)
        return
    sheet.conditional_format(
        top, 3, row, 3, {"type": "data_bar", "bar_color": "#9DC3E6", "bar_solid": True, "min_type": "num",
                         "min_value": 0, "max_type": "num", "max_value": 100}
    )  # fmt: skip
    bodies = min(len(document.counties), MOST_IN_A_CHART)
    _charts(writer, sheet, top, top + bodies - 1, row + 2)


def _charts(writer: _Writer, sheet: Any, top: int, last: int, row: int) -> None:
    """Scores as bars, and what they are made of as stacked bars, both drawn from the cells above them."""
    words, name = writer.words, writer.words("exports.sheet.report")
    height = 130 + 26 * (last - top + 1)
    categories = [name, top, 1, last, 1]
    scores = writer.book.add_chart({"type": "bar"})
    scores.add_series(
        {
            "name": words("appraisal.table.score"),
            "categories": categories,
            "values": [name, top, 3, last, 3],
            "fill": {"color": COLOURS[0]},
            "gap": 60,
            "data_labels": {"value": True, "font": {"name": writer.font, "size": 9}},
        }
    )
    scores.set_legend({"none": True})
    parts = writer.book.add_chart({"type": "bar", "subtype": "stacked"})
    for at, column in enumerate(writer.document.columns):
        parts.add_series(
            {
                "name": column["name"],
                "categories": categories,
                "values": [name, top, 4 + at, last, 4 + at],
                "fill": {"color": COLOURS[at % len(COLOURS)]},
                "gap": 60,
            }
        )
    parts.set_legend({"position": "bottom", "font": {"name": writer.font, "size": 9}})
    for chart, title, column in ((scores, "scores", 0), (parts, "points", 6)):
        chart.set_title(
            {"name": words(f"exports.chart.{title}"), "name_font": {"name": writer.font, "size": 12}, "overlay": False}
        )
        chart.set_y_axis({"reverse": True, "num_font": {"name": writer.font, "size": 9}})
        chart.set_x_axis(
            {"min": 0, "max": 100, "major_gridlines": {"visible": True, "line": {"color": _RULE}},
             "num_font": {"name": writer.font, "size": 9}}
        )  # fmt: skip
        chart.set_size({"width": 520 if column == 0 else 760, "height": height + (60 if column else 0)})
        sheet.insert_chart(row, column, chart, {"description": words(f"exports.chart.{title}")})


def _indicators(writer: _Writer) -> None:
    document, words = writer.document, writer.words
    title = f"{document.title}：{words('exports.sheet.indicators')}"
    sheet = writer.sheet("indicators", title, [20, 10, 26, 30, 11, 12, 10, 10, 11, 10, 10, 36])
    writer.put(sheet, 1, 0, document.label_line, writer.quiet)
    names = ("code", "indicator", "indicator_code", *FIGURES, "note")
    writer.heads(sheet, 3, [words("appraisal.table.county"), *(words(f"exports.column.{name}") for name in names)])
    row = 3
    for body in document.counties:
        for each in body["indicators"]:
            row += 1
            _figures(writer, sheet, row, [document.name_of(body), body["county"]], each)
    for each in document.report["city"]:
        row += 1
        _figures(writer, sheet, row, [words("appraisal.table.sum"), ""], each)
    sheet.freeze_panes(4, 3)
    sheet.repeat_rows(3)
    sheet.autofilter(3, 0, max(row, 4), 11)


def _figures(writer: _Writer, sheet: Any, row: int, place: list[str], each: Row) -> None:
    """One indicator of one body; a city's sum has fewer figures."""
    texts = [*place, writer.document.indicator_name(each["indicator"]), each["indicator"]]
    for at, text in enumerate(texts):
        writer.put(sheet, row, at, text, writer.text)
    for at, name in enumerate(FIGURES, len(texts)):
        writer.put(sheet, row, at, each.get(name), writer.number)
    writer.put(sheet, row, len(texts) + len(FIGURES), writer.document.note(each.get("note")), writer.text)


def _method(writer: _Writer) -> None:
    document, words = writer.document, writer.words
    sheet = writer.sheet("method", f"{document.title}：{words('exports.sheet.method')}", [26, 28, 10, 10, 70, 50])
    writer.put(sheet, 1, 0, document.label_line, writer.quiet)
    row = 3
    for key in ("score", "counting"):
        sheet.merge_range(row, 0, row, 5, words(f"appraisal.legend.{key}"), writer.wrapped)
        sheet.set_row(row, 44)
        row += 1
    row += 1
    names = ("indicator", "indicator_code", "weight", "target", "what", "rule")
    writer.heads(sheet, row, [words(f"exports.column.{name}") for name in names])
    for each in document.columns:
        row += 1
        sheet.set_row(row, 44)
        for at, name in enumerate(("name", "indicator", "weight", "target", "what", "rule")):
            writer.put(sheet, row, at, each[name], writer.long)
    row += 2
    if document.notes:
        writer.put(sheet, row, 0, words("appraisal.note.heading"), writer.section)
        for name, text in document.notes:
            row += 1
            sheet.set_row(row, 32)
            writer.put(sheet, row, 0, name, writer.wrapped)
            sheet.merge_range(row, 1, row, 5, text, writer.wrapped)


def _evidence(writer: _Writer, events: Behind) -> None:
    document, words = writer.document, writer.words
    widths = [18, 10, 20, 10, 10, 32, 26, 36, 42, 40, 26, 8, 10]
    sheet = writer.sheet("evidence", f"{document.title}：{words('exports.sheet.evidence')}", widths)
    writer.put(sheet, 1, 0, document.label_line, writer.quiet)
    writer.put(sheet, 2, 0, _bound(document, events), writer.quiet)
    names = (
        "code", "indicator", "part", "counted", "why_not", "time", "type", "subject", "event", "topic", "partition",
        "offset",
    )  # fmt: skip
    writer.heads(sheet, 3, [words("appraisal.table.county"), *(words(f"exports.column.{name}") for name in names)])
    counties = {body["county"]: document.name_of(body) for body in document.counties}
    row = 3
    for county, indicator, event in events.rows:
        row += 1
        told = [
            counties[county],
            county,
            document.indicator_name(indicator),
            words(f"exports.part.{event['part']}"),
            words(f"exports.counted.{'yes' if event['counted'] else 'no'}"),
            _why_not(document, event["why_not"]),
            event["time"],
            event["type"],
            "" if event["subject"].startswith("volunteer/") else event["subject"],
            event["id"],
            event["topic"],
            event["partition"],
            event["offset"],
        ]
        for at, each in enumerate(told):
            writer.put(sheet, row, at, each, writer.text)
    sheet.freeze_panes(4, 3)
    sheet.repeat_rows(3)
    sheet.autofilter(3, 0, max(row, 4), len(names))


def _bound(document: Document, events: Behind) -> str:
    """What the sheet lists and what it leaves out."""
    words = document.words
    period = document.report["period"]
    address = f"/appraisal/api/v1/reports/{period}/counties/…/indicators/…/evidence"
    if not events.limit:
        return words("exports.evidence.none", address=address)
    told = [words("exports.evidence.bound", limit=events.limit, rows=len(events.rows))]
    told.append(
        words("exports.evidence.cut", figures=events.cut, address=address)
        if events.cut
        else words("exports.evidence.whole")
    )
    return " ".join([*told, words("exports.evidence.people")])


def _why_not(document: Document, code: str | None) -> str:
    return document.words(f"exports.why_not.{code}") if code else ""
