"""``qingsheng dlq``: records that could not be applied, in an operator's hands."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from qingsheng.console import AsJson, done, fail, out, say, service_named, settings_here
from qingsheng.operate import dead_letters

app = typer.Typer(
    help="Records that could not be applied: list, show, replay, discard; paused topics: resume.", no_args_is_help=True
)
Service = Annotated[str, typer.Argument(help="roster, training, opinion, campaign or appraisal")]
Letters = Annotated[list[int] | None, typer.Argument(help="Ids of dead letters.")]
Reason = Annotated[str | None, typer.Option(help="All dead letters with this reason.")]


def _chosen(letters: list[int] | None, reason: str | None) -> list[int]:
    if not letters and reason is None:
        raise fail("Name the dead letters by id, or all of one kind by --reason. 'qingsheng dlq list' shows both.", 2)
    return letters or []


@app.command("list")
def dlq_list(service: Service, as_json: AsJson = False) -> None:
    """Dead letters by topic and reason, and paused topics."""
    settings = settings_here()
    found = done(dead_letters.groups(settings, service_named(service)))
    stopped = done(dead_letters.paused(settings, service))
    if as_json:
        sys.stdout.write(dead_letters.as_json({"dead_letters": found, "paused": stopped}) + "\n")
        return
    if not found and not stopped:
        out.print(f"{service} has no dead letters.")
    if found:
        table = Table("topic", "reason", "letters", "ids", "first", "last")
        for row in found:
            ids = f"{row['first_id']}…{row['last_id']}"
            table.add_row(
                row["topic"], row["reason"], str(row["letters"]), ids, str(row["first_at"]), str(row["last_at"])
            )
        out.print(table)
    for row in stopped:
        out.print(f"Paused since {row['since']}: {row['topic']} ({row['reason']}); 'qingsheng dlq resume' reads on.")


@app.command("show")
def dlq_show(service: Service, letter: Annotated[int, typer.Argument(help="Id of a dead letter.")]) -> None:
    """One dead letter, whole."""
    found = done(dead_letters.show(settings_here(), service_named(service), letter))
    if found is None:
        raise fail(f"{service} has no dead letter {letter}.")
    sys.stdout.write(dead_letters.as_json(found) + "\n")


@app.command("replay")
def dlq_replay(service: Service, letters: Letters = None, reason: Reason = None) -> None:
    """Apply dead letters once more, after the cause is mended."""
    chosen = _chosen(letters, reason)
    applied, failed = done(dead_letters.replay(settings_here(), service_named(service), chosen, reason))
    say(f"Applied {applied}; {failed} still cannot be applied.")
    raise typer.Exit(1 if failed else 0)


@app.command("discard")
def dlq_discard(
    service: Service,
    because: Annotated[str, typer.Option(help="Why: kept in the audit log. No names or other personal data.")],
    letters: Letters = None,
    reason: Reason = None,
) -> None:
    """Drop dead letters for good, with a reason that the audit log keeps."""
    if len(because.strip()) < 5:
        raise fail("--because says in a few words why these records may be dropped.", 2)
    chosen = _chosen(letters, reason)
    dropped = done(dead_letters.discard(settings_here(), service_named(service), chosen, reason, because.strip()))
    say(f"Discarded {dropped}.")


@app.command("resume")
def dlq_resume(
    service: Service, topic: Annotated[str, typer.Argument(help="The paused topic, by its full name.")]
) -> None:
    """Read a topic on that was paused for too many invalid records."""
    if not done(dead_letters.resume(settings_here(), service_named(service), topic)):
        raise fail(f"{topic} is not paused.")
    say(f"{topic} is read on.")
