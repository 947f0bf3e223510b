"""``qingsheng replay``: a service reads a topic once more."""

from datetime import datetime
from typing import Annotated

import typer

from qingsheng.console import AsJson, done, fail, out, say, service_named, settings_here

app = typer.Typer()


@app.command()
def replay(
    service: Annotated[str, typer.Argument(help="Whose stored offset is set back.")],
    topic: Annotated[str, typer.Option(help="The topic, such as qingsheng.campaign.events.")],
    since: Annotated[
        str, typer.Option("--from", help="'beginning', an offset, or a time such as 2026-03-01T00:00:00+08:00.")
    ],
    partition: Annotated[int | None, typer.Option(help="Only this partition.", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """Set a service's stored offset back, so that it reads those records once more: what it knows counts once.

    The service's worker is stopped before and started after. Nothing is skipped: offsets move forward only out of where
    nothing can be read any more.
    """
    from dataclasses import asdict

    from qingsheng.operate.rewinding import CannotRewind, rewind

    settings = settings_here()
    name = topic if topic.startswith(settings.topic_prefix) else settings.topic_prefix + topic
    try:
        made = done(rewind(settings, service_named(service), name, _since(since), partition))
    except CannotRewind as error:
        raise fail(f"{error}.") from None
    if as_json:
        out.print_json(data=[asdict(each) for each in made])
        return
    for each in made:
        say(f"{name}, partition {each.partition}: from {each.before} to {each.now}")
    say("Start the worker: it reads on from there." if made else "No partition stood beyond that: nothing was changed.")


def _since(told: str) -> int | datetime | None:
    if told == "beginning":
        return None
    if told.isdecimal():
        return int(told)
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        raise fail("--from is 'beginning', an offset, or a time such as 2026-03-01T00:00:00+08:00.", 2) from None
    if moment.tzinfo is None:
        raise fail("--from: a time needs its offset, such as +08:00.", 2)
    return moment
