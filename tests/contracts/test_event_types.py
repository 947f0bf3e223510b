"""What the contract says of each type: key, subject, own time, whether it undoes."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from shared.contracts import campaign, opinion, roster, training
from shared.contracts.envelope import Event
from shared.contracts.registry import EVENT_TYPES, of_service
from tests.contracts.examples import EXAMPLES

ZONE = ZoneInfo("Asia/Shanghai")
TYPES = """
roster.unit_defined            unit_id       unit/unit_id               -
roster.quota_set               unit_id       unit/unit_id               -
roster.volunteer_nominated     volunteer_id  volunteer/volunteer_id     -
roster.volunteer_registered    volunteer_id  volunteer/volunteer_id     registered_on
roster.volunteer_declined      volunteer_id  volunteer/volunteer_id     -
roster.volunteer_transferred   volunteer_id  volunteer/volunteer_id     effective_on
roster.volunteer_left          volunteer_id  volunteer/volunteer_id     left_on
roster.account_disclosed       volunteer_id  account/account_id         disclosed_at
roster.account_withdrawn       volunteer_id  account/account_id         withdrawn_at
roster.audit_sealed            sealed_on     audit/sealed_on            sealed_on
training.session_held          session_id    session/session_id         starts_at
training.session_cancelled     session_id    session/session_id         undoes
training.attendance_recorded   volunteer_id  attendance/attendance_id   held_on
training.attendance_voided     volunteer_id  attendance/attendance_id   undoes
opinion.tip_reported           tip_id        tip/tip_id                 reported_at
opinion.tip_triaged            tip_id        tip/tip_id                 triaged_at
opinion.tip_resolved           tip_id        tip/tip_id                 resolved_at
opinion.tip_voided             tip_id        tip/tip_id                 undoes
opinion.correction_opened      case_id       case/case_id               opened_at
opinion.correction_closed      case_id       case/case_id               closed_at
campaign.column_opened         column_id     column/column_id           opened_on
campaign.post_published        post_id       post/post_id               published_at
campaign.post_withdrawn        post_id       post/post_id               undoes
campaign.repost_logged         volunteer_id  repost/repost_id           shared_at
campaign.repost_voided         volunteer_id  repost/repost_id           undoes
appraisal.scheme_adopted       scheme_id     scheme/scheme_id           -
appraisal.period_closed        period        period/period              -
appraisal.period_reopened      period        period/period              -
appraisal.commendation_awarded volunteer_id  volunteer/volunteer_id     -
""".strip().splitlines()


def test_these_are_all_types():
    assert {f"qingsheng.{line.split()[0]}.v1" for line in TYPES} == set(EVENT_TYPES)
    assert sum(len(of_service(s)) for s in ("roster", "training", "opinion", "campaign", "appraisal")) == len(TYPES)


@pytest.mark.parametrize("line", TYPES)
def test_a_type_is_as_the_page_says(line: str):
    name, key, subject, time = line.split()
    found = EVENT_TYPES[f"qingsheng.{name}.v1"]
    assert name.split(".")[0] == found.SERVICE
    assert found.__name__ == name.split(".")[1].title().replace("_", "")
    assert key == found.KEY
    assert tuple(subject.split("/")) == found.SUBJECT
    assert (time == "undoes") == found.UNDOES
    assert (None if time in ("-", "undoes") else time) == found.TIME


def test_a_date_stands_for_its_local_noon():
    data = roster.VolunteerLeft(volunteer_id=uuid4(), unit_id="350902", left_on=date(2014, 11, 14))
    assert data.own_time(ZONE) == datetime(2014, 11, 14, 4, tzinfo=UTC)
    told = opinion.TipVoided(tip_id=uuid4(), reported_at=datetime(2014, 1, 1, tzinfo=UTC), reason="spam")
    assert told.own_time(ZONE) is None


def test_an_event_is_written_whole():
    share = campaign.RepostLogged(
        repost_id=UUID(int=1),
        post_id=UUID(int=2),
        volunteer_id=UUID(int=3),
        account_id=UUID(int=4),
        platform="weibo",
        shared_at=datetime(2014, 8, 4, 12, 15, 30, tzinfo=UTC),
    )
    event = Event.of(
        share,
        id=UUID(int=5),
        time=share.shared_at,
        recordedtime=share.shared_at.replace(microsecond=7),
        sequence=12,
        county="350902",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    assert event.to_json() == (
        b'{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000005","source":"/qingsheng/campaign",'
        b'"type":"qingsheng.campaign.repost_logged.v1","subject":"repost/00000000-0000-0000-0000-000000000001",'
        b'"time":"2014-08-04T12:15:30Z","recordedtime":"2014-08-04T12:15:30.000007Z","sequence":"12",'
        b'"datacontenttype":"application/json","county":"350902",'
        b'"partitionkey":"00000000-0000-0000-0000-000000000003",'
        b'"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",'
        b'"data":{"repost_id":"00000000-0000-0000-0000-000000000001",'
        b'"post_id":"00000000-0000-0000-0000-000000000002","volunteer_id":"00000000-0000-0000-0000-000000000003",'
        b'"account_id":"00000000-0000-0000-0000-000000000004","platform":"weibo",'
        b'"shared_at":"2014-08-04T12:15:30Z"}}'
    )


def test_what_is_said_once_stays():
    data = roster.VolunteerLeft(volunteer_id=uuid4(), unit_id="350902", left_on=date(2014, 11, 14))
    with pytest.raises(ValidationError, match="frozen"):
        data.unit_id = "350981"


def test_text_is_brought_into_normal_form():
    held = EXAMPLES["qingsheng.training.session_held.v1"]["data"] | {"joint_with": "Cafe\u0301"}
    assert training.SessionHeld.model_validate(held).joint_with == "Caf\u00e9"
    with pytest.raises(ValidationError):
        training.SessionHeld.model_validate(held | {"joint_with": "a\x00b"})
    with pytest.raises(ValidationError):
        training.SessionHeld.model_validate(held | {"joint_with": "a\ud800b"})
