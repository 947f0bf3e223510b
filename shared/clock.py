"""The recording clock. In story mode it tells the time of the story, set by the door a request came through."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_story_time: ContextVar[datetime | None] = ContextVar("story_time", default=None)


@dataclass(frozen=True)
class Clock:
    """``zone`` is the deployment's time zone; ``story`` lets recording times follow the events' own times."""

    zone: ZoneInfo
    story: bool = False

    def now(self) -> datetime:
        """The present moment (aware); in story mode the time that the door was told."""
        told = _story_time.get() if self.story else None
        return told or datetime.now(UTC)

    def recording(self, own_time: datetime | None) -> datetime:
        """When a fact with this time of its own is recorded: now; in story mode as told, else with the fact itself."""
        if not self.story:
            return datetime.now(UTC)
        return _story_time.get() or own_time or datetime.now(UTC)

    @contextmanager
    def told(self, moment: datetime | None) -> Generator[None]:
        """Within: the story's time is ``moment``. Without story mode it changes nothing."""
        token = _story_time.set(moment)
        try:
            yield
        finally:
            _story_time.reset(token)
