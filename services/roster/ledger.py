"""A unit's roster as a workbook: the template, reading it row by row, and the unit's volunteers in the same columns. No I/O
besides the bytes given."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple, get_args
from zoneinfo import ZoneInfo

import xlsxwriter
from pydantic import TypeAdapter, ValidationError

from services.roster import personal
from services.roster.disclosures import Disclosure
from services.roster.enlisting import Entry
from shared import tables
from shared.contracts.fields import Url
from shared.contracts.refusals import Refusal
from shared.contracts.roster import Category, Platform
from shared.tables import Column, Table

MEDIA_TYPE = tables.MEDIA_TYPE
MAX_ROWS = 20_000

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
    "name": "姓名",
    "phone": "手机号",
    "email": "邮箱",
}
"""Headings: the field's name or the Chinese one, in any order."""
ALSO = {
    "备注号": "row_ref",
    "公开日期": "disclosed_at",
    "核验日期": "verified_at",
    "电话": "phone",
    "电子邮箱": "email",
}
"""Other headings that are taken."""
STATUSES = {
    "registered": "已登记 registered",
    "already_registered": "此前已登记 registered before",
    "refused": "未登记 refused",
}
_REQUIRED = ("unit_id", "team", "category", "registered_on", "consented_on")
_DISCLOSURE = ("platform", "disclosed_at", "verified_at", "disclosure_url")
_CONTACT = ("name", "phone", "email")
_TEAMS = ("city", "county")
_CHOICES = {"team": _TEAMS, "category": get_args(Category), "platform": get_args(Platform)}
_UNIT_ID = re.compile(r"[0-9A-Z-]{4,20}")
_URL = TypeAdapter[str](Url)


class Line(NamedTuple):
    """A row of the sheet by its number there (the headings are row 1), read or refused."""

    row: int
    content: Entry | Refusal


class Ledger(NamedTuple):
    """As it was sent, and what its rows say."""

    table: Table
    lines: list[Line]


def read(content: bytes, zone: ZoneInfo, unit_id: str | None = None) -> Ledger:
    """The rows of the first sheet, or of a CSV file; empty ones are left out. ``unit_id``: of rows that name none. Raises
    Refusal when the whole cannot be read."""
    required = set(_REQUIRED) - ({"unit_id"} if unit_id else set())
    columns = [Column(name, zh, name in required) for name, zh in COLUMNS.items()]
    table = tables.read(content, [*columns, *(Column(name, zh) for zh, name in ALSO.items())], MAX_ROWS)
    return Ledger(table, [Line(line.row, _read(line.told, zone, unit_id)) for line in table.lines])


def _read(told: dict[str, Any] | Refusal, zone: ZoneInfo, unit_id: str | None) -> Entry | Refusal:
    if isinstance(told, Refusal):
        return told
    if unit_id is not None:
        told = {"unit_id": unit_id} | told
    try:
        return _entry(told, zone)
    except Refusal as refusal:
        return refusal


def _entry(told: dict[str, Any], zone: ZoneInfo) -> Entry:
    return Entry(
        unit_id=_unit_id(told),
        team=_choice(told, "team"),
        category=_choice(told, "category"),
        registered_on=tables.day(told, "registered_on"),
        consented_on=tables.day(told, "consented_on") if "consented_on" in told else None,
        row_ref=tables.text(told, "row_ref") if "row_ref" in told else None,
        disclosure=_disclosure(told, zone) if any(name in told for name in _DISCLOSURE) else None,
        contact=_contact(told),
    )


def _contact(told: dict[str, Any]) -> personal.Contact | None:
    found = {name: tables.text(told, name) for name in _CONTACT if name in told}
    return personal.normalised(found) if found else None


def _disclosure(told: dict[str, Any], zone: ZoneInfo) -> Disclosure:
    try:
        url = _URL.validate_python(tables.text(told, "disclosure_url"))
    except ValidationError:
        raise tables.wrong("disclosure_url", "须为公开网址", "must be a public address, https://…") from None
    return Disclosure(
        platform=_choice(told, "platform"),  # type: ignore[arg-type]
        disclosed_at=_moment(told, "disclosed_at", zone),
        verified_at=_moment(told, "verified_at", zone) if "verified_at" in told else None,
        disclosure_url=url,
    )


