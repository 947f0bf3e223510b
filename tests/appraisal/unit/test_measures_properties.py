"""However facts arrive, the tallies end the same: what a batch adds is a matter of the set of facts alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.appraisal.figures import Window, summed
from services.appraisal.measures import (
    Changes,
    Fact,
    Flag,
    Kind,
    Measure,
    PersonKey,
    TallyKey,
    of,
    of_one,
    of_person,
    person_change,
)
from tests.appraisal.unit.building import ZONE, A, B, day, tallied

START = datetime(2014, 1, 1, tzinfo=ZONE)
VOIDING = {
    Kind.ATTENDANCE_RECORDED: Kind.ATTENDANCE_VOIDED,
    Kind.TIP_REPORTED: Kind.TIP_VOIDED,
    Kind.POST_PUBLISHED: Kind.POST_WITHDRAWN,
    Kind.REPOST_LOGGED: Kind.REPOST_VOIDED,
}
UNDOINGS = frozenset(VOIDING.values())


@st.composite
def some_facts(draw: st.DrawFn) -> list[Fact]:
    """Facts of a few subjects, most of them with several tellings, in any order."""
    facts: list[Fact] = []
    for number in range(draw(st.integers(1, 25))):
        time = START + timedelta(hours=draw(st.integers(0, 24 * 60)))
        facts.append(
            Fact(
                id=UUID(int=1000 + number),
                kind=draw(st.sampled_from(Kind)),
                subject=UUID(int=draw(st.integers(1, 4))),
                county=draw(st.sampled_from([A, B])),
                other_county=draw(st.sampled_from([A, B])),
                volunteer=UUID(int=draw(st.integers(1, 2))),
                time=time,
                day=time.date(),
                recordedtime=time,
                sequence=draw(st.integers(1, 4)),
                flag=draw(st.sampled_from([0, *Flag])),
            )
        )
    return facts


class Store:
    """Takes facts in batches as the worker does: ``of(after) - of(before)``, volunteers by what their count changes."""

    def __init__(self) -> None:
        self.subjects: dict[UUID, dict[UUID, Fact]] = {}
        self.persons: dict[PersonKey, int] = {}
        self.tallies: dict[TallyKey, int] = {}

    def take(self, batch: Sequence[Fact]) -> None:
        changes = Changes()
        for subject in {fact.subject for fact in batch}:
            known = self.subjects.setdefault(subject, {})
            changes.take(of(list(known.values())))
            known |= {fact.id: fact for fact in batch if fact.subject == subject}
            changes.add(of(list(known.values())))
        for key, change in changes.of_persons().items():
            before = self.persons.get(key, 0)
            self.persons[key] = before + change
            for bucket, n in person_change(key.grain, before, before + change).items():
                self._add(TallyKey(key.grain, key.county, key.start, bucket), n)
        for key, n in changes.counts.items():
            self._add(key, n)

    def _add(self, key: TallyKey, n: int) -> None:
        self.tallies[key] = self.tallies.get(key, 0) + n
        if not self.tallies[key]:
            del self.tallies[key]


@given(some_facts(), st.data())
def test_any_order_copies_and_batches_end_the_same(facts: list[Fact], data: st.DataObject) -> None:
    order = data.draw(st.permutations(facts)) + data.draw(st.lists(st.sampled_from(facts), max_size=5))
    store = Store()
    while order:
        size = data.draw(st.integers(1, len(order)))
        store.take(order[:size])
        order = order[size:]
    assert store.tallies == tallied(facts)


@given(some_facts(), st.randoms(use_true_random=False))
def test_a_contribution_is_one_of_the_set(facts: list[Fact], random: Random) -> None:
    of_subject = [fact for fact in facts if fact.subject == facts[0].subject]
    shuffled = of_subject + of_subject[: len(of_subject) // 2]
    random.shuffle(shuffled)
    assert of(shuffled) == of(of_subject)


@given(some_facts())
def test_one_fact_takes_the_short_way_to_the_same(facts: list[Fact]) -> None:
    for fact in facts:
        assert of_one(fact) == of([fact]) == of([fact, fact])


@given(some_facts())
def test_no_contribution_holds_a_zero(facts: list[Fact]) -> None:
    contribution = of(facts)
    assert 0 not in contribution.counts.values()
    assert 0 not in contribution.persons.values()


@given(some_facts(), st.sampled_from(sorted(VOIDING)))
def test_what_was_voided_counts_nowhere_before_or_after(facts: list[Fact], kind: Kind) -> None:
    fact = next((fact for fact in facts if fact.kind == kind), facts[0]._replace(kind=kind))
    void = fact._replace(kind=VOIDING[kind], id=UUID(int=1), sequence=9)
    assert of([fact, void]) == of([void, fact]) == of([void]) == of([])


@given(some_facts(), st.integers(0, 24 * 60))
def test_a_cut_after_all_facts_cuts_nothing_and_one_before_all_leaves_nothing(facts: list[Fact], hours: int) -> None:
    assert of(facts, until=START + timedelta(days=61)) == of(facts)
    assert of(facts, until=START - timedelta(hours=1)) == of([])
    moment = START + timedelta(hours=hours)
    first_tellings = {(fact.subject, fact.kind): fact for fact in facts}.values()
    for fact in first_tellings:
        of_subject = [other for other in first_tellings if other.subject == fact.subject]
        kept = [other for other in of_subject if other.time <= moment or other.kind in UNDOINGS]
        assert of(of_subject, until=moment) == of(kept)


@given(st.sampled_from([Measure.SHARE, Measure.TRAINED_YEAR]), st.integers(0, 15), st.integers(0, 15))
def test_a_change_is_the_difference(grain: Measure, before: int, after: int) -> None:
    total = of_person(grain, before)
    for bucket, n in person_change(grain, before, after).items():
        total[bucket] = total.get(bucket, 0) + n
    assert {bucket: n for bucket, n in total.items() if n} == of_person(grain, after)


@given(st.lists(st.integers(1, 6), max_size=40), st.integers(1, 10))
def test_a_capped_sum_is_the_sum_of_its_buckets(shares: list[int], cap: int) -> None:
    """Each number is the volunteer of one share."""
    facts = [
        Fact(UUID(int=n), Kind.REPOST_LOGGED, UUID(int=n), A, None, UUID(int=who), START, START.date(), START, 1, 0)
        for n, who in enumerate(shares)
    ]
    window = Window(Measure.SHARE, day("2014-01-01"), day("2014-01-31"), cap)
    expected = sum(min(cap, shares.count(who)) for who in set(shares))
    assert summed(tallied(facts), [window])[window].get(A, 0) == expected
