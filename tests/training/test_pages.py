"""Training's pages: a session from plan to list, the year's plan, and the page of a venue's host."""

from datetime import datetime
from html.parser import HTMLParser
from uuid import UUID, uuid4

import httpx
import pytest

from shared.access.roles import Role
from shared.web.i18n import catalogue
from tests.support.browsing import Visitor, words_of
from tests.tables.books import cells, xlsx
from tests.training.harness import CITY, JIAOCHENG, SHANGHAI, XIAPU, Service, at, session_of
from tests.training.test_api import attended, entry, held

TODAY = datetime.now(SHANGHAI)
FORM = {
    "title_zh": "骨干培训班",
    "kind": "class",
    "starts_at": TODAY.strftime("%Y-%m-%dT%H:%M"),
    "hours": "2.5",
    "organiser": JIAOCHENG,
    "others": XIAPU,
    "joint_with": "市网信协会",
    "venues": f"主会场 | {JIAOCHENG} | 80\r\n霞浦分会场｜{XIAPU}\r\n",
}


@pytest.fixture
async def desk(training: Service) -> Visitor:
    await training.know(*(training.roster.unit(unit) for unit in (CITY, JIAOCHENG, XIAPU)))
    return Visitor(training.http, await session_of(training.settings, Role.CITY_OPERATOR))


async def planned(desk: Visitor, **change: str) -> str:
    """The path of a new session's page."""
    answer = await desk.send("/training/sessions/new", FORM | {"what": "plan"} | change)
    assert answer.status_code == 303, words_of(answer.text)
    return answer.headers["location"].partition("?")[0]


async def test_nothing_is_there_at_first(desk: Visitor) -> None:
    for state in ("held", "planned", "cancelled"):
        assert catalogue("en")(f"training.list.none_{state}") in words_of(
            await desk.see(f"/training/sessions?state={state}")
        )
    assert "Nothing was planned or held in 2014." in words_of(await desk.see("/training/plan?year=2014"))


async def test_a_session_from_plan_to_list(training: Service, desk: Visitor) -> None:
    path = await planned(desk)
    page = words_of(await desk.see(path))
    for told in ("骨干培训班", "Planned", "市网信协会", "1 主会场", "2 霞浦分会场", "80"):
        assert told in page
    assert "骨干培训班" in await desk.see("/training/sessions?state=planned")
    edited = await desk.done(
        f"{path}/edit", FORM | {"title_zh": "改名的培训班", "version": "1", "venues": FORM["venues"] + "第三会场"}
    )
    assert "改名的培训班" in edited
    assert await training.events() == []
    assert "Marked as held" in await desk.done(f"{path}/hold", {"hours": "3"})
    [event] = await training.events()
    assert (event.data.hours, event.data.venue_count, event.data.organisers) == (3, 3, [JIAOCHENG, XIAPU])
    await desk.see(f"{path}/edit", 302)  # only a plan can be changed

    one, two = await training.volunteer(), await training.volunteer(XIAPU)
    content = xlsx(["志愿者编号", "会场编号"], [str(one), 1], [str(two), 2], [str(uuid4()), 1])
    answer = await desk.send(f"{path}/attended", file=content)
    tried = await desk.see(answer.headers["location"])
    assert "nothing is recorded yet" in tried
    assert "Row 4" in words_of(tried)
    assert len(await training.events()) == 1
    copy = await training.http.get(f"{answer.headers['location']}/copy.xlsx")
    assert copy.status_code == 404, "it is the one's who sent it"
    assert "Recorded." in await desk.done(f"{answer.headers['location']}/record")
    await desk.done(f"{answer.headers['location']}/record")  # pressed twice
    assert [e.data.volunteer_id for e in await training.events("attendance_recorded")] == [one, two]
    page = words_of(await desk.see(path))
    assert str(one) in page

    [row] = (await training.get("/attendances", volunteer_id=one)).json()["items"]
    void = f"{path}/attendances/{row['attendance_id']}/void"
    assert "The attendance is void." in await desk.done(void, {"reason": "not_present"})
    assert (await desk.send(void, {"reason": "not_present"})).status_code == 422
    assert "Cancelled." in await desk.done(f"{path}/cancel", {"reason": "场地停用"})
    assert "场地停用" in await desk.see(path)
    assert [e.type.split(".")[2] for e in await training.events()][-2:] == ["session_cancelled", "attendance_voided"]


async def test_the_copy_of_an_upload_has_the_errors_in_it(desk: Visitor, training: Service) -> None:
    path = await planned(desk)
    await desk.done(f"{path}/hold")
    answer = await desk.send(f"{path}/attended", {"now": "1"}, file=xlsx(["志愿者编号", "会场编号"], ["张三", 1]))
    own = await session_of(training.settings, Role.CITY_OPERATOR)
    copy = await training.http.get(f"{answer.headers['location']}/copy.xlsx", headers=own)
    assert cells(copy.content)[1][:3] == ["张三", 1.0, "refused"]


