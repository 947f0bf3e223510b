"""The form that digests are made of, against the library of RFC 8785."""

from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.appraisal.canonical import canonical
from services.appraisal.county_table import CityShown, CountyShown, IndicatorShown, Table

numbers = (
    st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1_000, 1_000).map(lambda x: round(x, 4))
)
words = st.text(max_size=12) | st.sampled_from(["ningde-2014", "1e5", "2.0", '"\\\u2028\x00\x7f'])
names = st.text(st.characters(codec="ascii", categories=["L", "Nd"]), max_size=5)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(names, values, max_size=4))
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])  # a first text reads all of Unicode
def test_it_is_the_librarys(value: dict[str, Any]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("number", [1.0, -0.0, 100.0, 1e-7, 1e16, 1e21, 5e-324, 123456789012345680.0, 0.00001])
def test_numbers_that_are_written_in_more_than_one_way(number: float) -> None:
    for told in ({"n": number}, {"n": [number, 1]}, {"n": [[number]], "z": "e-2"}):
        assert canonical(told) == rfc8785.dumps(told)


@pytest.mark.parametrize("before", range(2**16 - 20, 2**16 - 10))
@pytest.mark.parametrize("number", [5.0, 1e-7])
def test_a_number_that_lies_across_the_parts_looked_at(before: int, number: float) -> None:
    told = {"a": "x" * before, "n": number}
    assert canonical(told) == rfc8785.dumps(told)


def test_a_table_is_written_as_the_library_writes_its_mappings() -> None:
    indicator = IndicatorShown(0.5, 10, "tips_reported", None, 5, 2.5, 0.6, 0.5, 10)
    county = CountyShown("350902", [indicator], {"zh": "蕉城区", "en": "Jiaocheng"}, None, 1, 25.0)
    for score in (25.0, 25.5):
        county.score = score
        table = Table([CityShown(10, "tips_reported", 5, 0.5)], [county])
        assert canonical({"b": table, "a": None}) == rfc8785.dumps({"a": None, "b": msgspec.to_builtins(table)})
