"""The county table as people get it: both languages, all its states, and the numbers of the API."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from string import Formatter
from typing import Any, get_args
from zoneinfo import ZoneInfo

import httpx
import pytest

from services.appraisal.county_table import BodyNote
from services.appraisal.schemes import IndicatorName
from services.appraisal.scoring import Note
from shared.web.i18n import LANGUAGES, catalogue, preferred
from tests.support.engine import engine
from tests.support.event_log import EventLog
from tests.support.services import client, settings_for

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2014, 12, 20, 4, tzinfo=UTC)
API = "/appraisal/api/v1"
ODD = '<script>alert("1")</script> & 县'
BODIES = {
    "350900": {"zh": "宁德市", "en": "Ningde"},
    "350902": {"zh": "蕉城区", "en": "Jiaocheng"},
    "350921": {"zh": ODD, "en": "<b>Xiapu</b>"},
    "350922": {"zh": "古田县"},
}


def a_year() -> list[dict[str, Any]]:
    """2014 in four bodies: one has enough of everything to be ranked, one has nearly nothing."""
    log = EventLog(NOW, ZONE, "pages")
    for code, name in BODIES.items():
        unit = {"unit_id": code, "name": name, "kind": "city" if code == "350900" else "county", "county": code}
        log.tell("roster.unit_defined", unit, code, recorded=log.noon(date(2014, 1, 2)))
    for code, volunteers in {"350900": 22, "350902": 25, "350921": 21}.items():
        quota = {"unit_id": code, "team": "county", "year": 2014, "quota": 30}
        log.tell("roster.quota_set", quota, code, recorded=log.noon(date(2014, 1, 3)))
        for number in range(volunteers):
            work_of_a_volunteer(log, code, number)
    return log.events


def work_of_a_volunteer(log: EventLog, county: str, number: int) -> None:
    """Registered in February; some attend a training, some bring a tip that is triaged, resolved and answered."""
    volunteer, day = log.new_id(), date(2014, 2, 1) + timedelta(days=number % 20)
    member = {"volunteer_id": volunteer, "unit_id": county, "team": "county", "category": "other"}
    log.tell("roster.volunteer_registered", member | {"consented_on": day.isoformat()}, county, happened=day)
    if number % 3 == 0:
        present = {"attendance_id": log.new_id(), "session_id": log.new_id(), "volunteer_id": volunteer}
        held_on = date(2014, 5, 27)
        log.tell("training.attendance_recorded", present | {"venue_no": 1, "hours": 3}, county, happened=held_on)
    if number % 2 == 0:
        reported = log.noon(date(2014, 6, 1 + number))
        tip = {"tip_id": log.new_id()}
        told = tip | {"channel": "phone", "kind": "need", "topic": "jobs", "unit_id": county}
        log.tell("opinion.tip_reported", told, county, happened=reported)
        since = tip | {"reported_at": log.written(reported, 0)}
        triage = since | {"responsible_unit_id": county}
        log.tell("opinion.tip_triaged", triage, county, happened=reported + timedelta(days=number % 5))
        end = since | {"outcome": "acted", "answered": number % 6 == 0}
        log.tell("opinion.tip_resolved", end, county, happened=reported + timedelta(days=10))


@pytest.fixture
async def pages(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's client of an appraisal that has taken in ``a_year``."""
    async with engine(database_url) as running:
        await running.take(a_year(), NOW)
    async with client(settings_for(database_url), ["appraisal"]) as http:
        http.headers["accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
        yield http


@pytest.fixture
async def blank(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser's client of an appraisal that has read no event yet."""
    async with client(settings_for(database_url), ["appraisal"]) as http:
        http.headers["accept"] = "text/html"
        yield http


class Rows(HTMLParser):
    """The page's table as texts, a list of cells a row; links by their text are left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())


def numbers(text: str) -> list[str]:
    return re.findall(r"[0-9]+(?:\.[0-9]+)?", text)


@pytest.mark.parametrize("period", ["2014", "2014-H1", "2014-Q2", "2014-06"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_table_shows_the_numbers_of_the_api(pages: httpx.AsyncClient, period: str, language: str) -> None:
    report = (await pages.get(f"{API}/reports/{period}")).json()
    answer = await pages.get(f"/appraisal/reports/{period}?lang={language}")
    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    assert report["digest"] in answer.text

    words = catalogue(language)
    head, *rows = Rows(answer.text).rows
    assert head[0] == words("appraisal.table.rank")
    assert [cell.split(" " + words("appraisal.table.weight", weight=""))[0] for cell in head[3:]] == [
        words(f"appraisal.indicator.{each['indicator']}.name") for each in report["city"]
    ]
    bodies = [row for row in rows if len(row) > 1]
    total = bodies.pop(sum(county["rank"] is not None for county in report["counties"]))
    for row, county in zip(bodies, report["counties"], strict=True):
        assert (row[0] == str(county["rank"])) == (county["rank"] is not None)
        assert (county["name"].get(language) or county["name"]["zh"]) in row[1]
        assert numbers(row[2]) == ([] if county["score"] is None else [json.dumps(county["score"])])
        for cell, each in zip(row[3:], county["indicators"], strict=True):
            shown = [each[name] for name in ("value", "numerator", "denominator", "points")]
            assert numbers(cell) == [json.dumps(number) for number in shown if number is not None], each
            if each["note"]:
                assert words(f"appraisal.note.short.{each['note']}") in cell
    for cell, each in zip(total[3:], report["city"], strict=True):
        shown = [each[name] for name in ("value", "numerator", "denominator")]
        assert numbers(cell) == [json.dumps(number) for number in shown if number is not None]


async def test_unranked_bodies_say_why(pages: httpx.AsyncClient) -> None:
    rows = Rows((await pages.get("/appraisal/reports/2014?lang=en")).text).rows
    below = rows[[row[0] for row in rows].index("Not ranked") + 1 :]
    assert "City level: scored, not ranked" in below[0][1]
    assert "Too little evidence to rank" in below[-1][1]


async def test_it_is_a_table_to_all_readers(pages: httpx.AsyncClient) -> None:
    html = (await pages.get("/appraisal/reports/2014")).text
    assert "<caption" in html
    assert 'scope="col"' in html
    assert 'scope="row"' in html
    assert '<a class="skip" href="#content">' in html
    assert '<main id="content"' in html
    linked = set(re.findall(r'href="#([^"]+)"', html))
    assert linked <= set(re.findall(r' id="([^"]+)"', html))


async def test_names_are_escaped(pages: httpx.AsyncClient) -> None:
    html = (await pages.get("/appraisal/reports/2014")).text
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; 县" in html
    assert "<script>" not in html
    assert "<b>Xiapu" not in html


async def test_addresses_are_escaped(pages: httpx.AsyncClient) -> None:
    answer = await pages.get('/appraisal/reports/%3Cscript%3Ealert(1)"')
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    answer = await pages.get("/appraisal/reports/2014", params={'"><script>': '"><script>'})
    assert answer.status_code == 200
    assert "<script>" not in answer.text


async def test_nothing_inline_and_nothing_from_elsewhere(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/appraisal/reports/2014")
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert not re.search(
        r"<script(?! src=\"/appraisal/static/[^>]*></script>)|<style|\sstyle=|\son[a-z]+=|https?://", answer.text
    )
    for address in re.findall(r'<link [^>]*href="([^"]+)"', answer.text):
        found = await pages.get(address)
        assert found.status_code == 200
        assert "immutable" in found.headers["cache-control"]
        assert found.headers["x-content-type-options"] == "nosniff"
    assert (await pages.get("/appraisal/static/qingsheng.css")).headers["cache-control"] == "no-cache"


async def test_links_lead_to_the_data(pages: httpx.AsyncClient) -> None:
    html = (await pages.get("/appraisal/reports/2014-H1?as_of=2014-06-10&lang=en")).text
    data = set(re.findall(rf'href="({API}[^"]+)"', html))
    assert f"{API}/reports/2014-H1?as_of=2014-06-10" in data
    figure = "/appraisal/reports/2014-H1/counties/350902/indicators/tips_reported?as_of=2014-06-10&amp;lang=en"
    assert f'href="{figure}"' in html
    evidence = f"{API}/reports/2014-H1/counties/350902/indicators/tips_reported/evidence?as_of=2014-06-10"
    assert f'href="{evidence}"' in (await pages.get(unescape(figure))).text
    assert (await pages.get(evidence)).json()["items"]
    # What was chosen stays chosen from page to page.
    assert 'href="/appraisal/reports/2014-Q2?as_of=2014-06-10&amp;lang=en"' in html
    assert 'value="2014-06-10"' in html
    assert 'href="/appraisal/reports/2014-H1?lang=en"' in html


async def test_home_leads_to_the_latest_year_with_events(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/appraisal/?lang=en")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/appraisal/reports/2014?lang=en"


async def test_home_of_an_empty_appraisal_leads_to_this_year(blank: httpx.AsyncClient) -> None:
    before = datetime.now(ZONE).year
    location = (await blank.get("/appraisal/")).headers["location"]
    assert location in {f"/appraisal/reports/{year}" for year in (before, datetime.now(ZONE).year)}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_without_events_the_page_says_what_to_do(blank: httpx.AsyncClient, language: str) -> None:
    answer = await blank.get(f"/appraisal/reports/2014?lang={language}")
    assert answer.status_code == 200
    assert catalogue(language)("appraisal.empty.heading") in answer.text
    assert "<code>qingsheng run appraisal-worker</code>" in answer.text
    assert "<table" not in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_period_without_events_says_so(pages: httpx.AsyncClient, language: str) -> None:
    quiet = catalogue(language)("appraisal.empty.quiet")
    assert quiet in (await pages.get(f"/appraisal/reports/2015-03?lang={language}")).text
    assert quiet not in (await pages.get(f"/appraisal/reports/2014?lang={language}")).text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_period_to_come_has_not_begun(pages: httpx.AsyncClient, language: str) -> None:
    words = catalogue(language)
    year = datetime.now(ZONE).year + 2
    html = (await pages.get(f"/appraisal/reports/{year}?lang={language}")).text
    assert words("appraisal.status.not_begun") in html
    assert f"{year}-01-01" in html
    assert "<table" not in html
    assert (BODIES["350902"][language]) in html
    # Seen from a day before it, a past one had not begun either; there is a way back to now.
    html = (await pages.get(f"/appraisal/reports/2014-H2?as_of=2014-06-30&lang={language}")).text
    assert words("appraisal.status.not_begun") in html
    assert words("appraisal.not_begun.see_now") in html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ["2014-Q9", "9999", "nonsense", "2014-h1"])
async def test_an_unknown_period_is_a_page(pages: httpx.AsyncClient, code: str, language: str) -> None:
    answer = await pages.get(f"/appraisal/reports/{code}?lang={language}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "2014-Q3" in answer.text
    assert catalogue(language)("layout.error.back") in answer.text
    assert (await pages.get(f"{API}/reports/{code}")).headers["content-type"] == "application/problem+json"
    for_a_program = await pages.get(f"/appraisal/reports/{code}", headers={"accept": "application/json"})
    assert for_a_program.json()["code"] == "not_found"


@pytest.mark.parametrize("day", ["tomorrow", "2999-01-01", "20140929", "2014-W01-1", "2014-02-30"])
async def test_a_wrong_day_is_a_page(pages: httpx.AsyncClient, day: str) -> None:
    answer = await pages.get(f"/appraisal/reports/2014?as_of={day}&lang=en")
    assert answer.status_code == 422
    assert "2014-09-29" in answer.text


async def test_other_addresses_are_pages_too(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/appraisal/nowhere")
    assert answer.status_code == 404
    assert "<h1>" in answer.text
    assert answer.headers["content-security-policy"]


@pytest.mark.parametrize("code", ["1000", "9998", "9998-12"])
async def test_the_ends_of_time_can_be_shown(pages: httpx.AsyncClient, code: str) -> None:
    assert (await pages.get(f"/appraisal/reports/{code}")).status_code == 200


async def test_without_database_the_page_says_so() -> None:
    away = settings_for("postgresql://nobody:nothing@127.0.0.1:1/none?sslmode=disable", database_timeout=2)
    async with client(away, ["appraisal"]) as http:
        for path in ("/appraisal/", "/appraisal/reports/2014"):
            answer = await http.get(path, headers={"accept": "text/html", "accept-language": "en"})
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert catalogue("en")("layout.error.title.unavailable") in answer.text
        answer = await http.get(f"{API}/reports/2014", headers={"accept": "text/html"})
        assert answer.json()["code"] == "unavailable"


async def test_the_language_is_chosen_remembered_or_the_browsers(blank: httpx.AsyncClient) -> None:
    async def language(path: str = "/appraisal/reports/2014", **headers: str) -> str:
        return (await blank.get(path, headers=headers)).headers["content-language"]

    assert await language(**{"accept-language": "en-GB,en;q=0.9"}) == "en"
    assert await language(**{"accept-language": "fr"}) == "zh"
    assert await language("/appraisal/reports/2014?lang=en") == "en"
    assert blank.cookies
    assert await language(**{"accept-language": "zh"}) == "en"
    assert await language("/appraisal/reports/2014?lang=xx") == "en"
    assert await language("/appraisal/reports/2014?lang=zh") == "zh"
    assert await language(**{"accept-language": "en"}) == "zh"


async def test_pages_can_be_asked_for_without_their_body(pages: httpx.AsyncClient) -> None:
    answer = await pages.head("/appraisal/reports/2014")
    assert answer.status_code == 200
    assert not answer.content


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"), ("*", "zh"), ("de", "zh"), ("en", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("EN-us", "en"),
        ("zh;q=0.1, en;q=0.5", "en"), ("en;q=0", "zh"), ("en;q=x,zh", "zh"), (";;,,", "zh"), ("de, en;q=0.5", "en"),
    ],
)  # fmt: skip
def test_what_browsers_prefer(header: str, language: str) -> None:
    assert preferred(header) == language


def test_both_catalogues_have_the_same_keys_and_placeholders() -> None:
    zh, en = catalogue("zh").messages, catalogue("en").messages
    assert zh.keys() == en.keys()
    for key, message in zh.items():
        assert message.strip(), key
        assert en[key].strip(), key
        assert _placeholders(message) == _placeholders(en[key]), key
        assert not re.search("[，。：；（）“”]", en[key]), key


def test_every_indicator_and_note_has_words() -> None:
    messages = catalogue("zh").messages
    for indicator in get_args(IndicatorName):
        assert {f"appraisal.indicator.{indicator}.name", f"appraisal.indicator.{indicator}.what"} <= messages.keys()
    for note in get_args(Note):
        assert {f"appraisal.note.short.{note}", f"appraisal.note.long.{note}"} <= messages.keys()
    for note in (*get_args(BodyNote), "city_level"):
        assert {f"appraisal.table.{note}", f"appraisal.note.long.{note}"} <= messages.keys()


def _placeholders(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}
