"""The pure arithmetic against the independent slow oracle: any log, question and scheme. QINGSHENG_TEST_EXAMPLES=1000
looks closer."""

import os
from collections import Counter
from random import Random
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.support import oracle
from tests.support.pure import Log
from tests.support.random_events import Question, arrivals, generate, logs, questions, random_question
from tests.support.random_schemes import DAYS, LISTENING, OTHERS, SHARING, random_scheme, schemes

EXAMPLES = int(os.environ.get("QINGSHENG_TEST_EXAMPLES", "40"))


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    log=logs(max_steps=80) | st.builds(generate, st.integers(0, 2**32), st.sampled_from([60, 200, 500])),
    asked=questions(),
    scheme=st.none() | schemes(),
    draft=schemes(),
    order=st.integers(0, 2**32),
)
def test_any_log_question_and_scheme_agree_and_so_does_what_if(
    log: list[dict[str, Any]],
    asked: Question,
    scheme: dict[str, Any] | None,
    draft: dict[str, Any],
    order: int,
) -> None:
    told = Log(arrivals(log, Random(order)))
    at: dict[str, Any] = {"now": asked.now, "as_of": asked.as_of}
    expected = oracle.report(log, asked.period, scheme=scheme, **at)
    found = told.report(asked.period, scheme=scheme, **at)
    assert found == _plain(expected)
    for row in found["counties"]:
        for each in row["indicators"]:
            event(f"{each['indicator']}: {each['note'] or 'plain'}")
    under_draft = oracle.report(log, asked.period, scheme=draft, **at)
    report, moves = told.what_if(asked.period, draft, scheme=scheme, **at)
    assert report == _plain({name: under_draft[name] for name in ("counties", "city")})
    before = {row["county"]: row for row in expected["counties"]}
    assert [(m["county"], m["score_before"], m["score_after"], m["rank_before"], m["rank_after"]) for m in moves] == [
        (c, before[c]["score"], row["score"], before[c]["rank"], row["rank"])
        for row in under_draft["counties"]
        for c in [row["county"]]
    ]


def test_the_examples_meet_every_indicator_parameter_and_rule() -> None:
    """What is drawn would be worth little if it never met a rule: so this is counted, on a fixed draw."""
    met: Counter[str] = Counter()
    for seed in range(60):
        rng = Random(seed)
        log, asked, scheme = generate(seed, 250), random_question(rng), random_scheme(rng)
        found = Log(log).report(asked.period, now=asked.now, as_of=asked.as_of, scheme=scheme)
        met[found["status"]] += 1
        met["as_of" if asked.as_of else "now"] += 1
        for rule in scheme["indicators"]:
            met.update(f"{rule['indicator']} {name} {value}" for name, value in rule.get("params", {}).items())
        for row in found["counties"]:
            met[f"body {row['note']}"] += 1
            for each in row["indicators"]:
                met[each["indicator"]] += each["value"] is not None
                met[f"note {each['note']}"] += 1
    notes = ("no_case", "small_sample_shrunk", "small_sample_redistributed", "sharing_limited")
    wanted = [*LISTENING, *OTHERS, SHARING, "running", "not_begun", "as_of", "now", "body too_little_evidence"]
    wanted += [f"note {name}" for name in notes] + [f"{SHARING} cap {n}" for n in (1, 2, 3, 10)]
    wanted += [f"{name} days {n}" for name in DAYS for n in (1, 30)]
    assert [name for name in wanted if not met[name]] == []


def _plain(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in ("status", "counties", "city") if name in report}
