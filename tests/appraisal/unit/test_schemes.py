"""Schemes are data: read exactly, checked against every rule, and named by digest."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from services.appraisal.figures import Term
from services.appraisal.periods import Period
from services.appraisal.schemes import DEFAULT, InvalidScheme, Problem, Scheme, problems, scheme_of


def indicator(name: str, weight: float | Decimal = 10, target: Any = 1, **more: Any) -> dict[str, Any]:
    return {"indicator": name, "weight": weight, "target": target, **more}


def scheme(*indicators: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "scheme_id": "test",
        "version": 1,
        "name": {"zh": "测试", "en": "Test"},
        "valid_from": "2014-01-01",
        "indicators": list(indicators) or [indicator("roster_fill", 60), indicator("tips_answered", 40)],
        **more,
    }


def found(data: object) -> list[tuple[str, str]]:
    return [(problem.field, problem.rule) for problem in problems(data)]


SHARING = indicator("sharing_participation", 20, params={"cap": 2})
TRIAGE = indicator("tips_triaged_in_time", 40, params={"days": 3})


def test_the_default_scheme_is_ningde_2014() -> None:
    assert (DEFAULT.scheme_id, DEFAULT.version) == ("ningde-2014", 1)
    half = Fraction(1, 2)
    small: dict[str, Any] = {"min_sample": Fraction(5), "shrink": True, "prior": Fraction(5)}
    assert DEFAULT.terms() == (
        Term("roster_fill", Fraction(10), Fraction(1)),
        Term("training_coverage", Fraction(20), Fraction(3, 10), min_sample=Fraction(20)),
        Term("tips_reported", Fraction(10), half),
        Term("tips_triaged_in_time", Fraction(10), Fraction(9, 10), days=3, **small),
        Term("tips_resolved_in_time", Fraction(20), Fraction(4, 5), days=30, **small),
        Term("tips_answered", Fraction(10), Fraction(19, 20), **small),
        Term("corrections_closed_in_time", Fraction(10), Fraction(1), days=10, min_sample=Fraction(1)),
        Term("sharing_participation", Fraction(5), half, cap=2),
        Term("posts_published", Fraction(5), Fraction(1)),
    )


def test_a_scheme_keeps_all_rules() -> None:
    assert found(scheme()) == []
    assert found(scheme(SHARING, TRIAGE, indicator("roster_fill", 40))) == []
    assert found(DEFAULT.to_data()) == []


# Numbers


def test_numbers_are_read_as_the_decimals_that_were_written() -> None:
    text = json.dumps(scheme(indicator("roster_fill", 99.9, 0.30), indicator("tips_answered", 0.1)))
    for read in (Scheme.from_json(text), Scheme.from_json(text.encode()), Scheme.of(json.loads(text))):
        assert read.terms()[0].weight == Fraction(999, 10)
        assert read.terms()[0].target == Fraction(3, 10)


@pytest.mark.parametrize("number", ["1e-9", "0.30", "12.3456789012345", "99999999.9999999", "1E2", "1e8"])
def test_numbers_outlive_being_written_and_read_again(number: str) -> None:
    text = json.dumps(scheme()).replace('"target": 1', f'"target": {number}', 1)
    read = Scheme.from_json(text)
    assert read.terms()[0].target == Fraction(number)
    again = Scheme.of(json.loads(json.dumps(read.to_data())))
    assert again.terms() == read.terms()
    assert again.digest == read.digest


@pytest.mark.parametrize("number", ["1e9", "1e-10", "1e400", "-1e400", "0.1234567890123456", "1e-999999"])
def test_numbers_that_not_every_reader_reads_the_same_are_refused(number: str) -> None:
    text = json.dumps(scheme()).replace('"target": 1', f'"target": {number}', 1)
    with pytest.raises(InvalidScheme) as error:
        Scheme.from_json(text)
    assert [(problem.field, problem.rule) for problem in error.value.problems] == [
        ("/indicators/0/target", "number_range")
    ]


@pytest.mark.parametrize("number", ["1", True, None, [1], {}])
def test_only_numbers_are_numbers(number: Any) -> None:
    assert found(scheme(indicator("roster_fill", 60, number), indicator("tips_answered", 40))) == [
        ("/indicators/0/target", "wrong_type")
    ]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(number: float) -> None:
    assert found(scheme(indicator("roster_fill", 60, number), indicator("tips_answered", 40))) == [
        ("/indicators/0/target", "number_range")
    ]


# Form


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b'{"a": 1e99999999999999999999}', b"1" * 5000],
    ids=["empty", "open", "no UTF-8", "NaN", "deep", "exponent", "digits"],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidScheme) as error:
        Scheme.from_json(text)
    assert [problem.rule for problem in error.value.problems] == ["not_json"]


@pytest.mark.parametrize("data", [None, [], "x", 1])
def test_what_is_no_object_is_refused(data: object) -> None:
    assert found(data) == [("", "wrong_type")]


@pytest.mark.parametrize("field", ["scheme_id", "version", "name", "valid_from", "indicators"])
def test_every_field_is_needed(field: str) -> None:
    data = scheme()
    del data[field]
    assert found(data) == [(f"/{field}", "missing_field")]


def test_both_names_are_needed() -> None:
    assert found(scheme(name={"zh": "测试"})) == [("/name/en", "missing_field")]


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("scheme_id", "with space"),
        ("scheme_id", "a@1"),
        ("scheme_id", ""),
        ("version", 0),
        ("version", "1"),
        ("version", True),
        ("valid_from", "2014-13-01"),
        ("valid_from", "20140101"),
        ("valid_from", 1388534400),
        ("indicators", {}),
    ],
)
def test_fields_have_their_form(field: str, told: object) -> None:
    assert found(scheme(**{field: told})) == [(f"/{field}", "wrong_type")]


def test_unknown_fields_are_refused_wherever_they_stand() -> None:
    assert found(scheme(penalty=1)) == [("/penalty", "unknown_field")]
    assert found(scheme(name={"zh": "测", "en": "T", "fr": "T"})) == [("/name/fr", "unknown_field")]
    rest = indicator("tips_answered", 40)
    assert found(scheme(indicator("roster_fill", 60, **{"a/b~c": 1}), rest)) == [
        ("/indicators/0/a~1b~0c", "unknown_field")
    ]
    assert found(scheme(indicator("roster_fill", 60, params={"month": 1}), rest)) == [
        ("/indicators/0/params/month", "unknown_field")
    ]


def test_an_unknown_indicator_is_refused() -> None:
    assert found(scheme(indicator("likes", 100))) == [("/indicators/0/indicator", "unknown_indicator")]


# Content


def test_weights_are_positive() -> None:
    data = scheme(indicator("roster_fill", 0), indicator("tips_reported", -1), indicator("tips_answered", 101))
    assert found(data) == [("/indicators/0/weight", "weight_positive"), ("/indicators/1/weight", "weight_positive")]


@pytest.mark.parametrize("weight", [39.99, 40.000000001, 50])
def test_weights_add_up_to_exactly_a_hundred(weight: float) -> None:
    assert found(scheme(indicator("roster_fill", 60), indicator("tips_answered", weight))) == [
        ("/indicators", "weights_sum")
    ]


def test_thirds_do_not_add_up_but_decimals_do() -> None:
    names = ("roster_fill", "tips_reported", "tips_answered")
    assert found(scheme(*(indicator(name, 33.3333333333333) for name in names))) == [("/indicators", "weights_sum")]
    weights = (33.3, 33.3, 33.4)
    assert found(scheme(*(indicator(name, weight) for name, weight in zip(names, weights, strict=True)))) == []


def test_a_scheme_without_indicators_has_no_weights() -> None:
    assert found({**scheme(), "indicators": []}) == [("/indicators", "weights_sum")]


def test_targets_are_positive() -> None:
    data = scheme(indicator("roster_fill", 60, 0), indicator("tips_answered", 40, -0.5))
    assert found(data) == [("/indicators/0/target", "target_positive"), ("/indicators/1/target", "target_positive")]


def test_every_indicator_appears_at_most_once() -> None:
    assert found(scheme(indicator("roster_fill", 60), indicator("roster_fill", 40))) == [
        ("/indicators/1/indicator", "unique")
    ]


@pytest.mark.parametrize("name", ["tips_triaged_in_time", "tips_resolved_in_time", "corrections_closed_in_time"])
def test_days_are_whole_and_from_1_to_366(name: str) -> None:
    for days in (1, 366, 3.0, Decimal("3.0")):
        assert found(scheme(indicator(name, 100, params={"days": days}))) == []
    for days in (0, -1, 367, 2.5):
        assert found(scheme(indicator(name, 100, params={"days": days}))) == [
            ("/indicators/0/params/days", "days_range")
        ]


def test_a_cap_is_whole_and_at_least_1() -> None:
    for cap in (0, -1, 1.5):
        assert found(scheme({**SHARING, "params": {"cap": cap}}, TRIAGE, indicator("roster_fill", 40))) == [
            ("/indicators/0/params/cap", "cap_range")
        ]


def test_parameters_are_needed_where_an_indicator_has_them_and_refused_elsewhere() -> None:
    assert found(scheme(indicator("tips_triaged_in_time", 100))) == [("/indicators/0/params/days", "missing_field")]
    assert found(scheme(indicator("tips_triaged_in_time", 100, params={"days": 3, "cap": 2}))) == [
        ("/indicators/0/params/cap", "unknown_field")
    ]
    assert found(scheme(indicator("roster_fill", 100, params={"days": 3}))) == [
        ("/indicators/0/params/days", "unknown_field")
    ]


def test_min_sample_and_prior_are_not_negative() -> None:
    assert found(scheme(indicator("roster_fill", 100, min_sample=-1))) == [("/indicators/0/min_sample", "not_negative")]
    assert found(scheme(indicator("roster_fill", 100, prior=-0.5))) == [("/indicators/0/prior", "not_negative")]
    assert found(scheme(indicator("roster_fill", 100, min_sample=0, prior=0))) == []


@pytest.mark.parametrize("prior", [{}, {"prior": 0}, {"prior": -1}, {"prior": None}])
def test_shrink_needs_a_prior_above_zero(prior: dict[str, Any]) -> None:
    data = scheme(indicator("roster_fill", 100, min_sample=5, small_sample="shrink", **prior))
    assert found(data) == [("/indicators/0/prior", "prior_with_shrink")]


def test_small_sample_is_one_of_two() -> None:
    assert found(scheme(indicator("roster_fill", 100, small_sample="drop"))) == [
        ("/indicators/0/small_sample", "wrong_type")
    ]
    assert not Scheme.of(scheme(indicator("roster_fill", 100, min_sample=5))).terms()[0].shrink


@pytest.mark.parametrize("name", ["needs_acted", "posts_published"])
def test_min_sample_is_refused_where_there_is_no_denominator(name: str) -> None:
    assert found(scheme(indicator(name, 100, min_sample=1))) == [
        ("/indicators/0/min_sample", "min_sample_without_denominator")
    ]
    assert found(scheme(indicator(name, 100, min_sample=0))) == [], "that is the default"


# Charter C7


def test_c7_sharing_weighs_at_most_twenty() -> None:
    rest = [indicator("tips_reported", 79.99)]
    assert found(scheme({**SHARING, "weight": 20.01}, *rest)) == [("/indicators/0/weight", "C7")]
    assert found(scheme(SHARING, indicator("tips_reported", 80))) == []


def test_c7_listening_weighs_at_least_twice_as_much_as_sharing() -> None:
    rest = indicator("roster_fill", 40.01)
    assert found(scheme(SHARING, indicator("tips_reported", 39.99), rest)) == [("/indicators/0/weight", "C7")]
    names = ["tips_reported", "tips_answered", "needs_acted"]
    parts = [indicator(name, 10) for name in names]
    parts.append(indicator("corrections_closed_in_time", 10, params={"days": 10}))
    assert found(scheme(SHARING, *parts, indicator("roster_fill", 40))) == []
    assert found(scheme(SHARING, indicator("posts_published", 40), indicator("training_coverage", 40))) == [
        ("/indicators/0/weight", "C7")
    ], "posts and training are not listening"


@pytest.mark.parametrize("cap", [11, 1000, 10.5])
def test_c7_sharing_is_capped_at_ten(cap: float) -> None:
    assert found(scheme({**SHARING, "params": {"cap": cap}}, TRIAGE, indicator("roster_fill", 40))) == [
        ("/indicators/0/params/cap", "C7")
    ]
    ten = {**SHARING, "params": {"cap": 10}}
    assert found(scheme(ten, TRIAGE, indicator("roster_fill", 40))) == []


def test_c7_sharing_without_a_cap_is_refused() -> None:
    uncapped = indicator("sharing_participation", 20)
    assert found(scheme(uncapped, TRIAGE, indicator("roster_fill", 40))) == [
        ("/indicators/0/params/cap", "missing_field")
    ]


@pytest.mark.parametrize("name", ["shares", "reposts", "share_count", "sharing_volume", "shares_total"])
def test_c7_a_raw_count_of_shares_is_no_indicator(name: str) -> None:
    assert found(scheme(indicator(name, 10), indicator("tips_answered", 90))) == [("/indicators/0/indicator", "C7")]


def test_c7_is_named_in_both_languages() -> None:
    data = [
        scheme({**SHARING, "weight": 30}, indicator("tips_reported", 70)),
        scheme({**SHARING, "params": {"cap": 11}}, TRIAGE, indicator("roster_fill", 40)),
        scheme(indicator("shares", 100)),
        scheme(SHARING, indicator("roster_fill", 80)),
    ]
    for problem in (problem for each in data for problem in problems(each)):
        assert problem.rule == "C7"
        assert "C7" in problem.message["zh"]
        assert "C7" in problem.message["en"]


# Use


def test_all_problems_of_the_content_are_told_at_once() -> None:
    data = scheme(indicator("roster_fill", -1, 0), indicator("roster_fill", 1))
    with pytest.raises(InvalidScheme) as error:
        Scheme.of(data)
    assert {problem.rule for problem in error.value.problems} == {
        "unique", "weight_positive", "target_positive", "weights_sum",
    }  # fmt: skip
    assert all(isinstance(problem, Problem) and all(problem.message.values()) for problem in error.value.problems)
    assert "exactly 100, not 0" in str(error.value)


def test_the_digest_is_of_the_content_not_of_the_spelling() -> None:
    spelled = scheme(
        indicator("tips_answered", 40.0, target=1.00, params={}, min_sample=0, small_sample=None, prior=None),
        indicator("roster_fill", Decimal("60.00")),
    )
    plain = scheme(indicator("tips_answered", 40), indicator("roster_fill", 60))
    assert Scheme.of(spelled).digest == Scheme.of(plain).digest
    assert Scheme.of(scheme(version=2)).digest != Scheme.of(scheme()).digest


def test_the_default_scheme_does_not_change_unseen() -> None:
    assert DEFAULT.digest == "9cee8cb1aa08d72453211425db8f82f4f07de46aa48385ed425c5b436c13a294"


def test_the_scheme_of_a_period_is_the_latest_not_after_its_start() -> None:
    period = Period.parse("2014-H2")
    first, second, later = (
        Scheme.of(scheme(version=version, valid_from=day))
        for version, day in [(1, "2014-01-01"), (2, "2014-07-01"), (3, "2014-07-02")]
    )
    older_with_higher_version = Scheme.of(scheme(version=9, valid_from="2013-01-01"))
    assert scheme_of(period, [later, second, first, older_with_higher_version]) is second
    assert scheme_of(period, [later]) is DEFAULT
    assert scheme_of(period, []) is DEFAULT
    again = Scheme.of(scheme(version=5, valid_from="2014-07-01"))
    assert scheme_of(period, [again, second]) is again
