"""The operator's commands, one module a subject."""

import typer

from qingsheng.operate.commands import archive, audit, doctor, lag, letters, proving, reconcile, replay, topics

app = typer.Typer()
for part in (doctor, lag, replay, proving, archive, reconcile):
    app.add_typer(part.app)
app.add_typer(audit.app, name="audit")
app.add_typer(letters.app, name="dlq")
app.add_typer(topics.app, name="topics")
