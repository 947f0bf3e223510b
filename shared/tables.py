"""Lists that people keep in a spreadsheet: read by their headings row by row, and given back with what became of each row.

A list holds what its columns ask for and nothing else (charter C9): an unknown heading refuses the whole.
"""
# pyright: reportMissingTypeStubs=false

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import xlsxwriter

from shared import workbooks
from shared.contracts.fields import plain_text
from shared.contracts.refusals import Refusal

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_TEXT = 2_000
RESULT, ADVICE = "结果 Result", "说明 What to do"
"""Headings of the two columns that a copy has more; a copy that is sent again is read without them."""
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日")
_TIMES = ("%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S")


@dataclass(frozen=True)
class Column:
    """``name`` of the field and its heading ``zh``: both are taken, in any order of columns."""

    name: str
    zh: str
    required: bool = False

    def named(self, language: str) -> str:
        return self.zh if language == "zh" else self.name


class Line(NamedTuple):
    """A row by its number in the sheet (the headings are row 1), its cells, and what they tell by field or why it cannot
    be read."""

    row: int
    cells: list[Any]
    told: dict[str, Any] | Refusal


class Table(NamedTuple):
    headings: list[str]
    lines: list[Line]


def read(content: bytes, columns: Sequence[Column], most: int) -> Table:
    """The rows of the first sheet or CSV file; empty ones are left out. Raises Refusal when the whole cannot be read."""
    rows = workbooks.rows(content)
    _, first = next(rows, (1, None))
    if not first:
        raise _unreadable("第一张表没有表头", "the first sheet has no headings")
    headings = ["" if _is_empty(cell) else str(cell).strip() for cell in first]
    places = _places(headings, columns)
    own = {at for at, heading in enumerate(headings) if heading in (RESULT, ADVICE)}
    lines: list[Line] = []
    for number, cells in rows:
        kept = [None if at in own else cell for at, cell in enumerate(cells or ())]
        if cells is not None and all(map(_is_empty, kept)):
            continue
        lines.append(Line(number, kept, _told(None if cells is None else kept, places)))
        if len(lines) > most:
            raise Refusal("too_large", pointer=f"/{most}")
    return Table(headings, lines)


def template(columns: Sequence[Column]) -> bytes:
    """An empty list with its headings."""
    buffer = io.BytesIO()
    book, sheet = _workbook(buffer)
    bold = book.add_format({"bold": True})
    for at, column in enumerate(columns):
        sheet.write_string(0, at, column.zh, bold)
        sheet.write_comment(0, at, column.name)
        sheet.set_column(at, at, 20)
    sheet.freeze_panes(1, 0)
    book.close()
    return buffer.getvalue()


def copy_with_results(table: Table, results: Mapping[int, tuple[str, str]]) -> bytes:
    """The list as it was sent, with a result and an advice behind each row, by the row's number; an advice marks the row
    as one to correct. Texts are written as texts, whatever they begin with."""
    buffer = io.BytesIO()
    book, sheet = _workbook(buffer)
    bold, wrong = book.add_format({"bold": True}), book.add_format({"bg_color": "#FBE3E0"})
    shown = [at for at, heading in enumerate(table.headings) if heading not in (RESULT, ADVICE)]
    for at, heading in enumerate([*(table.headings[at] for at in shown), RESULT, ADVICE]):
        sheet.write_string(0, at, heading, bold)
        sheet.set_column(at, at, 60 if heading == ADVICE else 22)
    for number, line in enumerate(table.lines, 1):
        result, advice = results.get(line.row, ("", ""))
        cells = [line.cells[at] if at < len(line.cells) else None for at in shown]
        for at, cell in enumerate([*cells, result, advice]):
            if not _is_empty(cell):
                _write(sheet, number, at, cell, wrong if advice else None)
    sheet.freeze_panes(1, 0)
    book.close()
    return buffer.getvalue()


