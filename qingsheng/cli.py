"""The ``qingsheng`` command. Exit codes: 0 done, 1 failed, 2 wrong use."""

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from qingsheng.embedded import EmbeddedError
from shared.settings import Settings

app = typer.Typer(
    help="Qingsheng 青声: the back office of an open volunteer communication programme.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
dlq = typer.Typer(help="Records that could not be applied: list, show, replay, discard.", no_args_is_help=True)
keys = typer.Typer(help="Systems that report to the front door, and their API keys.", no_args_is_help=True)
app.add_typer(dlq, name="dlq")
app.add_typer(keys, name="keys")
users = typer.Typer(help="People who may sign in, and their roles.", no_args_is_help=True)
app.add_typer(users, name="users")

Data = Annotated[
    Path | None, typer.Option(help="Folder of the embedded servers' data.", show_default="~/.local/share/qingsheng")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
out = Console()
Result = TypeVar("Result")


def say(line: str) -> None:
    Console(stderr=True).print(line, highlight=False)


def fail(message: str, code: int = 1) -> typer.Exit:
    Console(stderr=True).print(message, style="red", highlight=False)
    return typer.Exit(code)


def settings_here() -> Settings:
    """Settings of an existing deployment: from the environment, else of the one that runs on this machine."""
    from qingsheng.deployment import DATABASE, KAFKA, found_running

    if DATABASE not in os.environ and KAFKA not in os.environ:
        running = found_running()
        if running is None:
            raise fail(
                "Nothing runs here. Start it with 'qingsheng up' (with --data, set QINGSHENG_DATA to the same folder), "
                f"or set {DATABASE}, {KAFKA} and QINGSHENG_SECRET_KEY for a deployment elsewhere.",
                2,
            )
        return running
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        wrong = "; ".join(f"QINGSHENG_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise fail(f"Settings are missing or wrong: {wrong}.", 2) from None


def done(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs an errand; an outage is told in one line."""
    try:
        return asyncio.run(work)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaError) as error:
        raise fail(
            f"{type(error).__name__}: {error or 'no answer'}. Is the deployment running and reachable?"
        ) from None


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
    as_json: AsJson = False,
) -> None:
    """Play the story of 2014 through the public doors, on real Kafka and PostgreSQL. With --json it ends as with --once."""
    from qingsheng.demo.play import CannotPlay, play

    try:
        agreed = play(data, port=port, once=once, keep=keep, as_json=as_json)
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


@app.command()
def topics(
    replication: Annotated[
        int | None, typer.Option(help="Copies of each partition.", show_default="one a broker, at most 3")
    ] = None,
) -> None:
    """Make the topics that are missing."""
    from qingsheng.topics import ensure_topics

    made = done(ensure_topics(settings_here(), replication=replication))
    say(f"Made: {', '.join(made)}." if made else "All topics exist.")


@keys.command("issue")
def keys_issue(
    producer: Annotated[str, typer.Argument(help="Name of the system: 3 to 40 of a-z, 0-9 and -.")],
    services: Annotated[
        str, typer.Option(help="Services it reports to, separated by commas.", show_default="those of its other keys")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Register a system that reports events, or give it one more key. The key is shown once; earlier ones go on."""
    from qingsheng.producers import issue_key, services_of
    from shared.contracts.topics import answers_topic, intake_topic

    settings = settings_here()
    names = [name.strip() for name in services.split(",") if name.strip()]
    names = names or done(services_of(settings, producer))
    try:
        key = done(issue_key(settings, producer, names))
    except ValueError as error:
        raise fail(str(error), 2) from None
    intake = {name: settings.topic_prefix + intake_topic(name, producer) for name in names}
    answers = settings.topic_prefix + answers_topic(producer)
    if as_json:
        out.print_json(data={"source": f"/ext/{producer}", "key": key, "topics": intake, "answers": answers})
        return
    out.print(f"API key (shown once): {key}", highlight=False, soft_wrap=True)
    out.print(f"Source: /ext/{producer}\nReports go to: {', '.join(intake.values())}\nAnswers come on: {answers}")


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
    """End a system's keys, from the next request on. Its rights to Kafka topics are the broker's matter."""
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
    from shared.web.i18n import LANGUAGES

    language = lang or reporting.language_here()
    if language not in LANGUAGES:
        raise fail(f"No language is named {language}. There are: {', '.join(LANGUAGES)}.", 2)
    day = as_of.date() if as_of else None
    asked = {"scheme": scheme, "as_of": day, "revision": revision, "language": language}
    try:
        told = done(reporting.document(settings_here(), period, **asked))
    except Refusal as refusal:
        raise fail(f"{refusal.pointer}: {refusal.message[language]}", 2) from None
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


Service = Annotated[str, typer.Argument(help="roster, training, opinion, campaign or appraisal")]
Letters = Annotated[list[int] | None, typer.Argument(help="Ids of dead letters.")]
Reason = Annotated[str | None, typer.Option(help="All dead letters with this reason.")]


def _service(name: str) -> str:
    from qingsheng.registry import SERVICES

    if name not in SERVICES:
        raise fail(f"No service is named {name}. There are: {', '.join(SERVICES)}.", 2)
    return name


def _chosen(letters: list[int] | None, reason: str | None) -> list[int]:
    if not letters and reason is None:
        raise fail("Name the dead letters by id, or all of one kind by --reason. 'qingsheng dlq list' shows both.", 2)
    return letters or []


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
    with _progress() as bar:

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
    with _progress() as bar:
        task = bar.add_task("reading the log", total=None)
        try:
            made = done(rebuild(settings, lambda read, all: bar.update(task, completed=read, total=all)))
        except (Busy, LogUnreadable) as error:
            raise fail(f"{error}.") from None
    if as_json:
        out.print_json(data=asdict(made))
        return
    say(f"Rebuilt from {made.records} records: {made.facts} facts; {made.revived} dead letters could be applied now.")


def _progress() -> Any:
    """A bar on a terminal, on standard error; plain nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


@dlq.command("list")
def dlq_list(service: Service, as_json: AsJson = False) -> None:
    """Dead letters by topic and reason, and paused topics."""
    from qingsheng.operate import dead_letters

    settings = settings_here()
    found = done(dead_letters.groups(settings, _service(service)))
    stopped = done(dead_letters.paused(settings, service))
    if as_json:
        sys.stdout.write(dead_letters.as_json({"dead_letters": found, "paused": stopped}) + "\n")
        return
    if not found and not stopped:
        out.print(f"{service} has no dead letters.")
    if found:
        table = Table("topic", "reason", "letters", "ids", "first", "last")
        for row in found:
            ids = f"{row['first_id']}…{row['last_id']}"
            table.add_row(
                row["topic"], row["reason"], str(row["letters"]), ids, str(row["first_at"]), str(row["last_at"])
            )
        out.print(table)
    for row in stopped:
        out.print(f"Paused since {row['since']}: {row['topic']} ({row['reason']}); 'qingsheng dlq resume' reads on.")


@dlq.command("show")
def dlq_show(service: Service, letter: Annotated[int, typer.Argument(help="Id of a dead letter.")]) -> None:
    """One dead letter, whole."""
    from qingsheng.operate import dead_letters

    found = done(dead_letters.show(settings_here(), _service(service), letter))
    if found is None:
        raise fail(f"{service} has no dead letter {letter}.")
    sys.stdout.write(dead_letters.as_json(found) + "\n")


@dlq.command("replay")
def dlq_replay(service: Service, letters: Letters = None, reason: Reason = None) -> None:
    """Apply dead letters once more, after the cause is mended."""
    from qingsheng.operate import dead_letters

    chosen = _chosen(letters, reason)
    applied, failed = done(dead_letters.replay(settings_here(), _service(service), chosen, reason))
    say(f"Applied {applied}; {failed} still cannot be applied.")
    raise typer.Exit(1 if failed else 0)


@dlq.command("discard")
def dlq_discard(service: Service, letters: Letters = None, reason: Reason = None) -> None:
    """Drop dead letters for good."""
    from qingsheng.operate import dead_letters

    chosen = _chosen(letters, reason)
    say(f"Discarded {done(dead_letters.discard(settings_here(), _service(service), chosen, reason))}.")


@dlq.command("resume")
def dlq_resume(
    service: Service, topic: Annotated[str, typer.Argument(help="The paused topic, by its full name.")]
) -> None:
    """Read a topic on that was paused for too many invalid records."""
    from qingsheng.operate import dead_letters

    if not done(dead_letters.resume(settings_here(), _service(service), topic)):
        raise fail(f"{topic} is not paused.")
    say(f"{topic} is read on.")


if __name__ == "__main__":
    app()
