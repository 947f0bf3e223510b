"""Lists of attendances as files: answered row by row, tried out first, given back with the errors in them."""

from typing import Any
from uuid import uuid4

import httpx

from shared.tables import ADVICE, MEDIA_TYPE, RESULT
from tests.tables.books import cells, text, xlsx
from tests.training.harness import JIAOCHENG, XIAPU, Service, refused
from tests.training.test_api import held


async def send(training: Service, session_id: str, content: bytes, query: str = "", **headers: str) -> httpx.Response:
    path = f"/training/api/v1/sessions/{session_id}/attendance-list{query}"
    return await training.http.post(path, content=content, headers=headers)


def said(answer: httpx.Response) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200, answer.text
    return [(row["row"], row["status"], row["code"], row["pointer"]) for row in answer.json()["rows"]]


async def test_a_list_is_answered_row_by_row_and_what_it_leaves_out_is_the_session_s(training: Service) -> None:
    session_id = await held(training)
    one, two, far = await training.volunteer(), await training.volunteer(XIAPU), await training.volunteer()
    content = xlsx(
        ["志愿者编号", "会场编号", "学时", "日期"],
        [str(one), 1],
        [str(two), 10, 1.5, "2014-05-28"],
        [str(far), 11],
        [str(uuid4()), 1],
        [str(one), 2],
        ["张三", 1],
        [str(far), 1, "两小时"],
        [str(far)],
        [str(far), 0],
    )
    tried = await send(training, session_id, content, "?dry_run=true")
    assert await training.events("attendance") == []
    done = await send(training, session_id, content)
    expected = [
        (2, "recorded", None, None),
        (3, "recorded", None, None),
        (4, "refused", "schema", "/venue_no"),
        (5, "refused", "unknown_volunteer", "/volunteer_id"),
        (6, "refused", "already_recorded", None),
        (7, "refused", "schema", "/volunteer_id"),
        (8, "refused", "schema", "/hours"),
        (9, "refused", "schema", "/venue_no"),
        (10, "refused", "schema", "/venue_no"),
    ]
    assert said(tried) == said(done) == expected
    assert (done.json()["recorded"], done.json()["refused"]) == (2, 7)
    assert [row["attendance_id"] for row in tried.json()["rows"]] == [None] * 9
    first, second = await training.events("attendance_recorded")
    assert (first.data.hours, first.data.held_on.isoformat(), first.data.venue_no) == (2.5, "2014-05-27", 1)
    assert (second.data.hours, second.data.held_on.isoformat(), second.county) == (1.5, "2014-05-28", XIAPU)


async def test_a_copy_comes_back_with_the_errors_in_it_and_the_corrected_copy_is_taken(training: Service) -> None:
    session_id = await held(training, venue_count=1)
    one, two = await training.volunteer(), await training.volunteer()
    content = text(["volunteer_id"], [str(one)], ["=cmd"], encoding="gb18030")
    answer = await send(training, session_id, content, Accept=MEDIA_TYPE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    headings, good, bad = cells(answer.content)
    assert headings == ["volunteer_id", RESULT, ADVICE]
    assert good == [str(one), "recorded", ""]
    assert (bad[:2], "36" in bad[2]) == (["=cmd", "refused"], True)
    corrected = xlsx(headings, good, [str(two), "refused", bad[2]])
    assert [row[1:3] for row in said(await send(training, session_id, corrected))] == [
        ("refused", "already_recorded"),
        ("recorded", None),
    ]


async def test_lists_refused_as_a_whole(training: Service) -> None:
    session_id = await held(training)
    names = await send(training, session_id, xlsx(["志愿者编号", "姓名"], [str(uuid4()), "张三"]))
    assert refused(names) == (422, "schema", "/2")
    assert refused(await send(training, str(uuid4()), xlsx(["志愿者编号"], ["x"]))) == (404, "not_found", None)
    assert refused(await send(training, session_id, bytes(11 * 1024 * 1024))) == (413, "too_large", None)
    own = await training.as_county(XIAPU)
    foreign = await send(training, session_id, xlsx(["志愿者编号"], [str(uuid4())]), **own)
    assert refused(foreign) == (403, "forbidden", None)


async def test_a_list_sent_again_under_its_key_is_answered_as_before(training: Service) -> None:
    session_id, volunteer = await held(training, venue_count=1), await training.volunteer()
    content, key = xlsx(["志愿者编号"], [str(volunteer)]), {"Idempotency-Key": "k1"}
    first = await send(training, session_id, content, **key)
    assert (await send(training, session_id, content, **key)).json() == first.json()
    other = await send(training, session_id, xlsx(["志愿者编号"], ["x"]), **key)
    assert refused(other) == (409, "idempotency_key_reused", None)
    assert len(await training.events("attendance_recorded")) == 1


async def test_the_template_can_be_filled_in(training: Service) -> None:
    answer = await training.get("/attendance-lists/template.xlsx")
    assert cells(answer.content) == [["志愿者编号", "会场编号", "学时", "日期"]]
    own = await training.as_county(JIAOCHENG)
    assert (await training.http.get("/training/api/v1/attendance-lists/template.xlsx", headers=own)).status_code == 200
