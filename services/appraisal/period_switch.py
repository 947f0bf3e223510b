"""Links between the pages of periods: the years around, the halves, quarters and months of one; and periods' names."""

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from services.appraisal.periods import Period
from shared.web.i18n import Catalogue


class Link(NamedTuple):
    words: str
    address: str
    current: bool
    ahead: bool
    """Not begun yet."""


def period_name(period: Period, words: Catalogue) -> str:
    """``2014 年第三季度``, ``third quarter of 2014``."""
    return words(f"appraisal.period.{_part(period)}", year=f"{period.start.year:04}")


def period_switch(period: Period, page: Callable[[str], str], words: Catalogue, today: date) -> dict[str, Any]:
    """What ``report_switch.html`` shows; ``page`` gives the address of a period's page by its code."""
    year = period.start.year

    def link(code: str) -> Link:
        to = Period.parse(code)
        name = words(f"appraisal.switch.{_part(to)}") if to.length < 12 else code
        return Link(name, page(code), to == period, to.start > today)

    def neighbour(code: str) -> Link | None:
        try:
            return link(code)
        except ValueError:  # the first and the last year that can be written
            return None

    return {
        "previous": neighbour(f"{year - 1:04}"),
        "year": link(f"{year:04}"),
        "next": neighbour(f"{year + 1:04}"),
        "parts": [link(f"{year:04}-{part}") for part in ("H1", "H2", "Q1", "Q2", "Q3", "Q4")],
        "months": [link(f"{year:04}-{month:02}") for month in range(1, 13)],
    }


def _part(period: Period) -> str:
    """``year``, ``half_1``, ``quarter_3``, ``month_7``."""
    name = {12: "year", 6: "half", 3: "quarter", 1: "month"}[period.length]
    return name if name == "year" else f"{name}_{(period.start.month - 1) // period.length + 1}"
