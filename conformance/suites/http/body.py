"""The body of a reply in one piece: JSON, and declared as that."""

from __future__ import annotations

import json
import re
from typing import Final

from conformance import jsontext
from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import all_of, change, drop, edit, raw
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import Endpoint, Refusal, Reply, Stream

_JSON: Final = re.compile(r"application/(?:json|[\w.+-]+\+json)")
_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"
_LONGEST: Final = 4
"""How many bytes a character has at most (RFC 3629 section 3)."""
_PACKED: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""How gzip (RFC 1952 section 2.3.1) and zstd (RFC 8878 section 3.1.1) begin; brotli has no mark."""
_STREAMED: Final = (Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.RESPONSES)
_PAGE: Final = re.compile(rb"<(?:!doctype|html|head|body|title|center|\?xml|!--)", re.IGNORECASE)
"""How pages begin, and not what a recorder puts in place of a body: <REDACTED>."""
_ENCODED: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")
"""Bytes of compressed data that no text has."""
_LITERAL: Final = re.compile(r"[\w.+…-]*")
"""The beginning of a number or name, or the dots where somebody cut."""


def _whole(reply: Reply) -> None:
    """End as not applicable unless this is a reply in one piece that had to be JSON."""
    only_if(reply.method in ("GET", "POST"), "another method")
    asked = reply.asked_to_stream and reply.endpoint in _STREAMED
    only_if(not isinstance(reply, Stream), "the reply is a stream")
    if isinstance(reply, Refusal):
        only_if(reply.response.body and _is_json(reply), "the error is not declared as JSON")
    else:
        only_if(200 <= reply.status < 300, "the request did not succeed")  # noqa: PLR2004  # RFC 9110 section 15.3
        only_if(not asked, "a stream was asked for: stream.json_body_forbidden says so")
        # Responses that run in the background are streamed on GET too.
        declared = reply.response.headers.get("content-type") or ""
        only_if(not declared.startswith("text/event-stream"), "the reply is a stream")
    inconclusive_if(reply.exchange.failure, "the connection failed")


def _is_json(reply: Reply) -> bool:
    return _JSON.fullmatch(reply.media_type or "") is not None


def is_packed(reply: Reply) -> bool:
    """Whether a body is compressed data, although it should be plain by now."""
    return reply.response.body.startswith(_PACKED)


def _is_page(reply: Reply) -> bool:
    return _PAGE.match(reply.response.body[:200].removeprefix(_BOM).lstrip(_SPACE)) is not None


def breaks_off(text: str) -> bool:
    """Whether JSON text ends before the value does, as where a recorder stopped or was edited."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :].rstrip()
        return error.msg.startswith("Unterminated string") or bool(_LITERAL.fullmatch(rest))
    except (RecursionError, ValueError):
        return False
    return False


def _may_be_lost(reply: Reply) -> bool:
    """Whether a recorder may have encoded a body, or put one word in its place."""
    body = reply.response.body.strip()
    word = len(body.split(None, 1)) <= 1 and not body.startswith((b"{", b"["))
    return reply.lacks(Evidence.TAIL) and (word or _ENCODED.search(body) is not None)


@check(
    MUST,
    spec="RFC 9110 section 8.3",
    broken_by=[edit("headers.content-type", "text/plain"), drop("headers.content-type")],
)
def content_type_json(reply: Reply) -> Findings:
    """A successful answer is JSON and declared as that.

    openai-node 6.49 hands out text for any other type, and the caller's code throws TypeError.
    """
    only_if(not isinstance(reply, Refusal), "errors.content_type is about errors")
    _whole(reply)
    only_if(reply.response.body and not _is_page(reply), "there is no body, or it is a page")
    if not _is_json(reply):
        masked = reply.lacks(Evidence.HEADERS) and "/" not in (reply.media_type or "")
        only_if(not masked, "the recorder masked the header")
        got = reply.media_type or MISSING
        yield Finding("headers.content-type", want="application/json", got=got)


@check(
    MUST,
    spec="RFC 8259 section 2",
    broken_by=[change("body", lambda body: body[:-10], "the last 10 bytes removed")],
)
def body_valid_json(reply: Reply) -> Findings:
    """The body is one JSON text, from its first byte to its last.

    openai-python 3.52 raises JSONDecodeError, openai-node 6.49 throws SyntaxError.
    """
    _whole(reply)
    only_if(_is_json(reply), "the body is not declared as JSON: http.content_type_json says so")
    only_if(not is_packed(reply) and not _is_page(reply), "it is something else altogether")
    read = reply.document
    only_if(read.invalid_utf8_at is None, "http.body_utf8 says so")
    if read.error and not read.beyond_limits:
        inconclusive_if(_may_be_lost(reply), "the recorder may have cut or replaced the body")
        yield Finding("body", want="JSON", got=reply.response.body[:1000] or read.error)


