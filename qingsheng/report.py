"""``qingsheng report``: the county table in the terminal, with the numbers of the report API."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from fastapi.encoders import jsonable_encoder
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from services.appraisal import period_storage, reports
from services.appraisal.exports.behind import records_set_aside
from services.appraisal.exports.document import Document, Row, number, printable
from shared.postgres import open_pool
from shared.settings import Settings
from shared.web.i18n import LANGUAGES, catalogue

NOTHING = "–"
Form = Mapping[str, Any]
_BARE: Form = {"box": SIMPLE_HEAD, "show_edge": False, "pad_edge": False}
FORMS: Sequence[Form] = ({}, {**_BARE, "padding": (0, 1, 0, 0)}, {**_BARE, "padding": 0})
"""Of tables, the widest first: without lines between the columns, 80 of them hold a county on one line."""


async def document(
    settings: Settings, period: str, *, scheme: str | None, as_of: date | None, revision: int | None, language: str
) -> Document:
    """The report as of now, read from the appraisal's tables. Raises Refusal as the report API does."""
    now = datetime.now(UTC)
    asked = reports.question(period, scheme, as_of, now, settings.zone)
    pool = await open_pool(settings, "appraisal", size=1)
    try:
        async with pool.acquire(timeout=settings.database_timeout) as connection:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                asked = await reports.settled(connection, asked, settings.zone, revision)
                told = await reports.report(
                    connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone
                )
                set_aside = await records_set_aside(connection)
    finally:
        await pool.close()
    return Document(
        report=told,
        scheme=asked.scheme.to_data(),
        at=now,
        words=catalogue(language),
        zone=settings.zone,
        set_aside=set_aside,
        story=settings.story_mode,
    )


async def closed_periods(settings: Settings) -> list[str]:
    """Those with a report that stands or stood, the earliest first."""
    pool = await open_pool(settings, "appraisal", size=1)
    try:
        async with pool.acquire(timeout=settings.database_timeout) as connection:
            return await period_storage.periods(connection)
    finally:
        await pool.close()


def as_json(told: Document) -> str:
    """What ``GET /appraisal/api/v1/reports/{period}`` answers."""
    return json.dumps(jsonable_encoder(told.report), ensure_ascii=False, indent=2)


def show(told: Document, console: Console) -> None:
    """Labels, the counties with the points of every indicator, and what the indicators' numbers stand for."""
    console.print(Text(told.title, style="bold"))
    for name, text in told.labels:
        console.print(Text.assemble((f"{name}  ", "dim"), printable(text)), soft_wrap=True)
    if not told.counties:
        console.print(Text(told.words("exports.briefing.empty")))
        return
    form = _fitting(_counties, told, console)
    console.print(_counties(told, form))
    for row in told.counties if form else ():
        if note := told.place_note(row):
            colon = told.words("appraisal_page.colon")
            console.print(Text(f"{printable(told.name_of(row))}{colon}{note}", style="dim"))
    console.print(_indicators(told, _fitting(_indicators, told, console)))


def _fitting(make: Callable[[Document, Form], Table], told: Document, console: Console) -> Form:
    """The first form in which the table is no wider than the terminal, else the narrowest."""
    endless = console.options.update(max_width=10_000)
    fits = (form for form in FORMS if Measurement.get(console, endless, make(told, form)).maximum <= console.width)
    return next(fits, FORMS[-1])


def _counties(told: Document, form: Form) -> Table:
    """Only the widest form says behind a name why it has no rank."""
    words = told.words
    table = Table(title=words("appraisal.table.caption"), title_justify="left", **form)
    table.add_column(words("appraisal.table.rank"), justify="right", no_wrap=True)
    table.add_column(words("appraisal.table.county"), overflow="fold")
    table.add_column(words("appraisal.table.score"), justify="right", style="bold", no_wrap=True)
    for at, _ in enumerate(told.columns, 1):
        table.add_column(str(at), justify="right", no_wrap=True)
    ranked = True
    for row in told.counties:
        if ranked and row["rank"] is None:
            table.add_section()
            ranked = False
        note = "" if form else f" {told.place_note(row)}".rstrip()
        place = Text.assemble(printable(told.name_of(row)), (note, "dim"))
        table.add_row(
            _cell(row["rank"]), place, _cell(row["score"]), *(_points(told, each) for each in row["indicators"])
        )
    return table


def _indicators(told: Document, form: Form) -> Table:
    """The scheme's indicators by their numbers above, with the sums of all bodies."""
    words = told.words
    table = Table(title=words("exports.terminal.legend"), title_justify="left", **form)
    names = ("indicator", "weight", "target", "numerator", "denominator", "value")
    table.add_column("")
    for name in names:
        is_name = name == "indicator"
        table.add_column(
            words(f"exports.column.{name}"),
            justify="left" if is_name else "right",
            no_wrap=not is_name,
            overflow="fold",
        )
    for at, (column, each) in enumerate(zip(told.columns, told.report["city"], strict=True), 1):
        numbers = [column["weight"], column["target"], each["numerator"], each["denominator"], each["value"]]
        table.add_row(str(at), Text(column["name"]), *map(_cell, numbers))
    return table


def _points(told: Document, each: Row) -> Text:
    """Green on target, yellow below half of it."""
    if each["points"] is None:
        return Text(NOTHING, style="dim")
    attained = each["attainment"]
    return Text(number(each["points"]), style="green" if attained == 1 else "yellow" if attained < 0.5 else "")


def _cell(told: float | None) -> str:
    return NOTHING if told is None else number(told)


def language_here(environment: Mapping[str, Any] = os.environ) -> str:
    """The terminal's language where we speak it, else English."""
    told = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    language = told[:2].lower()
    return language if language in LANGUAGES else "en"
