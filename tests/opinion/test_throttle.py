"""The bucket of an address: small, refilled slowly, found by a keyed hash."""

from contextlib import suppress

import pytest

from services.opinion.throttle import CAPACITY, forget_full_buckets, take_token
from shared.contracts.refusals import Refusal
from tests.opinion.harness import Service

SECRET = "a secret of tests alone"


async def taken(opinion: Service, address: str, times: int) -> int:
    """How many of so many tries went through."""
    count = 0
    for _ in range(times):
        with suppress(Refusal):
            async with opinion.transaction() as connection:
                await take_token(connection, SECRET, address)
            count += 1
    return count


async def test_a_bucket_empties_and_fills_again(opinion: Service) -> None:
    assert await taken(opinion, "192.0.2.7", CAPACITY + 3) == CAPACITY
    assert await taken(opinion, "192.0.2.8", 1) == 1, "another address has a bucket of its own"
    await opinion.pool.execute("update form_bucket set at = at - interval '25 minutes'")
    assert await taken(opinion, "192.0.2.7", 5) == 2
    await opinion.pool.execute("update form_bucket set at = at - interval '1 year'")
    assert await taken(opinion, "192.0.2.7", CAPACITY + 3) == CAPACITY


async def test_the_address_is_stored_nowhere(opinion: Service) -> None:
    await taken(opinion, "192.0.2.7", 1)
    [row] = await opinion.pool.fetch("select * from form_bucket")
    assert len(row["key"]) == 32
    assert b"192" not in row["key"]
    async with opinion.transaction() as connection:
        await take_token(connection, "another secret of tests", "192.0.2.7")
    assert await opinion.pool.fetchval("select count(*) from form_bucket") == 2, "nobody without the secret can look up"


@pytest.mark.parametrize(("other", "buckets"), [("2001:db8:1:2:9::9", 1), ("2001:db8:1:3::1", 2)])
async def test_a_household_of_ipv6_has_one_bucket(opinion: Service, other: str, buckets: int) -> None:
    for address in ("2001:db8:1:2::1", other):
        await taken(opinion, address, 1)
    assert await opinion.pool.fetchval("select count(*) from form_bucket") == buckets


async def test_full_buckets_are_forgotten(opinion: Service) -> None:
    for address in ("192.0.2.7", "192.0.2.8"):
        await taken(opinion, address, 1)
    await opinion.pool.execute(
        "update form_bucket set at = at - interval '1 day' where ctid = (select min(ctid) from form_bucket)"
    )
    async with opinion.transaction() as connection:
        await forget_full_buckets(connection)
    assert await opinion.pool.fetchval("select count(*) from form_bucket") == 1
