"""What the pages on a report share: addresses of pages and data, and the words beside the numbers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from fastapi import Request

from services.appraisal import reports
from services.appraisal.periods import Period
from shared.settings import Settings
from shared.web.i18n import Catalogue
from shared.web.pages import asked as query

Row = Mapping[str, Any]


class Places(NamedTuple):
    """Addresses of pages and data, seen from the same moment and in the same language."""

    period: Period
    as_of: date | None
    lang: str | None

    @property
    def day(self) -> str | None:
        return self.as_of.isoformat() if self.as_of else None

    def page(self, code: str, rest: str = "") -> str:
        return f"/appraisal/reports/{code}{rest}{query(as_of=self.day, lang=self.lang)}"

    def here(self, rest: str = "") -> str:
        return self.page(self.period.code, rest)

    def now(self) -> str:
        return f"/appraisal/reports/{self.period.code}{query(lang=self.lang)}"

    def county(self, county: str) -> str:
        return self.here(f"/counties/{quote(county)}")

    def indicator(self, county: str, indicator: str) -> str:
        return self.here(f"/counties/{quote(county)}/indicators/{indicator}")

    def trends(self) -> str:
        return f"/appraisal/trends{query(period=self.period.code, lang=self.lang)}"

    def data(self, ending: str = "") -> str:
        return f"/appraisal/api/v1/reports/{self.period.code}{ending}{query(as_of=self.day)}"

    def evidence(self, county: str, indicator: str) -> str:
        return self.data(f"/counties/{quote(county)}/indicators/{indicator}/evidence")


class Looked(NamedTuple):
    """A question as a page puts it, and what every page on a report shows of it."""

    asked: reports.Question
    now: datetime
    today: date
    places: Places


def looked(request: Request, period: str, as_of: str) -> Looked:
    """Raises Refusal as ``reports.question`` does."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, None, reports.day(as_of), now, settings.zone)
    places = Places(asked.period, asked.as_of, request.query_params.get("lang"))
    return Looked(asked, now, now.astimezone(settings.zone).date(), places)


def named(row: Row, words: Catalogue) -> str:
    return row["name"].get(words.language) or row["name"]["zh"]


def state(report: Row, asked: reports.Question) -> str:
    """As in the report; a period that is over and not closed is told apart."""
    over = report["status"] == "running" and asked.seen.day == asked.period.end and asked.moment.last > asked.seen.until
    return "ended" if over else report["status"]


def certainty(report: Row) -> str:
    if report["provisional"]:
        return "unread" if report["as_of"] else "open"
    return "settled" if report["as_of"] else "closed"


def columns(report: Mapping[str, Any], asked: reports.Question, words: Catalogue) -> list[dict[str, Any]]:
    """The scheme's indicators with their words; weight and target as the report shows them."""
    rows: Sequence[Mapping[str, Any]] = report["counties"][0]["indicators"] if report["counties"] else ()
    shown = {each["indicator"]: {"weight": each["weight"], "target": each["target"]} for each in rows}
    columns: list[dict[str, Any]] = []
    for each in asked.scheme.to_data()["indicators"]:
        key = f"appraisal.indicator.{each['indicator']}"
        named = {"name": words(f"{key}.name"), "what": words(f"{key}.what", **each["params"])}
        columns.append({"small_sample": "redistribute"} | each | shown.get(each["indicator"], {}) | named)
    return columns


def notes(counties: Sequence[Mapping[str, Any]]) -> list[str]:
    """The notes that occur, each once."""
    found = [each["note"] for row in counties for each in row["indicators"]]
    found += [row["note"] or "city_level" for row in counties if row["rank"] is None]
    return [note for note in dict.fromkeys(found) if note]
