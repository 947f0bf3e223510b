"""The committee's reading pages: what the report says, laid out for people. Numbers stand as the API gives them."""

from pathlib import Path

from fastapi import APIRouter

from services.appraisal import county_pages, event_pages, live, overview, trend_pages, what_if_page

TEMPLATES = Path(__file__).with_name("templates")
router = APIRouter(include_in_schema=False)
for part in (overview, county_pages, event_pages, what_if_page, trend_pages, live):
    router.include_router(part.router)
