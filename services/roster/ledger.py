"""A unit's roster as a workbook: the template, and reading one row by row. No I/O besides the bytes given."""

import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple, get_args
from zoneinfo import ZoneInfo

import xlsxwriter
from pydantic import TypeAdapter, ValidationError

from services.roster import workbook
from services.roster.commands import Disclosure, Entry
from shared.contracts.fields import Url, plain_text
from shared.contracts.refusals import Refusal
from shared.contracts.roster import Category, Platform

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 5_000

COLUMNS = {
    "unit_id": "单位代码",
    "team": "队伍",
    "category": "类别",
    "registered_on": "登记日期",
    "consented_on": "同意日期",
    "row_ref": "序号",
    "platform": "平台",
    "disclosed_at": "公开时间",
    "verified_at": "核验时间",
    "disclosure_url": "公开地址",
}
"""Headings: the field's name or the Chinese one, in any order."""
ALSO = {"备注号": "row_ref", "公开日期": "disclosed_at", "核验日期": "verified_at"}
"""Other headings that are taken."""
_REQUIRED = ("unit_id", "team", "category", "registered_on", "consented_on")
_DISCLOSURE = ("platform", "disclosed_at", "verified_at", "disclosure_url")
_TEAMS = ("city", "county")
_CATEGORIES = get_args(Category)
_PLATFORMS = get_args(Platform)
_URL = TypeAdapter[str](Url)


class Line(NamedTuple):
    """A row of the sheet by its number there (the headings are row 1), read or refused."""

    row: int
    content: Entry | Refusal


def template() -> bytes:
    """An empty ledger with headings and drop-downs."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet("ledger")
    bold = book.add_format({"bold": True})
    for at, (name, zh) in enumerate(COLUMNS.items()):
        sheet.write_string(0, at, zh, bold)
        sheet.write_comment(0, at, name)
        sheet.set_column(at, at, 16)
    names = list(COLUMNS)
    for name, choices in (("team", _TEAMS), ("category", _CATEGORIES), ("platform", _PLATFORMS)):
        at = names.index(name)
        sheet.data_validation(1, at, MAX_ROWS, at, {"validate": "list", "source": list(choices)})
    sheet.freeze_panes(1, 0)
    book.close()
    return buffer.getvalue()


def read(content: bytes, zone: ZoneInfo) -> list[Line]:
    """The rows of the first sheet; empty ones are left out. Raises Refusal when the whole cannot be read."""
    rows = workbook.rows(content)
    _, first = next(rows, (1, None))
    if not first:
        raise _unreadable("第一张表没有表头", "the first sheet has no headings")
    headings = _headings(first)
    lines: list[Line] = []
    for number, cells in rows:
        if cells is not None and all(_is_empty(cell) for cell in cells):
            continue
        try:
            lines.append(Line(number, _entry(_told(cells, headings), zone)))
        except Refusal as refusal:
            lines.append(Line(number, refusal))
        if len(lines) > MAX_ROWS:
            raise Refusal("too_large", pointer=f"/{MAX_ROWS}")
    return lines


def _told(cells: Iterable[Any] | None, headings: dict[int, str]) -> dict[str, Any]:
    """The row's cells that are not empty, by field."""
    if cells is None:
        raise _unreadable("这一行有无法读取的单元格", "a cell of this row cannot be read")
    told = {at: cell for at, cell in enumerate(cells) if not _is_empty(cell)}
    if told.keys() - headings.keys():
        # C9 again: what stands under no heading was not asked for either.
        raise _unreadable("有内容不在任何表头之下", "something stands under no heading")
    return {headings[at]: cell for at, cell in told.items()}


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _headings(cells: Sequence[Any]) -> dict[int, str]:
    by_heading = {heading: name for name, zh in COLUMNS.items() for heading in (name, zh)} | ALSO
    found: dict[int, str] = {}
    for at, cell in enumerate(cells):
        heading = str(cell).strip()
        if not heading:
            continue
        if heading not in by_heading:
            # C9: what is not asked for is not wanted, whatever it says.
            raise _unreadable(
                f"不受理的列：{heading[:40]}", f"a column that is not taken: {heading[:40]}", f"/{at + 1}"
            )
        if by_heading[heading] in found.values():
            raise _unreadable(f"重复的列：{heading}", f"a column stands twice: {heading}", f"/{at + 1}")
        found[at] = by_heading[heading]
    for name in _REQUIRED:
        if name not in found.values():
            raise _unreadable(f"缺少列：{COLUMNS[name]}", f"a column is missing: {name}")
    return found


def _entry(told: dict[str, Any], zone: ZoneInfo) -> Entry:
    consented = told.get("consented_on")
    return Entry(
        unit_id=_text(told, "unit_id"),
        team=_choice(told, "team", _TEAMS),
        category=_choice(told, "category", _CATEGORIES),
        registered_on=_day(told, "registered_on"),
        consented_on=None if consented is None else _day(told, "consented_on"),
        row_ref=_text(told, "row_ref") if "row_ref" in told else None,
        disclosure=_disclosure(told, zone) if any(name in told for name in _DISCLOSURE) else None,
    )


def _disclosure(told: dict[str, Any], zone: ZoneInfo) -> Disclosure:
    try:
        url = _URL.validate_python(_text(told, "disclosure_url"))
    except ValidationError:
        raise _wrong("disclosure_url", "须为公开网址", "must be a public address, https://…") from None
    return Disclosure(
        platform=_choice(told, "platform", _PLATFORMS),  # type: ignore[arg-type]
        disclosed_at=_moment(told, "disclosed_at", zone),
        verified_at=_moment(told, "verified_at", zone) if "verified_at" in told else None,
        disclosure_url=url,
    )


def _text(told: dict[str, Any], name: str) -> str:
    cell = told.get(name)
    if cell is None:
        raise _wrong(name, "必填", "is required")
    # Excel keeps 350902 as the number 350902.0.
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
    if len(text) > 500:
        raise _wrong(name, "至多 500 字", "takes at most 500 characters")
    try:
        return plain_text(text)
    except ValueError:
        raise _wrong(name, "含有不可用的字符", "holds characters that cannot be stored") from None


def _choice(told: dict[str, Any], name: str, choices: Sequence[str]) -> str:
    text = _text(told, name)
    if text not in choices:
        raise _wrong(name, f"须为 {'、'.join(choices)} 之一", f"must be one of {', '.join(choices)}")
    return text


def _day(told: dict[str, Any], name: str) -> date:
    cell = told.get(name)
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    try:
        return date.fromisoformat(_text(told, name))
    except ValueError:
        raise _wrong(name, "须为日期，如 2014-05-01", "must be a date such as 2014-05-01") from None


def _moment(told: dict[str, Any], name: str, zone: ZoneInfo) -> datetime:
    """Dates stand for their first instant; times without offset are local."""
    cell = told.get(name)
    if isinstance(cell, datetime):
        found = cell
    elif isinstance(cell, date):
        found = datetime.combine(cell, time())
    else:
        try:
            found = datetime.fromisoformat(_text(told, name))
        except ValueError:
            raise _wrong(name, "须为时间，如 2014-05-01 09:00", "must be a time such as 2014-05-01 09:00") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _wrong(name: str, zh: str, en: str) -> Refusal:
    return Refusal("schema", pointer=f"/{name}", reason={"zh": zh, "en": en})


def _unreadable(zh: str, en: str, pointer: str | None = None) -> Refusal:
    return Refusal("schema", pointer=pointer, reason={"zh": zh, "en": en})
