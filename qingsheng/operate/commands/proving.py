"""``qingsheng verify`` and ``qingsheng rebuild``: closed reports proved, tables made anew."""

from typing import Annotated, Any

import typer

from qingsheng.console import AsJson, done, fail, out, progress, say, settings_here

app = typer.Typer()


@app.command()
def verify(
    period: Annotated[str, typer.Argument(help="2014, 2014-H1, 2014-Q3 or 2014-07")],
    revision: Annotated[int | None, typer.Option(help="Only this revision.", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove closed reports: read the log up to the stored offsets, compute again, compare digests, and the stored facts."""
    from dataclasses import asdict

    from qingsheng.operate.verifying import NothingClosed, verify

    settings = settings_here()
    with progress() as bar:

        def told(number: int) -> Any:
            task = bar.add_task(f"{period}, revision {number}", total=None)
            return lambda read, all: bar.update(task, completed=read, total=all)

        try:
            found = done(verify(settings, period, revision, told))
        except NothingClosed as error:
            raise fail(f"{error}.", 2) from None
    if as_json:
        out.print_json(data=[asdict(each) | {"proved": each.proved} for each in found])
    else:
        for each in found:
            state = "proved" if each.proved else "NOT proved"
            out.print(
                f"{each.period} revision {each.revision}: {state}, {each.events} events, {each.digest}", soft_wrap=True
            )
            for problem in each.problems:
                out.print(f"  {problem}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if all(each.proved for each in found) else 1)


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Make the appraisal's tables anew from the log; the present ones serve until the new ones take their place."""
    from dataclasses import asdict

    from qingsheng.operate.rebuilding import Busy, rebuild
    from qingsheng.operate.replaying import LogUnreadable

    settings = settings_here()
    with progress() as bar:
        task = bar.add_task("reading the log", total=None)
        try:
            made = done(rebuild(settings, lambda read, all: bar.update(task, completed=read, total=all)))
        except (Busy, LogUnreadable) as error:
            raise fail(f"{error}.") from None
    if as_json:
        out.print_json(data=asdict(made))
        return
    say(f"Rebuilt from {made.records} records: {made.facts} facts; {made.revived} dead letters could be applied now.")
