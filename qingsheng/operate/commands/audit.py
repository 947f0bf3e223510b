"""``qingsheng audit``: whether the audit logs are whole."""

from typing import Any

import typer

from qingsheng.console import AsJson, done, out, progress, say, settings_here

app = typer.Typer(help="The audit logs: verify that no line was changed, removed or made anew.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """The audit logs."""


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Compute the chain of every audit log again, from its first line, and hold it against the daily seals: those in the
    database and those on the topic. Exit code 1 when a line was changed or removed, the end cut, or the chain made anew."""
    from qingsheng.operate import auditing

    settings = settings_here()
    with progress() as bar:

        def counting(name: str) -> Any:
            task = bar.add_task(name, total=None)
            return lambda read, all: bar.update(task, completed=read, total=all)

        found = done(auditing.verify(settings, counting))
    if as_json:
        out.print_json(
            data={
                "whole": found.whole,
                "topic_read": found.topic is not None,
                "published_seals": None if found.topic is None else len(found.topic),
                "logs": [
                    {
                        "log": f"{schema}.audit",
                        "lines": each.lines,
                        "last_seal": each.last_seal and each.last_seal.isoformat(),
                        "faults": [
                            fault.as_json() | {"what": auditing.sentence(schema, fault)} for fault in each.faults
                        ],
                    }
                    for schema, each in found.logs.items()
                ],
            }
        )
        raise typer.Exit(0 if found.whole else 1)
    for schema, each in found.logs.items():
        if not each.faults:
            sealed = f"sealed up to {each.last_seal}" if each.last_seal else "not sealed yet"
            out.print(f"{schema}.audit: {each.lines} lines, unbroken, {sealed}", highlight=False, soft_wrap=True)
        for fault in each.faults:
            out.print(auditing.sentence(schema, fault), style="red", highlight=False, soft_wrap=True)
    if found.topic is None:
        say("Kafka gave no answer: only the database was looked at, and whoever cut it may have cut its seals.")
    else:
        say(f"Seals of roster.audit on the topic: {len(found.topic)}.")
    if not found.whole:
        say(auditing.MEND)
    raise typer.Exit(0 if found.whole else 1)