async def test_what_is_wrong_stands_beside_its_field(desk: Visitor) -> None:
    for change, field in (
        ({"title_zh": ""}, "title_zh"),
        ({"starts_at": ""}, "starts_at"),
        ({"hours": "viel"}, "hours"),
        ({"organiser": ""}, "organiser"),
        ({"others": "350999"}, "organiser"),
        ({"ends_on": "2014-01-01"}, "ends_on"),
        ({"venues": "甲 | 350999"}, "venues"),
        ({"venues": "", "venue_count": "0"}, "venue_count"),
    ):
        answer = await desk.send("/training/sessions/new", FORM | {"what": "plan"} | change)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text, (change, words_of(answer.text))
    path = await planned(desk)
    for step, fields, field in (
        ("hold", {"hours": "-1"}, "hours"),
        ("cancel", {}, "reason"),
        ("venues", {"venues": "", "version": "1"}, "venues"),
    ):
        answer = await desk.send(f"{path}/{step}", fields)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
    for step in ("attended", "expected"):
        answer = await desk.send(f"{path}/{step}", file=xlsx(["姓名"], ["张三"]))
        assert answer.status_code == 422
    await desk.done(f"{path}/hold")
    for content in (None, b"", xlsx(["姓名"], ["张三"])):
        answer = await desk.send(f"{path}/attended", file=content)
        assert answer.status_code == 422
        assert 'id="attended-file-error"' in answer.text
    changed = await desk.send(f"{path}/venues", {"venues": "甲", "version": "1"})
    assert (changed.status_code, "It was changed since you read it" in changed.text) == (422, True)


async def test_counties_stay_apart_and_readers_press_nothing(training: Service, desk: Visitor) -> None:
    path = await planned(desk)
    other = Visitor(training.http, await training.as_county("350924"))
    await other.see(path, 403)
    assert "骨干培训班" not in await other.see("/training/sessions?state=planned")
    guest = Visitor(training.http, await training.as_county(XIAPU))
    page = await guest.see(path)
    assert f'action="{path}/venues/2/link"' in page
    assert f'action="{path}/venues/1/link"' not in page
    assert f'action="{path}/cancel"' not in page
    for step in ("hold", "cancel", "venues", "venues/1/link", "edit"):
        fields = {"reason": "x", "venues": "甲", "version": "1"} | FORM
        assert (await guest.send(f"{path}/{step}", fields)).status_code == 403
    reader = Visitor(training.http, await session_of(training.settings, Role.AUDITOR))
    assert '<form class="form"' not in await reader.see(path)
    assert (await reader.send(f"{path}/cancel", {"reason": "x"})).status_code == 403


async def test_the_year_s_plan(training: Service, desk: Visitor) -> None:
    session_id = await held(training)
    await attended(training, session_id, entry(await training.volunteer()))
    page = words_of(await desk.see("/training/plan?year=2014"))
    assert "350902 0 1 0 0 2.5 1 Second quarter 0 1 0 0 2.5 1 Total 0 1 0 0 2.5 1" in page


# -- the host's page ---------------------------------------------------------------------------------------------------


async def link(desk: Visitor, path: str, venue: int = 1) -> str:
    """The path of a venue's page."""
    answer = await desk.send(f"{path}/venues/{venue}/link")
    page = await desk.see(answer.headers["location"])
    [address] = [value for value in _values(page) if "/training/venue/" in value]
    return httpx.URL(address).path


async def test_a_host_ticks_and_writes_on_a_page_without_signing_in(training: Service, desk: Visitor) -> None:
    path = await planned(desk)
    one, two, three = [await training.volunteer() for _ in range(3)]
    content = xlsx(["志愿者编号", "会场编号", "名单序号"], [str(one), 1, 1], [str(two), 1, 2])
    assert "rows recorded" in await desk.done(f"{path}/expected", {"now": "1"}, file=content)
    page = await link(desk, path)
    async with httpx.AsyncClient(transport=training.http._transport, base_url="http://test") as phone:
        host = Visitor(phone)
        assert "not opened this session yet" in await host.see(page)
        await desk.done(f"{path}/hold")
        text = await host.see(page)
        assert str(one) in text
        assert "市网信" not in text
        answer = await host.send(page, {"came": [str(one)], "others": f"2\r\n{three}"})
        assert answer.status_code == 303
        assert "Recorded: 3." in await host.see(answer.headers["location"])
        assert len(await training.events("attendance_recorded")) == 3
        wrong = await host.send(page, {"others": "zhangsan"})
        assert wrong.status_code == 422
        assert "zhangsan" in wrong.text
        assert (await host.send(page)).status_code == 422
        seen = await phone.get(page, headers={"Accept": "text/html"})
        assert (seen.headers["cache-control"], seen.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert "link has ended" in await desk.done(f"{path}/venues/1/end-link")
        assert "does not work" in await host.see(page, 404)
        assert (await host.send(page, {"others": str(three)})).status_code == 404


async def test_the_host_s_page_on_another_day(training: Service, desk: Visitor) -> None:
    await training.know(training.roster.unit())
    path = await planned(desk, starts_at=at("2014-05-27 15:00").strftime("%Y-%m-%dT%H:%M"))
    await desk.done(f"{path}/hold")
    page = await link(desk, path)
    assert "open until 2014-05-27" in await desk.see(page)
    refused = await desk.send(page, {"others": str(uuid4())})
    assert refused.status_code == 422
    await desk.done(f"{path}/cancel", {"reason": "x"})
    assert "was cancelled" in await desk.see(page)


async def test_pages_in_chinese_and_for_nobody(training: Service, desk: Visitor) -> None:
    path = await planned(desk)
    headers = await session_of(training.settings, Role.CITY_OPERATOR)
    zh = Visitor(training.http, headers, language="zh")
    for page in ("/training/sessions", "/training/plan", "/training/sessions/new", path, f"{path}/edit"):
        assert '<html lang="zh-CN">' in await zh.see(page)
    async with httpx.AsyncClient(transport=training.http._transport, base_url="http://test") as nobody:
        answer = await nobody.get("/training/sessions", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/roster/sign-in?next=%2Ftraining%2Fsessions")
        assert (await nobody.get("/training/", headers={"Accept": "text/html"})).status_code == 303
    assert UUID(path.rpartition("/")[2])


def _values(html: str) -> list[str]:
    """The values of a page's inputs."""
    found: list[str] = []

    class Inputs(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value for name, value in attrs if tag == "input" and name == "value" and value)

    Inputs().feed(html)
    return found
