"""The exported documents are those of the code, refer to what exists, and accept every example ever committed."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from qingsheng.contracts_export import TAKEN, documents, export, schema
from qingsheng.registry import SERVICES
from shared.contracts.answers import ANSWER_TYPES
from shared.contracts.intake import INTAKE_TYPES
from shared.contracts.registry import EVENT_TYPES
from tests.contracts.examples import EXAMPLES

STORED = Path(__file__).parents[2] / "docs" / "contracts"
HOW = "run 'make contracts', look at what changed, and commit it"


def test_what_is_stored_is_what_the_code_says(tmp_path: Path) -> None:
    made = {file.relative_to(tmp_path): file.read_bytes() for file in export(tmp_path)}
    stored = {file.relative_to(STORED): file.read_bytes() for file in STORED.rglob("*.json")}
    assert sorted(map(str, made)) == sorted(map(str, stored)), HOW
    assert [str(name) for name in made if made[name] != stored[name]] == [], HOW


def test_there_is_a_document_for_every_type_and_service() -> None:
    names = {name for name, _ in documents()}
    types = [*EVENT_TYPES, *INTAKE_TYPES, *ANSWER_TYPES]
    assert names == {f"schemas/{name}.json" for name in types} | {"asyncapi.json"} | {
        f"openapi/{service}.json" for service in SERVICES
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_still_accepted(name: str) -> None:
    """Examples are never edited: one that is refused now shows a change that needs a new version of its type."""
    validator = jsonschema_rs.Draft202012Validator(schema(name), validate_formats=True)
    validator.validate(EXAMPLES[name])
    validator.validate(EXAMPLES[name] | {"extension": "another attribute of CloudEvents"})


@pytest.mark.parametrize("name", [*EVENT_TYPES, *INTAKE_TYPES])
def test_a_schema_refuses_what_the_contract_refuses(name: str) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema(name), validate_formats=True)
    example = EXAMPLES[name]
    for missing in ("id", "source", "time", "data"):
        assert not validator.is_valid({key: value for key, value in example.items() if key != missing}), missing
    assert not validator.is_valid(example | {"specversion": "0.3"})
    assert not validator.is_valid(example | {"type": "another"})
    if name in INTAKE_TYPES:
        assert not validator.is_valid(example | {"data": example["data"] | {"party": "x"}})


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    told = dict(documents())
    document = told["asyncapi.json"]
    assert document["asyncapi"] == "3.0.0"
    for reference in _references(document):
        if reference.startswith("#"):
            place: Any = document
            for part in reference.removeprefix("#/").split("/"):
                place = place[part]
        else:
            assert reference in told, reference
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert "qingsheng.campaign.events" in addresses
    assert "qingsheng.intake.answers.{producer}" in addresses


def test_every_report_is_taken_by_one_service() -> None:
    assert sorted(name for names in TAKEN.values() for name in names) == sorted(INTAKE_TYPES)


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in _references(value)]
    if isinstance(part, list):
        return [found for value in part for found in _references(value)]
    return []
