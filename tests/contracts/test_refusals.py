"""The codes of the contract, and messages that can be filled in whatever is told."""

import re
from string import Formatter

import pytest

from shared.contracts.refusals import CODES, Refusal

OF_THE_CONTRACT = set(
    re.findall(
        r"\w+",
        """
not_json not_cloudevents unknown_type schema too_large source_not_allowed id_reused time_out_of_range unknown_volunteer
volunteer_not_active unknown_account account_not_disclosed unknown_session unknown_unit unknown_column unknown_post
unknown_report already_logged already_recorded already_withdrawn personal_data person_targeted
""",
    )
)
OF_HTTP = {
    "not_found": 404,
    "version_conflict": 412,
    "version_required": 428,
    "idempotency_key_reused": 409,
    "invalid_state": 409,
    "unavailable": 503,
    "behind_own_topic": 503,
    "internal": 500,
    "unauthorized": 401,
    "forbidden": 403,
    "rate_limited": 429,
    "quota_full": 409,
    "no_consent": 422,
    "not_eligible": 422,
    "no_source": 422,
    "no_evidence": 422,
    "out_of_order_date": 422,
}


def test_every_code_of_the_contract_is_there():
    assert len(OF_THE_CONTRACT) == 22
    assert set(CODES) >= OF_THE_CONTRACT
    assert {code: CODES[code].status for code in OF_HTTP} == OF_HTTP


@pytest.mark.parametrize("name", CODES)
def test_a_code_says_what_to_do_in_both_languages(name: str):
    code = CODES[name]
    assert 400 <= code.status < 600
    assert any("\u4e00" <= letter <= "\u9fff" for letter in code.zh)
    assert code.en[0].isupper()
    assert code.en.isascii()
    assert code.en.endswith(".")
    placeholders = [{place for _, place, _, _ in Formatter().parse(text) if place} for text in (code.zh, code.en)]
    assert placeholders[0] == placeholders[1]


def test_a_message_is_filled_in():
    assert Refusal("source_not_allowed", source="/ext/a").message["en"] == "The source must be /ext/a."
    told = Refusal("invalid_state", reason={"zh": "已结案", "en": "it is closed"}).message
    assert "已结案" in told["zh"]
    assert "it is closed" in told["en"]
    assert Refusal("invalid_state").message["en"]
    assert Refusal("unknown_unit", unit="{odd}").message["en"]
    assert "{odd}" in Refusal("invalid_state", reason="{odd}").message["en"]
