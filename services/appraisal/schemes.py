"""Schemes of appraisal: data with weights and targets, and the rules that a scheme must keep (charter C7)."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NoReturn, Self, get_args

import rfc8785
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from services.appraisal.exact import Number
from services.appraisal.figures import Term
from services.appraisal.measures import HIGHEST_CAP, LONGEST_WAIT
from services.appraisal.periods import Period
from services.appraisal.scoring import SHARING

IndicatorName = Literal[
    "roster_fill",
    "training_coverage",
    "tips_reported",
    "tips_triaged_in_time",
    "tips_resolved_in_time",
    "tips_answered",
    "needs_acted",
    "corrections_closed_in_time",
    "sharing_participation",
    "posts_published",
]
PARAMETERS = {
    "tips_triaged_in_time": "days",
    "tips_resolved_in_time": "days",
    "corrections_closed_in_time": "days",
    SHARING: "cap",
}
"""Indicators with a parameter; they cannot do without it, and the others have none."""
WITHOUT_DENOMINATOR = ("needs_acted", "posts_published")
LISTENING = ("tips_", "needs_acted", "corrections_")
"""How the names of indicators begin that measure listening."""
_MOST_SHARING = 20
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RAW_SHARES = re.compile("share|sharing|repost|forward")


def _number(told: object) -> Decimal:
    """A JSON number as the decimal that was written. Bounded so that every JSON reader reads the same number."""
    if isinstance(told, bool) or not isinstance(told, int | float | Decimal):
        raise PydanticCustomError("number_type", "not a number")
    number = Decimal(repr(told)) if isinstance(told, float) else Decimal(told)
    if not number:
        return Decimal(0)
    if not number.is_finite() or not -9 <= number.adjusted() < 9:
        raise PydanticCustomError("number_range", "out of range")
    if len("".join(map(str, number.as_tuple().digits)).rstrip("0")) > 15:
        raise PydanticCustomError("number_range", "too many digits")
    return number


def _day(told: object) -> object:
    if isinstance(told, date) or (isinstance(told, str) and _DAY.fullmatch(told)):
        return told
    raise PydanticCustomError("day", "not a date")


Exact = Annotated[Decimal, BeforeValidator(_number)]
Day = Annotated[date, BeforeValidator(_day)]
SchemeId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""No ``@``: a scheme is named as ``id@version``."""
Version = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Text = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SchemeName(_Data):
    zh: Text
    en: Text


class Params(_Data):
    """``days``: how long a tip or case may take; ``cap``: shares counted per volunteer, month and county."""

    days: Exact | None = None
    cap: Exact | None = None


class SchemeIndicator(_Data):
    """``small_sample``: what to do where the denominator is below ``min_sample``; redistribute if it is left out."""

    indicator: IndicatorName
    weight: Exact
    target: Exact
    params: Params = Params()
    min_sample: Exact = Decimal(0)
    small_sample: Literal["redistribute", "shrink"] | None = None
    prior: Exact | None = None


class Scheme(_Data):
    """A scheme as written. Make one with ``of`` or ``from_json``, which check it against every rule."""

    scheme_id: SchemeId
    version: Version
    name: SchemeName
    valid_from: Day
    indicators: tuple[SchemeIndicator, ...]

    @classmethod
    def of(cls, data: object) -> Self:
        """The scheme that this JSON value describes; InvalidScheme with all that is wrong with it."""
        found = problems(data)
        if found:
            raise InvalidScheme(found)
        return cls.model_validate(data)

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """The same from JSON text, numbers read as the decimals they are."""
        try:
            data = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
        except (ValueError, ArithmeticError, RecursionError):
            raise InvalidScheme([_problem("", "not_json")]) from None
        return cls.of(data)

    def terms(self) -> tuple[Term, ...]:
        """The indicators in exact numbers, for scoring."""
        return tuple(
            Term(
                indicator=each.indicator,
                weight=Fraction(each.weight),
                target=Fraction(each.target),
                days=int(each.params.days or 0),
                cap=int(each.params.cap or 0),
                min_sample=Fraction(each.min_sample),
                shrink=each.small_sample == "shrink",
                prior=Fraction(each.prior or 0),
            )
            for each in self.indicators
        )

    def to_data(self) -> dict[str, Any]:
        """JSON-ready and always in the same form: ``params`` and ``min_sample`` written out, what is unset left out."""
        return {
            "scheme_id": self.scheme_id,
            "version": self.version,
            "name": self.name.model_dump(),
            "valid_from": self.valid_from.isoformat(),
            "indicators": [_indicator_data(each) for each in self.indicators],
        }

    @property
    def digest(self) -> str:
        """Hex SHA-256 of ``to_data()`` in RFC 8785 form."""
        return sha256(rfc8785.dumps(self.to_data())).hexdigest()


