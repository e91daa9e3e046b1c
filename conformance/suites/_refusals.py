"""What the status of a reply says about one thing in its request."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final

from conformance.model import Finding, Findings, show
from conformance.mutate import Mutant, all_of, edit
from conformance.registry import inconclusive_if, only_if
from conformance.replies import (
    Endpoint,
    Json,
    Refusal,
    Reply,
    a_list,
    a_text,
    an_object,
    objects,
)

REFUSED: Final = (400, 422)
"""RFC 9110 sections 15.5.1 and 15.5.21: the client's mistake, named by either status."""
CRASHED: Final = 500
UNSUPPORTED: Final = ("unsupported_parameter", "unsupported_value")
"""OpenAI's error codes for what one model lacks."""
_ONE_MODEL: Final = re.compile(
    r"Model incompatible request argument|Unrecognized request argument"
    r"|\d+ validation errors? for Request\b"
)
"""What OpenAI's search models, its older ones, and its first vision model say of a parameter."""
_WORDS: Final = 6
"""From how many letters on a name found in a message is no other word."""
_BARE: Final = frozenset(
    ("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens")
)


def sent(reply: Reply, name: str) -> Any:
    """The value of a parameter of a chat request; not applicable where it is absent or null."""
    chat = reply.endpoint is Endpoint.CHAT
    only_if(chat and reply.request.get(name) is not None, f"the request has no {name}")
    return reply.request[name]


def parts(reply: Reply, kind: str) -> list[Json]:
    """The content parts of one type in the messages of a request."""
    messages = [message for _, message in objects(reply.request, "messages")]
    found = [part for message in messages for _, part in objects(message, "content")]
    return [part for part in found if part.get("type") == kind]


def refusal(reply: Reply, *, crash: bool = False) -> Findings:
    """A finding where a request with a mistake in it was answered instead of refused.

    Other failures (401, 404, 429, 5xx) say nothing about the mistake; with ``crash``, 500 does.
    """
    if crash and reply.status == CRASHED:
        yield Finding("status", want=400, got=reply.status)
        return
    said = isinstance(reply, Refusal) and reply.status not in REFUSED
    inconclusive_if(said or 300 <= reply.status < 400, "the request failed in another way")  # noqa: PLR2004  # redirects
    if reply.status not in REFUSED:
        yield Finding("status", want=400, got=reply.status)


def acceptance(reply: Reply, name: str) -> Findings:
    """A finding where a valid parameter was refused for itself.

    A model that lacks what the API has, and says so with OpenAI's codes, is no finding.
    """
    if isinstance(reply, Refusal):
        declared = reply.request_headers.get("content-type") or "application/json"
        only_if("json" in declared.lower(), "the request was not declared as JSON")
        only_if(not lacking(reply), "this model does not take it")
        inconclusive_if(not blames(reply, name), "the request failed for another reason")
        yield Finding(f"request.{name}", want="accepted", got=message_of(reply))


def lacking(reply: Refusal) -> bool:
    """Whether an error says that this one model lacks what the API has, by code or in words."""
    if reply.error.get("code") in UNSUPPORTED:
        return True
    said = message_of(reply)
    return "this model" in said or _ONE_MODEL.match(said) is not None


def blames(reply: Refusal, name: str) -> bool:
    """Whether an error of status 400 or 422 is about the parameter ``name``."""
    if reply.status not in REFUSED:
        return False
    param = reply.error.get("param")
    if isinstance(param, str) and param:
        return re.split(r"[.\[]", param)[0] == name
    places = [an_object(item).get("loc") for item in a_list(reply.body.get("detail"))]
    if any(name in a_list(place) for place in places):
        return True
    message = message_of(reply)
    return (
        len(name) >= _WORDS
        and "context" not in message
        and re.search(rf"\b{re.escape(name)}\b", message) is not None
    )


def message_of(reply: Reply) -> str:
    """What an error says, wherever it says it."""
    error = reply.body.get("error")
    said = a_text(an_object(error).get("message")) or a_text(error)
    return show(reply.document.value) if not said else said[:1000]


def bare(reply: Reply, *names: str) -> bool:
    """Whether a request has nothing but the essentials and these parameters."""
    return reply.request.keys() <= _BARE.union(names)


def crash(reply: Reply, *names: str) -> Findings:
    """A finding where status 500 answers a request in which only these parameters are unusual."""
    if reply.status == CRASHED:
        inconclusive_if(not bare(reply, *names), "the request has other parameters too")
        yield Finding("status", want="not a server error", got=reply.status)


def crashed() -> Mutant:
    """The edit that makes an exchange a crash of the server."""
    error = {"message": "Oops.", "type": "server_error", "param": None, "code": None}
    return replace(failed(CRASHED, error), label=f"the answer is a {CRASHED}")


def refused_for(name: str, status: int = 400) -> Mutant:
    """The edit that makes an exchange a refusal of one parameter."""
    error = {
        "message": f"Unknown parameter: '{name}'.",
        "type": "invalid_request_error",
        "param": name,
        "code": "unknown_parameter",
    }
    return replace(failed(status, error), label=f"{name} is refused with {status}")


def failed(status: int, error: Json) -> Mutant:
    """The edit that makes an exchange end in this error."""
    return all_of(
        edit("status", status),
        edit("headers.content-type", "application/json"),
        edit("body", json.dumps({"error": error})),
    )
