"""The summary is honest: what failed, was skipped or was never tried is told as that; other parts of the document stay."""

from pathlib import Path

from tests.faults.document import write_part
from tests.faults.summary import FAULTS, ONE_EACH, Row, written


def test_only_what_passed_whole_counts_as_survived() -> None:
    rows = [Row(fault, "something", passed={"a"}) for fault in FAULTS if fault not in (4, 5, 6)]
    rows += [
        Row(4, "a trial", passed={"a"}, failed={"b"}, events=1_000, longest=2.0),
        Row(5, "skipped", skipped={"a": "no engine"}),
        Row(24, "partly", passed={"a"}, skipped={"b": "no engine"}),
    ]
    told = "\n".join(written(rows, "a test"))
    assert "22 of 25 faults survived" in told
    assert "Failed: 4." in told
    assert "Not tried: 5, 6." in told
    assert "Survived, some of its tests skipped: 24." in told
    assert "| 4 | a trial | **1 of 2 failed** | 1,000 | not shown | not shown | 2.0 |" in told
    assert "| 5 | skipped | 1 test skipped: no engine | – | – | – | – |" in told
    assert "0 lost" not in told


def test_what_was_not_kept_or_counted_is_told() -> None:
    rows = [Row(fault, "a trial", passed={"a"}, events=10) for fault in FAULTS if fault != 3]
    rows += [Row(fault, ONE_EACH, passed={"b"}) for fault in FAULTS if fault != 7]
    told = "\n".join(written(rows, "a test"))
    assert "No ledger was kept: 3." in told
    assert "Intake's answers not counted: 7." in told


def test_a_ledger_whose_trial_passed_lost_nothing() -> None:
    told = "\n".join(written([Row(1, "a trial", passed={"a"}, events=1_000, longest=2.04)], "a test"))
    assert "1 of 25 faults survived; 1,000 events in ledgers, 0 lost, 0 applied twice; longest recovery 2.0 s" in told
    assert "| 1 | a trial | green, 1 test | 1,000 | 0 | 0 | 2.0 |" in told


def test_each_part_is_written_anew_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "reliability.md"
    for name, line in (("soak", "a soak"), ("faults", "faults"), ("guards", "guards"), ("faults", "faults again")):
        write_part(file, name, [line])
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("<!--")]
    assert lines == ["# Reliability", "faults again", "guards", "a soak"]