class Problem(NamedTuple):
    """``field``: a JSON pointer into the scheme; ``rule``: a name of ``RULES``, "C7" for the charter's on sharing."""

    field: str
    rule: str
    message: dict[str, str]


class InvalidScheme(ValueError):
    """A scheme that breaks rules."""

    def __init__(self, found: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.field or '/'}: {problem.message['en']}" for problem in found))
        self.problems = found


RULES = {
    "not_json": ("不是合格的 JSON；请检查后重新提交", "this is not valid JSON; correct it and send it again"),
    "missing_field": ("缺少此项；请补上", "this field is missing; add it"),
    "unknown_field": ("没有此项；请删去", "there is no such field here; remove it"),
    "unknown_indicator": (
        f"没有这个指标；可用：{'、'.join(get_args(IndicatorName))}",
        f"there is no such indicator; choose from {', '.join(get_args(IndicatorName))}",
    ),
    "wrong_type": ("类型或写法不对；请按文档填写", "wrong type or form; write it as documented"),
    "number_range": (
        "数字最多 15 位有效数字，绝对值须小于十亿且不小于十亿分之一",
        "numbers have at most 15 significant digits, and lie below 1e9 and not under 1e-9",
    ),
    "unique": ("每个指标只能出现一次；请合并", "an indicator may appear only once; merge the two"),
    "weight_positive": ("权重须大于 0", "a weight must be above 0"),
    "weights_sum": ("权重之和须正好为 100，现为 {found}", "the weights must add up to exactly 100, not {found}"),
    "target_positive": ("目标值须大于 0", "a target must be above 0"),
    "days_range": (f"天数须为 1 至 {LONGEST_WAIT} 的整数", f"days must be a whole number from 1 to {LONGEST_WAIT}"),
    "cap_range": (f"上限须为 1 至 {HIGHEST_CAP} 的整数", f"the cap must be a whole number from 1 to {HIGHEST_CAP}"),
    "not_negative": ("不得小于 0", "this must not be below 0"),
    "min_sample_without_denominator": (
        "该指标没有分母，不能设最小样本数；请删去",
        "this indicator has no denominator, so it takes no min_sample; remove it",
    ),
    "prior_with_shrink": (
        "采用 shrink 时须给出大于 0 的 prior",
        "small_sample shrink needs a prior above 0",
    ),
    "C7": ("", ""),
}
"""Chinese and English; "C7" has a message for each of its parts."""
_C7 = {
    "weight": (
        f"章程 C7：分享的权重不得超过 {_MOST_SHARING}",
        f"charter C7: sharing may weigh at most {_MOST_SHARING} of 100",
    ),
    "listening": (
        "章程 C7：倾听类指标（线索、诉求、更正）的权重之和至少为分享的两倍，现为 {found}",
        "charter C7: listening (tips_*, needs_acted, corrections_*) must weigh at least twice as much as sharing, "
        "not {found}",
    ),
    "cap": (
        f"章程 C7：每名志愿者每月每县计入的分享最多 {HIGHEST_CAP} 次",
        f"charter C7: at most {HIGHEST_CAP} shares count per volunteer, month and county",
    ),
    "volume": (
        f"章程 C7：分享总量不能作为指标；请改用 {SHARING}",
        f"charter C7: the raw number of shares is no indicator; use {SHARING}",
    ),
}


def problems(data: object) -> list[Problem]:
    """All that is wrong with a scheme: first of its form; where that is right, of its content."""
    try:
        scheme = Scheme.model_validate(data)
    except ValidationError as error:
        return [_form_problem(details) for details in error.errors(include_url=False)]
    return list(_content_problems(scheme))


