"""The slow oracle: the appraisal page written out as plainly as possible, to check the real engine against.

It reads CloudEvents as plain dicts (parsed JSON), keeps no state, loops over lists and counts in fractions. It shares
no code with the software under test. Each rule stands beside the sentence of the page that it transcribes.

    report(events, "2014-Q3", now=...)                       the report call's figures
    counted(events, "2014", "tips_answered", "350902", now=...)  the event ids behind one figure
"""

from tests.support.oracle.reporting import Counted, counted, report
from tests.support.oracle.schemes import NINGDE_2014

__all__ = ["NINGDE_2014", "Counted", "counted", "report"]
