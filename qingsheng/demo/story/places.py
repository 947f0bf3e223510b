"""The city, its counties, its organs, and what is told of each."""

from dataclasses import dataclass
from datetime import date

from qingsheng.demo.story import day

CITY = "350900"
YEAR = 2014
COUNTY_TEAM = 200


@dataclass(frozen=True)
class Unit:
    """``kind``: city, county or organ; ``county``: GB/T 2260 code."""

    unit_id: str
    zh: str
    en: str
    kind: str
    county: str
    parent_id: str | None = None


@dataclass(frozen=True)
class Part:
    """The part that a county, or the city level, takes in the story; all counts are synthetic.

    ``workbook_on``: when its ledger came. ``tips``: how many. ``triage``, ``resolve``: its usual days for them.
    ``sharing``: how eagerly its volunteers share. ``weibo``, ``wechat``: posts of its own.
    """

    county: str
    workbook_on: date
    tips: int
    triage: float
    resolve: float
    sharing: float
    weibo: int
    wechat: int


UNITS = (
    Unit(CITY, "宁德市", "Ningde", "city", CITY),
    Unit("350902", "蕉城区", "Jiaocheng", "county", "350902", CITY),
    Unit("350921", "霞浦县", "Xiapu", "county", "350921", CITY),
    Unit("350922", "古田县", "Gutian", "county", "350922", CITY),
    Unit("350923", "屏南县", "Pingnan", "county", "350923", CITY),
    Unit("350924", "寿宁县", "Shouning", "county", "350924", CITY),
    Unit("350925", "周宁县", "Zhouning", "county", "350925", CITY),
    Unit("350926", "柘荣县", "Zherong", "county", "350926", CITY),
    Unit("350981", "福安市", "Fu'an", "county", "350981", CITY),
    Unit("350982", "福鼎市", "Fuding", "county", "350982", CITY),
    Unit("350900-A", "市直机关（合成数据）", "City-direct organs (synthetic)", "organ", CITY, CITY),
    Unit("350900-B", "网络评论员（合成数据）", "Online reviewers (synthetic)", "organ", CITY, CITY),
    Unit("350900-C", "在宁高校（合成数据）", "Colleges (synthetic)", "organ", CITY, CITY),
)
COUNTIES = tuple(unit.county for unit in UNITS if unit.kind == "county")
NAMES = {unit.county: unit for unit in UNITS if unit.kind != "organ"}

CITY_TEAM = dict.fromkeys(COUNTIES, 25) | {"350900-A": 90, "350900-B": 40, "350900-C": 45}
"""Nominations to the city team of 400, by unit."""

PARTS = {
    part.county: part
    for part in (
        Part(CITY, day("02-28"), tips=21, triage=1.0, resolve=12, sharing=1.2, weibo=20, wechat=12),
        Part("350902", day("03-14"), tips=38, triage=1.0, resolve=13, sharing=1.4, weibo=8, wechat=4),
        Part("350921", day("03-28"), tips=30, triage=1.5, resolve=17, sharing=1.0, weibo=5, wechat=2),
        Part("350922", day("04-04"), tips=27, triage=1.2, resolve=15, sharing=1.1, weibo=5, wechat=3),
        Part("350923", day("05-09"), tips=14, triage=1.4, resolve=19, sharing=0.7, weibo=3, wechat=1),
        Part("350924", day("04-18"), tips=22, triage=4.5, resolve=38, sharing=0.8, weibo=4, wechat=1),
        Part("350925", day("05-16"), tips=11, triage=1.8, resolve=20, sharing=0.6, weibo=3, wechat=1),
        Part("350926", day("05-20"), tips=2, triage=2.0, resolve=16, sharing=0.5, weibo=2, wechat=1),
        Part("350981", day("03-21"), tips=42, triage=0.9, resolve=11, sharing=1.5, weibo=8, wechat=4),
        Part("350982", day("04-11"), tips=33, triage=1.6, resolve=16, sharing=1.2, weibo=6, wechat=3),
    )
}
"""One county has two tips, one is slow."""


def unit(unit_id: str) -> Unit:
    return next(unit for unit in UNITS if unit.unit_id == unit_id)
