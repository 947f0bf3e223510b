"""When a share counts: pure, by examples and by properties."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaign.rules import Counted, Missing, Post, Share, is_timely, is_timely_day, judge, may_count
from shared.contracts.refusals import Refusal
from shared.roster_view.rules import Account, Movement
from tests.campaign.harness import SHANGHAI, at

VOLUNTEER, OTHER, ACCOUNT = UUID(int=1), UUID(int=2), UUID(int=3)
POST, LATER_POST = UUID(int=10), UUID(int=11)
NOW = at("2014-09-29 09:00")
REGISTERED = Movement(1, date(2014, 5, 1), "350902", "350902")
DISCLOSED = Account(2, True, at("2014-05-02 09:00"), VOLUNTEER, "weibo")
STANDING = Post(POST, at("2014-07-01 08:00"), None)


def share(when: str = "2014-07-01 09:00", **more: Any) -> Share:
    told: dict[str, Any] = {"post_id": POST} | more
    return Share(VOLUNTEER, ACCOUNT, at(when), **told)


def judged(
    told: Share, movements: Any = (REGISTERED,), disclosures: Any = (DISCLOSED,), posts: Any = (STANDING,)
) -> Any:
    verdict = judge(told, movements, disclosures, posts, NOW, SHANGHAI)
    match verdict:
        case Refusal():
            return verdict.code, verdict.pointer
        case Missing(what, refusal):
            return "missing", what, refusal.code
        case _:
            return verdict


def test_a_share_counts_for_the_county_of_the_volunteer_that_day() -> None:
    moved = Movement(3, date(2014, 7, 1), "350921", "350921")
    assert judged(share()) == Counted("350902", "weibo", POST)
    # A movement is in force for the whole local day.
    assert judged(share("2014-07-01 08:30"), (REGISTERED, moved)) == Counted("350921", "weibo", POST)


@pytest.mark.parametrize("when", ["1999-12-31 23:59", "2014-09-30 09:01", "0001-01-01 00:00", "9999-12-31 23:59"])
def test_a_share_outside_the_times_allowed(when: str) -> None:
    assert judged(share(when)) == ("time_out_of_range", "/shared_at")


def test_the_ends_of_the_calendar_do_not_break_the_comparison() -> None:
    west, east = timezone(-timedelta(hours=23, minutes=59)), timezone(timedelta(hours=23, minutes=59))
    assert not is_timely(datetime.max.replace(tzinfo=west), NOW)
    assert not is_timely(datetime.min.replace(tzinfo=east), NOW)
    assert not is_timely_day(date.max, NOW, SHANGHAI)
    assert not is_timely_day(date.min, NOW, SHANGHAI)


def test_who_is_not_known_may_still_come() -> None:
    assert judged(share(), ()) == ("missing", "volunteer", "unknown_volunteer")
    # A departure seen before its registration does not make the volunteer known.
    assert judged(share(), (Movement(2, date(2014, 8, 1), None, "350902"),)) == (
        "missing",
        "volunteer",
        "unknown_volunteer",
    )


@pytest.mark.parametrize(
    "movements",
    [
        (Movement(1, date(2014, 7, 2), "350902", "350902"),),
        (REGISTERED, Movement(2, date(2014, 7, 1), None, "350902")),
    ],
    ids=["registered later", "left that day"],
)
def test_who_is_not_registered_that_day(movements: Any) -> None:
    assert judged(share(), movements) == ("volunteer_not_active", "/volunteer_id")


def test_an_account_not_known_may_still_come_and_another_ones_does_not() -> None:
    withdrawn = Account(3, False, at("2014-06-01 09:00"), VOLUNTEER, None)
    assert judged(share(), disclosures=()) == ("missing", "account", "unknown_account")
    # A withdrawal seen before its disclosure does not make the account known.
    assert judged(share(), disclosures=(withdrawn,)) == ("missing", "account", "unknown_account")
    assert judged(share(), disclosures=(DISCLOSED._replace(volunteer_id=OTHER),)) == ("unknown_account", "/account_id")


@pytest.mark.parametrize(
    "disclosures",
    [
        (DISCLOSED._replace(since=at("2014-07-01 09:00:00.000001")),),
        (DISCLOSED, Account(3, False, at("2014-07-01 09:00"), VOLUNTEER, None)),
    ],
    ids=["disclosed later", "withdrawn at that moment"],
)
def test_an_account_not_disclosed_then(disclosures: Any) -> None:
    assert judged(share(), disclosures=disclosures) == ("account_not_disclosed", "/account_id")


def test_an_account_disclosed_at_that_very_moment() -> None:
    assert isinstance(judged(share(), disclosures=(DISCLOSED._replace(since=at("2014-07-01 09:00")),)), Counted)


def test_the_platform_is_that_of_the_disclosure_in_force() -> None:
    again = DISCLOSED._replace(sequence=5, since=at("2014-08-01 09:00"), platform="wechat")
    assert judged(share(), disclosures=(again, DISCLOSED)).platform == "weibo"
    assert judged(share("2014-08-02 09:00"), disclosures=(again, DISCLOSED)).platform == "wechat"


def test_a_post_not_known_may_still_come() -> None:
    assert judged(share(), posts=()) == ("missing", "post", "unknown_post")


def test_a_share_before_its_post() -> None:
    assert judged(share("2014-07-01 07:59:59")) == ("time_out_of_range", "/shared_at")
    assert isinstance(judged(share("2014-07-01 08:00")), Counted)


def test_a_share_made_while_the_post_stood_counts_and_a_later_one_does_not() -> None:
    withdrawn = (STANDING._replace(withdrawn_at=at("2014-07-02 08:00")),)
    assert isinstance(judged(share("2014-07-02 07:59:59"), posts=withdrawn), Counted)
    assert judged(share("2014-07-02 08:00"), posts=withdrawn) == ("unknown_post", "/post_id")
    by_url = share("2014-07-02 08:00", post_id=None, post_url="https://weibo.example/1")
    assert judged(by_url, posts=withdrawn) == ("unknown_post", "/post_url")


def test_of_posts_under_one_link_the_one_that_stood_is_meant() -> None:
    withdrawn = STANDING._replace(withdrawn_at=at("2014-07-03 08:00"))
    entered_again = Post(LATER_POST, at("2014-07-02 08:00"), None)
    both = (withdrawn, entered_again)
    assert judged(share("2014-07-01 09:00"), posts=both).post_id == POST
    assert judged(share("2014-07-02 09:00"), posts=both).post_id == LATER_POST
    assert judged(share("2014-07-04 09:00"), posts=both).post_id == LATER_POST


def test_what_is_certainly_wrong_is_not_waited_for() -> None:
    assert judged(share("2014-04-30 09:00"), posts=()) == ("volunteer_not_active", "/volunteer_id")
    withdrawn = (STANDING._replace(withdrawn_at=at("2014-07-01 08:30")),)
    assert judged(share(), movements=(), posts=withdrawn) == ("unknown_post", "/post_id")
    assert judged(share("2014-07-01 07:00"), movements=()) == ("time_out_of_range", "/shared_at")


# -- properties --------------------------------------------------------------------------------------------------------

hours = st.integers(0, 24 * 30)
START = at("2014-07-01 00:00")


def moment(hour: int) -> datetime:
    return START + timedelta(hours=hour)


movements_of = st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=6).map(
    lambda told: [
        Movement(number, date(2014, 7, 1) + timedelta(days=day), "350902" if enters else None, "350902")
        for number, (day, enters) in enumerate(told, 1)
    ]
)
disclosures_of = st.lists(st.tuples(hours, st.booleans()), max_size=6).map(
    lambda told: [
        Account(number, opens, moment(hour), VOLUNTEER, "weibo" if opens else None)
        for number, (hour, opens) in enumerate(told, 1)
    ]
)


@given(movements_of, disclosures_of, hours, st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(movements: Any, disclosures: Any, hour: int, rng: Any) -> None:
    told = Share(VOLUNTEER, ACCOUNT, moment(hour), post_id=POST)
    posts = [Post(POST, START, None)]
    first = judge(told, movements, disclosures, posts, NOW, SHANGHAI)
    rng.shuffle(movements)
    rng.shuffle(disclosures)
    second = judge(told, movements, disclosures, posts, NOW, SHANGHAI)
    assert str(first) == str(second)
    assert type(first) is type(second)


@given(movements_of, disclosures_of, hours)
def test_what_counts_when_logged_counts_when_judged_again(movements: Any, disclosures: Any, hour: int) -> None:
    told = Share(VOLUNTEER, ACCOUNT, moment(hour), post_id=POST)
    verdict = judge(told, movements, disclosures, [Post(POST, START, None)], NOW, SHANGHAI)
    assert may_count(told, movements, disclosures, SHANGHAI) == isinstance(verdict, Counted)


@given(movements_of, disclosures_of, hours, hours)
def test_an_ending_changes_nothing_before_it(movements: Any, disclosures: Any, hour: int, end: int) -> None:
    told = Share(VOLUNTEER, ACCOUNT, moment(hour), post_id=POST)
    left = Movement(len(movements) + 1, moment(end).date(), None, "350902")
    withdrawn = Account(len(disclosures) + 1, False, moment(end), VOLUNTEER, None)
    before = may_count(told, movements, disclosures, SHANGHAI)
    after = may_count(told, [*movements, left], [*disclosures, withdrawn], SHANGHAI)
    if told.shared_at.date() >= moment(end).date():
        assert not after
    else:
        assert after == before


@given(st.datetimes(timezones=st.just(UTC)))
def test_timely_means_from_2000_to_a_day_ahead(when: datetime) -> None:
    assert is_timely(when, NOW) == (datetime(2000, 1, 1, tzinfo=UTC) <= when <= NOW + timedelta(days=1))
