"""Events of the roster: units, quotas, volunteers, their disclosed accounts."""

from typing import Literal

from shared.contracts.envelope import EventData
from shared.contracts.fields import Amount, Count, County, Day, Digest, Id, Instant, Names, Team, UnitId, Year

Category = Literal[
    "cadre_city", "cadre_county", "cadre_township", "cadre_organ", "reviewer", "college_volunteer", "other"
]
Platform = Literal["weibo", "wechat", "other"]
UnitKind = Literal["city", "county", "township", "organ"]
DeclineReason = Literal["quota_full", "not_eligible", "no_consent", "withdrawn", "other"]


class UnitDefined(EventData):
    TYPE = "qingsheng.roster.unit_defined.v1"
    KEY = "unit_id"
    SUBJECT = ("unit", "unit_id")

    unit_id: UnitId
    name: Names
    kind: UnitKind
    parent_id: UnitId | None = None
    county: County


class QuotaSet(EventData):
    TYPE = "qingsheng.roster.quota_set.v1"
    KEY = "unit_id"
    SUBJECT = ("unit", "unit_id")

    unit_id: UnitId
    team: Team
    year: Year
    quota: Amount


class VolunteerNominated(EventData):
    TYPE = "qingsheng.roster.volunteer_nominated.v1"
    KEY = "volunteer_id"
    SUBJECT = ("volunteer", "volunteer_id")

    volunteer_id: Id
    unit_id: UnitId
    team: Team
    category: Category


class VolunteerRegistered(EventData):
    TYPE = "qingsheng.roster.volunteer_registered.v1"
    KEY = "volunteer_id"
    SUBJECT = ("volunteer", "volunteer_id")
    TIME = "registered_on"

    volunteer_id: Id
    unit_id: UnitId
    team: Team
    category: Category
    registered_on: Day
    consented_on: Day


class VolunteerDeclined(EventData):
    TYPE = "qingsheng.roster.volunteer_declined.v1"
    KEY = "volunteer_id"
    SUBJECT = ("volunteer", "volunteer_id")

    volunteer_id: Id
    reason: DeclineReason


class VolunteerTransferred(EventData):
    TYPE = "qingsheng.roster.volunteer_transferred.v1"
    KEY = "volunteer_id"
    SUBJECT = ("volunteer", "volunteer_id")
    TIME = "effective_on"

    volunteer_id: Id
    from_unit_id: UnitId
    to_unit_id: UnitId
    from_county: County
    to_county: County
    effective_on: Day


class VolunteerLeft(EventData):
    TYPE = "qingsheng.roster.volunteer_left.v1"
    KEY = "volunteer_id"
    SUBJECT = ("volunteer", "volunteer_id")
    TIME = "left_on"

    volunteer_id: Id
    unit_id: UnitId
    left_on: Day


class AccountDisclosed(EventData):
    TYPE = "qingsheng.roster.account_disclosed.v1"
    KEY = "volunteer_id"
    SUBJECT = ("account", "account_id")
    TIME = "disclosed_at"

    volunteer_id: Id
    account_id: Id
    platform: Platform
    disclosed_at: Instant
    verified_at: Instant


class AccountWithdrawn(EventData):
    TYPE = "qingsheng.roster.account_withdrawn.v1"
    KEY = "volunteer_id"
    SUBJECT = ("account", "account_id")
    TIME = "withdrawn_at"

    volunteer_id: Id
    account_id: Id
    withdrawn_at: Instant


class AuditSealed(EventData):
    """How far the audit log reached on one day. ``head``: HMAC-SHA-256 of its last line's hash, in hex, see
    ``shared/access/sealing.py``: only whoever has the deployment's secret can make or check it."""

    TYPE = "qingsheng.roster.audit_sealed.v1"
    KEY = "sealed_on"
    SUBJECT = ("audit", "sealed_on")
    TIME = "sealed_on"

    sealed_on: Day
    lines: Count
    head: Digest
