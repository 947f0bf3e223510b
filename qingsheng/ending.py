"""The end of a process that was told to end: within its time, whatever it does."""

import faulthandler

WITHIN = 14.0
"""Seconds. What finishes by itself takes less; what does not is cut off, and nothing is lost: offsets, effects and answers
are one transaction, and what was not acknowledged stands in the outbox."""


class Ending:
    """Counts from the first time that the process is told; telling it again gives it no more time."""

    def __init__(self) -> None:
        self._began = False

    def begin(self) -> None:
        """Ends this process ``WITHIN`` seconds from now, and writes to standard error where each of its threads stood.

        The clock is no thread of Python: it also ends what holds the interpreter's lock.
        """
        if not self._began:
            self._began = True
            faulthandler.dump_traceback_later(WITHIN, exit=True)
