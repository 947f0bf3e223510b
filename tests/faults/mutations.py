"""Takes each guard of delivery away, in a copy of the tree, and sees that a test fails: ``python -m tests.faults.mutations
[file]``. The table is printed, and written into its part of ``file``. Ends with 1 when a test did not notice."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from qingsheng.embedded import running_stack
from tests.faults.document import write_part

ROOT = Path(__file__).parents[2]
COPIED = ("qingsheng", "services", "shared", "tests", "docs", "pyproject.toml")
OWNERSHIP, OFFSETS, RELAY = (f"tests/delivery/test_{name}.py" for name in ("ownership", "offsets", "relay"))


@dataclass(frozen=True)
class Mutation:
    """``changes``: file, what stands there exactly once, and what is put there instead. ``test``: who must notice."""

    guard: str
    changes: Sequence[tuple[str, str, str]]
    test: str


CONSUMING = "shared/delivery/consuming.py"
MUTATIONS = [
    Mutation(
        "the fence",
        [(CONSUMING, """ and o.next_offset = d.start\n""", "\n")],
        f"{OWNERSHIP}::test_a_stale_owner_changes_nothing_and_goes_on_from_where_the_other_came",
    ),
    Mutation(
        "the inbox",
        [
            (
                "services/appraisal/storage.py",
                "return Saved([fact for fact in facts if fact.id in stored], crowded)",
                "return Saved(list(facts), crowded)",
            )
        ],
        "tests/delivery/test_copies.py",
    ),
    Mutation(
        "the seek",
        [
            (CONSUMING, "self._consumer.seek(partition, max(offset, beginnings[partition]))", "pass"),
            (CONSUMING, "self._consumer.seek(partition, expected)\n            return []", "pass"),
        ],
        f"{OFFSETS}::test_offsets_that_kafka_committed_are_not_asked",
    ),
    Mutation(
        "the outbox's lock: one relay",
        [("shared/locks.py", "pg_try_advisory_lock($1, hashtext(current_schema))", "$1::int > 0")],
        f"{RELAY}::test_a_frozen_relay_loses_its_lease_and_nothing_is_lost",
    ),
    Mutation(
        "the outbox's lock: one command a key",
        [
            ("shared/delivery/outbox.py", '"""insert into stream as s', '"""with made as (insert into stream as s'),
            (
                "shared/delivery/outbox.py",
                "do update set sequence = s.sequence\n               returning key, sequence, recordedtime",
                "do nothing returning *) select key, sequence, recordedtime from made union all\n"
                "               select key, sequence, recordedtime from stream where key = any($1::text[])",
            ),
        ],
        f"{RELAY}::test_sequences_have_no_gaps_and_recording_times_never_go_back",
    ),
    Mutation(
        "the transaction around offsets",
        [
            (
                CONSUMING,
                "async with connection.transaction():\n                dead = batch.dead",
                "if True:\n                dead = batch.dead",
            )
        ],
        "tests/delivery/test_crashes.py::test_killed_before_the_commit",
    ),
]


def main(where: str | None) -> int:
    with tempfile.TemporaryDirectory(prefix="qingsheng-mutations-", ignore_cleanup_errors=True) as folder:
        with running_stack(Path(folder) / "servers") as stack:
            assert stack.database_url
            assert stack.kafka_bootstrap_servers
            environment = {
                **os.environ,
                "QINGSHENG_DATABASE_URL": stack.database_url,
                "QINGSHENG_KAFKA_BOOTSTRAP_SERVERS": stack.kafka_bootstrap_servers,
                "QINGSHENG_KAFKA_USER": stack.kafka_user,
                "QINGSHENG_KAFKA_PASSWORD": stack.kafka_password,
            }
            tree = Path(folder) / "tree"
            _copy(tree)
            if _run(tree, [mutation.test for mutation in MUTATIONS], environment):
                print("The tests fail without any mutation.", file=sys.stderr)
                return 1
            noticed: list[bool] = []
            lines = [
                "## Without its guards",
                "",
                f"Each guard taken away, one at a time, in a copy of the tree by `python -m tests.faults.mutations` on "
                f"{datetime.now(UTC):%Y-%m-%d}:",
                "",
                "| Guard taken away | Who notices | |",
                "|---|---|---|",
            ]
            for mutation in MUTATIONS:
                shutil.rmtree(tree)
                _copy(tree)
                for file, old, new in mutation.changes:
                    text = (tree / file).read_text()
                    if text.count(old) != 1:
                        raise ValueError(f"{mutation.guard}: {file} has {text.count(old)} of {old!r}")
                    (tree / file).write_text(text.replace(old, new))
                noticed.append(_run(tree, [mutation.test], environment) == 1)
                lines.append(
                    f"| {mutation.guard} | `{mutation.test}` | {'fails' if noticed[-1] else 'did not notice'} |"
                )
                print(lines[-1], flush=True)
    if where:
        write_part(Path(where), "guards", lines)
    return 0 if all(noticed) else 1


def _copy(tree: Path) -> None:
    tree.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)


def _run(tree: Path, tests: Sequence[str], environment: dict[str, str]) -> int:
    """pytest's exit code: 1 is that a test failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(
        command,
        cwd=tree,
        env={**environment, "PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    print(ran.stdout[-1_500:], file=sys.stderr, flush=True)
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
