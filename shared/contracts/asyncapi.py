"""The AsyncAPI 3.0 document: topics, their keys and records, who sends and who receives."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.contracts.answers import ANSWER_TYPES
from shared.contracts.intake import INTAKE_TYPES
from shared.contracts.registry import of_service
from shared.contracts.schemas import PRODUCER_NAME, TYPES
from shared.contracts.topics import INTAKE_SERVICES, PRODUCER, PRODUCER_TOPICS, TOPICS, Topic, answers_topic

TAKES: dict[str, tuple[str, ...]] = {
    "training": ("qingsheng.intake.attendance_reported.v1",),
    "opinion": ("qingsheng.intake.tip_reported.v1",),
    "campaign": (
        "qingsheng.intake.post_reported.v1",
        "qingsheng.intake.repost_reported.v1",
        "qingsheng.intake.repost_withdrawn.v1",
    ),
}
"""The reports that each service takes."""
_ANSWERS = answers_topic(PRODUCER)


def document() -> dict[str, Any]:
    """The whole document, JSON-ready. Records are described by the schema files beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Qingsheng 青声",
            "version": "1",
            "description": "Event topics of five services, and the front door for other systems. Operations are told from "
            "Qingsheng's side: what its services send, others may receive. Names are without a deployment's prefix.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {_name(topic): _channel(topic) for topic in (*TOPICS, *PRODUCER_TOPICS)},
        "operations": _operations(),
        "components": {"messages": {name: _message(name) for name in TYPES}},
    }


def _name(topic: Topic) -> str:
    return topic.name.replace(f".{PRODUCER}", "")


def _types(topic: Topic) -> Sequence[str]:
    if topic.name == _ANSWERS:
        return tuple(ANSWER_TYPES)
    return tuple(of_service(topic.owner)) if topic in TOPICS else TAKES[topic.consumers[0]]


def _channel(topic: Topic) -> dict[str, Any]:
    kept = -1 if topic.retention is None else int(topic.retention.total_seconds() * 1000)
    told: dict[str, Any] = {
        "address": topic.name,
        "description": f"Key: {topic.key}. Kept {'for ever' if topic.retention is None else f'{topic.retention.days} days'}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _types(topic)},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": kept},
                "bindingVersion": "0.5.0",
            }
        },
    }
    if PRODUCER in topic.name:
        name = PRODUCER.strip("{}")
        told["parameters"] = {name: {"description": f"The registered name of the other system: {PRODUCER_NAME}"}}
    return told


def _operations() -> dict[str, Any]:
    told: dict[str, Any] = {}
    for topic in TOPICS:
        told[f"{topic.owner}.sends.events"] = _operation("send", topic, _types(topic))
        for reader in topic.consumers:
            told[f"{reader}.receives.{topic.owner}.events"] = _operation("receive", topic, _types(topic))
    by_name = {topic.name: topic for topic in PRODUCER_TOPICS}
    answers = by_name[_ANSWERS]
    for service in INTAKE_SERVICES:
        [topic] = [each for each in PRODUCER_TOPICS if each.consumers == (service,)]
        reply = {"channel": _channel_ref(answers), "messages": _message_refs(answers, ANSWER_TYPES)}
        told[f"{service}.receives.reports"] = _operation("receive", topic, TAKES[service]) | {"reply": reply}
        told[f"{service}.sends.answers"] = _operation("send", answers, ANSWER_TYPES)
    return told


def _operation(action: str, topic: Topic, types: Iterable[str]) -> dict[str, Any]:
    return {"action": action, "channel": _channel_ref(topic), "messages": _message_refs(topic, types)}


def _channel_ref(topic: Topic) -> dict[str, str]:
    return {"$ref": f"#/channels/{_name(topic)}"}


def _message_refs(topic: Topic, types: Iterable[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{_name(topic)}/messages/{name}"} for name in types]


def _message(name: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": name,
        "contentType": "application/cloudevents+json",
        "payload": {"$ref": f"./schemas/{name}.json"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }
    # A report and its answers belong together by the report's id.
    place = {**dict.fromkeys(INTAKE_TYPES, "/id"), **dict.fromkeys(ANSWER_TYPES, "/data/request_id")}.get(name)
    return told | ({"correlationId": {"location": f"$message.payload#{place}"}} if place else {})
