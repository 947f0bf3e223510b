"""Charter C5: a tip's text is kept only as long as it is needed."""

from datetime import timedelta

from services.opinion import storage
from shared.postgres import Connection

TEXT_KEPT = timedelta(days=180)
"""After the tip was resolved or voided, whichever came first."""


async def erase_old_texts(connection: Connection) -> int:
    """The retention job. Returns how many texts were erased."""
    return await storage.erase_texts_of_ended(connection, TEXT_KEPT)
