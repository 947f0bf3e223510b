"""``qingsheng doctor``: what is ill, and what mends it."""

from typing import Annotated

import typer

from qingsheng.console import AsJson, done, out, say, settings_here

app = typer.Typer()


@app.command()
def doctor(
    strict: Annotated[bool, typer.Option(help="Exit with 1 for warnings too; --no-strict: for errors only.")] = True,
    as_json: AsJson = False,
) -> None:
    """Look at settings, servers, topics, migrations, permissions and progress. Exit code 1 when something is found; each
    finding names the command that mends it."""
    from dataclasses import asdict

    from qingsheng.deployment import data_folder
    from qingsheng.operate.diagnosis import diagnose

    found = done(diagnose(settings_here(), data_folder(None)))
    if as_json:
        out.print_json(data={"well": not found, "findings": [asdict(each) for each in found]})
    elif not found:
        out.print("All is well.")
    else:
        for each in sorted(found, key=lambda each: each.severity):
            style = "red" if each.severity == "error" else "yellow"
            out.print(f"[{style}]{each.severity}[/{style}] {each.check}: {each.what}", highlight=False, soft_wrap=True)
            out.print(f"  mend: {each.mend}", highlight=False, soft_wrap=True, markup=False)
        errors = sum(each.severity == "error" for each in found)
        say(f"Errors: {errors}, warnings: {len(found) - errors}. Errors first; then ask again.")
    serious = found if strict else [each for each in found if each.severity == "error"]
    raise typer.Exit(1 if serious else 0)
