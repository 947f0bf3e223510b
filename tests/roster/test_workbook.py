"""What is looked at before a workbook that anyone may have sent is read."""

import io
import zipfile

import pytest

from shared import workbooks as workbook
from shared.contracts.refusals import Refusal
from tests.roster.harness import edited, sheet

BOOK = sheet([["a", "b"], ["c", "MARK"]])
LAST = '<c r="B2" t="s">'


def refused(content: bytes) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        list(workbook.rows(content))
    return caught.value.code, caught.value.message["en"]


def test_rows_have_the_numbers_they_have_in_the_sheet() -> None:
    assert list(workbook.rows(BOOK)) == [(1, ["a", "b"]), (2, ["c", "MARK"])]
    assert [number for number, cells in workbook.rows(sheet([[], [], ["a"]])) if cells and cells[0]] == [3]


def test_a_cell_that_cannot_be_read_costs_its_row_alone() -> None:
    # A number too large to be a duration, in a cell that is formatted as one.
    book = edited(BOOK, '<c r="A2" t="s"><v>2</v>', '<c r="A2" s="1"><v>1E300</v>')
    style = '<xf numFmtId="46" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    book = edited(book, '<cellXfs count="1">', '<cellXfs count="2">', "xl/styles.xml")
    book = edited(book, "</cellXfs>", style, "xl/styles.xml")
    assert list(workbook.rows(book)) == [(1, ["a", "b"]), (2, None)]


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="XFD1048576" t="s">',
        "<c r='XFD1048576' t='s'>",
        '<c r="xfd1048576" t="s">',
        '<x:c xmlns:x="x" r="XFD1048576"><x:v>1</x:v></x:c><c r="B2" t="s">',
    ],
)
def test_a_stray_cell_does_not_become_a_rectangle_of_billions(cell: str) -> None:
    code, message = refused(edited(BOOK, LAST, cell))
    assert code == "schema"
    assert "row 1048576, column 16384" in message


def test_stray_cells_without_references_are_counted_on() -> None:
    far = '<c r="XFD2"><v>1</v></c></row><row r="1048575"/><row><c r="A1048576"><v>1</v></c></row><row>'
    assert refused(edited(BOOK, '<c r="A2" t="s"><v>2</v></c>', far))[0] == "schema"


def test_cells_that_are_only_formatted_reach_nowhere() -> None:
    book = edited(BOOK, LAST, '<c r="XFD1000" s="0"/><c r="B2" t="s">')
    assert list(workbook.rows(book)) == [(1, ["a", "b"]), (2, ["c", "MARK"])]


def test_what_unpacks_to_too_much_is_not_unpacked() -> None:
    bomb = io.BytesIO(BOOK)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/image.png", bytes(workbook.MAX_UNPACKED))
    assert len(bomb.getvalue()) < 100_000
    assert refused(bomb.getvalue())[0] == "too_large"


def test_sizes_that_are_not_true_help_nobody() -> None:
    bomb = io.BytesIO(BOOK)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/image.png", bytes(workbook.MAX_UNPACKED))
    size = workbook.MAX_UNPACKED.to_bytes(4, "little")
    assert bomb.getvalue().count(size) == 2
    assert refused(bomb.getvalue().replace(size, (1000).to_bytes(4, "little")))[0] == "schema"


def test_a_document_type_is_not_followed() -> None:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    lol = f'{head}\n<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    assert refused(edited(BOOK, head, lol))[0] == "schema"


def test_other_zip_files_are_no_workbooks() -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("content.xml", "<a/>")
    assert refused(other.getvalue())[0] == "schema"
    assert refused(BOOK[:-40])[0] == "schema"
