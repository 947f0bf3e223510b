"""What the charter keeps out of every contract, and what it asks for."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.answers import ANSWER_TYPES
from shared.contracts.intake import INTAKE_TYPES
from shared.contracts.opinion import CorrectionClosed
from shared.contracts.refusals import Refusal
from shared.contracts.registry import EVENT_TYPES
from shared.contracts.requests import parse
from shared.contracts.roster import VolunteerRegistered
from tests.contracts.examples import EXAMPLES, example, with_data, written

MODELS = {**EVENT_TYPES, **INTAKE_TYPES, **ANSWER_TYPES}
C1_PENALTY = {"penalty", "penalties", "punishment", "fine", "deduction", "demerit", "warning", "sanction", "strike"}
C3_ACCESS = {"password", "passwd", "token", "cookie", "secret", "credential", "credentials", "login", "key"}
C4_PERSON = {"author", "handle", "profile", "nickname", "username", "user", "person", "poster", "uid"}
C9_VETTING = {"party", "political", "politics", "belief", "religion", "faith", "ethnicity", "ethnic", "nationality"} | {
    "race",
    "health",
    "disability",
    "gender",
    "sex",
    "loyalty",
}
PERSONAL = {"phone", "mobile", "tel", "email", "mail", "address", "birthday", "birth", "age", "surname", "contact"} | {
    "weixin",
    "qq",
    "idcard",
}
FORBIDDEN = C1_PENALTY | C3_ACCESS | C4_PERSON | C9_VETTING | PERSONAL


def field_names(schema: Any) -> Iterator[str]:
    """The names of all fields of a JSON Schema, nested ones too; the values of enumerations are no names."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from field_names(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from field_names(part)


@pytest.mark.parametrize("name", MODELS)
def test_c1_c3_c4_c9_no_field_for_what_nobody_should_ask(name: str):
    for field in field_names(MODELS[name].model_json_schema()):
        assert not FORBIDDEN & set(field.lower().split("_")), field


def test_the_walk_sees_nested_fields_and_no_values():
    schemas = {name.split(".")[2]: model.model_json_schema() for name, model in EVENT_TYPES.items()}
    assert "participants" in set(field_names(schemas["tip_resolved"]))
    assert {"county", "score", "rank"} <= set(field_names(schemas["period_closed"]))
    assert "health" in json.dumps(schemas["tip_reported"])
    assert "health" not in set(field_names(schemas["tip_reported"]))


def test_names_are_those_of_units_and_titles_only():
    """A name in Chinese and English is a unit's; nobody else has one."""
    named = {name for name, model in EVENT_TYPES.items() if {"name", "names"} & set(model.model_fields)}
    assert named == {"qingsheng.roster.unit_defined.v1"}
    assert not any({"name", "names"} & set(model.model_fields) for model in INTAKE_TYPES.values())


@pytest.mark.parametrize("name", INTAKE_TYPES)
@pytest.mark.parametrize("field", ["party", "author", "handle", "phone", "password", "volunteer_name", "penalty"])
def test_c4_c9_reports_with_such_fields_are_refused(name: str, field: str):
    told = with_data(name.removeprefix("qingsheng.").removesuffix(".v1"), **{field: "x"})
    with pytest.raises(Refusal) as refusal:
        parse(written(told))
    assert (refusal.value.code, refusal.value.pointer) == ("schema", f"/data/{field}")


def test_c1_registration_carries_consent():
    data = example("roster.volunteer_registered")["data"]
    assert VolunteerRegistered.model_validate(data).consented_on
    for consent in ({"consented_on": None}, {}):
        without = {name: value for name, value in data.items() if name != "consented_on"} | consent
        with pytest.raises(ValidationError, match="consented_on"):
            VolunteerRegistered.model_validate(without)


def test_c1_leaving_needs_no_reason():
    assert "reason" not in EVENT_TYPES["qingsheng.roster.volunteer_left.v1"].model_fields


@pytest.mark.parametrize(
    "flaw", [{"evidence_count": 0}, {"official_source": None}, {"official_source": "http://example.org/x"}]
)
def test_c6_a_correction_has_evidence_and_an_official_source(flaw: dict[str, Any]):
    data = example("opinion.correction_closed")["data"]
    assert CorrectionClosed.model_validate(data)
    with pytest.raises(ValidationError):
        CorrectionClosed.model_validate(data | flaw)


def test_c8_a_commendation_carries_its_opting_in():
    model = EVENT_TYPES["qingsheng.appraisal.commendation_awarded.v1"]
    assert model.model_fields["opted_in_on"].is_required()
    assert not any({"rank", "score"} & set(m.model_fields) for m in EVENT_TYPES.values())


def test_events_carry_no_free_text_about_people():
    """Their strings are codes, ids, times, links, titles, and reasons of cancelling a session or reopening a period."""
    free = {
        f"{name.split('.')[2]}.{field}"
        for name, model in EVENT_TYPES.items()
        for field, told in model.model_json_schema()["properties"].items()
        for part in [told, *told.get("anyOf", [])]
        if part.get("type") == "string" and not {"format", "pattern", "enum", "maxLength"} & set(part)
    }
    assert free == {
        "post_published.title",
        "session_held.joint_with",
        "session_cancelled.reason",
        "period_reopened.reason",
    }
    assert "text" not in json.dumps([EXAMPLES[name]["data"] for name in EVENT_TYPES])
