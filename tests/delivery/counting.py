"""The appraisal's worker with its own subscription to the campaign's events, and what a test puts around it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from services.appraisal.worker import create_worker
from shared.contracts.decoding import Decoded
from shared.delivery.subscription import Read, Subscription
from shared.delivery.worker import Worker
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.tables import SHARES

Apply = Callable[[Connection, Sequence[Read[Decoded]]], Awaitable[None]]


def subscription_to_shares(settings: Settings) -> Subscription[Any]:
    [found] = [s for s in create_worker(settings).subscriptions if s.topic == SHARES]
    return found


def counting_worker(settings: Settings, around: Callable[[Apply], Apply] | None = None, **changed: Any) -> Worker:
    """Reads shares only, to spare the tests three consumers. ``around`` is given the subscription's ``apply`` and makes
    another, which all records go through then; ``changed`` are other fields of the subscription."""
    worker = create_worker(settings)
    subscription = replace(subscription_to_shares(settings), **changed)
    if around is not None:
        subscription = replace(subscription, apply=around(subscription.apply), bulk=None)
    worker.subscriptions = [subscription]
    return worker
