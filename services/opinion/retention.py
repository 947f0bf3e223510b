"""Charter C5: texts and contacts are kept only as long as they are needed."""

from datetime import timedelta

from services.opinion import storage, throttle
from shared.clock import Clock
from shared.delivery.worker import Job
from shared.postgres import Connection
from shared.settings import Settings


class Retention:
    """The jobs. Texts and answers go ``QINGSHENG_TIP_TEXT_DAYS`` after the tip was resolved or voided, whichever came
    first; contacts when the answer has been given, at the latest with the text."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.kept = timedelta(days=settings.tip_text_days)
        self._clock = clock

    @property
    def jobs(self) -> list[Job]:
        return [self.erase_old_texts, self.erase_needless_contacts, throttle.forget_full_buckets]

    async def erase_old_texts(self, connection: Connection) -> int:
        """Returns how many texts were erased."""
        return await storage.erase_texts_of_ended(connection, self._clock.now(), self.kept)

    async def erase_needless_contacts(self, connection: Connection) -> int:
        """Returns how many contacts were erased. Commands erase them as they go; this finds the rest."""
        return await storage.erase_needless_contacts(connection, self._clock.now() - self.kept)
