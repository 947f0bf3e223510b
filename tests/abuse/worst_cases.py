"""Worst cases by search: what is sent is made from a few numbers and an alphabet, and those that take longest are changed
further."""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any, cast
from urllib.parse import quote

MEGABYTE = 1024 * 1024
SEEDS = (
    "a",
    "\ufdfa",
    "字",
    "e\u0301",
    "\U0001d15e",
    "1 ",
    "@.",
    "=(",
    "\u0600\u0301",
    "13900000000",
    "https://",
    "<&",
)
"""Letters to begin with: plain, growing under NFKC, of the country, in pieces, of what is looked for in texts."""


@dataclass(frozen=True)
class Case:
    """``length`` of each text in characters, ``count`` of the items of each list, ``depth`` of what is nested, ``digits``
    of each number; ``whole``: nothing but one such list, or what nests, stands for the body."""

    alphabet: str
    length: int
    count: int
    depth: int
    digits: int
    whole: bool

    @property
    def text(self) -> str:
        return (self.alphabet * (self.length // len(self.alphabet) + 1))[: self.length]

    @property
    def number(self) -> int:
        return 10 ** min(self.digits, sys.get_int_max_str_digits() - 1) - 1

    @property
    def nested(self) -> Any:
        nested: Any = self.text[:20]
        for level in range(min(self.depth, 400)):
            nested = [nested] if level % 2 else {self.alphabet[:8]: nested}
        return nested


def first(random: Random) -> Case:
    return Case(
        random.choice(SEEDS),
        int(10 ** random.uniform(0, 6)),
        int(10 ** random.uniform(0, 4)),
        random.choice((0, 8, 31, 32, 33, 200)),
        int(10 ** random.uniform(0, 4)),
        random.random() < 0.2,
    )


def changed(case: Case, random: Random) -> Case:
    """One of its sizes or its alphabet by chance, or a few."""

    for _ in range(random.choice((1, 1, 2, 3))):
        case = random.choice(_CHANGES)(case, random)
    return case


def _sized(size: int, most: int, random: Random) -> int:
    return max(1, min(most, int(size * random.choice((0.1, 0.5, 0.9, 1.1, 2, 10)))))


def _letters(alphabet: str, random: Random) -> str:
    other = chr(
        random.choice(
            (random.randrange(0x20, 0x3000), random.randrange(0xF900, 0xFFFE), random.randrange(0x1D000, 0x1F000))
        )
    )
    return random.choice((random.choice(SEEDS), alphabet + random.choice(SEEDS), other, alphabet + other))[-40:]


_CHANGES: tuple[Callable[[Case, Random], Case], ...] = (
    lambda case, random: replace(case, alphabet=_letters(case.alphabet, random)),
    lambda case, random: replace(case, length=_sized(case.length, 2_000_000, random)),
    lambda case, random: replace(case, count=_sized(case.count, 100_000, random)),
    lambda case, random: replace(case, depth=_sized(case.depth + 1, 400, random)),
    lambda case, random: replace(case, digits=_sized(case.digits, 4_000, random)),
    lambda case, random: replace(case, whole=not case.whole),
)


async def longest(
    measure: Callable[[Case], Awaitable[float]], tries: int, elite: Sequence[Case], random: Random
) -> tuple[float, Case]:
    """The worst of so many cases, and its seconds: those of ``elite`` first, then by chance, then changes of the worst."""
    worst: tuple[float, Case] | None = None
    for number in range(tries):
        if number < len(elite):
            case = elite[number]
        elif worst is None or number < len(elite) + 2:
            case = first(random)
        else:
            case = changed(worst[1], random)
        took = await measure(case)
        if worst is None or took > worst[0]:
            worst = took, case
    assert worst is not None
    return worst


# -- bodies ----------------------------------------------------------------------------------------------------------


def filled(schema: Mapping[str, Any], known: Mapping[str, Any], case: Case, most: int) -> Any:
    """What a JSON schema of OpenAPI asks for, as long as the case says and within ``most`` bytes or little more. Bounds of
    the schema are kept where it tells them."""
    if "$ref" in schema:
        return filled(known[schema["$ref"].rpartition("/")[2]], known, case, most)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return filled(schema[choice][0], known, case, most)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "array":
        one = filled(schema.get("items", {}), known, case, most)
        room = most // (len(json.dumps(one, ensure_ascii=False).encode()) + 1)
        return [one] * max(1, min(case.count, schema.get("maxItems", case.count), room))
    if kind in ("integer", "number"):
        return case.number
    if kind == "boolean":
        return True
    if kind == "object" or "properties" in schema:
        fields = cast(Mapping[str, Any], schema.get("properties", {}))
        if not fields:
            return {f"{case.alphabet[:4]}{n}": case.text[:100] for n in range(min(case.count, most // 500))}
        return {name: filled(field, known, case, most // len(fields)) for name, field in fields.items()}
    if kind == "string":
        return _string(schema, case, most)
    return case.nested


_FORMATS = {
    "uuid": "0198c0de-0000-7000-8000-000000000000",
    "date-time": "2014-07-01T12:00:00+08:00",
    "date": "2014-07-01",
    "uri": "https://example.org/",
}


def _string(schema: Mapping[str, Any], case: Case, most: int) -> str:
    if found := _FORMATS.get(schema.get("format", "")):
        return found
    if "pattern" in schema and "[0-9]" in schema["pattern"]:
        return "350902"
    text = case.text[: schema.get("maxLength", case.length)]
    return text.encode()[: max(1, most)].decode("utf-8", "ignore") or "a"


def body(schema: Mapping[str, Any], known: Mapping[str, Any], case: Case, most: int) -> bytes:
    """JSON for a route, cut off where it would be longer than ``most`` bytes."""
    if not case.whole:
        return json.dumps(filled(schema, known, case, most - 1000), ensure_ascii=False).encode()[:most]
    one = json.dumps(case.nested, ensure_ascii=False).encode()
    times = max(1, min(case.count * 10, most // (len(one) + 2)))
    return (b"[" + b",".join([one] * times) + b"]")[:most]


@lru_cache
def form(names: tuple[str, ...], case: Case, most: int) -> bytes:
    """All these fields, as a form."""
    room = max(1, (most - 30 * len(names)) // len(names) // 3)
    value = quote(case.text[:room])[: room * 3]
    return "&".join(f"{name}={value}" for name in names).encode()[:most]


def multipart(names: Sequence[str], case: Case, most: int) -> bytes:
    """All these fields and a list, as a form with a file whose boundary is ``x``."""
    text = case.text.encode()[: 100_000 // len(names)]
    fields = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (n.encode(), text) for n in names
    )
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
    end = b"\r\n--x--\r\n"
    return fields + file + listed(case, most - len(fields) - 1000) + end


@lru_cache
def listed(case: Case, most: int) -> bytes:
    """A list as CSV: its headings are its first line."""
    line = ",".join([case.text[:200].replace(",", "").replace("\n", "")] * 12).encode() + b"\n"
    return (line * max(1, min(case.count, most // len(line))))[:most]


def letter(example: Mapping[str, Any], case: Case, most: int = 62_000) -> dict[str, Any]:
    """A CloudEvent like ``example``, whose texts and lists are as long as the case says, of at most ``most`` bytes."""

    def grown(content: Any, room: int) -> Any:
        if isinstance(content, dict):
            fields = cast(dict[str, Any], content)
            return {field: grown(value, room // len(fields)) for field, value in fields.items()}
        if isinstance(content, list):
            items = cast(list[Any], content)
            return [grown(items[0] if items else "", 40)] * max(1, min(case.count, room // 50))
        if isinstance(content, str) and not _is_fixed(content):
            return case.text[: room // 4].encode()[: max(1, room)].decode("utf-8", "ignore") or "a"
        return content

    data = grown(example["data"], most - 1500)
    if case.whole:
        data |= {"more": [case.nested] * max(1, min(case.count, 60)), "number": case.number}
    return {**example, "data": data}


def _is_fixed(text: str) -> bool:
    """A code, an id, a time or a number, without which an event would be refused at first sight."""
    return text.isascii() and len(text) <= 40 and not text.count(" ")
