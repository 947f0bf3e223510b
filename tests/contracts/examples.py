"""The examples of the contracts, as they stand beside the code."""

import copy
import json
from pathlib import Path
from typing import Any

import shared.contracts

FOLDER = Path(shared.contracts.__file__).parent / "examples"
EXAMPLES: dict[str, dict[str, Any]] = {
    path.name.removesuffix(".json"): json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))
}


def example(name: str, **changes: Any) -> dict[str, Any]:
    """A copy of the example of ``qingsheng.<name>.v1`` with other attributes; those given as ... are left out."""
    told = copy.deepcopy(EXAMPLES[f"qingsheng.{name}.v1"]) | changes
    return {attribute: value for attribute, value in told.items() if value is not ...}


def with_data(name: str, **changes: Any) -> dict[str, Any]:
    """The same with other fields in its data."""
    told = example(name)
    told["data"] |= changes
    told["data"] = {field: value for field, value in told["data"].items() if value is not ...}
    return told


def written(told: Any) -> bytes:
    """JSON in UTF-8."""
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")
