"""What the API reads of a request besides its body."""

from fastapi import Request

from shared.contracts.refusals import Refusal


def version_read(request: Request, *, required: bool = False) -> int | None:
    """What If-Match tells. Where it is not required, what is done cannot be done again, so no update can be lost."""
    told = request.headers.get("if-match")
    if told is None and required:
        raise Refusal("version_required")
    if told is None or told.strip() == "*":
        return None
    number = told.strip().strip('"')
    if told.strip() != f'"{number}"' or not number.isdecimal():
        raise Refusal("version_conflict")
    return int(number)
