"""Which quotas count, and which bodies are appraised."""

import pytest

from services.appraisal.quotas import Body, Setting, Unit, bodies, quota_totals
from tests.appraisal.unit.building import A, B, C, at

CITY = Unit(C, "city", None, C, {"zh": "宁德"})
ORGAN = Unit(f"{C}-01", "organ", C, C, {"zh": "市直机关"})
COUNTY = Unit(A, "county", C, A, {"zh": "蕉城", "en": "Jiaocheng"})
TOWN = Unit(f"{A}-T1", "township", A, A, {"zh": "一镇"})
VILLAGE = Unit(f"{A}-T1-V", "organ", f"{A}-T1", A, {"zh": "一村"})
OTHER = Unit(B, "county", C, B, {"zh": "霞浦"})
UNITS = [CITY, ORGAN, COUNTY, TOWN, VILLAGE, OTHER]


def setting(
    unit: Unit, quota: int, *, team: str = "county", year: int = 2014, when: str = "2014-02-01", sequence: int = 1
) -> Setting:
    return Setting(unit.unit_id, team, year, quota, at(when), sequence)


def totals(*settings: Setting, units: list[Unit] | None = None) -> dict[str, int]:
    return quota_totals(settings, UNITS if units is None else units, 2014, at("2014-12-31"))


def test_quotas_of_both_teams_are_added() -> None:
    assert totals(setting(COUNTY, 200), setting(COUNTY, 40, team="city"), setting(OTHER, 150)) == {A: 240, B: 150}


def test_only_the_year_that_is_asked_about_counts() -> None:
    assert totals(setting(COUNTY, 200), setting(COUNTY, 300, year=2015)) == {A: 200}


def test_the_highest_sequence_wins_whatever_the_order() -> None:
    first, second = setting(COUNTY, 200, sequence=1, when="2014-03-01"), setting(COUNTY, 180, sequence=2)
    assert totals(first, second) == totals(second, first) == {A: 180}


def test_a_setting_after_the_moment_is_not_in_force_yet() -> None:
    later = setting(COUNTY, 999, sequence=2, when="2014-12-31 12:00:00.000001")
    assert totals(setting(COUNTY, 200), later) == {A: 200}
    assert totals(later._replace(time=at("2014-12-31"))) == {A: 999}


def test_a_unit_below_one_with_a_setting_is_part_of_it() -> None:
    assert totals(setting(COUNTY, 200), setting(TOWN, 50), setting(VILLAGE, 5)) == {A: 200}
    assert totals(setting(TOWN, 50), setting(VILLAGE, 5)) == {A: 50}
    assert totals(setting(COUNTY, 200), setting(VILLAGE, 5)) == {A: 200}, "whatever lies between"


def test_without_a_setting_above_the_parts_are_added() -> None:
    second = Unit(f"{A}-T2", "township", A, A, {"zh": "二镇"})
    assert totals(setting(TOWN, 50), setting(second, 30), units=[*UNITS, second]) == {A: 80}


def test_the_setting_above_must_be_for_the_same_team_and_year() -> None:
    above = [setting(COUNTY, 200, team="city"), setting(COUNTY, 200, year=2013)]
    assert totals(*above, setting(TOWN, 50)) == {A: 250}
    assert totals(setting(COUNTY, 200), setting(TOWN, 50, team="city")) == {A: 250}


def test_zero_is_a_setting() -> None:
    assert totals(setting(COUNTY, 0), setting(TOWN, 50)) == {A: 0}
    assert totals(setting(COUNTY, 200), setting(COUNTY, 0, sequence=2)) == {A: 0}


def test_an_ancestor_of_another_county_does_not_stand_for_a_unit() -> None:
    assert totals(setting(CITY, 500), setting(ORGAN, 20), setting(COUNTY, 200)) == {C: 500, A: 200}


def test_quotas_of_a_unit_not_yet_defined_wait() -> None:
    assert totals(setting(COUNTY, 200), units=[CITY]) == {}


def test_a_ring_of_parents_ends() -> None:
    ring = [Unit("AAAA", "organ", "BBBB", A, {"zh": "甲"}), Unit("BBBB", "organ", "AAAA", A, {"zh": "乙"})]
    assert totals(setting(ring[0], 3), units=ring) == {A: 3}
    alone = Unit("CCCC", "organ", "CCCC", A, {"zh": "丙"})
    assert totals(setting(alone, 4), units=[alone]) == {A: 4}


@pytest.mark.parametrize("turn", [1, -1])
def test_counties_and_the_city_level_are_appraised(turn: int) -> None:
    assert bodies(UNITS[::turn]) == [
        Body(C, True, {"zh": "宁德"}),
        Body(A, False, {"zh": "蕉城", "en": "Jiaocheng"}),
        Body(B, False, {"zh": "霞浦"}),
    ]


def test_one_body_for_one_code() -> None:
    second = Unit("0000", "county", C, A, {"zh": "旧名"})
    assert [body.name["zh"] for body in bodies([second, COUNTY])] == ["蕉城"]
