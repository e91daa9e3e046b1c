"""The body of an error: one object with the member error, and what is in it."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any, Final

from conformance import jsontext
from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import change, drop, edit
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    Completion,
    Embeddings,
    ErrorReply,
    Json,
    Model,
    ModelList,
    a_text,
    is_int,
)
from conformance.suites._refusals import message_of
from conformance.suites.errors.mistakes import mistake

_REFUSED: Final = 400
_AHEAD: Final = (502, 503, 504, *range(520, 531))
"""What gateways say of a server that they can't reach; from 520 on those of Cloudflare."""
_MASK: Final = re.compile(r"\W*(?:redacted|filtered|masked|scrubbed|removed)\W*", re.IGNORECASE)
_SHORT: Final = 40
_SCOPES: Final = "Missing scopes: "
"""What OpenAI's own check of restricted keys says, at times in a string error."""
_PARAMETERS: Final = "errors.unknown_parameter"


class Shape(StrEnum):
    """The forms in which servers tell an error; a body is of exactly one."""

    ENVELOPE = "an object error"
    ARRAY = "an array"
    DETAIL = "only detail"
    STRING = "a string error"
    FLAT = "no object error"
    TEXT = "no JSON"


def shape(reply: ErrorReply) -> Shape:
    """The form of an error's body."""
    body: Any = reply.document.value
    if body is MISSING:
        return Shape.TEXT
    if isinstance(body, list):
        return Shape.ARRAY
    if not isinstance(body, dict):
        return Shape.FLAT
    error = body.get("error")
    if isinstance(error, dict):
        return Shape.ENVELOPE
    if isinstance(error, str):
        return Shape.STRING
    return Shape.DETAIL if body.keys() == {"detail"} else Shape.FLAT


def _json_shape(reply: ErrorReply) -> Shape:
    found = shape(reply)
    only_if(found is not Shape.TEXT, "the body is not JSON")
    return found


def _enveloped(reply: ErrorReply) -> Json:
    only_if(shape(reply) is Shape.ENVELOPE, "the body has no object error")
    return reply.error


def _flat(body: bytes) -> bytes:
    return json.dumps({"object": "error", **json.loads(body)["error"]}).encode()


@check(
    MUST,
    spec="ErrorResponse.error",
    broken_by=[
        change("body", _flat, "the members of error without it").on(_PARAMETERS),
        edit("error", None).on(_PARAMETERS),
        edit("error", ["temperature is too high"]).on(_PARAMETERS),
    ],
)
def envelope(reply: ErrorReply) -> Findings:
    """An error's JSON body is an object with the member error.

    openai-node 6.49 loses the message of any other: "400 status code (no body)".
    """
    if _json_shape(reply) is Shape.FLAT:
        body = reply.document.value
        inconclusive_if(_is_elsewhere(reply), "a gateway, or a recorder, may have written it")
        got = body.get("error", MISSING) if isinstance(body, dict) else body
        yield Finding("error", want="an object", got=got)


def _is_elsewhere(reply: ErrorReply) -> bool:
    """Whether a body may come from what stands in front of a server, or from a recorder."""
    masked = reply.lacks(Evidence.FRESH) and isinstance(reply.document.value, str)
    ahead = reply.body.get("cloudflare_error") is True or reply.status in _AHEAD
    return masked or ahead


@check(
    MUST,
    spec="ErrorResponse",
    broken_by=[change("body", lambda body: b"[" + body + b"]", "in an array").on(_PARAMETERS)],
)
def not_array(reply: ErrorReply) -> Findings:
    """An error's JSON body is not an array.

    openai-node 6.49 loses the message: "400 status code (no body)".
    """
    if _json_shape(reply) is Shape.ARRAY:
        yield Finding("body", want="an object with the member error", got=reply.document.value)


@check(
    MUST,
    spec="ErrorResponse.error",
    broken_by=[edit("body", '{"detail":[{"loc":["body","temperature"]}]}').on(_PARAMETERS)],
)
def not_detail(reply: ErrorReply) -> Findings:
    """An error's JSON body is not the web framework's {"detail": ...}.

    openai-node 6.49 loses the message: "422 status code (no body)".
    """
    if _json_shape(reply) is Shape.DETAIL:
        yield Finding("body", want="an object with the member error", got=reply.document.value)


@check(
    MUST,
    spec="ErrorResponse.error",
    broken_by=[edit("error", "temperature is too high").on(_PARAMETERS)],
)
def not_string(reply: ErrorReply) -> Findings:
    """The member error is an object, not a string.

    openai-python 3.52 has neither code nor type nor param then, by which clients decide.
    """
    if _json_shape(reply) is Shape.STRING:
        inconclusive_if(_SCOPES in reply.body["error"], "what checks the key may have written it")
        masked = _MASK.fullmatch(reply.body["error"].strip()[:_SHORT])
        inconclusive_if(reply.lacks(Evidence.FRESH) and masked, "a recorder may have masked it")
        yield Finding("error", want="an object", got=reply.body["error"])


