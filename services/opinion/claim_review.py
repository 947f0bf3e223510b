"""A closed correction as schema.org's ClaimReview, which search engines and archives read."""

import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from shared.web.i18n import Catalogue


def claim_review(case: Mapping[str, Any], words: Catalogue, *, unit: str, address: str, zone: ZoneInfo) -> Markup:
    """JSON-LD, safe within a script element. The outcome is told in words: facts have no stars."""
    published, closed = case["claim_published_at"].astimezone(zone), case["closed"]
    told: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "url": address,
        "inLanguage": "zh-CN" if words.language == "zh" else "en",
        "datePublished": closed["at"].astimezone(zone).date().isoformat(),
        "claimReviewed": case["claim"] or words("opinion.corrections.unworded", day=published.date()),
        "itemReviewed": {"@type": "Claim", "datePublished": published.isoformat()},
        "author": {"@type": "Organization", "name": unit},
        "reviewRating": {"@type": "Rating", "alternateName": words(f"opinion.correction_outcome.{closed['outcome']}")},
        "citation": closed["official_source"],
        "isBasedOn": [item["link"] for item in case["evidence"]],
    }
    if case["claim_link"]:
        told["itemReviewed"]["appearance"] = {"@type": "CreativeWork", "url": case["claim_link"]}
    if closed["finding"]:
        told["reviewBody"] = closed["finding"]
    text = json.dumps(told, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