def _form_problem(error: ErrorDetails) -> Problem:
    location = error["loc"]
    field = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)
    match error["type"]:
        case "missing":
            return _problem(field, "missing_field")
        case "extra_forbidden":
            return _problem(field, "unknown_field")
        case "number_range":
            return _problem(field, "number_range")
        case "literal_error" if location[-1] == "indicator":
            if _RAW_SHARES.search(str(error["input"])):
                return _c7(field, "volume")
            return _problem(field, "unknown_indicator")
        case _:
            return _problem(field, "wrong_type")


def _content_problems(scheme: Scheme) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, each in enumerate(scheme.indicators):
        here = f"/indicators/{at}"
        if each.indicator in seen:
            yield _problem(f"{here}/indicator", "unique")
        seen.add(each.indicator)
        yield from _indicator_problems(each, here)
    total = sum((Fraction(each.weight) for each in scheme.indicators), Fraction(0))
    if total != 100:
        yield _problem("/indicators", "weights_sum", found=_json_number(total))
    yield from _sharing_problems(scheme)


def _indicator_problems(each: SchemeIndicator, here: str) -> Iterator[Problem]:
    if each.weight <= 0:
        yield _problem(f"{here}/weight", "weight_positive")
    if each.target <= 0:
        yield _problem(f"{here}/target", "target_positive")
    for name, told in (("days", each.params.days), ("cap", each.params.cap)):
        field = f"{here}/params/{name}"
        if PARAMETERS.get(each.indicator) != name:
            if told is not None:
                yield _problem(field, "unknown_field")
        elif told is None:
            yield _problem(field, "missing_field")
        elif name == "cap" and told > HIGHEST_CAP:
            yield _c7(field, "cap")
        elif told % 1 or not 1 <= told <= LONGEST_WAIT:
            yield _problem(field, f"{name}_range")
    if each.min_sample < 0:
        yield _problem(f"{here}/min_sample", "not_negative")
    if each.min_sample and each.indicator in WITHOUT_DENOMINATOR:
        yield _problem(f"{here}/min_sample", "min_sample_without_denominator")
    if each.small_sample == "shrink":
        if each.prior is None or each.prior <= 0:
            yield _problem(f"{here}/prior", "prior_with_shrink")
    elif each.prior is not None and each.prior < 0:
        yield _problem(f"{here}/prior", "not_negative")


def _sharing_problems(scheme: Scheme) -> Iterator[Problem]:
    listening = sum(
        (Fraction(each.weight) for each in scheme.indicators if each.indicator.startswith(LISTENING)), Fraction(0)
    )
    for at, each in enumerate(scheme.indicators):
        if each.indicator != SHARING:
            continue
        if each.weight > _MOST_SHARING:
            yield _c7(f"/indicators/{at}/weight", "weight")
        if listening < 2 * Fraction(each.weight):
            yield _c7(f"/indicators/{at}/weight", "listening", found=_json_number(listening))


def _problem(field: str, rule: str, **found: object) -> Problem:
    zh, en = RULES[rule]
    return Problem(field, rule, {"zh": zh.format(**found), "en": en.format(**found)})


def _c7(field: str, part: str, **found: object) -> Problem:
    zh, en = _C7[part]
    return Problem(field, "C7", {"zh": zh.format(**found), "en": en.format(**found)})


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _json_number(number: Decimal | Fraction) -> Number:
    return int(number) if number % 1 == 0 else float(number)


def _indicator_data(each: SchemeIndicator) -> dict[str, Any]:
    params = {"days": each.params.days, "cap": each.params.cap}
    data: dict[str, Any] = {
        "indicator": each.indicator,
        "weight": _json_number(each.weight),
        "target": _json_number(each.target),
        "params": {name: int(told) for name, told in params.items() if told is not None},
        "min_sample": _json_number(each.min_sample),
    }
    if each.small_sample is not None:
        data["small_sample"] = each.small_sample
    if each.prior is not None:
        data["prior"] = _json_number(each.prior)
    return data


def scheme_of(period: Period, adopted: Iterable[Scheme]) -> Scheme:
    """The scheme of a period: the adopted one with the latest ``valid_from`` (then version) not after its first day."""
    fitting = (scheme for scheme in adopted if scheme.valid_from <= period.start)
    return max(fitting, key=lambda scheme: (scheme.valid_from, scheme.version, scheme.scheme_id), default=DEFAULT)


DEFAULT = Scheme.from_json(Path(__file__).with_name("default_scheme.json").read_bytes())
"""``ningde-2014`` version 1: appraises every period for which no other has been adopted."""
