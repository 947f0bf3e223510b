"""The operator's commands, one module a subject."""

import typer

from qingsheng.operate.commands import doctor, lag, letters, proving, replay, topics

app = typer.Typer()
for part in (doctor, lag, replay, proving):
    app.add_typer(part.app)
app.add_typer(letters.app, name="dlq")
app.add_typer(topics.app, name="topics")
