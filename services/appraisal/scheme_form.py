"""A scheme as a form: its fields filled from a scheme, a scheme read from its fields, what is wrong beside its field.

Every indicator has its row: ``weight-<indicator>``, ``target-``, ``param-``, ``min_sample-``, ``small_sample-``, ``prior-``.
A row without a weight is not in the scheme.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from services.appraisal.schemes import PARAMETERS, WITHOUT_DENOMINATOR, IndicatorName, Problem

INDICATORS: tuple[str, ...] = get_args(IndicatorName)
_NUMBERS = ("weight", "target", "min_sample", "prior")
_PLAIN = {
    "/scheme_id": "scheme_id",
    "/version": "version",
    "/valid_from": "valid_from",
    "/name/zh": "name_zh",
    "/name/en": "name_en",
}


def rows() -> list[dict[str, Any]]:
    """The form's rows: which parameter an indicator has (None), and whether a small sample of it can be."""
    return [
        {"indicator": name, "param": PARAMETERS.get(name), "samples": name not in WITHOUT_DENOMINATOR}
        for name in INDICATORS
    ]


def values(scheme: Mapping[str, Any]) -> dict[str, str]:
    """The fields that say this scheme."""
    told = {"scheme_id": scheme["scheme_id"], "version": str(scheme["version"]), "valid_from": scheme["valid_from"]}
    told |= {f"name_{language}": name for language, name in scheme["name"].items()}
    for each in scheme["indicators"]:
        name = each["indicator"]
        for field in _NUMBERS:
            if each.get(field) or field in ("weight", "target"):
                told[f"{field}-{name}"] = json.dumps(each[field])
        for number in each["params"].values():
            told[f"param-{name}"] = str(number)
        told[f"small_sample-{name}"] = each.get("small_sample", "")
    return told


def scheme_told(fields: Mapping[str, str]) -> dict[str, Any]:
    """The scheme that the fields say, not yet checked: what is no number stays the text that it is."""
    version = fields.get("version", "")
    indicators: list[dict[str, Any]] = []
    for name in _in_scheme(fields):
        each: dict[str, Any] = {"indicator": name}
        each |= {field: _number(fields[f"{field}-{name}"]) for field in _NUMBERS if fields.get(f"{field}-{name}")}
        if param := fields.get(f"param-{name}"):
            each["params"] = {PARAMETERS.get(name, "days"): _number(param)}
        if small := fields.get(f"small_sample-{name}"):
            each["small_sample"] = small
        indicators.append(each)
    named = {language: fields[f"name_{language}"] for language in ("zh", "en") if fields.get(f"name_{language}")}
    told: dict[str, Any] = {"scheme_id": fields.get("scheme_id"), "valid_from": fields.get("valid_from")}
    told["version"] = int(version) if version.isascii() and version.isdecimal() and len(version) < 8 else version
    told = {name: value for name, value in told.items() if value}
    return told | {"name": named, "indicators": indicators}


def beside(problems: Iterable[Problem], fields: Mapping[str, str]) -> dict[str, list[Problem]]:
    """Problems by the field that they stand beside; ``indicators`` for those of the whole."""
    names = _in_scheme(fields)
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        found.setdefault(_field(problem.field, names), []).append(problem)
    return found


def _in_scheme(fields: Mapping[str, str]) -> list[str]:
    return [name for name in INDICATORS if fields.get(f"weight-{name}")]


def _field(pointer: str, names: list[str]) -> str:
    if pointer in _PLAIN:
        return _PLAIN[pointer]
    steps = pointer.split("/")
    if len(steps) < 4 or steps[1] != "indicators":
        return "indicators"
    name, field = names[int(steps[2])], steps[3]
    return f"{'param' if field == 'params' else field}-{name}"


def _number(told: str) -> Decimal | str:
    try:
        number = Decimal(told)
    except InvalidOperation:
        return told
    return number if number.is_finite() else told
