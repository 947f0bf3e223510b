"""``qingsheng topics``: the cluster's topics held against the contract."""

from typing import Annotated

import typer
from rich.table import Table

from qingsheng.console import AsJson, done, out, say, settings_here

app = typer.Typer(help="Topics as the contract has them: plan, apply; alone it makes those that are missing.")
Replication = Annotated[
    int | None, typer.Option(help="Copies of each partition.", show_default="one a broker, at most 3")
]


@app.callback(invoke_without_command=True)
def topics(context: typer.Context, replication: Replication = None) -> None:
    """Make the topics that are missing."""
    if context.invoked_subcommand is not None:
        return
    from qingsheng.topics import ensure_topics

    made = done(ensure_topics(settings_here(), replication=replication))
    say(f"Made: {', '.join(made)}." if made else "All topics exist.")


@app.command()
def plan(replication: Replication = None, as_json: AsJson = False) -> None:
    """Show how the cluster differs from the contract, and change nothing. Exit code 1 when something is to be done."""
    from dataclasses import asdict

    from qingsheng.operate import topic_plan

    differences = done(topic_plan.differences(settings_here(), replication=replication))
    if as_json:
        out.print_json(data=[asdict(each) for each in differences])
    elif not differences:
        out.print("All topics are as the contract has them.")
    else:
        table = Table("topic", "what", "is", "contract", "apply")
        for each in differences:
            table.add_row(each.topic, each.what, each.present, each.wanted, "makes it" if each.applies else each.mend)
        out.print(table)
    raise typer.Exit(1 if differences else 0)


@app.command()
def apply(replication: Replication = None, as_json: AsJson = False) -> None:
    """Make the topics as the contract has them. Nothing is deleted, and nothing is made smaller or shorter."""
    from dataclasses import asdict

    from qingsheng.operate import topic_plan

    settings = settings_here()
    made = done(topic_plan.apply(settings, replication=replication))
    left = done(topic_plan.left_over(settings, made, replication=replication))
    if as_json:
        out.print_json(data={"made": [asdict(each) for each in made], "left": [asdict(each) for each in left]})
    else:
        for each in made:
            say(f"{each.topic}: {each.what} {each.present} → {each.wanted}")
        for each in left:
            say(f"{each.topic}: {each.what} is {each.present}, the contract has {each.wanted}: {each.mend}")
        if not made and not left:
            say("All topics are as the contract has them.")
    raise typer.Exit(1 if left else 0)
