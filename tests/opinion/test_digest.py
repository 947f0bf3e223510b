"""The daily e-mail about overdue tips: one a unit and day, tried again when it failed, without personal data."""

from datetime import datetime, timedelta

from services.opinion.digest import Digest
from services.opinion.worker import create_worker
from shared.clock import Clock
from tests.opinion.harness import opinion_at, tip_of
from tests.opinion.mailbox import mailbox
from tests.support.services import settings_for
from tests.training.harness import JIAOCHENG, XIAPU, Service, at

MORNING = at("2014-08-11 09:00")
DESKS = {JIAOCHENG: "jiaocheng@desk.example", XIAPU: "xiapu@desk.example"}


async def sent(opinion: Service, moment: datetime) -> int:
    digest = Digest(opinion.settings, Clock(opinion.settings.zone, story=True))
    with digest._clock.told(moment):
        async with opinion.transaction() as connection:
            return await digest.send(connection)


async def test_one_mail_a_unit_and_day(database_url: str) -> None:
    async with (
        mailbox() as box,
        opinion_at(
            database_url,
            smtp_url=box.url,
            digest_addresses=DESKS,
            public_url="https://q.example",
            mail_from="q@q.example",
        ) as opinion,
    ):
        await opinion.know(opinion.roster.unit(XIAPU))
        text = "盼望办一次交友联谊活动"
        own = await tip_of(opinion, text=text, contact="13800138000")
        given = await tip_of(opinion, reported_at=at("2014-08-03 10:00").isoformat())
        await opinion.post(f"/tips/{given}/triage", {"responsible_unit_id": XIAPU})
        await tip_of(opinion, reported_at=at("2014-08-04 10:00").isoformat())  # due today
        resolved = await tip_of(opinion)
        await opinion.post(f"/tips/{resolved}/resolve", {"outcome": "answered", "answered": True})

        assert await sent(opinion, at("2014-08-11 07:59")) == 0, "not in the night"
        assert await sent(opinion, MORNING) == 2
        assert await sent(opinion, MORNING + timedelta(hours=1)) == 0
        assert {str(message["To"]) for message in box.messages} == set(DESKS.values())
        [mail] = [message for message in box.messages if message["To"] == DESKS[JIAOCHENG]]
        assert mail["Subject"] == "1 件反映已逾期 / 1 tips overdue"
        body = mail.get_content()
        assert f"https://q.example/opinion/desk/tips/{own}" in body
        assert "逾期 7 天" in body
        assert "7 days late" in body
        assert all(told not in body for told in (given, resolved, text, "13800138000"))

        assert await sent(opinion, MORNING + timedelta(days=1)) == 2, "the next day again"


async def test_what_failed_is_tried_again(database_url: str) -> None:
    async with (
        mailbox() as box,
        opinion_at(database_url, smtp_url=box.url, digest_addresses=DESKS) as opinion,
    ):
        await opinion.know(opinion.roster.unit(XIAPU))
        for unit in (JIAOCHENG, XIAPU):
            await tip_of(opinion, unit_id=unit)
        box.refusing.add(DESKS[XIAPU])
        assert await sent(opinion, MORNING) == 1
        box.refusing.clear()
        assert await sent(opinion, MORNING + timedelta(hours=1)) == 1
        assert [str(message["To"]) for message in box.messages] == [DESKS[JIAOCHENG], DESKS[XIAPU]]


async def test_a_server_that_is_away_holds_up_nothing(database_url: str) -> None:
    async with opinion_at(database_url, smtp_url="smtp://127.0.0.1:1", digest_addresses=DESKS) as opinion:
        await tip_of(opinion)
        assert await sent(opinion, MORNING) == 0
        assert await opinion.pool.fetchval("select count(*) from digest") == 0


async def test_no_password_goes_unencrypted(database_url: str) -> None:
    async with mailbox() as box:
        url = box.url.replace("smtp://", "smtp://desk:secret@")
        async with opinion_at(database_url, smtp_url=url, digest_addresses=DESKS) as opinion:
            await tip_of(opinion)
            assert await sent(opinion, MORNING) == 0
        assert not any("AUTH" in line for line in box.dialogue)


async def test_units_without_an_address_and_deployments_without_a_server(database_url: str) -> None:
    async with mailbox() as box:
        for settings in ({"smtp_url": box.url}, {"digest_addresses": DESKS}):
            async with opinion_at(database_url, **settings) as opinion:
                await tip_of(opinion)
                assert await sent(opinion, MORNING) == 0
        assert box.messages == []


def test_the_worker_runs_it() -> None:
    worker = create_worker(settings_for("postgresql://nowhere/none"))
    assert any(getattr(job, "__func__", None) is Digest.send for job in worker._jobs)
