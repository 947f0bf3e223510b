"""What other systems are written against, generated from the code: JSON Schemas, AsyncAPI, OpenAPI."""

import json
from pathlib import Path
from typing import Any

from qingsheng.registry import SERVICES
from shared.contracts import asyncapi
from shared.contracts.schemas import TYPES, schema_of
from shared.settings import Settings

FOLDER = Path(__file__).parent.parent / "docs" / "contracts"
"""Where the project keeps them; ``make contracts`` writes there."""


def event_documents() -> dict[str, str]:
    """Schemas and the AsyncAPI document: texts by path."""
    schemas = {f"schemas/{name}.json": _text(schema_of(name)) for name in TYPES}
    return schemas | {"asyncapi.json": _text(asyncapi.document())}


def http_documents() -> dict[str, str]:
    """The OpenAPI document of each service: texts by path. Nothing is connected to."""
    settings = Settings(
        database_url="postgresql://127.0.0.1:1/none",
        kafka_bootstrap_servers="127.0.0.1:1",
        secret_key="only to describe the routes",  # type: ignore[arg-type]
    )
    told: dict[str, str] = {}
    for name, service in SERVICES.items():
        document = service.create_api(settings).openapi()
        told[f"openapi/{name}.json"] = _text(document | {"servers": [{"url": f"/{name}"}]})
    return told


def export(folder: Path) -> list[str]:
    """Writes all of them below the folder, and takes away those of types that are no more. Returns the paths."""
    documents = event_documents() | http_documents()
    for path, text in documents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for kind in ("schemas", "openapi"):
        for file in (folder / kind).glob("*.json"):
            if f"{kind}/{file.name}" not in documents:
                file.unlink()
    return list(documents)


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=False) + "\n"
