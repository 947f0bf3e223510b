"""Free texts are bounded by their length in normal form KC, in one place, and far too long ones before they are normalised."""

import unicodedata
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.appraisal.models import Reason
from services.campaign.models import PublishPost
from services.campaign.models import Title as CampaignTitle
from services.opinion.models import Action, AddEntry, AnswerTip, EvidenceItem, ReportTip
from services.roster.models import ContactList, Disclose, UnitName
from services.training.models import CancelSession, HoldSession, Venue
from services.training.models import Title as TrainingTitle
from shared.contracts import fields
from shared.contracts.intake import PostReported, RepostReported, TipReported

GROWS = "\ufdfa"
"""One character, 18 in normal form KC."""
LIMITS: list[tuple[type[BaseModel], str, int]] = [
    (TipReported, "text", 4_000),
    (ReportTip, "text", 4_000),
    (ReportTip, "contact", 200),
    (PostReported, "title", 200),
    (PublishPost, "title", 200),
    (CampaignTitle, "zh", 200),
    (CampaignTitle, "en", 200),
    (TrainingTitle, "zh", 200),
    (TrainingTitle, "en", 200),
    (HoldSession, "joint_with", 200),
    (Venue, "name", 200),
    (CancelSession, "reason", 200),
    (UnitName, "zh", 200),
    (UnitName, "en", 200),
    (ContactList, "reason", 200),
    (Action, "title", 200),
    (EvidenceItem, "title", 200),
    (AddEntry, "text", 500),
    (AnswerTip, "answer", 2_000),
]
LINKS: list[tuple[type[BaseModel], str]] = [
    (PostReported, "url"),
    (PublishPost, "url"),
    (RepostReported, "post_url"),
    (RepostReported, "link"),
    (EvidenceItem, "link"),
    (Disclose, "disclosure_url"),
]


def flaw(model: type[BaseModel], field: str, value: str) -> str | None:
    """What is said of one field of a body that holds nothing else."""
    with pytest.raises(ValidationError) as invalid:
        model.model_validate({field: value, "no such field": 1})
    return next((error["type"] for error in invalid.value.errors() if error["loc"] == (field,)), None)


@pytest.mark.parametrize(("model", "field", "most"), LIMITS)
def test_texts(model: type[BaseModel], field: str, most: int) -> None:
    assert flaw(model, field, "x" * most) is None
    assert flaw(model, field, "字" * most) is None
    assert flaw(model, field, "x" * (most + 1)) == "string_too_long"
    assert flaw(model, field, GROWS * (most // 18)) is None
    assert flaw(model, field, GROWS * (most // 18 + 1)) == "string_too_long"
    assert flaw(model, field, "e\u0301" * most) is None
    for blank in ("", " ", "\u3000\n"):
        assert flaw(model, field, blank) == "string_too_short"


@pytest.mark.parametrize(("model", "field"), LINKS)
def test_links(model: type[BaseModel], field: str) -> None:
    start = "https://a.cn/"
    assert flaw(model, field, start + "x" * (2_048 - len(start))) is None
    assert flaw(model, field, start + "x" * (2_049 - len(start))) == "string_too_long"
    assert flaw(model, field, start + GROWS * 114) == "string_too_long"


def test_reasons_of_the_appraisal() -> None:
    adapter: TypeAdapter[str] = TypeAdapter(Reason)
    assert adapter.validate_python("x" * 200)
    for wrong in ("x" * 201, GROWS * 12, "  x  "):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_what_is_far_too_long_is_not_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    normalised: list[int] = []
    normalize = unicodedata.normalize

    class Watched:
        @staticmethod
        def normalize(form: Any, text: str) -> str:
            normalised.append(len(text))
            return normalize(form, text)

    monkeypatch.setattr(fields, "unicodedata", Watched)
    assert flaw(TipReported, "text", GROWS * 16_001) == "string_too_long"
    assert normalised == []
    assert flaw(TipReported, "text", GROWS * 16_000) == "string_too_long"
    assert normalised
