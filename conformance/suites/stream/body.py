"""What comes instead of an event stream where one was asked for."""

from __future__ import annotations

import json
from typing import Any

from conformance import jsontext
from conformance.model import Evidence, Finding, Findings
from conformance.mutate import Mutant, all_of, change, edit
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import EndlessStream, Endpoint, Refusal, Reply, Stream
from conformance.sse import MAX_EVENTS

STREAMED = (Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.RESPONSES)


def _as_lines(body: bytes) -> bytes:
    events = [event.removeprefix(b"data: ") for event in body.split(b"\n\n")]
    return b"".join(event + b"\n" for event in events if event.startswith(b"{"))


def _as_one(body: bytes) -> bytes:
    first: Any = json.loads(body.partition(b"\n")[0].removeprefix(b"data: "))
    return json.dumps(first | {"object": "chat.completion"}).encode()


def _sent(media_type: str, mutant: Mutant) -> Mutant:
    return all_of(edit("headers.content-type", media_type), mutant)


def _judged(reply: Reply) -> None:
    """Only a success where a stream was asked for, and not one that reports an error."""
    asked = reply.asked_to_stream and reply.endpoint in STREAMED and reply.method == "POST"
    only_if(asked, "no stream was asked for")
    successful = 200 <= reply.status < 300  # noqa: PLR2004  # RFC 9110 section 15.3
    only_if(successful and not isinstance(reply, Refusal), "the request failed")
    only_if(not isinstance(reply, EndlessStream), "the stream is too long to be read")
    inconclusive_if(reply.exchange.failure, "the connection failed")
    body = reply.response.body
    inconclusive_if(not body.strip(), "the body is empty")
    inconclusive_if(b"\0" in body[:1000], "the body is not text")
    # Some recorders keep the events without what was around them, but not without their type.
    declared = reply.response.headers.get("content-type") or ""
    replaced = declared.startswith("text/event-stream") or "/" not in declared
    lost = reply.lacks(Evidence.TAIL) and replaced and not isinstance(reply, Stream)
    inconclusive_if(lost, "the recorder may have kept what it read from a stream")


def _holds_lines(reply: Reply) -> bool:
    """Whether the body is one JSON object after the other, a line each."""
    first, _, rest = reply.response.body.strip().partition(b"\n")
    is_object = isinstance(jsontext.parse(first[: 1 << 20]).value, dict)
    return is_object and rest.strip().startswith(b"{")


@check(
    MUST,
    spec="CreateChatCompletionRequest.stream",
    broken_by=[
        _sent("application/json", change("body", _as_one, "one JSON object instead of events")),
        _sent("text/html", edit("body", "<html><body>Please wait</body></html>")),
    ],
)
def json_body_forbidden(reply: Reply) -> Findings:
    """A successful answer to a request with stream: true is an event stream.

    openai-python 3.52 and openai-node 6.49 find no chunk in it and end the loop as if the answer
    were empty; their helpers raise.
    """
    _judged(reply)
    if not isinstance(reply, Stream) and not _holds_lines(reply):
        yield Finding("body", "server-sent events", reply.response.body[:1000])


@check(
    MUST,
    spec="CreateChatCompletionRequest.stream",
    broken_by=[_sent("application/x-ndjson", change("body", _as_lines, "JSON lines"))],
)
def sse_not_ndjson(reply: Reply) -> Findings:
    """A stream consists of server-sent events, not of bare JSON lines.

    openai-python 3.52 and openai-node 6.49 find no chunk in it and end the loop as if the answer
    were empty; their helpers raise.
    """
    _judged(reply)
    if not isinstance(reply, Stream) and _holds_lines(reply):
        yield Finding("body", "lines that start with data:", reply.response.body[:1000])


@check(
    SHOULD,
    spec="A limit of this tool; no genuine answer comes near it",
    broken_by=[change("body", lambda body: body[:-14] * 2000, "the events sent 2,000 times")],
)
def sse_bounded(stream: Stream | EndlessStream) -> Findings:
    """A stream ends before its hundred thousandth event.

    A client that waits for the end of an answer must get there; nothing else is judged on it.
    """
    if isinstance(stream, EndlessStream):
        yield Finding("events", f"at most {MAX_EVENTS:,} events", f"more than {MAX_EVENTS:,}")
