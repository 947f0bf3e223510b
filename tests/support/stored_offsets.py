"""Keeping book of stored offsets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from shared.settings import Settings


@asynccontextmanager
async def offsets_that_go_back(settings: Settings) -> AsyncIterator[Any]:
    """Keeps book, in the database, of every stored offset that was set to less than it was."""
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(
        """create table public.went_back as select * from appraisal.consumer_offset limit 0;
           create function public.keep_book() returns trigger language plpgsql security definer as $$
           begin insert into public.went_back select new.*; return null; end $$;
           create trigger keep_book after update of next_offset on appraisal.consumer_offset
           for each row when (new.next_offset < old.next_offset) execute function public.keep_book()"""
    )
    try:
        yield connection
    finally:
        await connection.close()
