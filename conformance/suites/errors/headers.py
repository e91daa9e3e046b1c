"""The headers of an error, and what its body must not be."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings, Request
from conformance.mutate import all_of, by_request, drop, edit
from conformance.registry import MAY, SHOULD, check, inconclusive_if, only_if
from conformance.replies import ErrorReply

DAY: Final = 86_400
"""Seconds."""
_JSON: Final = re.compile(r"application/(?:json|[\w.+-]+\+json)")
_LIMITED: Final = 429
_INFRASTRUCTURE: Final = (401, 408, 502, 503, 504)
"""What a gateway in front of an API also says; OpenAI's own declares some of these as text."""
_QUOTA: Final = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_WAITS: Final = re.compile(r"retry-after(?:-ms)?|(?:x-)?ratelimit-reset.*", re.IGNORECASE)
_MASKED: Final = re.compile(r"redact|mask|your|dummy|fake|test|secret|token|\*|x{3}", re.IGNORECASE)
_KEY: Final = re.compile(r"[A-Za-z0-9._-]{16,}")


def _key(request: Request) -> str:
    return (request.headers.get("authorization") or "").partition(" ")[2]


def _is_page(reply: ErrorReply) -> bool:
    return reply.response.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


@check(
    SHOULD,
    spec="RFC 9110 section 8.3",
    broken_by=[
        edit("headers.content-type", "text/plain").on("errors.unknown_model"),
        all_of(
            edit("headers.content-type", "text/plain"), edit("body", "Failed to deserialize: n")
        ).on("errors.n_0"),
    ],
)
def content_type(reply: ErrorReply) -> Findings:
    """The body of an error is declared as JSON.

    openai-node 6.49 does not read any other: instead of the message it says "400 Bad Request".
    """
    only_if(reply.response.body.strip(), "there is no body")
    only_if(not _is_page(reply), "errors.no_html says so")
    streamed = reply.asked_to_stream and reply.media_type == "text/event-stream"
    only_if(not streamed, "stream.error_before_first_json says so")
    if not _JSON.fullmatch(reply.media_type or ""):
        inconclusive_if(reply.status in _INFRASTRUCTURE, "a gateway may have answered")
        got = reply.media_type or MISSING
        yield Finding("headers.content-type", want="application/json", got=got)


@check(
    SHOULD,
    spec="OpenAI guide: Error codes",
    broken_by=[
        all_of(
            edit("headers.content-type", "text/html"),
            edit("body", "<html><body>Bad Request</body></html>"),
        ).on("errors.unknown_parameter")
    ],
)
def no_html(reply: ErrorReply) -> Findings:
    """An error is not a page in HTML.

    Clients show the page's source, and nobody finds the reason in it.
    """
    if _is_page(reply):
        yield Finding("body", want="JSON", got=reply.response.body[:200])


@check(
    SHOULD,
    spec="OpenAI guide: Rate limits; RFC 6585 section 4",
    needs=[Evidence.HEADERS],
    broken_by=[drop("headers.retry-after").on("errors.busy")],
    covers=["errors.429.retry_after"],
)
def retry_after_429(reply: ErrorReply) -> Findings:
    """A 429 says when to try again: Retry-After or x-ratelimit-reset-*.

    Without it clients guess, and are sent away again.
    """
    only_if(reply.status == _LIMITED, "the status is not 429")
    told = (reply.error.get("code"), reply.error.get("type"))
    only_if(not any(value in _QUOTA for value in told), "waiting does not help")
    if not any(_WAITS.fullmatch(name) for name, _ in reply.response.headers):
        yield Finding("headers.retry-after", want="seconds or a date", got=MISSING)


@check(
    SHOULD,
    spec="RFC 9110 section 10.2.3",
    broken_by=[
        edit("headers.retry-after", "-5").on("errors.busy"),
        edit("headers.retry-after", "soon").on("errors.busy"),
    ],
    covers=["errors.429.retry_after_sane"],
)
def retry_after_sane(reply: ErrorReply) -> Findings:
    """Retry-After is a date, or a number of seconds from 0 to a day.

    Clients that obey it hang or fail; openai-python ignores it.
    """
    value = reply.header("retry-after")
    only_if(value is not None, "there is no Retry-After")
    if value is not None and not _is_sane(value.strip()):
        yield Finding("headers.retry-after", want="0 to 86400 seconds or a date", got=value)


def _is_sane(value: str) -> bool:
    if re.fullmatch(r"-?\d{1,9}(?:\.\d{1,9})?", value):
        return 0 <= float(value) <= DAY
    try:
        parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return False
    return True


@check(
    MAY,
    spec="measured: openai-python 3.52 and openai-node 6.49",
    broken_by=[edit("headers.x-should-retry", "maybe").on("errors.busy")],
)
def no_retry_header(reply: ErrorReply) -> Findings:
    """x-should-retry, where it is sent, is true or false.

    The official SDKs obey these two and ignore any other.
    """
    value = reply.response.headers.get("x-should-retry")
    if value is not None and value not in ("true", "false"):
        yield Finding("headers.x-should-retry", want="true or false", got=value)


@check(
    SHOULD,
    spec="measured: OpenAI shows the ends of a key only",
    broken_by=[
        by_request(
            lambda request: edit("error.message", f"Incorrect API key provided: {_key(request)}."),
            "error.message ends with the key",
        ).on("errors.wrong_key")
    ],
)
def no_secret_echo(reply: ErrorReply) -> Findings:
    """An error does not repeat the API key.

    Errors are logged and pasted into bug reports, and the key with them.
    """
    scheme, _, key = (reply.request_headers.get("authorization") or "").partition(" ")
    only_if(scheme.lower() == "bearer", "no key was sent")
    only_if(_KEY.fullmatch(key) and not _MASKED.search(key), "the key is not known")
    if key.encode() in reply.response.body:
        yield Finding("body", want="the key masked", got="the key")
