"""``qingsheng lag``: how far each service has read."""

from typing import Annotated

import typer
from rich.table import Column, Table

from qingsheng.console import AsJson, done, out, say, service_named, settings_here

app = typer.Typer()


@app.command()
def lag(
    service: Annotated[str | None, typer.Argument(help="Only this service.", show_default="all")] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Exit with 1 when a record has waited longer, or nobody knows how long.")
    ] = None,
    max_records: Annotated[int | None, typer.Option(min=0, help="Exit with 1 when more records wait.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show partitions that are read to their end as well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What waits to be read, by service, topic and partition: offsets, records behind, and seconds since it was last read
    to its end. Without a limit the exit code is 0 whatever waits."""
    from dataclasses import asdict

    from qingsheng.operate.standing import standings

    settings = settings_here()
    found = done(standings(settings, [service_named(service)] if service else []))
    late = [
        each
        for each in found
        if (max_seconds is not None and (each.seconds_behind is None or each.seconds_behind > max_seconds))
        or (max_records is not None and each.behind > max_records)
    ]
    if as_json:
        out.print_json(data=[asdict(each) | {"behind": each.behind} for each in found], default=str)
        raise typer.Exit(1 if late else 0)
    table = Table("service", Column("topic", overflow="fold"), "partition", "read to", "end", "behind", "seconds", "")
    for each in found:
        if everything or each.behind or each.paused:
            stored = "never read" if each.stored is None else str(each.stored)
            seconds = "unknown" if each.seconds_behind is None else f"{each.seconds_behind:.0f}"
            note = "PAUSED" if each.paused else ""
            table.add_row(
                each.service, each.topic, str(each.partition), stored, str(each.end), str(each.behind), seconds, note
            )
    if table.row_count:
        out.print(table)
    records, partitions = sum(each.behind for each in found), len(found)
    if records:
        out.print(
            f"Records that wait: {records}, in {sum(each.behind > 0 for each in found)} of {partitions} partitions."
        )
        say("Asked again, a figure should fall; where it stands, 'qingsheng doctor' tells why.")
    else:
        out.print(f"All {partitions} partitions are read.")
    if any(each.paused for each in found):
        say("PAUSED: too many invalid records; 'qingsheng dlq list' tells which, and the command that reads on.")
    if late:
        say(f"Beyond the limit: {len(late)} partitions.")
    raise typer.Exit(1 if late else 0)
