"""What every form of a printed report has in common: its labels, its columns, its words. Pure.

Numbers stand everywhere as the JSON report has them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from services.appraisal.periods import Period
from shared.web.i18n import Catalogue

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Document:
    """A report to be written down. ``report``: as ``reports.report`` gives it; ``scheme``: its scheme as data; ``at``:
    when it was computed; ``set_aside``: records that could not be read, which the figures lack; ``story``: a demo's."""

    report: Mapping[str, Any]
    scheme: Mapping[str, Any]
    at: datetime
    words: Catalogue
    zone: ZoneInfo
    set_aside: int = 0
    story: bool = False

    @cached_property
    def period(self) -> Period:
        return Period.parse(self.report["period"])

    @property
    def period_name(self) -> str:
        """``2014 年第三季度``, ``third quarter of 2014``."""
        kind = {12: "year", 6: "half", 3: "quarter", 1: "month"}[self.period.length]
        place = (self.period.start.month - 1) // self.period.length + 1
        part = kind if kind == "year" else f"{kind}_{place}"
        return self.words(f"appraisal.period.{part}", year=f"{self.period.start.year:04}")

    @property
    def dates(self) -> str:
        return self.words("appraisal.period_dates", start=self.period.start, end=self.period.end)

    @property
    def title(self) -> str:
        return self.words("appraisal.title", period=self.period_name)

    @property
    def scheme_name(self) -> str:
        return self.words(
            "appraisal.fact.scheme_name",
            name=self.scheme["name"][self.words.language],
            id=self.report["scheme"],
            version=self.report["scheme_version"],
        )

    @property
    def revision(self) -> str:
        told = self.report["revision"]
        return self.words("exports.no_revision") if told is None else self.words("exports.revision", revision=told)

    @property
    def state(self) -> str:
        """As in the report; a period that is over and not closed is told apart."""
        over = self.report["status"] == "running" and self._seen_day > self.period.end.isoformat()
        return self.words(f"appraisal.status.{'ended' if over else self.report['status']}")

    @property
    def _seen_day(self) -> str:
        return self.report["as_of"] or self.at.astimezone(self.zone).date().isoformat()

    @property
    def seen(self) -> str:
        if self.report["as_of"]:
            return self.words("appraisal.fact.seen_day", day=self.report["as_of"])
        if self.report["status"] == "closed":
            at = self.report.get("closed_at")
            moment = self.local(datetime.fromisoformat(at)) if at else ""
            return self.words("exports.seen_closing", moment=moment).strip()
        return self.words("exports.seen_now", moment=self.local(self.at))

    @property
    def certainty(self) -> str:
        if self.report["provisional"]:
            state = "unread" if self.report["as_of"] else "open"
        else:
            state = "settled" if self.report["as_of"] else "closed"
        return self.words(f"appraisal.certainty.{state}")

    @property
    def freshness(self) -> list[str]:
        """How far the events are taken in, in two sentences."""
        fresh = self.report["freshness"]
        until, caught_up = fresh["recorded_until"], fresh["caught_up_at"]
        return [
            self.words("appraisal.fact.recorded_until", moment=self.local(until))
            if until
            else self.words("appraisal.fact.recorded_none"),
            self.words("appraisal.fact.caught_up", moment=self.local(caught_up))
            if caught_up
            else self.words("appraisal.fact.behind"),
        ]

    @property
    def labels(self) -> list[tuple[str, str]]:
        """What the paper says of itself: a name and a text each."""
        fact = "appraisal.fact."
        period = {"name": self.period_name, "code": self.report["period"], "dates": self.dates}
        told = [
            (self.words("exports.label.period"), self.words("exports.whole_period", **period)),
            (self.words(fact + "status"), self.state),
            (self.words("exports.label.revision"), self.revision),
            (self.words(fact + "scheme"), self.scheme_name),
            (self.words(fact + "seen"), self.seen),
            (self.words(fact + "certainty"), self.certainty),
            (self.words(fact + "freshness"), self._joined(self.freshness)),
            (self.words("exports.label.made"), self.local(self.at)),
            (self.words(fact + "digest"), self.report["digest"]),
        ]
        return [*told, (self.words("exports.label.data"), self.words("exports.synthetic"))] if self.story else told

    @property
    def label_line(self) -> str:
        """The same in one line, for sheets and page feet."""
        return self.words(
            "exports.line",
            period=self.report["period"],
            revision=self.revision,
            scheme=f"{self.report['scheme']}@{self.report['scheme_version']}",
            seen=self.seen,
            digest=self.report["digest"],
        )

    @property
    def counties(self) -> Sequence[Row]:
        return self.report["counties"]

    @property
    def columns(self) -> list[dict[str, Any]]:
        """The scheme's indicators with ``name``, ``what``, ``rule`` (small samples; may be empty), weight and target."""
        found: list[dict[str, Any]] = []
        for each in self.scheme["indicators"]:
            key = f"appraisal.indicator.{each['indicator']}"
            told = {"name": self.words(f"{key}.name"), "what": self.words(f"{key}.what", **each["params"])}
            found.append({**each, **told, "rule": self._small_sample_rule(each)})
        return found

    def _small_sample_rule(self, each: Mapping[str, Any]) -> str:
        if not each["min_sample"]:
            return ""
        rule = each.get("small_sample", "redistribute")
        numbers = {name: number(each.get(name)) for name in ("min_sample", "prior")}
        return self.words(f"appraisal.legend.{rule}", **numbers)

    def name_of(self, row: Row) -> str:
        """A county's name in the reader's language, where it has one."""
        return row["name"].get(self.words.language) or row["name"]["zh"]

    def indicator_name(self, indicator: str) -> str:
        return self.words(f"appraisal.indicator.{indicator}.name")

    def note(self, code: str | None) -> str:
        """A figure's note in a few words."""
        return self.words(f"appraisal.note.short.{code}") if code else ""

    def place_note(self, row: Row) -> str:
        """Why a body has no rank; empty where it has one, or the period has not begun."""
        if row["rank"] is not None or self.report["status"] == "not_begun":
            return ""
        return self.words(f"appraisal.table.{row['note'] or 'city_level'}")

    @property
    def notes(self) -> list[tuple[str, str]]:
        """The notes that occur, each with its explanation."""
        found = [each["note"] for row in self.counties for each in row["indicators"]]
        long = "appraisal.note.long."
        told = [(self.note(code), self.words(long + code)) for code in dict.fromkeys(found) if code]
        unranked = dict.fromkeys(row["note"] or "city_level" for row in self.counties if self.place_note(row))
        return told + [(self.words(f"appraisal.table.{code}"), self.words(long + code)) for code in unranked]

    def local(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def _joined(self, sentences: Sequence[str]) -> str:
        return self.words("exports.sentence_break").join(sentences)

    @property
    def file_name(self) -> str:
        """Without its ending."""
        parts = ["qingsheng", self.report["period"]]
        if self.report["revision"] is not None:
            parts.append(f"r{self.report['revision']}")
        if self.report["as_of"]:
            parts.append(self.report["as_of"])
        return "-".join(parts)


def number(told: float | None) -> str:
    """Exactly as it stands in the API's JSON; empty for null."""
    return "" if told is None else json.dumps(told)


def printable(text: str) -> str:
    """Without the control characters that office files cannot hold."""
    return _UNPRINTABLE.sub("", text)


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
