"""The status of an error fits what the error says."""

from __future__ import annotations

import json
import re
from typing import Final

from conformance.model import Finding, Findings
from conformance.mutate import all_of, edit
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import ErrorReply, Refusal, Reply, Stream, a_text
from conformance.suites._refusals import crashed, message_of
from conformance.suites.chat.request import only_if_as_sent
from conformance.suites.errors.mistakes import misshapen, mistake

_BAD_KEY: Final = re.compile(
    r"\b(?:incorrect|invalid|wrong) api[ _-]?key\b|\bapi[ _-]?key (?:is )?(?:not valid|invalid)\b",
    re.IGNORECASE,
)
_NO_KEY: Final = re.compile(
    r"n[o']t provide an api key|\bmissing (?:api[ _-]?key|authori[sz]ation|authentication)\b",
    re.IGNORECASE,
)
_NO_MODEL: Final = re.compile(r"\bmodel\b.{0,100}\b(?:does not exist|not found)\b", re.IGNORECASE)
_MADE_UP: Final = re.compile(
    r"no[-_]such[-_]model|does[-_]not[-_]exist|non-?existent", re.IGNORECASE
)
_TOO_LONG: Final = re.compile(
    r"maximum (?:context|prompt) length|context[ _]length exceeded|exceeds the context size",
    re.IGNORECASE,
)
_RATE: Final = ("rate_limit_exceeded", "rate_limit_error", "rate_limited", "too_many_requests")
_CRASHED: Final = 500
_ELSEWHERE: Final = (401, 402, 403, 404, 405, 407, 408, 429, 502, 503, 504)
"""What may have stopped a request before anybody read its body."""


def _says(reply: Refusal, pattern: re.Pattern[str], *codes: str) -> bool:
    """Whether an error has one of these codes, or words like these."""
    return reply.error.get("code") in codes or pattern.search(message_of(reply)) is not None


def _expect(reply: Reply, *statuses: int) -> Findings:
    """A finding where the status is none of these, of which the first is the right one."""
    if reply.status not in statuses:
        yield Finding("status", want=statuses[0], got=reply.status)


@check(
    MUST,
    spec="OpenAI guide: Error codes",
    broken_by=[
        edit("status", 400).on("errors.wrong_key"),
        edit("status", 403).on("errors.wrong_key"),
    ],
    covers=["errors.401.bad_key"],
)
def bad_key_401(reply: ErrorReply) -> Findings:
    """A wrong key is answered with 401.

    Clients ask for another key on 401 only; 400 looks like a mistake in the request.
    """
    only_if(_says(reply, _BAD_KEY, "invalid_api_key"), "the key is not the matter")
    inconclusive_if(reply.status >= _CRASHED, "it may be the server's own key")
    yield from _expect(reply, 401)


@check(
    MUST,
    spec="OpenAI guide: Error codes",
    broken_by=[edit("status", 400).on("errors.missing_key")],
    covers=["errors.401.missing_key"],
)
def missing_key_401(reply: ErrorReply) -> Findings:
    """A missing key is answered with 401.

    Clients ask for a key on 401 only; 400 looks like a mistake in the request.
    """
    only_if(_says(reply, _NO_KEY), "a missing key is not the matter")
    inconclusive_if(reply.status >= _CRASHED, "it may be the server's own key")
    yield from _expect(reply, 401)


@check(
    MUST,
    spec="OpenAI guide: Error codes",
    broken_by=[
        edit("status", 500).on("errors.unknown_model"),
        edit("request.model", "no-such-model").on("chat.basic").also("chat.response_model_echo"),
    ],
    covers=["errors.404.unknown_model"],
)
def unknown_model_404(reply: Reply) -> Findings:
    """An unknown model is answered with 404, not with another model and not with 500.

    A typing mistake would silently cost another price and give another quality.
    """
    if isinstance(reply, Refusal):
        only_if(_says(reply, _NO_MODEL, "model_not_found"), "the model is not the matter")
        if reply.status == _CRASHED:
            yield Finding("status", want=404, got=reply.status)
    else:
        only_if(reply.method == "POST", "not a request to a model")
        only_if(not (isinstance(reply, Stream) and reply.errors), "the stream reports an error")
        only_if(not re.search(r"/(?:deployments|models)/", reply.path), "the URL names the model")
        only_if(_MADE_UP.search(a_text(reply.request.get("model"))), "the model may exist")
        yield Finding("status", want=404, got=reply.status)


