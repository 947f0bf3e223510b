"""``qingsheng backup`` and ``qingsheng restore``."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from qingsheng.console import AsJson, done, fail, out, progress, say, settings_here

app = typer.Typer()
Folder = Annotated[Path, typer.Argument(help="Folder of the archive.")]


@app.command()
def backup(folder: Folder, as_json: AsJson = False) -> None:
    """Copy the database and the topics into a new folder, consistent with each other; everything may go on meanwhile.

    The archive holds what the deployment holds, sealed data sealed: keep it as safe, and keep QINGSHENG_SECRET_KEY elsewhere.
    """
    from qingsheng.operate.archive.manifest import ArchiveError
    from qingsheng.operate.archive.taking import backup as take

    try:
        with progress() as bar:
            made = done(take(settings_here(), folder, _told(bar)))
    except ArchiveError as error:
        raise fail(f"{error}.") from None
    _say(made, as_json, f"Written to {folder}")


@app.command()
def restore(
    folder: Folder,
    replication: Annotated[
        int | None, typer.Option(help="Copies of each partition.", show_default="one a broker, at most 3")
    ] = None,
    proof: Annotated[bool, typer.Option(help="Prove every closed report from the restored log.")] = True,
    as_json: AsJson = False,
) -> None:
    """Make an empty database and an empty broker those of the archive, then prove its closed reports. Nothing may run yet."""
    from qingsheng.operate.archive.manifest import ArchiveError
    from qingsheng.operate.archive.taking import restore as put_back

    settings = settings_here()
    try:
        with progress() as bar:
            made = done(put_back(settings, folder, _told(bar), replication))
    except ArchiveError as error:
        raise fail(f"{error}.") from None
    _say(made, as_json, "Restored")
    if proof and not done(_proved(settings)):
        raise fail("The archive is restored, but not every closed report is proved: see above.")
    say("Start everything; 'qingsheng lag --max-records 0' tells when all is caught up, then 'qingsheng doctor'.")


def _told(bar: Any) -> Any:
    task = bar.add_task("", total=None)
    return lambda what, so_far, all: bar.update(task, description=what, completed=so_far, total=all or None)


def _say(made: Any, as_json: bool, what: str) -> None:
    rows = sum(part.rows for part in made.tables.values())
    records = sum(part.rows for parts in made.partitions.values() for part in parts)
    if as_json:
        out.print_json(data={"taken_at": made.taken_at, "rows": rows, "records": records})
    say(f"{what}: {rows} rows of {len(made.tables)} tables, {records} records of {len(made.partitions)} topics.")


async def _proved(settings: Any) -> bool:
    from qingsheng.operate.verifying import verify
    from shared.postgres import connect

    connection = await connect(settings, search_path="appraisal")
    try:
        periods = [row[0] for row in await connection.fetch("select distinct period from closing order by 1")]
    finally:
        connection.terminate()
    proved = True
    for period in periods:
        for each in await verify(settings, period):
            proved &= each.proved
            say(f"{each.period} revision {each.revision}: {'proved' if each.proved else '; '.join(each.problems)}")
        await asyncio.sleep(0)
    return proved
