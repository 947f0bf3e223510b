"""Lists that people keep in a spreadsheet: read safely, and given back with what became of each row."""

import io
import zipfile
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from shared import tables, workbooks
from shared.contracts.refusals import Refusal
from shared.tables import ADVICE, RESULT, Column
from tests.tables.books import cells, text, xlsx

COLUMNS = (Column("volunteer_id", "志愿者编号", required=True), Column("held_on", "日期"), Column("hours", "学时"))
ID = "0198c5a0-0000-7000-8000-000000000001"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def refusal(content: bytes, most: int = 10) -> tuple[str, str | None]:
    with pytest.raises(Refusal) as raised:
        tables.read(content, COLUMNS, most)
    return raised.value.code, raised.value.pointer


@pytest.mark.parametrize(
    "content",
    [
        xlsx(["日期", "志愿者编号"], ["2014-05-27", ID]),
        text(["日期", "volunteer_id"], ["2014-05-27", ID]),
        text(["日期", "志愿者编号"], ["2014/5/27", ID], encoding="gb18030"),
        text(["日期", "志愿者编号"], ["2014年5月27日", f" {ID.upper()} "], encoding="utf-8-sig", delimiter=";"),
        text(["日期", "志愿者编号"], ["2014-5-27", ID], encoding="utf-16", delimiter="\t"),
    ],
)
def test_a_list_in_any_form_and_order_of_columns(content: bytes) -> None:
    [line] = tables.read(content, COLUMNS, 10).lines
    assert not isinstance(line.told, Refusal)
    assert (line.row, tables.identity(line.told, "volunteer_id")) == (2, UUID(ID))
    assert tables.day(line.told, "held_on") == date(2014, 5, 27)


def test_empty_rows_are_left_out_and_rows_keep_their_numbers() -> None:
    found = tables.read(xlsx(["志愿者编号"], [], ["甲"], [" "], ["乙"]), COLUMNS, 10)
    assert [(line.row, line.told) for line in found.lines] == [(3, {"volunteer_id": "甲"}), (5, {"volunteer_id": "乙"})]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (xlsx(["志愿者编号", "姓名"], [ID, "x"]), ("schema", "/2")),
        (xlsx(["志愿者编号", "volunteer_id"]), ("schema", "/2")),
        (xlsx(["日期"], ["2014-05-27"]), ("schema", None)),
        (xlsx(), ("schema", None)),
        (b"", ("schema", None)),
        (b"\xd0\xcf\x11\xe0" + bytes(600), ("schema", None)),  # an .xls of old
        (b"PK\x03\x04 no zip", ("schema", None)),
        (text(["志愿者编号"], *[[ID]] * 11), ("too_large", "/10")),
        (b'"never closed,\n', ("schema", None)),
        (bytes(workbooks.MAX_BYTES + 1), ("too_large", None)),
    ],
)
def test_lists_refused_as_a_whole(content: bytes, told: Any) -> None:
    assert refusal(content) == told


def test_a_small_file_that_unpacks_to_a_large_one() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", bytes(workbooks.MAX_UNPACKED + 1))
    assert refusal(bomb.getvalue()) == ("too_large", None)


def test_what_stands_under_no_heading_refuses_its_row() -> None:
    [line] = tables.read(xlsx(["志愿者编号"], [ID, "张三"]), COLUMNS, 10).lines
    assert isinstance(line.told, Refusal)


def test_cells() -> None:
    told = {
        "n": 12.0,
        "h": "2.5",
        "d": datetime(2014, 5, 27, 9),  # noqa: DTZ001
        "t": "2014/5/27 09:30",
        "day": "2014-05-27",
        "x": "1e999",
    }
    assert (tables.text(told, "n"), tables.whole(told, "n"), tables.number(told, "h")) == ("12", 12, 2.5)
    assert tables.day(told, "d") == date(2014, 5, 27)
    assert tables.moment(told, "t", SHANGHAI) == datetime(2014, 5, 27, 9, 30, tzinfo=SHANGHAI)
    assert tables.moment({"t": "2014-05-27T01:30:00Z"}, "t", SHANGHAI).isoformat() == "2014-05-27T01:30:00+00:00"
    for read, name in (
        (tables.whole, "h"),
        (tables.number, "x"),
        (tables.number, "t"),
        (tables.identity, "n"),
        (tables.day, "t"),
        (lambda told, name: tables.moment(told, name, SHANGHAI), "day"),
        (tables.text, "nothing"),
    ):
        with pytest.raises(Refusal) as raised:
            read(told, name)
        assert (raised.value.code, raised.value.pointer) == ("schema", f"/{name}")


def test_a_copy_has_what_became_of_each_row_and_can_be_sent_again() -> None:
    sent = tables.read(xlsx(["志愿者编号", "学时"], [ID, 2.5], ["=1+1", 3], ["甲"]), COLUMNS, 10)
    copy = tables.copy_with_results(sent, {2: ("recorded", ""), 3: ("refused", "改正"), 4: ("refused", "+2")})
    assert cells(copy) == [
        ["志愿者编号", "学时", RESULT, ADVICE],
        [ID, 2.5, "recorded", ""],
        ["=1+1", 3.0, "refused", "改正"],
        ["甲", "", "refused", "+2"],
    ]
    again = tables.read(copy, COLUMNS, 10)
    assert [line.told for line in again.lines] == [line.told for line in sent.lines]
    assert cells(tables.copy_with_results(again, {}))[0] == ["志愿者编号", "学时", RESULT, ADVICE]


@pytest.mark.parametrize("odd", ['=HYPERLINK("http://x")', "+1", "-1+2", "@SUM(A1)", "\t=1", "http://x.example/"])
def test_texts_are_written_as_texts(odd: str) -> None:
    sent = tables.read(text(["志愿者编号"], [odd]), COLUMNS, 10)
    with zipfile.ZipFile(io.BytesIO(tables.copy_with_results(sent, {2: (odd, odd)}))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "hyperlink" not in sheet
    assert cells(tables.copy_with_results(sent, {2: (odd, odd)}))[1] == [odd, odd, odd]


def test_the_template_has_every_heading() -> None:
    assert cells(tables.template(COLUMNS)) == [["志愿者编号", "日期", "学时"]]
