"""The story's data: the totals of the report, the same at every call, synthetic and labelled so."""

from collections import Counter
from itertools import pairwise

from qingsheng.demo.script import script
from qingsheng.demo.story import SYNTHETIC, campaign, classes, feeds, places, tips
from qingsheng.demo.story.reports import expected

TOLD = script()


def test_the_same_at_every_call() -> None:
    assert script() == TOLD


def test_a_city_team_of_400_and_nine_county_teams_of_200() -> None:
    assert len(TOLD.people) == 2200
    assert len({person.ref for person in TOLD.people}) == 2200
    teams = Counter((person.team, person.unit_id) for person in TOLD.people)
    assert sum(count for (team, _), count in teams.items() if team == "city") == 400
    assert [teams["county", county] for county in places.COUNTIES] == [200] * 9


def test_nobody_registers_without_having_consented_before() -> None:
    assert all(person.consented_on <= person.registered_on for person in [*TOLD.people, *TOLD.successors])


def test_who_leaves_has_a_successor() -> None:
    assert len(TOLD.successors) == sum(person.left_on is not None for person in TOLD.people) == 2


def test_classes_have_the_reported_sizes() -> None:
    sizes = Counter(one.session.ref for one in TOLD.attendances)
    assert sizes == {"backbone": 24, "teleconference": 523, "joint": 60, "course-1": 52, "course-2": 56, "course-3": 48}
    assert len({(one.session.ref, one.volunteer.ref) for one in TOLD.attendances}) == len(TOLD.attendances)
    teleconference = next(session for session in classes.SESSIONS if session.ref == "teleconference")
    assert len(teleconference.venues) == 10
    venues = {one.venue_no for one in TOLD.attendances if one.session == teleconference}
    assert venues == set(range(1, 11))


def test_tips_are_240_and_uneven() -> None:
    by_county = Counter(tip.unit_id for tip in TOLD.tips)
    assert by_county.total() == 240
    assert min(by_county.values()) == 2
    waits = {
        county: sum((tip.triaged_at - tip.reported_at).days > 3 for tip in TOLD.tips if tip.unit_id == county) / count
        for county, count in by_county.items()
        if count > 2
    }
    assert max(waits, key=lambda county: waits[county]) == "350924"
    for tip in TOLD.tips:
        assert tip.reported_at < tip.triaged_at < tip.resolved_at


def test_the_evening_is_a_wish_by_weibo_message() -> None:
    (evening,) = [tip for tip in TOLD.tips if tip.evening]
    assert (evening.channel, evening.outcome, evening.answered) == ("weibo_message", "acted", True)
    assert evening.evening is not None
    assert evening.evening.participants == 300


def test_posts_and_shares_have_the_reported_totals() -> None:
    assert Counter(post.channel for post in TOLD.posts) == {"weibo": 64, "wechat": 32}
    counted = Counter(share.post.channel for share in TOLD.shares if share.fate == "counted")
    assert counted == {"wechat": 996, "weibo": 2048}
    assert len({(share.volunteer.ref, share.post.ref) for share in TOLD.shares}) == len(TOLD.shares)


def test_a_share_counts_only_from_a_disclosed_account_of_a_registered_volunteer() -> None:
    for share in TOLD.shares:
        assert share.post.published_at <= share.shared_at <= campaign.END
        assert share.volunteer.may_share(share.shared_at) == (share.fate != "void")


def test_real_feeds_bring_all_sorts() -> None:
    codes = expected(TOLD.reports[feeds.PRODUCER])
    assert codes["accepted"] == 64 + 3044 + 15 + 2 + 15  # posts, shares that count, withdrawn, void, withdrawals
    assert {"id_reused", "account_not_disclosed", "unknown_post", "schema", "already_logged"} <= codes.keys()
    assert sum(report.raw is not None for report in TOLD.reports[feeds.PRODUCER]) == 6
    late = [share for share in TOLD.shares if feeds.is_late(share)]
    assert late, "a batch for the first half comes late"
    assert {share.shared_at.month for share in late} == {6}


def test_reports_come_in_the_order_of_their_times_and_before_the_work_report() -> None:
    for told in TOLD.reports.values():
        assert all(one.time <= next_one.time for one, next_one in pairwise(told))
        assert told[-1].time < tips.at(tips.day("09-29"), 0)


def test_invented_detail_is_labelled_synthetic() -> None:
    assert all(SYNTHETIC in post.title for post in TOLD.posts)
    assert all(SYNTHETIC in column.title["zh"] for column in campaign.COLUMNS)
    assert all(SYNTHETIC in session.body["title"]["zh"] for session in classes.SESSIONS)  # type: ignore[index]
    assert all(SYNTHETIC in tip.text for tip in TOLD.tips if not tip.evening)
    assert all(SYNTHETIC in unit.zh for unit in places.UNITS if unit.kind == "organ")
