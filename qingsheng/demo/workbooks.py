"""Ledgers as workbooks, the way units send them: one row a volunteer, no name in it."""

import io
from collections.abc import Collection, Sequence
from datetime import date, datetime, time

import xlsxwriter

from qingsheng.demo.story import SYNTHETIC
from qingsheng.demo.story.people import Volunteer

HEADINGS = (
    "序号",
    "单位代码",
    "队伍",
    "类别",
    "登记日期",
    "同意日期",
    "平台",
    "公开时间",
    "核验时间",
    "公开地址",
)
FIRST_ROW = 2
"""The number of the first volunteer's row, as people count them."""


def ledger(people: Sequence[Volunteer], by: datetime, forgotten: Collection[str] = ()) -> bytes:
    """The .xlsx of a unit. An account stands in it when it was verified ``by`` then. ``forgotten``: references of those
    whose day of consent was left out."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"title": SYNTHETIC})
    sheet = book.add_worksheet("ledger")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.write_row(0, 0, HEADINGS, book.add_format({"bold": True}))
    for at, person in enumerate(people, FIRST_ROW - 1):
        for column, cell in enumerate(_cells(person, by, person.ref in forgotten)):
            match cell:
                case datetime():
                    sheet.write_datetime(at, column, cell.replace(tzinfo=None), moment)
                case date():
                    sheet.write_datetime(at, column, datetime.combine(cell, time()), day)
                case _:
                    sheet.write(at, column, cell)
    book.close()
    return buffer.getvalue()


def disclosure_url(person: Volunteer) -> str:
    """Where the public list of a unit's volunteers would show the account; a reserved domain."""
    return f"https://volunteers.example/{person.unit_id}/{person.ref}"


def _cells(person: Volunteer, by: datetime, forgotten: bool) -> list[str | date | None]:
    account = person.account
    known = account.verified_at <= by
    return [
        person.ref,
        person.unit_id,
        person.team,
        person.category,
        person.registered_on,
        None if forgotten else person.consented_on,
        *((account.platform, account.disclosed_at, account.verified_at, disclosure_url(person)) if known else ()),
    ]
