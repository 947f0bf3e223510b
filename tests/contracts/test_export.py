"""The exported documents are those of the code and refer to what exists; schemas and code agree on every example ever given."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from qingsheng.contracts_export import event_documents, http_documents, text_of
from qingsheng.registry import SERVICES
from shared.contracts import asyncapi
from shared.contracts.intake import INTAKE_TYPES
from shared.contracts.registry import EVENT_TYPES
from shared.contracts.schemas import DIALECT, TYPES, schema_of
from shared.contracts.topics import PRODUCER_TOPICS, TOPICS
from tests.contracts.examples import EXAMPLES
from tests.contracts.told import KEPT, kept_name, present

STORED = Path(__file__).parents[2] / "docs" / "contracts"
HOW = "run 'make contracts', look at what changed, and commit it"


def stored(pattern: str) -> dict[str, str]:
    return {str(file.relative_to(STORED)): file.read_text("utf-8") for file in STORED.glob(pattern)}


def test_stored_schemas_and_asyncapi_are_those_of_the_code() -> None:
    made = {path: text_of(document) for path, document in event_documents().items()}
    kept = stored("schemas/*") | stored("asyncapi.json")
    assert sorted(made) == sorted(kept), HOW
    assert [path for path in made if made[path] != kept[path]] == [], HOW


def test_stored_openapi_documents_are_those_of_the_code() -> None:
    made = {path: text_of(document) for path, document in http_documents().items()}
    kept = stored("openapi/*")
    assert sorted(made) == sorted(kept) == sorted(f"openapi/{service}.json" for service in SERVICES), HOW
    assert [path for path in made if made[path] != kept[path]] == [], HOW


# -- schemas -----------------------------------------------------------------------------------------------------------


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema_of(name), validate_formats=True)


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_takes_its_example_and_whatever_is_added_to_it(name: str) -> None:
    assert schema_of(name)["$schema"] == DIALECT
    jsonschema_rs.meta.validate(schema_of(name))
    validator(name).validate(EXAMPLES[name])
    validator(name).validate(EXAMPLES[name] | {"extension": "another attribute of CloudEvents"})
    more = EXAMPLES[name] | {"data": EXAMPLES[name]["data"] | {"unheard_of": 1}}
    assert validator(name).is_valid(more) == (name not in INTAKE_TYPES)


@pytest.mark.parametrize("name", [*EVENT_TYPES, *INTAKE_TYPES])
def test_a_schema_refuses_what_the_contract_refuses(name: str) -> None:
    example, check = EXAMPLES[name], validator(name)
    for missing in ("id", "source", "time", "data", "specversion", "type"):
        assert not check.is_valid({key: value for key, value in example.items() if key != missing}), missing
    for attribute, wrong in {"specversion": "0.3", "type": "another", "source": "/else", "time": "yesterday"}.items():
        assert not check.is_valid(example | {attribute: wrong}), attribute
    for required in schema_of(name)["properties"]["data"]["required"]:
        told = {key: value for key, value in example["data"].items() if key != required}
        assert not check.is_valid(example | {"data": told}), required


@pytest.mark.parametrize(
    ("given", "good"),
    [(["post_id"], True), (["post_url"], True), ([], False), (["post_id", "post_url"], False)],
)
def test_a_share_names_its_post_once(given: list[str], good: bool) -> None:
    name = "qingsheng.intake.repost_reported.v1"
    posts = {"post_id": "0198c0de-0000-7000-8000-000000000000", "post_url": "https://weibo.example/1"}
    rest = {key: value for key, value in EXAMPLES[name]["data"].items() if key not in posts}
    told = EXAMPLES[name] | {"data": rest | {key: posts[key] for key in given}}
    assert validator(name).is_valid(told) is good
    nulls = {key: None for key in posts if key not in given}
    assert validator(name).is_valid(told | {"data": told["data"] | nulls}) is good


def test_links_have_their_form_in_the_schemas() -> None:
    name = "qingsheng.intake.post_reported.v1"
    for url in ("ftp://example.org/x", "https://", "example.org"):
        assert not validator(name).is_valid(EXAMPLES[name] | {"data": EXAMPLES[name]["data"] | {"url": url}}), url


# -- examples ever given -----------------------------------------------------------------------------------------------

GIVEN = {file.name: file.read_bytes() for file in sorted(KEPT.glob("*.json"))}


@pytest.mark.parametrize("file", GIVEN)
def test_every_example_ever_given_is_still_taken(file: str) -> None:
    """One that is refused now shows a change that needs a new version of its type."""
    from zoneinfo import ZoneInfo

    from shared.contracts.answers import ANSWER_TYPES
    from shared.contracts.decoding import Decoder
    from shared.contracts.requests import parse

    told = json.loads(GIVEN[file])
    name = told["type"]
    assert file == kept_name(name, GIVEN[file]), "an example that was given is never changed: its name is its digest"
    validator(name).validate(told)
    if name in INTAKE_TYPES:
        assert parse(GIVEN[file]).type == name
    elif name in ANSWER_TYPES:
        ANSWER_TYPES[name].model_validate(told["data"])
    else:
        model = EVENT_TYPES[name]
        assert Decoder(model.SERVICE, [model], ZoneInfo("Asia/Shanghai"))(GIVEN[file])


def test_the_present_examples_are_kept() -> None:
    assert present().keys() <= GIVEN.keys(), "run 'python -m tests.contracts.told' and commit what it keeps"


def test_no_kept_example_was_ever_taken_away() -> None:
    root = Path(__file__).parents[2]
    command = ["git", "log", "--diff-filter=DR", "--name-only", "--format=", "--", str(KEPT)]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("no history here")
    assert found.stdout.split() == []


# -- AsyncAPI ----------------------------------------------------------------------------------------------------------


def test_the_asyncapi_document_has_the_structure_of_version_3() -> None:
    document = asyncapi.document()
    assert document["asyncapi"] == "3.0.0"
    ApplicationSchema.model_validate(document | {"servers": {}})
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    told = event_documents()
    found = list(references(told["asyncapi.json"]))
    assert {path.removeprefix("./") for path in found if not path.startswith("#")} == told.keys() - {"asyncapi.json"}
    for reference in found:
        place: Any = told["asyncapi.json"] if reference.startswith("#") else told[reference.removeprefix("./")]
        for part in reference.removeprefix("#/").split("/") if reference.startswith("#") else ():
            place = place[part]
        assert place


def test_who_sends_and_who_receives_is_told_of_every_topic() -> None:
    document = asyncapi.document()
    told = {
        (name.split(".")[0], operation["action"], document["channels"][operation["channel"]["$ref"][11:]]["address"])
        for name, operation in document["operations"].items()
    }
    expected = {(topic.owner, "send", topic.name) for topic in TOPICS}
    expected |= {(reader, "receive", topic.name) for topic in TOPICS for reader in topic.consumers}
    answers = PRODUCER_TOPICS[-1]
    for topic in PRODUCER_TOPICS[:-1]:
        expected |= {(topic.consumers[0], "receive", topic.name), (topic.consumers[0], "send", answers.name)}
    assert told == expected
    assert {channel["address"] for channel in document["channels"].values()} == {
        topic.name for topic in (*TOPICS, *PRODUCER_TOPICS)
    }


def test_every_report_is_taken_by_one_service() -> None:
    """As the doors have it."""
    from tests.support.services import settings_for

    settings = settings_for("postgresql://127.0.0.1:1/none")
    for service, types in asyncapi.TAKES.items():
        door = SERVICES[service].create_api(settings).state.door
        assert tuple(door._takers) == types
    assert sorted(name for names in asyncapi.TAKES.values() for name in names) == sorted(INTAKE_TYPES)


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in references(value)]
    return [found for value in part for found in references(value)] if isinstance(part, list) else []
