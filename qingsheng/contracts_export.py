"""What other systems are written against, generated from the code: JSON Schemas, AsyncAPI, OpenAPI."""

import json
from pathlib import Path
from typing import Any

from qingsheng.registry import SERVICES
from shared.contracts import asyncapi
from shared.contracts.schemas import TYPES, schema_of
from shared.settings import Settings


def event_documents() -> dict[str, Any]:
    """Schemas and the AsyncAPI document, by path."""
    schemas: dict[str, Any] = {f"schemas/{name}.json": schema_of(name) for name in TYPES}
    return schemas | {"asyncapi.json": asyncapi.document()}


def http_documents() -> dict[str, Any]:
    """The OpenAPI document of each service, by path. Nothing is connected to."""
    settings = Settings(
        database_url="postgresql://127.0.0.1:1/none",
        kafka_bootstrap_servers="127.0.0.1:1",
        secret_key="only to describe the routes",  # type: ignore[arg-type]
    )
    return {
        f"openapi/{name}.json": service.create_api(settings).openapi() | {"servers": [{"url": f"/{name}"}]}
        for name, service in SERVICES.items()
    }


def export(folder: Path) -> list[Path]:
    """Writes all of them below the folder; returns the files."""
    files: list[Path] = []
    for path, document in (event_documents() | http_documents()).items():
        files.append(folder / path)
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        files[-1].write_text(text_of(document), encoding="utf-8")
    return files


def text_of(document: Any) -> str:
    """As the files have it: names in order, so that a change shows where it is."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
