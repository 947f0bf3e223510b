"""The charter's rules as they meet training: nothing is there that they forbid."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from services.training.app import create_api
from tests.support.services import settings_for
from tests.training.harness import Service, codes, refused
from tests.training.test_api import entry, held
from tests.training.test_intake import attendance

VETTING = {"party", "belief", "religion", "ethnicity", "nationality", "health", "politics", "political"}
RANKING = {"rank", "ranking", "score", "scores", "penalty", "penalties"}


def names_in(document: dict[str, Any]) -> Iterator[str]:
    """Path segments, parameters and fields of an OpenAPI document."""
    for path, operations in document["paths"].items():
        yield from path.split("/")
        for operation in operations.values():
            yield from (parameter["name"] for parameter in operation.get("parameters", ()))
    waiting: list[Any] = [document]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield from found.get("properties", {})
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def test_c8_c9_no_field_to_rank_or_to_vet() -> None:
    names = set(names_in(create_api(settings_for("postgresql://nowhere/none")).openapi()))
    assert {"sessions", "volunteer_id", "venue_no", "joint_with"} <= names, "the walk misses what is there"
    assert {name for name in names if set(re.split(r"[^a-z]+", name.lower())) & (VETTING | RANKING)} == set()


@pytest.mark.parametrize("field", ["party", "religion", "ethnicity", "score", "note", "name", "phone"])
async def test_c9_unknown_fields_are_refused(training: Service, field: str) -> None:
    session_id, volunteer = await held(training), await training.volunteer()
    told = await training.post(f"/sessions/{session_id}/attendances", {"entries": [entry(volunteer, **{field: "x"})]})
    [row] = told.json()["rows"]
    assert (row["code"], row["pointer"]) == ("schema", f"/entries/0/{field}")
    assert codes(await training.take(attendance(session_id, volunteer, **{field: "x"}))) == ["schema"]
    cancel = await training.post(f"/sessions/{session_id}/cancel", {"reason": "x", field: "x"})
    assert refused(cancel) == (422, "schema", f"/{field}")