@check(
    SHOULD,
    spec="RFC 8259 section 9",
    broken_by=[
        change("body", lambda body: b"[" * 300 + body + b"]" * 300, "the body in 300 arrays"),
        raw(b'"created":', b'"created":' + b"1" * 5000),
    ],
)
def body_within_limits(reply: Reply) -> Findings:
    """The body stays within what common readers of JSON take: depth, and digits of an integer.

    Python's reader gives up where the nesting or an integer goes on for thousands.
    """
    _whole(reply)
    only_if(_is_json(reply), "the body is not declared as JSON: http.content_type_json says so")
    if reply.document.beyond_limits:
        yield Finding("body", want="JSON within ordinary limits", got=reply.document.error)


@check(
    MUST,
    spec="RFC 8259 section 8.1",
    needs=[Evidence.BODY],
    broken_by=[raw("Zoë".encode(), "Zoë".encode("latin-1")).on("chat.unicode")],
)
def body_utf8(reply: Reply) -> Findings:
    """JSON is encoded in UTF-8.

    Clients decode it so, and fail or show other characters.
    """
    _whole(reply)
    only_if(_is_json(reply) and not is_packed(reply), "it is something else altogether")
    at, body = reply.document.invalid_utf8_at, reply.response.body
    if at is not None:
        kept = body.lstrip(_SPACE).startswith((b"{", b"[")) and at < len(body.rstrip()) - _LONGEST
        inconclusive_if(
            reply.lacks(Evidence.TAIL) and not kept, "the recorder may have cut or packed the body"
        )
        yield Finding("body", want=f"UTF-8 at byte {at}", got=body[at : at + 20].hex())


@check(
    MUST,
    spec="RFC 8259 section 8.1",
    needs=[Evidence.BODY],
    broken_by=[change("body", lambda body: _BOM + body, "a byte order mark")],
)
def body_no_bom(reply: Reply) -> Findings:
    """JSON does not start with a byte order mark.

    A JSON parser may refuse it, and many do.
    """
    _whole(reply)
    if reply.response.body.startswith(_BOM):
        yield Finding("body", want="no byte order mark", got="EF BB BF")


def _documents(reply: Reply) -> list[tuple[str, jsontext.Document]]:
    """The JSON of a reply: its body, or the data of each event. Raises NotApplicable."""
    if isinstance(reply, Stream):
        return reply.documents
    _whole(reply)
    return [("body", reply.document)]


@check(
    MUST,
    spec="RFC 8259 section 6",
    needs=[Evidence.BODY],
    broken_by=[
        edit("choices[0].logprobs.content[0].logprob", float("-inf"))
        .on("chat.logprobs")
        .also("chat.logprobs_value_range")
    ],
)
def body_no_nan(reply: Reply) -> Findings:
    """Numbers are finite: NaN and Infinity are no JSON.

    Python reads them, every browser and most other languages refuse the whole text.
    """
    for at, read in _documents(reply):
        names = [literal for literal in read.constants if not literal[-1:].isdigit()]
        if names:
            yield Finding(at, want="a finite number or null", got=", ".join(names))


@check(
    SHOULD,
    spec="RFC 8259 section 4",
    needs=[Evidence.BODY],
    broken_by=[
        raw(b'"role":"assistant"', b'"role":"assistant","role":"assistant"').on("chat.basic")
    ],
)
def body_no_duplicate_keys(reply: Reply) -> Findings:
    """An object has no two members of the same name.

    Which of the two counts differs from parser to parser.
    """
    for at, read in _documents(reply):
        if read.duplicates:
            yield Finding(at, want="each name once", got=", ".join(read.duplicates))


@check(
    MUST,
    spec="RFC 9110 section 8.3",
    broken_by=[
        all_of(
            edit("headers.content-type", "text/html"),
            edit("body", "<!DOCTYPE html><html><body>Welcome</body></html>"),
        ).on("chat.basic")
    ],
)
def body_not_html(reply: Reply) -> Findings:
    """A successful answer of the API is not a page in HTML.

    With a wrong base URL openai-python 3.52 returns the page as a string, and the caller's code
    raises AttributeError.
    """
    only_if(not isinstance(reply, Refusal), "errors.no_html is about errors")
    _whole(reply)
    accepted = reply.request_headers.get("accept") or ""
    only_if("text/html" not in accepted.lower(), "a browser asked")
    if _is_page(reply):
        yield Finding("body", want="JSON", got=reply.response.body[:200])
