"""``qingsheng report``: the county table in the terminal, with the numbers of the report API."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from fastapi.encoders import jsonable_encoder
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.appraisal import reports
from services.appraisal.exports.behind import records_set_aside
from services.appraisal.exports.document import Document, Row, number, printable
from shared.postgres import open_pool
from shared.settings import Settings
from shared.web.i18n import LANGUAGES, catalogue

NOTHING = "–"


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
    console.print(_counties(told))
    console.print(_indicators(told))


def _counties(told: Document) -> Table:
    words = told.words
    table = Table(title=words("appraisal.table.caption"), title_justify="left")
    table.add_column(words("appraisal.table.rank"), justify="right")
    table.add_column(words("appraisal.table.county"))
    table.add_column(words("appraisal.table.score"), justify="right", style="bold")
    for at, _ in enumerate(told.columns, 1):
        table.add_column(str(at), justify="right", no_wrap=True)
    ranked = True
    for row in told.counties:
        if ranked and row["rank"] is None:
            table.add_section()
            ranked = False
        place = Text.assemble(printable(told.name_of(row)), (f" {told.place_note(row)}".rstrip(), "dim"))
        table.add_row(
            _cell(row["rank"]), place, _cell(row["score"]), *(_points(told, each) for each in row["indicators"])
        )
    return table


def _indicators(told: Document) -> Table:
    """The scheme's indicators by their numbers above, with the sums of all bodies."""
    words = told.words
    table = Table(title=words("exports.terminal.legend"), title_justify="left")
    names = ("indicator", "weight", "target", "numerator", "denominator", "value")
    table.add_column("")
    for name in names:
        table.add_column(words(f"exports.column.{name}"), justify="left" if name == "indicator" else "right")
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
