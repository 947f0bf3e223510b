"""Accounts as whoever runs the deployment makes them: a county's operator serves a county that there is."""

import asyncpg
import pytest

from qingsheng import users
from shared.access.roles import Role
from shared.settings import Settings
from tests.support.services import settings_for

COUNTY = [Role.COUNTY_OPERATOR]


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


async def define(settings: Settings, unit_id: str, kind: str, name: str) -> None:
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(
        "insert into roster.unit (unit_id, kind, county, name) values ($1, $2, '350902', jsonb_build_object('zh', $3::text))",
        unit_id,
        kind,
        name,
    )
    await connection.close()


async def test_a_county_that_there_is_not_is_refused_and_those_there_are_are_named(settings: Settings) -> None:
    await define(settings, "350902", "county", "蕉城")
    await define(settings, "350902-T1", "township", "漳湾")
    for unknown in ("999999", "350902-T1"):
        with pytest.raises(ValueError, match=rf"no county has the code {unknown}; there are: 350902 蕉城$"):
            await users.add(settings, "chen.wei", COUNTY, unknown)
    assert await users.listed(settings) == []
    await users.add(settings, "chen.wei", COUNTY, "350902")
    with pytest.raises(ValueError, match="no county has the code 999999"):
        await users.set_roles(settings, "chen.wei", COUNTY, "999999")
    assert [(account["name"], account["county"]) for account in await users.listed(settings)] == [
        ("chen.wei", "350902")
    ]


async def test_before_any_county_is_defined_the_answer_says_so(settings: Settings) -> None:
    with pytest.raises(ValueError, match="no county is defined yet: the city's operator defines units first"):
        await users.add(settings, "chen.wei", COUNTY, "350902")
