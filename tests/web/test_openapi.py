"""Every operation of every OpenAPI document, called by Schemathesis with input made from it: no 5xx, and no answer that
the document does not describe. QINGSHENG_TEST_EXAMPLES=100 looks closer."""

import asyncio
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from qingsheng.producers import issue_key
from qingsheng.registry import SERVICES
from qingsheng.users import operator_session
from tests.browser.conftest import served
from tests.support.services import settings_for

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@schemathesis.serializer(XLSX)
def anything(context: schemathesis.SerializationContext, value: object) -> bytes:
    """No workbook at all: that it is refused is what is looked at here."""
    return str(value).encode()


EXAMPLES = int(os.environ.get("QINGSHENG_TEST_EXAMPLES", "4"))
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
OUTSIDE = ("/readyz", "/healthz", "/metrics")
"""Said to be away on purpose: no worker runs here."""


def call(operation: schemathesis.APIOperation, token: str) -> None:
    """The operation with EXAMPLES inputs. Raises what Schemathesis finds."""

    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def called(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"})

    called()


def _told(error: BaseException) -> str:
    inner = getattr(error, "exceptions", ())
    return "; ".join(_told(each) for each in inner) if inner else str(error)[:1500]


@pytest.mark.parametrize("service", SERVICES)
def test_no_answer_breaks_the_document(database_url: str, stack, topic_prefix: str, service: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    session = asyncio.run(operator_session(settings, "tester"))
    doors = ["training", "opinion", "campaign"]
    key = asyncio.run(issue_key(settings, "generated-input", doors))
    wrong: list[str] = []
    with served(settings, service) as address:
        schema = schemathesis.openapi.from_url(f"{address}/{service}/openapi.json")
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path.endswith(OUTSIDE):
                continue
            try:
                call(operation, key if "/intake" in operation.path else session)
            except BaseException as error:  # groups of failures: all operations are to be told of
                wrong.append(f"{operation.label}: {_told(error)}")
    assert wrong == [], "\n\n".join(wrong)
