"""The insert of ``POST /campaign/api/v1/columns`` and nothing else, by FastAPI and asyncpg: what the commands are measured by.

python -m bench.bare_api DATABASE_URL PORT
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7


class Title(BaseModel):
    zh: Annotated[str, Field(min_length=1, max_length=200)]
    en: str | None = None


class OpenColumn(BaseModel):
    title: Title
    opened_on: date
    unit_id: str


class Column(OpenColumn):
    column_id: UUID
    county: str


def create_app(database_url: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database_url, min_size=1, max_size=8) as pool:
            await pool.execute(
                "create schema if not exists bare; create table if not exists bare.column (like campaign.post_column including all)"
            )
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/columns", status_code=201)
    async def open_column(request: Request, told: OpenColumn) -> Column:
        column_id, county = uuid7(), told.unit_id[:6]
        async with request.app.state.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                """insert into bare.column (column_id, unit_id, county, title, opened_on)
                   values ($1, $2, $3, $4::text::jsonb, $5)""",
                column_id,
                told.unit_id,
                county,
                told.title.model_dump_json(exclude_none=True),
                told.opened_on,
            )
        return Column(column_id=column_id, county=county, **told.model_dump())

    return app


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[1]), port=int(sys.argv[2]), log_level="warning", access_log=False)