def _unit_id(told: Mapping[str, Any]) -> str:
    text = tables.text(told, "unit_id")
    if not _UNIT_ID.fullmatch(text):
        raise tables.wrong("unit_id", "须为单位代码，如 350902", "must be a unit's code, such as 350902")
    return text


def _choice(told: Mapping[str, Any], name: str) -> str:
    text, choices = tables.text(told, name), _CHOICES[name]
    if text not in choices:
        raise tables.wrong(name, f"须为 {'、'.join(choices)} 之一", f"must be one of {', '.join(choices)}")
    return text


def _moment(told: Mapping[str, Any], name: str, zone: ZoneInfo) -> datetime:
    """Dates stand for their first instant; times without offset are local."""
    if not isinstance(told.get(name), datetime):
        try:
            return datetime.combine(tables.day(told, name), time(), zone)
        except Refusal:
            pass  # no date: a time, or nothing of that kind
    return tables.moment(told, name, zone)


# -- workbooks given out -----------------------------------------------------------------------------------------------


def template() -> bytes:
    """An empty ledger with headings and drop-downs."""
    return _book([])


def written(volunteers: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> bytes:
    """Volunteers in the template's columns; what is personal is left empty. ``volunteers``: by the columns' names; days as
    dates, moments aware. Importing it again finds every row taken."""
    return _book(
        [{name: _local(row.get(name), zone) for name in COLUMNS if name not in _CONTACT} for row in volunteers]
    )


def contact_list(rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str]) -> bytes:
    """A list for people, ``headings`` by the rows' names."""
    buffer = io.BytesIO()
    book, sheet, forms = _opened(buffer, "contacts")
    for at, (name, heading) in enumerate(headings.items()):
        sheet.write_string(0, at, heading, forms.bold)
        sheet.set_column(at, at, 24)
        for number, row in enumerate(rows, 1):
            _put(sheet, number, at, row.get(name), forms)
    sheet.freeze_panes(1, 0)
    book.close()
    return buffer.getvalue()


class _Forms(NamedTuple):
    bold: Any
    day: Any
    moment: Any
    text: Any
    """Excel takes the cell for text when it is edited, too, whatever it begins with."""


def _book(rows: Sequence[Mapping[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    book, sheet, forms = _opened(buffer, "ledger")
    for at, (name, zh) in enumerate(COLUMNS.items()):
        sheet.write_string(0, at, zh, forms.bold)
        sheet.write_comment(0, at, name)
        sheet.set_column(at, at, 40 if name == "disclosure_url" else 16)
        if name in _CHOICES:
            source = {"validate": "list", "source": list(_CHOICES[name])}
            sheet.data_validation(1, at, MAX_ROWS, at, source)
        for number, row in enumerate(rows, 1):
            _put(sheet, number, at, row.get(name), forms)
    sheet.freeze_panes(1, 0)
    book.close()
    return buffer.getvalue()


def _opened(buffer: io.BytesIO, name: str) -> tuple[Any, Any, _Forms]:
    """A workbook that takes no text for a formula, a number or a link."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book: Any = xlsxwriter.Workbook(buffer, options)
    forms = _Forms(
        book.add_format({"bold": True}),
        book.add_format({"num_format": "yyyy-mm-dd"}),
        book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        book.add_format({"quote_prefix": True}),
    )
    return book, book.add_worksheet(name), forms


def _put(sheet: Any, row: int, column: int, cell: Any, forms: _Forms) -> None:
    match cell:
        case None:
            pass
        case datetime():
            sheet.write_datetime(row, column, cell, forms.moment)
        case date():
            sheet.write_datetime(row, column, datetime.combine(cell, time()), forms.day)
        case _:
            text = str(cell)
            sheet.write_string(row, column, text, forms.text if text.startswith(tuple("=+-@\t\r")) else None)


def _local(cell: Any, zone: ZoneInfo) -> Any:
    """Workbooks know no zones."""
    return cell.astimezone(zone).replace(tzinfo=None) if isinstance(cell, datetime) else cell