@check(MUST, spec="Error.message", broken_by=[drop("error.message"), edit("error.message", {})])
def message(reply: ErrorReply) -> Findings:
    """An error has a message, a non-empty string.

    openai-node 6.49 shows the raw JSON instead, and users learn nothing.
    """
    error = _enveloped(reply)
    # OpenAI's own refusals of a wrong key had an empty message for some of 2023.
    told = error.get("message") == "" and a_text(error.get("code"))
    inconclusive_if(told, "the code says it")
    if not a_text(error.get("message")).strip():
        got = error.get("message", MISSING)
        yield Finding("error.message", want="a non-empty string", got=got)


@check(SHOULD, spec="Error.type", broken_by=[drop("error.type")])
def type(reply: ErrorReply) -> Findings:  # noqa: A001  # named after the rule, and used nowhere
    """An error has a type, a string.

    By it clients tell a bad request from an exhausted quota.
    """
    error = _enveloped(reply)
    if not isinstance(error.get("type"), str):
        yield Finding("error.type", want="a string", got=error.get("type", MISSING))


@check(
    SHOULD, spec="Error.param", broken_by=[drop("error.param"), edit("error.param", ["messages"])]
)
def param(reply: ErrorReply) -> Findings:
    """An error has the member param, a string or null.

    Strictly typed clients can't read an error without it.
    """
    yield from _text_or_null(_enveloped(reply), "param")


@check(
    SHOULD,
    spec="Error.code",
    broken_by=[drop("error.code"), edit("error.code", 400).on(_PARAMETERS)],
)
def code(reply: ErrorReply) -> Findings:
    """An error has the member code, a string or null.

    openai-python 3.52 turns a number into a string, openai-node 6.49 does not: the same
    comparison succeeds in one and fails in the other.
    """
    yield from _text_or_null(_enveloped(reply), "code")


def _text_or_null(error: Json, name: str) -> Findings:
    value = error.get(name, MISSING)
    if value is not None and not isinstance(value, str):
        yield Finding(f"error.{name}", want="a string or null", got=value)


@check(
    SHOULD,
    spec="measured: gateways put the status there",
    broken_by=[edit("error.code", 500).also("errors.code")],
)
def code_matches_status(reply: ErrorReply) -> Findings:
    """A code that is a number is the HTTP status.

    Otherwise one of the two is wrong, and clients decide by either.
    """
    value = _enveloped(reply).get("code")
    only_if(reply.status >= _REFUSED, "errors.status_not_200 says so")
    if is_int(value) and value != reply.status:
        yield Finding("error.code", want=reply.status, got=value)


@check(
    SHOULD,
    spec="measured: OpenAI names the parameter",
    broken_by=[edit("error", {"message": "Bad request", "type": "x", "param": None, "code": None})],
)
def param_names_field(reply: ErrorReply) -> Findings:
    """The refusal of a value that is out of range names its parameter.

    Whoever gets it sent a dozen of them.
    """
    error = _enveloped(reply)
    name = mistake(reply)
    only_if(name and reply.status == _REFUSED, "no value is out of range")
    said = f"{str(error.get('param'))[:200]} {message_of(reply)}".lower()
    inconclusive_if("model" in said, "the request failed for another reason")
    if name not in said and name.replace("_", " ") not in said:
        yield Finding("error.param", want=name, got=error.get("param", MISSING))


@check(
    SHOULD,
    spec="measured: OpenAI",
    broken_by=[
        edit("error.message", '{"error":{"message":"Unsupported value","code":"x"}}').on(
            _PARAMETERS
        )
    ],
)
def not_wrapped_json(reply: ErrorReply) -> Findings:
    """The message of an error is a sentence, not another error as JSON.

    Users are shown it as it is, and the code inside is lost.
    """
    said = a_text(_enveloped(reply).get("message"))
    if said.lstrip().startswith("{") and isinstance(jsontext.parse(said).value, dict):
        yield Finding("error.message", want="a sentence", got=said)


@check(
    MUST,
    spec="RFC 9110 section 15; OpenAI guide: Error codes",
    broken_by=[
        edit("status", 200).on(_PARAMETERS),
        edit("error", {"message": "overloaded"}).on("embeddings.float"),
    ],
)
def status_not_200(reply: ErrorReply | Completion | Embeddings | ModelList | Model) -> Findings:
    """An error has a status of 400 and above, never 200.

    openai-python 3.52 and openai-node 6.49 take 200 for an answer and throw TypeError in the middle
    of the caller's code; neither retries.
    """
    if reply.status < _REFUSED and reply.body.get("error"):
        yield Finding("status", want="400 or above", got=f"{reply.status} with an error")
