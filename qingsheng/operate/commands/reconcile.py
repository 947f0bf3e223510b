"""``qingsheng reconcile``: a service whose database is older than its own topic."""

import json
from pathlib import Path
from typing import Annotated

import typer

from qingsheng.console import AsJson, done, out, say, service_named, settings_here

app = typer.Typer()


@app.command()
def reconcile(
    service: Annotated[str, typer.Argument(help="roster, training, opinion, campaign or appraisal")],
    accept: Annotated[
        bool, typer.Option("--accept", help="Go on behind the published events, without what they tell.")
    ] = False,
    list_to: Annotated[Path | None, typer.Option("--list", help="Write the events to this file, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Events that a service published and its database does not know, as after an older backup was put back.

    The better mend is the newer database. Without --accept nothing is changed, and the exit code is 1 where there are some.
    """
    from qingsheng.operate.reconciling import reconcile

    found = done(reconcile(settings_here(), service_named(service), accept=accept))
    if list_to is not None:
        list_to.write_text(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
    if as_json:
        out.print_json(data=found.as_json() | {"accepted": accept})
    else:
        for kind, number in sorted(found.by_type.items()):
            out.print(f"{number} × {kind}", highlight=False)
        if not found.unknown:
            say(f"{service}'s database knows everything it has published.")
        elif accept:
            say(f"{service} goes on behind them; enter again what they told, from --list.")
    raise typer.Exit(1 if found.unknown and not accept else 0)
