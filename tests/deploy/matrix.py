"""docs/permissions.md, read as tables."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
Grid = dict[str, dict[str, str]]
"""Row by its first cell, then cells by column."""


def grid(first: str) -> Grid:
    """The table whose first column is so headed. A row that names several things stands for each of them."""
    rows: Grid = {}
    columns: list[str] = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        if cells[0] == first:
            columns = cells[1:]
        elif not line.startswith("|"):
            columns = []
        elif columns and not cells[0].startswith("--"):
            for name in cells[0].split(", "):
                rows[name] = dict(zip(columns, cells[1:], strict=True))
    return rows
