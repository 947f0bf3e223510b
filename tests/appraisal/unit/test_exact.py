"""Columns of whole numbers are as exact as Python's own, within the machine's words and beyond them."""

from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from services.appraisal.exact import nearest, plus, shown_all, times, whole

NUMBER = st.one_of(
    st.integers(-1000, 1000), st.integers(-(2**70), 2**70), st.sampled_from([2**31, 2**61, 2**62, 2**63])
)
ABOVE_ZERO = st.one_of(st.integers(1, 1000), st.integers(1, 2**70))
PAIRS = st.lists(st.tuples(NUMBER, NUMBER), max_size=4)


@given(PAIRS)
@example([(2**31, 2**31), (0, 0)])
@example([(0, 2**64)])
def test_sums_and_products(pairs: list[tuple[int, int]]) -> None:
    left, right = whole([a for a, _ in pairs]), whole([b for _, b in pairs])
    assert times(left, right).tolist() == [a * b for a, b in pairs]
    assert plus(left, right).tolist() == [a + b for a, b in pairs]
    for _, b in pairs:
        assert times(left, b).tolist() == [a * b for a, _ in pairs]
        assert plus(left, b).tolist() == [a + b for a, _ in pairs]


@given(st.lists(st.tuples(NUMBER, ABOVE_ZERO), min_size=1, max_size=4), st.sampled_from([1, 100, 10_000]))
@example([(1, 200), (3, 200), (-1, 200), (-3, 200)], 100)
@example([(2**62 - 1, 2**61)], 10_000)
def test_the_nearest_whole_number_is_half_to_even(ratios: list[tuple[int, int]], scale: int) -> None:
    columns = whole([over for over, _ in ratios]), whole([under for _, under in ratios])
    assert nearest(columns, scale).tolist() == [round(Fraction(over, under) * scale) for over, under in ratios]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)), min_size=1, max_size=4))
def test_what_is_shown_is_the_float_nearest_to_the_decimal(ratios: list[tuple[int, int]]) -> None:
    columns = whole([over for over, _ in ratios]), whole([under for _, under in ratios])
    expected = [float(f"{float(round(Fraction(over, under), 4)):.4f}") for over, under in ratios]
    assert shown_all(columns, 4) == expected
