"""The ``qingsheng`` command. Exit codes: 0 done, 1 failed, 2 wrong use."""

import json
import sys
import threading
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from qingsheng.console import AsJson, Result, done, fail, out, say, settings_here
from qingsheng.embedded import EmbeddedError
from qingsheng.intake_commands import app as intake
from qingsheng.operate.commands import app as operate
from shared.settings import Settings

app = typer.Typer(
    help="Qingsheng 青声: the back office of an open volunteer communication programme.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(operate)
app.add_typer(intake, name="intake")
keys = typer.Typer(help="Systems that report to the front door, and their API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")
users = typer.Typer(help="People who may sign in, and their roles.", no_args_is_help=True)
app.add_typer(users, name="users")

Data = Annotated[
    Path | None, typer.Option(help="Folder of the embedded servers' data.", show_default="~/.local/share/qingsheng")
]


@app.command()
def demo(
    data: Data = None,
    once: Annotated[
        bool, typer.Option(help="End when the story is told; exit code 0 only if all figures agree.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port of the pages and APIs.")] = 8600,
    keep: Annotated[
        bool, typer.Option(help="Keep the demo's events of an earlier run instead of starting anew.")
    ] = False,
    papers: Annotated[
        Path | None, typer.Option(help="Folder for the briefings and workbooks. By default papers in the data folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play the story of 2014 through the public doors, on real Kafka and PostgreSQL. With --json it ends as with --once."""
    from qingsheng.demo.play import CannotPlay, play

    try:
        agreed = play(data, port=port, once=once, keep=keep, papers=papers, as_json=as_json)
    except (EmbeddedError, CannotPlay) as error:
        raise fail(str(error)) from None
    raise typer.Exit(0 if agreed else 1)


@app.command()
def up(data: Data = None, port: Annotated[int, typer.Option(help="Port of the pages and APIs.")] = 8600) -> None:
    """Run everything on this machine: servers that are not set otherwise, all APIs, all workers."""
    from qingsheng.deployment import data_folder, deployment, running
    from qingsheng.users import first_administrator

    try:
        with deployment(data, say, port=port) as settings, running(settings, ["apis", "workers"], data_folder(data)):
            say(f"Running at http://{settings.host}:{settings.port}/ ; Ctrl-C stops it.")
            link = done(first_administrator(settings))
            if link:
                say("No one can sign in yet. The first administrator, admin, chooses a password here, once:")
                say(f"http://{settings.host}:{settings.port}{link}")
            _until_told()
    except EmbeddedError as error:
        raise fail(str(error)) from None


def _until_told() -> None:
    import signal

    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    told.wait()


@app.command()
def run(process: Annotated[str, typer.Argument(help="roster-api, roster-worker, …, apis, workers")]) -> None:
    """Run one process of a deployment; everything is set by environment variables."""
    from qingsheng.run import PROCESSES
    from qingsheng.run import run as run_process

    if process not in PROCESSES:
        raise fail(f"No process is named {process}. There are: {', '.join(PROCESSES)}.", 2)
    run_process(process, settings_here())


@app.command()
def migrate() -> None:
    """Bring the database to the present schema. Safe to run again."""
    from qingsheng.migrations import MigrationFailed, amigrate

    try:
        done(amigrate(settings_here().database_url))
    except MigrationFailed as error:
        raise fail(str(error)) from None
    say("The database is at the present schema.")


@keys.command("issue")
def keys_issue(
    producer: Annotated[str, typer.Argument(help="Name of the system: 3 to 40 of a-z, 0-9 and -.")],
    services: Annotated[
        str, typer.Option(help="Services it reports to, separated by commas.", show_default="those of its other keys")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Register a system that reports events, or give it one more key. The key is shown once; earlier ones go on."""
    from qingsheng.producers import consumer_groups, issue, properties_of, services_of, way_in

    settings = settings_here()
    names = [name.strip() for name in services.split(",") if name.strip()]
    names = names or done(services_of(settings, producer))
    try:
        issued = done(issue(settings, producer, names))
    except ValueError as error:
        raise fail(str(error), 2) from None
    told = way_in(settings, producer, names, issued)
    if as_json:
        out.print_json(data=told)
        return
    lines = [
        f"API key (shown once): {issued.key}",
        f"Source: {told['source']}",
        f"Reports go to: {', '.join(told['topics'].values())}",
        f"Answers come on: {told['answers']}",
    ]
    if issued.kafka_user is None:
        lines.append("Kafka's users are made by whoever administers it: in deploy/, with 'principals producer'.")
    else:
        if issued.kafka_user:
            groups = consumer_groups(settings, producer)
            lines.append(
                f"Kafka user: {issued.kafka_user}, whose password is the key; its consumer groups begin with {groups}"
            )
        properties = (f"{name}={value}" for name, value in properties_of(told["kafka"]).items())
        lines += ["", "For Kafka's clients in Java, as properties:", *properties]
        lines += ["", "For aiokafka in Python, as keyword arguments:", f"kafka = {json.dumps(told['kafka'])}"]
    out.print("\n".join(lines), highlight=False, soft_wrap=True, markup=False)


@keys.command("list")
def keys_list(as_json: AsJson = False) -> None:
    """Systems and their keys: for which services, since when, until when."""
    from qingsheng.producers import listed

    found = done(listed(settings_here()))
    if as_json:
        out.print_json(data=found, default=str)
        return
    table = Table("producer", "key", "services", "since", "revoked")
    for each in found:
        revoked = f"{each['revoked_at']:%Y-%m-%d %H:%M}" if each["revoked_at"] else ""
        table.add_row(
            each["producer"], each["key"], ", ".join(each["services"]), f"{each['issued_at']:%Y-%m-%d %H:%M}", revoked
        )
    out.print(table)


@keys.command("revoke")
def keys_revoke(
    producer: Annotated[str, typer.Argument(help="Name of the system.")],
    key: Annotated[str | None, typer.Option(help="One key, as 'keys list' names it.", show_default="all")] = None,
) -> None:
    """End a system's keys, from the next request on, and with each its user of Kafka's."""
    from qingsheng.producers import revoke

    ended = done(revoke(settings_here(), producer, key))
    if not ended:
        raise fail(f"{producer} has no such living key; 'qingsheng keys list' shows what there is.")
    say(f"Revoked: {', '.join(ended)}.")


@app.command("import")
def import_ledger(
    file: Annotated[Path, typer.Argument(help="A unit's ledger: .xlsx or CSV, in the columns of the template.")],
    unit: Annotated[str | None, typer.Option(help="Code of the unit of rows that name none.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, and record nothing.")] = False,
    copy: Annotated[Path | None, typer.Option(help="Write a copy with a result behind each row to this .xlsx.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take a ledger of volunteers, row by row. Exit code 1 when a row was refused; the others are registered."""
    from fastapi.encoders import jsonable_encoder
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from qingsheng import importing

    settings = settings_here()
    try:
        read = importing.read(file, settings, unit)
    except (importing.NotReadable, OSError) as error:
        raise fail(f"{file}: {error}", 2) from None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        rows = bar.add_task("checking" if dry_run else "taking rows", total=len(read.lines))
        taken = importing.take(settings, read, dry_run=dry_run, done=lambda n: bar.update(rows, completed=n))
        answer = done(taken)
    if copy is not None:
        copy.write_bytes(importing.importing.copy(read.table, answer["rows"]))
    if as_json:
        out.print_json(data=jsonable_encoder(answer))
    else:
        _tell_ledger(answer, dry_run)
    raise typer.Exit(1 if answer["refused"] else 0)


def _tell_ledger(answer: Any, dry_run: bool) -> None:
    refused = [row for row in answer["rows"] if row["status"] == "refused"]
    for row in refused[:20]:
        column = (row["pointer"] or "").strip("/")
        out.print(f"row {row['row']}{f', {column}' if column else ''}: {row['message']['en']}", highlight=False)
    if len(refused) > 20:
        out.print(f"… and {len(refused) - 20} more; --copy FILE.xlsx shows them all.")
    counts = f"{answer['registered']} registered, {answer['already_registered']} before, {answer['refused']} refused"
    say(f"{'Checked, nothing recorded: ' if dry_run else ''}{counts}.")


@app.command()
def report(
    period: Annotated[str, typer.Argument(help="2014, 2014-H1, 2014-Q3 or 2014-07")],
    scheme: Annotated[str | None, typer.Option(help="Another scheme than the period's own, as id@version.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As it stood at the end of this past day.")
    ] = None,
    revision: Annotated[int | None, typer.Option(help="Of a closed period: an older revision.")] = None,
    lang: Annotated[str | None, typer.Option(help="zh or en.", show_default="the terminal's")] = None,
    as_json: AsJson = False,
) -> None:
    """The county table of a period."""
    from qingsheng import report as reporting
    from shared.contracts.refusals import Refusal
    from shared.web.i18n import LANGUAGES, catalogue

    language = lang or reporting.language_here()
    if language not in LANGUAGES:
        raise fail(f"No language is named {language}. There are: {', '.join(LANGUAGES)}.", 2)
    day = as_of.date() if as_of else None
    asked = {"scheme": scheme, "as_of": day, "revision": revision, "language": language}
    try:
        told = done(reporting.document(settings_here(), period, **asked))
    except Refusal as refusal:
        if refusal.pointer != "path:period":
            raise fail(f"{refusal.pointer}: {refusal.message[language]}", 2) from None
        words = catalogue(language)
        said = words("appraisal.error.unknown_period", period=period)
        if closed := done(reporting.closed_periods(settings_here())):
            said += " " + words("exports.terminal.closed", periods=", ".join(closed))
        raise fail(said, 2) from None
    if as_json:
        sys.stdout.write(reporting.as_json(told) + "\n")
        return
    reporting.show(told, out)


contracts = typer.Typer(help="The contracts as documents for other systems.", no_args_is_help=True)
app.add_typer(contracts, name="contracts")


@contracts.command("export")
def contracts_export(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; made where it is missing.")],
) -> None:
    """Write JSON Schemas of all events, an AsyncAPI 3 document, and an OpenAPI document of each service."""
    from qingsheng.contracts_export import export

    say(f"Wrote {len(export(folder))} documents to {folder}.")


Account = Annotated[str, typer.Argument(help="Name of the account, such as chen.wei.")]
Roles = Annotated[
    str, typer.Option("--role", help="county_operator, city_operator, committee, auditor, ops; several with commas.")
]
County = Annotated[str | None, typer.Option(help="County code of a county operator.")]


def _roles(told: str) -> list[Any]:
    from shared.access.roles import OF_ACCOUNTS, Role

    names = [name.strip() for name in told.split(",") if name.strip()]
    unknown = sorted(set(names) - set(OF_ACCOUNTS))
    if unknown or not names:
        raise fail(
            f"No role is named {', '.join(unknown) or '(none)'}. There are: {', '.join(sorted(OF_ACCOUNTS))}.", 2
        )
    return [Role(name) for name in names]


def _administered(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return done(work)
    except ValueError as error:
        raise fail(f"{error}.".capitalize(), 2) from None


def _show_link(settings: Settings, link: str) -> None:
    where = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    out.print(
        f"One-time link to choose a password, for three days:\n{where}{link}",
        highlight=False,
        soft_wrap=True,
    )


@users.command("add")
def users_add(name: Account, roles: Roles, county: County = None) -> None:
    """Make an account; prints a one-time link with which its owner chooses a password."""
    from qingsheng.users import add

    settings = settings_here()
    _show_link(settings, _administered(add(settings, name, _roles(roles), county)))


@users.command("role")
def users_role(name: Account, roles: Roles, county: County = None) -> None:
    """Give an account other roles; takes effect at once."""
    from qingsheng.users import set_roles

    _administered(set_roles(settings_here(), name, _roles(roles), county))
    say(f"{name} now has: {roles}.")


@users.command("disable")
def users_disable(name: Account) -> None:
    """Keep an account out, and end its sessions at once."""
    from qingsheng.users import disable

    _administered(disable(settings_here(), name))
    say(f"{name} is disabled.")


@users.command("reset")
def users_reset(name: Account) -> None:
    """Print a one-time link to choose a new password; lets a disabled account in again."""
    from qingsheng.users import reset

    settings = settings_here()
    _show_link(settings, _administered(reset(settings, name)))


@users.command("list")
def users_list(as_json: AsJson = False) -> None:
    """Accounts with their roles."""
    from qingsheng.users import listed

    found = done(listed(settings_here()))
    if as_json:
        out.print_json(data=found, default=str)
        return
    table = Table("account", "roles", "county", "state")
    for account in found:
        state = "disabled" if account["disabled_at"] else "active" if account["has_password"] else "invited"
        table.add_row(str(account["name"]), ", ".join(account["roles"]), str(account["county"] or ""), state)  # type: ignore[arg-type]
    out.print(table)


if __name__ == "__main__":
    app()
