"""``qingsheng intake …``: for the other side of the front door."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from qingsheng.console import AsJson, fail, out, say

app = typer.Typer(help="For systems that report to the front door.", no_args_is_help=True)
_WORDS = {
    "zh": {
        "passes": "可以",
        "event": "第 {number} 个事件 {id}",
        "none": "没有事件。",
        "count": "{events} 个事件，{passing} 个可以受理（就离线所能判断的而言），{refused} 个会被拒绝。",
    },
    "en": {
        "passes": "passes",
        "event": "event {number} {id}",
        "none": "There is no event in it.",
        "count": "{events} events: {passing} would be taken as far as can be known offline, {refused} would be refused.",
    },
}


@app.command("check")
def check(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A JSON event, an array of events, or JSON lines; - reads standard input."),
    ],
    service: Annotated[
        str | None, typer.Option(help="Check for this service.", show_default="the one that takes the type")
    ] = None,
    producer: Annotated[
        str | None, typer.Option(help="Your registered name.", show_default="what the first source names")
    ] = None,
    lang: Annotated[str | None, typer.Option(help="zh or en.", show_default="the terminal's")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the front door would answer to your events, with nothing running: by the very code that decides there.

    Structured CloudEvents, each with its code, JSON pointer and what to do. Exit code 0 when every event passes, else 1.

    What cannot be known offline: whether volunteer, account, session, unit, column, post and report are known
    (unknown_…); whether the volunteer was registered (volunteer_not_active) and the account disclosed
    (account_not_disclosed) then; a session's number of venues; a share before its post (time_out_of_range); what was
    reported before (already_…, id_reused); whether PRODUCER is registered.
    """
    from qingsheng import intake_check
    from qingsheng.report import language_here

    language = lang or language_here()
    if language not in _WORDS:
        raise fail(f"No language is named {language}. There are: {', '.join(_WORDS)}.", 2)
    if service is not None and service not in intake_check.DOORS:
        raise fail(f"No such service takes reports. There are: {', '.join(intake_check.DOORS)}.", 2)
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise fail(f"{file}: {error.strerror}", 2) from None
    checked = intake_check.check(content, service=service, producer=producer)
    refused = [each for each in checked if each.refusal]
    count = {"events": len(checked), "passing": len(checked) - len(refused), "refused": len(refused)}
    if as_json:
        out.print_json(data={**count, "rows": [each.as_json() for each in checked]})
    else:
        words = _WORDS[language]
        for each in checked:
            told = words["event"].format(number=each.number, id=each.id or "?")
            said = words["passes"]
            if each.refusal:
                said = " ".join(filter(None, (each.refusal.code, each.refusal.pointer, each.refusal.message[language])))
            out.print(f"{told}: {said}", highlight=False, soft_wrap=True, markup=False)
        say(words["count"].format(**count) if checked else words["none"])
    raise typer.Exit(1 if refused or not checked else 0)
