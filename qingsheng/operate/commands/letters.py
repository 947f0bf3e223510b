"""``qingsheng dlq``: records that could not be applied, in an operator's hands."""

import sys
from typing import Annotated

import typer
from rich.table import Column, Table

from qingsheng.console import AsJson, done, fail, out, say, service_named, settings_here
from qingsheng.registry import SERVICES

app = typer.Typer(
    help="Records that could not be applied: list, show, replay, discard; paused topics: resume; what stops a consumer: skip.",
    no_args_is_help=True,
)
Service = Annotated[str, typer.Argument(help="roster, training, opinion, campaign or appraisal")]
Letters = Annotated[list[int] | None, typer.Argument(help="Ids of dead letters.")]
Reason = Annotated[str | None, typer.Option(help="All dead letters with this reason.")]
Because = Annotated[str, typer.Option(help="Why: kept in the audit log. No names or other personal data.")]


def _chosen(letters: list[int] | None, reason: str | None) -> list[int]:
    if not letters and reason is None:
        raise fail("Name the dead letters by id, or all of one kind by --reason. 'qingsheng dlq list' shows both.", 2)
    return letters or []


def _check(because: str) -> None:
    if len(because.strip()) < 5:
        raise fail("--because says in a few words why these records may be dropped.", 2)


@app.command("list")
def dlq_list(
    service: Annotated[str | None, typer.Argument(help="Only this service.", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """Dead letters by topic and reason, and paused topics, with the commands for what comes next."""
    from qingsheng.operate import dead_letters

    settings = settings_here()
    told = {}
    for name in [service_named(service)] if service else list(SERVICES):
        found = done(dead_letters.groups(settings, name))
        told[name] = {"dead_letters": found, "paused": done(dead_letters.paused(settings, name))}
    if as_json:
        sys.stdout.write(dead_letters.as_json(told[service] if service else told) + "\n")
        return
    table = Table("service", Column("topic", overflow="fold"), "reason", "letters", "one of them", "first", "last")
    for name, each in told.items():
        for row in each["dead_letters"]:
            between = (f"{row[when]:%m-%d %H:%M:%S}" for when in ("first_at", "last_at"))
            table.add_row(name, row["topic"], row["reason"], str(row["letters"]), str(row["first_id"]), *between)
    if table.row_count:
        out.print(table)
        out.print(
            "Times are UTC. 'qingsheng dlq show SERVICE ID' shows one whole. The cause mended: 'qingsheng dlq replay SERVICE "
            "--reason REASON'; no event at all: 'qingsheng dlq discard SERVICE --reason REASON --because TEXT'.",
            highlight=False,
            soft_wrap=True,
        )
    else:
        out.print(f"{service or 'No service'} has {'no ' if service else ''}dead letters.")
    for name, each in told.items():
        for row in each["paused"]:
            out.print(
                f"PAUSED since {row['since']:%m-%d %H:%M:%S} UTC: {name} reads {row['topic']} no further: {row['reason']}. "
                f"Its producer mended: 'qingsheng dlq resume {name} {row['topic']}'.",
                highlight=False,
                soft_wrap=True,
            )


@app.command("show")
def dlq_show(service: Service, letter: Annotated[int, typer.Argument(help="Id of a dead letter.")]) -> None:
    """One dead letter, whole."""
    from qingsheng.operate import dead_letters

    found = done(dead_letters.show(settings_here(), service_named(service), letter))
    if found is None:
        raise fail(f"{service} has no dead letter {letter}.")
    sys.stdout.write(dead_letters.as_json(found) + "\n")


@app.command("replay")
def dlq_replay(service: Service, letters: Letters = None, reason: Reason = None) -> None:
    """Apply dead letters once more, after the cause is mended."""
    from qingsheng.operate import dead_letters

    chosen = _chosen(letters, reason)
    applied, failed = done(dead_letters.replay(settings_here(), service_named(service), chosen, reason))
    say(f"Applied {applied}; {failed} still cannot be applied.")
    if failed:
        say(f"They stay dead letters: 'qingsheng dlq list {service}' and 'dlq show' tell what is wrong with them.")
    raise typer.Exit(1 if failed else 0)


@app.command("discard")
def dlq_discard(
    service: Service,
    because: Because,
    letters: Letters = None,
    reason: Reason = None,
) -> None:
    """Drop dead letters for good, with a reason that the audit log keeps."""
    from qingsheng.operate import dead_letters

    _check(because)
    chosen = _chosen(letters, reason)
    dropped = done(dead_letters.discard(settings_here(), service_named(service), chosen, reason, because.strip()))
    say(f"Discarded {dropped}.")


@app.command("resume")
def dlq_resume(
    service: Service, topic: Annotated[str, typer.Argument(help="The paused topic, by its full name.")]
) -> None:
    """Read a topic on that was paused for too many invalid records."""
    from qingsheng.operate import dead_letters

    if not done(dead_letters.resume(settings_here(), service_named(service), topic)):
        raise fail(f"{topic} is not paused.")
    say(f"{topic} is read on.")


@app.command("skip")
def dlq_skip(
    service: Service,
    topic: Annotated[str, typer.Argument(help="The topic, such as qingsheng.campaign.events.")],
    partition: Annotated[int, typer.Argument(min=0)],
    offset: Annotated[int, typer.Argument(min=0, help="Where the service stands: 'qingsheng lag SERVICE' tells it.")],
    because: Because,
) -> None:
    """Have a service read on behind one record that stops it. The record becomes a dead letter: replay it after the mend.

    The worker may run. One that is held in its own code by the record is to be restarted after it.
    """
    from qingsheng.operate import dead_letters

    _check(because)
    settings = settings_here()
    name = topic if topic.startswith(settings.topic_prefix) else settings.topic_prefix + topic
    try:
        kept = done(dead_letters.skip(settings, service_named(service), name, partition, offset, because.strip()))
    except dead_letters.CannotSkip as error:
        raise fail(f"{error}.") from None
    say(f"{service} reads on behind offset {offset} of {name}, partition {partition}; the record is a dead letter.")
    if not kept:
        say("Its bytes could not be read, and are on the topic alone.")
