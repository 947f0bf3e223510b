"""The appraisal's arithmetic without a database: the same pure functions, fed from events held in memory."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.appraisal import reports
from services.appraisal.consumers import sorted_out
from services.appraisal.figures import summed, windows
from services.appraisal.measures import Fact, of, tallies
from services.appraisal.moves import Move, moves
from services.appraisal.queries import Inputs
from services.appraisal.quotas import Setting, Unit, bodies, quota_totals
from services.appraisal.reports import Question
from services.appraisal.schemes import DEFAULT, Scheme
from tests.support.engine import SHANGHAI, reads_of


class Log:
    """Events as facts, units and quotas; what arrives twice is there once."""

    def __init__(self, events: Sequence[dict[str, Any]]) -> None:
        told = sorted_out(reads_of(events), SHANGHAI)
        self._facts = told.facts
        self._units = list({read.content.id: read.content for read in told.units}.values())
        self._quotas = list({read.content.id: read.content for read in told.quotas}.values())

    def report(
        self, period: str, *, now: datetime, as_of: date | None = None, scheme: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """status, counties and city, as JSON would show them."""
        asked = _question(period, now, as_of, scheme)
        return _plain({"status": asked.status} | dict(reports.computed(asked, self._inputs(asked, asked.scheme))))

    def what_if(
        self, period: str, draft: dict[str, Any], *, now: datetime, as_of: date | None, scheme: dict[str, Any] | None
    ) -> tuple[dict[str, Any], list[Move]]:
        """The report under ``draft`` and the moves against ``scheme``, both from sums that were read once."""
        asked = _question(period, now, as_of, scheme)
        drafted = reports.under(asked, Scheme.of(draft))
        found = self._inputs(asked, asked.scheme, drafted.scheme)
        before, after = reports.computed(asked, found), reports.computed(drafted, found)
        return _plain(dict(after)), moves(before["counties"], after["counties"])

    def _inputs(self, asked: Question, *schemes: Scheme) -> Inputs:
        seen, cut = asked.seen, asked.moment.at if asked.as_of else None

        def known(recorded: datetime) -> bool:
            return cut is None or recorded < cut

        wanted = windows([term for scheme in schemes for term in scheme.terms()], seen)
        subjects: dict[UUID, list[Fact]] = defaultdict(list)
        for fact in self._facts:
            if known(fact.recordedtime):
                subjects[fact.subject].append(fact)
        counted = tallies(of(facts, until=asked.moment.last) for facts in subjects.values())
        defined = sorted(self._units, key=lambda e: (e.data.unit_id, e.sequence, e.id))
        now = {e.data.unit_id: _unit(e) for e in defined}
        then = {e.data.unit_id: _unit(e) for e in defined if e.time <= seen.until and known(e.recordedtime)}
        settings = [
            Setting(e.data.unit_id, e.data.team, e.data.year, e.data.quota, e.time, e.sequence)
            for e in self._quotas
            if known(e.recordedtime)
        ]
        quotas = quota_totals(settings, then.values(), seen.period.end.year, seen.until)
        return Inputs(bodies(now.values()), quotas, summed(counted, wanted))


def _question(period: str, now: datetime, as_of: date | None, scheme: dict[str, Any] | None) -> Question:
    asked = reports.question(period, None, as_of, now, SHANGHAI)
    return reports.under(asked, Scheme.of(scheme) if scheme else DEFAULT)


def _unit(event: Any) -> Unit:
    name = event.data.name
    names = {"zh": name.zh} | ({"en": name.en} if name.en else {})
    return Unit(event.data.unit_id, event.data.kind, event.data.parent_id, event.data.county, names)


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(found))
