"""What opinion takes and refuses: pure decisions."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.opinion.rules import Tip, fact_time, is_timely_day, may_close, may_resolve, may_triage, may_void
from shared.contracts.refusals import Refusal

NOW = datetime(2014, 9, 29, 12, tzinfo=UTC)
THEN = datetime(2014, 9, 1, 12, tzinfo=UTC)
REPORTED = Tip(THEN)
TRIAGED = Tip(THEN, triaged_at=THEN)
RESOLVED = Tip(THEN, resolved_at=THEN)
BOTH = Tip(THEN, triaged_at=THEN, resolved_at=THEN)
VOIDED = Tip(THEN, triaged_at=THEN, resolved_at=THEN, voided_at=THEN)


def code(refusal: Refusal | None) -> str | None:
    return refusal and refusal.code


@pytest.mark.parametrize(
    ("tip", "triage", "resolve", "void"),
    [
        (REPORTED, None, None, None),
        (TRIAGED, "invalid_state", None, None),
        (RESOLVED, "invalid_state", "invalid_state", None),
        (BOTH, "invalid_state", "invalid_state", None),
        (VOIDED, "invalid_state", "invalid_state", "invalid_state"),
    ],
    ids=["reported", "triaged", "resolved", "triaged and resolved", "voided"],
)
def test_each_step_is_taken_once(tip: Tip, triage: str | None, resolve: str | None, void: str | None) -> None:
    assert code(may_triage(tip)) == triage
    assert code(may_resolve(tip)) == resolve
    assert code(may_void(tip, "spam", merging=False, into=None)) == void


def test_only_a_duplicate_is_merged_into_a_tip_that_stands() -> None:
    other = Tip(THEN)
    assert may_void(REPORTED, "duplicate", merging=True, into=other) is None
    assert may_void(REPORTED, "duplicate", merging=False, into=None) is None
    assert code(may_void(REPORTED, "spam", merging=True, into=other)) == "schema"
    assert code(may_void(REPORTED, "duplicate", merging=True, into=None)) == "schema"
    assert code(may_void(REPORTED, "duplicate", merging=True, into=REPORTED)) == "schema"
    assert code(may_void(REPORTED, "duplicate", merging=True, into=VOIDED)) == "invalid_state"


def test_times() -> None:
    assert fact_time(None, NOW, "/at") == NOW
    assert fact_time(THEN, NOW, "/at", after=THEN) == THEN
    early = fact_time(THEN - timedelta(seconds=1), NOW, "/at", after=THEN)
    assert isinstance(early, Refusal)
    assert (early.code, early.pointer) == ("out_of_order_date", "/at")
    late = fact_time(NOW + timedelta(hours=24, seconds=1), NOW, "/at")
    assert isinstance(late, Refusal)
    assert late.code == "time_out_of_range"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_not_told_never_lies_before_its_forerunner(after: datetime) -> None:
    assert fact_time(None, NOW, "/at", after=after) == max(NOW, after)


def test_days() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    assert is_timely_day(date(2014, 9, 30), NOW, shanghai)
    assert not is_timely_day(date(2014, 10, 1), NOW, shanghai)
    assert not is_timely_day(date(1999, 12, 31), NOW, shanghai)


def test_a_correction_closes_once_with_evidence_and_source() -> None:
    assert may_close(None, ["https://a.example"], "https://b.example") is None
    assert code(may_close(None, [], "https://b.example")) == "no_evidence"
    assert code(may_close(None, ["https://a.example"], None)) == "no_source"
    assert code(may_close(THEN, ["https://a.example"], "https://b.example")) == "invalid_state"