@check(
    MUST,
    spec="OpenAI guide: Error codes; RFC 9110 section 15.5.1",
    broken_by=[edit("status", 500).on("errors.bad_json")],
    covers=["errors.400.malformed_json"],
)
def malformed_json_400(reply: Reply) -> Findings:
    """A body that is not JSON is answered with 400.

    The official SDKs repeat a request twice on 500: three failures instead of one.
    """
    body = reply.exchange.request.body
    only_if(reply.method == "POST" and body.strip(), "the request has no body")
    declared = reply.request_headers.get("content-type") or "application/json"
    only_if("json" in declared.lower(), "the request is not declared as JSON")
    only_if(_is_malformed(body), "the request is JSON")
    only_if_as_sent(reply)
    inconclusive_if(not isinstance(reply, Refusal), "the server may have got another body")
    inconclusive_if(reply.status in _ELSEWHERE, "the request failed before its body was read")
    yield from _expect(reply, 400, 413, 422)


def _is_malformed(body: bytes) -> bool:
    try:
        json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return True
    except (RecursionError, ValueError):
        return False
    return False


@check(
    SHOULD,
    spec="RFC 9110 section 15.5.1",
    broken_by=[edit("status", 500).on("errors.empty_body")],
    covers=["errors.400.empty_body"],
)
def empty_body_400(reply: Reply) -> Findings:
    """A request without a body is answered with 400.

    The official SDKs repeat a request twice on 500: three failures instead of one.
    """
    empty = not reply.exchange.request.body and reply.request_headers.get("content-length") == "0"
    only_if(reply.method == "POST" and empty, "the request has a body")
    inconclusive_if(reply.status in _ELSEWHERE, "the request failed before its body was read")
    yield from _expect(reply, 400, 411, 422)


@check(
    MUST,
    spec="OpenAI guide: Error codes",
    broken_by=[edit("status", 500).on("errors.context_length")],
    covers=["errors.400.context_length"],
)
def context_length_400(reply: ErrorReply) -> Findings:
    """A prompt that is too long for the model is answered with 400.

    Clients shorten a conversation on 400; on 500 the official SDKs send it twice more.
    """
    only_if(_says(reply, _TOO_LONG, "context_length_exceeded"), "the length is not the matter")
    inconclusive_if(reply.status in _ELSEWHERE, "another reason may be the first")
    yield from _expect(reply, 400, 413, 422)


@check(
    SHOULD,
    spec="measured: OpenAI",
    broken_by=[edit("error.code", None).on("errors.context_length")],
    covers=["errors.400.context_length_code"],
)
def context_length_code(reply: ErrorReply) -> Findings:
    """The error about a prompt that is too long has the code context_length_exceeded.

    By it agents know that they have to shorten the conversation.
    """
    only_if(reply.error and _TOO_LONG.search(message_of(reply)), "the length is not the matter")
    code = reply.error.get("code")
    only_if(code is None or isinstance(code, str), "errors.code says so")
    if code != "context_length_exceeded":
        yield Finding("error.code", want="context_length_exceeded", got=code)


@check(
    SHOULD,
    spec="measured: OpenAI never uses 422",
    broken_by=[edit("status", 422).on("errors.unknown_parameter")],
    covers=["errors.422.not_for_validation"],
)
def not_for_validation_422(reply: ErrorReply) -> Findings:
    """A bad request is answered with 400, not with 422.

    In the official SDKs 422 is another exception: code that catches BadRequestError misses it.
    """
    only_if(reply.status in (400, 422), "the request is not called bad")
    only_if(reply.method == "POST", "not a request with a body")
    yield from _expect(reply, 400)


@check(
    MUST,
    spec="RFC 6585 section 4",
    broken_by=[edit("status", 500).on("errors.busy")],
    covers=["errors.429.status"],
)
def rate_limit_429(reply: ErrorReply) -> Findings:
    """A request beyond the rate limit is answered with 429.

    Clients wait and try again on 429; other codes of the 4xx range end the program.
    """
    told = (reply.error.get("code"), reply.error.get("type"))
    only_if(any(value in _RATE for value in told), "the rate is not the matter")
    # 413 is what some say of one request that is larger than the limit of tokens per minute.
    yield from _expect(reply, 429, 413, 503)


@check(
    SHOULD,
    spec="RFC 9110 section 15.6.1",
    broken_by=[
        edit("status", 500).on("errors.temperature_2_1"),
        all_of(edit("request.messages[0]", "Say OK."), crashed()).on("chat.basic"),
        all_of(edit("request.messages[0].content", [None]), crashed()).on("chat.basic"),
    ],
    covers=["errors.5xx.retryable_only"],
)
def retryable_5xx(reply: Reply) -> Findings:
    """A mistake of the client is never answered with 500.

    The official SDKs repeat a request twice on 500: three failures instead of one.
    """
    wrong = mistake(reply) or misshapen(reply)
    only_if(wrong, "no value is out of range, and the messages are messages")
    inconclusive_if(reply.status in _ELSEWHERE, "the request failed before its body was read")
    if reply.status == _CRASHED:
        yield Finding("status", want=400, got=reply.status)