def _workbook(buffer: io.BytesIO) -> tuple[Any, Any]:
    """A workbook that takes no text for a formula, a number or a link."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book: Any = xlsxwriter.Workbook(buffer, options)
    return book, book.add_worksheet("list")


def _write(sheet: Any, row: int, column: int, cell: Any, form: Any) -> None:
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        sheet.write_number(row, column, cell, form)
    else:
        sheet.write_string(row, column, str(cell), form)


# -- rows --------------------------------------------------------------------------------------------------------------


def _places(headings: Sequence[str], columns: Sequence[Column]) -> dict[int, str]:
    by_heading = {heading: column.name for column in columns for heading in (column.name, column.zh)}
    found: dict[int, str] = {}
    for at, heading in enumerate(headings):
        if not heading or heading in (RESULT, ADVICE):
            continue
        shown = heading[:40]
        if heading not in by_heading:
            raise _unreadable(f"不受理的列：{shown}", f"a column that is not taken: {shown}", f"/{at + 1}")
        if by_heading[heading] in found.values():
            raise _unreadable(f"重复的列：{shown}", f"a column stands twice: {shown}", f"/{at + 1}")
        found[at] = by_heading[heading]
    for column in columns:
        if column.required and column.name not in found.values():
            raise _unreadable(f"缺少列：{column.zh}", f"a column is missing: {column.name}")
    return found


def _told(cells: Iterable[Any] | None, places: Mapping[int, str]) -> dict[str, Any] | Refusal:
    if cells is None:
        return _unreadable("这一行有无法读取的单元格", "a cell of this row cannot be read")
    told = {at: cell for at, cell in enumerate(cells) if not _is_empty(cell)}
    if told.keys() - places.keys():
        return _unreadable("有内容不在任何表头之下", "something stands under no heading")
    return {places[at]: cell for at, cell in told.items()}


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


# -- cells -------------------------------------------------------------------------------------------------------------


def text(told: Mapping[str, Any], name: str) -> str:
    """A cell as text in normal form C; raises ``schema``, as the others do, for one that is missing or unfit."""
    cell = told.get(name)
    if cell is None:
        raise wrong(name, "必填", "is required")
    # Excel keeps 350902 as the number 350902.0.
    found = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
    if len(found) > LONGEST_TEXT:
        raise wrong(name, f"至多 {LONGEST_TEXT} 字", f"takes at most {LONGEST_TEXT} characters")
    try:
        return plain_text(found)
    except ValueError:
        raise wrong(name, "含有不可用的字符", "holds characters that cannot be stored") from None


def identity(told: Mapping[str, Any], name: str) -> UUID:
    try:
        return UUID(text(told, name))
    except ValueError:
        raise wrong(name, "须为 36 位编号（UUID）", "must be an id of 36 characters (UUID)") from None


def whole(told: Mapping[str, Any], name: str) -> int:
    found = text(told, name)
    if not (found.isascii() and found.isdecimal() and len(found) < 10):
        raise wrong(name, "须为整数", "must be a whole number")
    return int(found)


def number(told: Mapping[str, Any], name: str) -> float:
    try:
        found = float(text(told, name))
    except ValueError:
        found = float("nan")
    if not abs(found) < 1e9:
        raise wrong(name, "须为数字", "must be a number")
    return found


def day(told: Mapping[str, Any], name: str) -> date:
    """2014-05-01, 2014/5/1 or 2014年5月1日, or a date of the workbook's own."""
    cell = told.get(name)
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    found = _parsed(text(told, name), _DATES)
    if found is None:
        raise wrong(name, "须为日期，如 2014-05-01", "must be a date such as 2014-05-01")
    return found.date()


def moment(told: Mapping[str, Any], name: str, zone: ZoneInfo) -> datetime:
    """A time without offset is local; a date alone is no time."""
    cell = told.get(name)
    found = cell if isinstance(cell, datetime) else None
    if found is None and not isinstance(cell, (date, time)):
        written = text(told, name)
        try:
            found = datetime.fromisoformat(written) if len(written) > len("2014-05-01") else None
        except ValueError:
            found = _parsed(written, _TIMES)
    if found is None:
        raise wrong(name, "须为时间，如 2014-05-01 09:00", "must be a time such as 2014-05-01 09:00")
    return found if found.tzinfo else found.replace(tzinfo=zone)


def wrong(name: str, zh: str, en: str) -> Refusal:
    return Refusal("schema", pointer=f"/{name}", reason={"zh": zh, "en": en})


def _parsed(written: str, forms: Iterable[str]) -> datetime | None:
    """Without a zone: local, as the caller knows."""
    for form in forms:
        try:
            return datetime.strptime(written, form)  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _unreadable(zh: str, en: str, pointer: str | None = None) -> Refusal:
    return Refusal("schema", pointer=pointer, reason={"zh": zh, "en": en})
