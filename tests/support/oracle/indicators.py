"""The nine indicators, one function for each line of the page's table."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.support.oracle.days import Moment, Period, months_begun, passed
from tests.support.oracle.facts import LEFT, REGISTERED, TRANSFERRED, Fact, Facts, latest_definitions


@dataclass(frozen=True)
class Figure:
    """Numerator and denominator (None where there is none) as exact numbers, and the ids of the events behind them."""

    numerator: Fraction
    denominator: Fraction | None
    numerator_events: set[str] = field(default_factory=set[str])
    denominator_events: set[str] = field(default_factory=set[str])


@dataclass(frozen=True)
class Question:
    """Whose figure is asked for, over which days, up to when."""

    facts: Facts
    county: str
    period: Period
    evaluated: Moment
    params: dict[str, Any]

    def happened_in_period(self, fact: Fact) -> bool:
        # "Only what happened up to eval counts into P (for a running period: up to now)."
        return self.period.start <= fact.day <= self.period.end and self.evaluated.reaches(fact.time)

    def falls_due(self, first: Fact) -> bool:
        # "it belongs to the period in which it falls due, and counts once that day has ended by eval"
        due = self.due(first)
        return self.period.start <= due <= self.period.end and self.evaluated.has_seen_the_end_of(due)

    def due(self, first: Fact) -> date:
        # "A tip or case is *due* on the local date of its report (opening) plus `days`"
        return first.day + timedelta(days=self.params["days"])

    def in_time(self, first: Fact, then: Fact | None) -> bool:
        # "*in time* when triaged (resolved, closed) on or before that date"
        return then is not None and then.day <= self.due(first)


def stock(facts: Facts, county: str, day: date) -> int:
    # "`stock(c, d)`: volunteers of county c at the end of day d: registrations (registered_on ≤ d) − departures
    # (left_on ≤ d), by the event's county, − transfers out (from_county) + transfers in (to_county) (effective_on ≤
    # d); never below 0."
    volunteers = 0
    for move in moves_up_to(facts, day):
        if move.type == REGISTERED and move.county == county:
            volunteers += 1
        if move.type == LEFT and move.county == county:
            volunteers -= 1
        if move.type == TRANSFERRED and move.data["from_county"] == county:
            volunteers -= 1
        if move.type == TRANSFERRED and move.data["to_county"] == county:
            volunteers += 1
    return max(0, volunteers)


def moves_up_to(facts: Facts, day: date) -> list[Fact]:
    """Movements dated on or before the day (their `time` is local noon of that date)."""
    return [move for move in facts.movements if move.day <= day]


def moves_behind_stock(question: Question) -> set[str]:
    """The movements that touch the county's stock by the eval day."""
    return {
        move.id
        for move in moves_up_to(question.facts, question.evaluated.day)
        if (move.type in (REGISTERED, LEFT) and move.county == question.county)
        or (move.type == TRANSFERRED and question.county in (move.data["from_county"], move.data["to_county"]))
    }


def roster_fill(question: Question) -> Figure:
    # "stock(c, eval day)" over "quotas of c's units for the year of `end`, both teams; per unit, team and year the
    # setting with the highest sequence among those with `time` up to eval (0 is a setting); a unit whose ancestor in
    # the same county has a setting for the same team and year is not added (it is a part of that one)"
    facts, year = question.facts, question.period.end.year
    # "Quotas of a unit not yet defined wait." "Only what happened up to eval counts into P": so definitions too.
    units = latest_definitions([unit for unit in facts.units if question.evaluated.reaches(unit.time)])

    settings: dict[tuple[str, str], Fact] = {}
    for quota in sorted(facts.quotas, key=lambda fact: (fact.sequence, fact.id)):
        if quota.data["year"] == year and question.evaluated.reaches(quota.time):
            settings[quota.data["unit_id"], quota.data["team"]] = quota

    added: list[Fact] = []
    for (unit_id, team), quota in settings.items():
        if unit_id not in units or units[unit_id].data["county"] != question.county:
            continue
        ancestors = [
            ancestor
            for ancestor in ancestors_of(unit_id, units)
            if units[ancestor].data["county"] == question.county and (ancestor, team) in settings
        ]
        if not ancestors:
            added.append(quota)
    return Figure(
        Fraction(stock(facts, question.county, question.evaluated.day)),
        Fraction(sum(quota.data["quota"] for quota in added)),
        moves_behind_stock(question),
        {quota.id for quota in added},
    )


