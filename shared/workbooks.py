"""Reading a workbook (.xlsx) or CSV file that anyone may have sent: its limits are checked before a reader sees it.

No I/O besides the bytes.
"""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

import python_calamine

from shared.contracts.refusals import Refusal

MAX_BYTES = 10 * 1024 * 1024
MAX_UNPACKED = 32 * 1024 * 1024
"""Five thousand rows of a ledger unpack to about 6 MB."""
MAX_AREA = 2_000_000
"""Cells in the rectangle from A1 to the last cell with content: the reader lays it out whole, empty cells too."""
MAX_ELEMENTS = 3_000_000
"""Of one part's XML, each of which costs a microsecond. Twenty thousand rows of a ledger have less than a million."""
MAX_TEXT = 32 * 1024 * 1024
"""Characters of all cells together. A text that cells share stands in the file once, and with the reader once a cell."""

_ZIP = b"PK\x03\x04"
_DELIMITERS = (",", ";", "\t")
_PARTS = ("xl/", "_rels/", "[Content_Types].xml")
_REFERENCE = re.compile(r"([A-Za-z]+)([0-9]+)")


def rows(content: bytes) -> Iterator[tuple[int, list[Any] | None]]:
    """The rows of the first sheet, or of a CSV file, each with its number there (from 1); a row with a cell that cannot be
    read is None. Cells of a CSV file are texts.

    Raises Refusal ``too_large``, or ``schema`` when this is neither.
    """
    if len(content) > MAX_BYTES:
        raise Refusal("too_large")
    return _rows_of_sheet(content) if content.startswith(_ZIP) else _rows_of_text(content)


def _rows_of_sheet(content: bytes) -> Iterator[tuple[int, list[Any] | None]]:
    checked = _checked(content)
    try:
        book: Any = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(checked))
        found = book.get_sheet_by_index(0).iter_rows()
    except Exception:
        # Whatever a broken file makes the reader say, the sender can only send a whole one.
        raise _unreadable() from None
    number = 0
    while True:
        number += 1
        try:
            cells = next(found)
        except StopIteration:
            return
        except Exception:  # a number too large to be a duration, say
            cells = None
        yield number, cells


def _rows_of_text(content: bytes) -> Iterator[tuple[int, list[Any] | None]]:
    text = _decoded(content)
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    cells = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            cells += len(row)
            if cells > MAX_AREA:
                raise Refusal("too_large")
            yield number, list(row)
    except csv.Error:
        raise _unreadable() from None


def _decoded(content: bytes) -> str:
    """The text in the encodings that spreadsheet programs save CSV files in. Raises ``schema``."""
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise _unreadable()


def _checked(content: bytes) -> bytes:
    """The workbook packed anew from the parts that were looked at, so that the reader sees these and no others."""
    packed = io.BytesIO()
    texts = _Texts()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as sent, zipfile.ZipFile(packed, "w") as taken:
            # A small file may unpack to a very large one. Nothing is read beyond the size told here.
            if sum(entry.file_size for entry in sent.infolist()) > MAX_UNPACKED:
                raise Refusal("too_large")
            for entry in {entry.filename: entry for entry in sent.infolist()}.values():
                if entry.filename.startswith(_PARTS):
                    part = sent.read(entry)
                    if _is_harmless(part, texts):
                        taken.writestr(entry.filename, part)
    except Refusal:
        raise
    except Exception:  # no zip, a broken one, an encrypted one
        raise _unreadable() from None
    if texts.longest() > MAX_TEXT:
        raise Refusal("too_large")
    return packed.getvalue()


def _is_harmless(part: bytes, texts: "_Texts") -> bool:
    """Whether this is plain XML; pictures and macros are not. Raises ``schema`` for a sheet too wide or long."""
    extent = _Extent()
    texts.next_part()
    elements = 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements > MAX_ELEMENTS:
            raise Refusal("too_large")
        kind = name.rpartition(":")[2]
        extent.begin(kind, attributes)
        texts.begin(kind, attributes)

    def end(name: str) -> None:
        kind = name.rpartition(":")[2]
        extent.end(kind)
        texts.end(kind)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.say
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(part, True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _refuse_doctype(*_: Any) -> None:
    raise ValueError("a workbook declares no document types")


class _Extent:
    """How far the cells of a sheet reach: two cells far apart would be a rectangle of billions to the reader."""

    def __init__(self) -> None:
        self._row = self._column = 0
        self._last_row = self._last_column = 0
        self._in_cell = False

    def begin(self, kind: str, attributes: dict[str, str]) -> None:
        reference = attributes.get("r", "")
        if kind == "row":
            self._row = int(reference) if reference.isdecimal() else self._row + 1
            self._column = 0
        elif kind == "c":
            self._in_cell = True
            self._column += 1
            if told := _REFERENCE.fullmatch(reference):
                self._column, self._row = _column(told[1]), int(told[2])
        elif self._in_cell:  # it has content; a cell that is only formatted does not count
            self._last_row = max(self._last_row, self._row)
            self._last_column = max(self._last_column, self._column)
            if self._last_row * self._last_column > MAX_AREA:
                raise _stray(self._row, self._column)

    def end(self, kind: str) -> None:
        if kind == "c":
            self._in_cell = False


class _Texts:
    """How much text the cells come to once each has its own: one long text that very many cells share would fill the
    reader's memory."""

    def __init__(self) -> None:
        self._uses: Counter[int] = Counter()
        self._lengths: list[list[int]] = []
        """Of the texts to share, by the part that tells them; whichever part the reader takes for it."""
        self._in_text = self._in_sharing_cell = False
        self._said: list[str] | None = None

    def next_part(self) -> None:
        self._lengths.append([])
        self._in_text = self._in_sharing_cell = False
        self._said = None

    def begin(self, kind: str, attributes: dict[str, str]) -> None:
        if kind == "si":
            if self._in_text:
                raise ValueError("a text within a text")
            self._in_text = True
            self._lengths[-1].append(0)
        elif kind == "c":
            self._in_sharing_cell = attributes.get("t") == "s"
        elif kind == "v" and self._in_sharing_cell:
            self._said = []

    def say(self, text: str) -> None:
        if self._in_text:
            self._lengths[-1][-1] += len(text)
        elif self._said is not None:
            self._said.append(text)

    def end(self, kind: str) -> None:
        if kind == "si":
            self._in_text = False
        elif kind == "v" and self._said is not None:
            number = "".join(self._said).strip()
            self._said = None
            if number.isdecimal() and len(number) < 10:
                self._uses[int(number)] += 1

    def longest(self) -> int:
        """Characters of all cells that share texts."""
        return max((self._of(lengths) for lengths in self._lengths), default=0)

    def _of(self, lengths: list[int]) -> int:
        return sum(lengths[number] * uses for number, uses in self._uses.items() if number < len(lengths))


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _stray(row: int, column: int) -> Refusal:
    zh = f"第 {row} 行第 {column} 列有内容，远离其他行列，请删去"
    return Refusal(
        "schema", reason={"zh": zh, "en": f"remove the stray cell in row {row}, column {column}, far from the others"}
    )


def _unreadable() -> Refusal:
    reason = {"zh": "不是可读的 .xlsx 工作簿或 CSV 文件", "en": "this is not a readable .xlsx workbook or CSV file"}
    return Refusal("schema", reason=reason)
