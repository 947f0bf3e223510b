"""How much is done in a trial: a little by default, everything with QINGSHENG_FAULTS=full."""

import os

FULL = os.environ.get("QINGSHENG_FAULTS") == "full"


def size(short: int, full: int) -> int:
    return full if FULL else short