def ancestors_of(unit_id: str, units: dict[str, Fact]) -> list[str]:
    """The defined units above one, nearest first; the walk ends where it would come round."""
    above: list[str] = []
    parent = units[unit_id].data.get("parent_id")
    while parent in units and parent not in above and parent != unit_id:
        above.append(parent)
        parent = units[parent].data.get("parent_id")
    return above


def training_coverage(question: Question) -> Figure:
    # "distinct volunteers with an attendance in P, by the event's county" over "stock(c, eval day)"
    #
    # Of several attendances of one volunteer the first by (time, attendance_id) is the counted one.
    first: dict[str, Fact] = {}
    for _, attendance in sorted(question.facts.attendances.items(), key=lambda item: (item[1].time, item[0])):
        if attendance.county == question.county and question.happened_in_period(attendance):
            first.setdefault(attendance.data["volunteer_id"].lower(), attendance)
    return Figure(
        Fraction(len(first)),
        Fraction(stock(question.facts, question.county, question.evaluated.day)),
        {attendance.id for attendance in first.values()},
        moves_behind_stock(question),
    )


def tips_reported(question: Question) -> Figure:
    # "tips reported in P" over "stock(c, eval day) / 100"
    reported = {
        tip.id
        for tip in question.facts.tips.values()
        if tip.county == question.county and question.happened_in_period(tip)
    }
    volunteers = stock(question.facts, question.county, question.evaluated.day)
    return Figure(Fraction(len(reported)), Fraction(volunteers, 100), reported, moves_behind_stock(question))


def tips_due(question: Question) -> dict[str, Fact]:
    # "tips due in P"
    return {
        tip_id: tip
        for tip_id, tip in question.facts.tips.items()
        if tip.county == question.county and question.falls_due(tip)
    }


def tips_triaged_in_time(question: Question) -> Figure:
    # "of these, triaged in time" over "tips due in P"
    due = tips_due(question)
    triages = question.facts.triages
    in_time = {triages[tip_id].id for tip_id, tip in due.items() if question.in_time(tip, triages.get(tip_id))}
    return Figure(Fraction(len(in_time)), Fraction(len(due)), in_time, {tip.id for tip in due.values()})


def tips_resolved_in_time(question: Question) -> Figure:
    # "of these, resolved in time; one declined without an answer is not" over "tips due in P"
    due = tips_due(question)
    in_time: set[str] = set()
    for tip_id, tip in due.items():
        resolution = question.facts.resolutions.get(tip_id)
        if resolution is None or not question.in_time(tip, resolution):
            continue
        if resolution.data["outcome"] == "declined" and not resolution.data["answered"]:
            continue
        in_time.add(resolution.id)
    return Figure(Fraction(len(in_time)), Fraction(len(due)), in_time, {tip.id for tip in due.values()})


def resolutions_in_period(question: Question) -> list[Fact]:
    # "tips resolved in P" - "A ... resolution ... waits for its report ...: county and first time are taken from that
    # one." A report that does not count (voided, or after the instant) is none.
    found: list[Fact] = []
    for tip_id, resolution in question.facts.resolutions.items():
        tip = question.facts.tips.get(tip_id)
        if tip is not None and tip.county == question.county and question.happened_in_period(resolution):
            found.append(resolution)
    return found


