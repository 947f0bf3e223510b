"""How often Python looks for objects that hold each other."""

import gc


def collect_seldom() -> None:
    """A batch, or a report, is thousands of small objects without cycles: looking for some after every 700 of them would
    cost more than decoding them; and what was imported and set up stays, so that no request waits for a look through it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