def tips_answered(question: Question) -> Figure:
    # "of these, answered" over "tips resolved in P"
    resolved = resolutions_in_period(question)
    answered = {resolution.id for resolution in resolved if resolution.data["answered"]}
    return Figure(Fraction(len(answered)), Fraction(len(resolved)), answered, {fact.id for fact in resolved})


def needs_acted(question: Question) -> Figure:
    # "tips resolved in P with outcome acted", no denominator
    acted = {fact.id for fact in resolutions_in_period(question) if fact.data["outcome"] == "acted"}
    return Figure(Fraction(len(acted)), None, acted)


def corrections_closed_in_time(question: Question) -> Figure:
    # "of these, closed in time" over "cases due in P, those closed `no_action` in time left out"
    numerator: set[str] = set()
    denominator: set[str] = set()
    for case_id, opening in question.facts.openings.items():
        if opening.county != question.county or not question.falls_due(opening):
            continue
        closing = question.facts.closings.get(case_id)
        if closing is not None and question.in_time(opening, closing):
            if closing.data["outcome"] == "no_action":
                continue
            numerator.add(closing.id)
        denominator.add(opening.id)
    return Figure(Fraction(len(numerator)), Fraction(len(denominator)), numerator, denominator)


def sharing_participation(question: Question) -> Figure:
    # "Σ over months m of P begun by eval, over volunteers v: min(cap, shares of v in m with county c)" over "cap × Σ
    # over those months of f(m)·stock(c, last day of m or eval day)"
    #
    # "of shares beyond the cap, the first `cap` by (shared_at, repost_id) are the counted ones"
    cap = question.params["cap"]
    shares = [
        (share.time, repost_id, share)
        for repost_id, share in question.facts.shares.items()
        if share.county == question.county and question.happened_in_period(share)
    ]
    counted: set[str] = set()
    taken: dict[tuple[int, int, str], int] = {}
    for _, _, share in sorted(shares, key=lambda found: found[:2]):
        month_and_volunteer = (share.day.year, share.day.month, share.data["volunteer_id"].lower())
        if taken.get(month_and_volunteer, 0) < cap:
            taken[month_and_volunteer] = taken.get(month_and_volunteer, 0) + 1
            counted.add(share.id)
    volunteers = Fraction(0)
    for month in months_begun(question.period, question.evaluated):
        last_day = min(month.last, question.evaluated.day)
        volunteers += passed(month, question.evaluated) * stock(question.facts, question.county, last_day)
    return Figure(Fraction(len(counted)), cap * volunteers, counted, moves_behind_stock(question))


def posts_published(question: Question) -> Figure:
    # "posts of county c in P", no denominator
    posts = {
        post.id
        for post in question.facts.posts.values()
        if post.county == question.county and question.happened_in_period(post)
    }
    return Figure(Fraction(len(posts)), None, posts)


INDICATORS: dict[str, Callable[[Question], Figure]] = {
    "roster_fill": roster_fill,
    "training_coverage": training_coverage,
    "tips_reported": tips_reported,
    "tips_triaged_in_time": tips_triaged_in_time,
    "tips_resolved_in_time": tips_resolved_in_time,
    "tips_answered": tips_answered,
    "needs_acted": needs_acted,
    "corrections_closed_in_time": corrections_closed_in_time,
    "sharing_participation": sharing_participation,
    "posts_published": posts_published,
}


# "null" stands in the table's column of denominators.
WITHOUT_DENOMINATOR = ("needs_acted", "posts_published")


def value_of(
    indicator: str, numerator: Fraction, denominator: Fraction | None, period: Period, evaluated: Moment
) -> Fraction | None:
    """The table's last column: "num/den", "num" (needs_acted) or "num / Σ f(m)" (posts_published); None over 0."""
    if indicator == "needs_acted":
        return numerator
    if indicator == "posts_published":
        return numerator / sum(passed(month, evaluated) for month in months_begun(period, evaluated))
    if not denominator:
        return None
    return numerator / denominator
