"""Amazon Bedrock's InvokeModel API, whose bodies are those of the model's own maker."""

from __future__ import annotations

import base64
import binascii
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from conformance import jsontext
from conformance.dialects import anthropic, anthropic_request, bedrock, eventstream
from conformance.dialects.base import ERROR, Dialect, Json, Meaning, Refused, body_of, json_reply
from conformance.dialects.blocks import Spoken, of_chunks, of_completion
from conformance.model import Exchange, Request, Response
from conformance.replies import a_text, an_object, is_int, is_number, objects
from conformance.targets import to_json

PARTICULAR: Final = ("model", "stream")
"""What the path says here, and the body must not."""
CLAUDE: Final = ("anthropic_version", "max_tokens", "messages")
CLAUDE_MEMBERS: Final = (anthropic_request.MEMBERS | {"anthropic_version", "anthropic_beta"}) - {
    *PARTICULAR
}
BRAND: Final = "bdrk_"
TITAN: Final = ("inputText", "textGenerationConfig")
TITAN_CONFIG: Final = ("maxTokenCount", "temperature", "topP", "stopSequences")
COMPLETED: Final = {
    "stop": "FINISH",
    "length": "LENGTH",
    "content_filter": "CONTENT_FILTERED",
}
FINISHED: Final = {
    **{reason: finish for finish, reason in COMPLETED.items()},
    "STOP_CRITERIA_MET": "stop",
}
METRICS: Final = "amazon-bedrock-invocationMetrics"
ERROR_FORM: Final = "Malformed input request: {}, please reformat your input and try again."


class _Invoke(Dialect):
    """What the makers' bodies have in common: how they travel."""

    @abstractmethod
    def document(self, spoken: Spoken) -> Json:
        """An answer as one document."""

    @abstractmethod
    def events(self, spoken: Spoken) -> Iterator[Json]:
        """An answer bit by bit; the last event also tells what it cost."""

    @abstractmethod
    def said(self, document: Json) -> Meaning | None:
        """What a document says."""

    @abstractmethod
    def told(self, events: Iterable[Json]) -> Meaning | None:
        """What the events of a stream say together; one of type ``error`` is an exception."""

    def whole(self, request: Request, completion: Json) -> Response:
        """A document, and what it cost in the headers."""
        del request
        spoken = of_completion(completion)
        counted = [
            ("x-amzn-bedrock-input-token-count", str(spoken.usage[0])),
            ("x-amzn-bedrock-output-token-count", str(spoken.usage[1])),
            ("x-amzn-bedrock-invocation-latency", str(bedrock.LATENCY)),
        ]
        return json_reply(self.document(spoken), headers=counted)

    def streamed(self, request: Request, chunks: Sequence[Json]) -> Response:
        """An event stream of AWS, in which each event is packed in base64."""
        del request
        spoken = of_chunks(chunks)
        *events, last = self.events(spoken)
        events.append(last | {METRICS: _metrics(spoken)})
        return bedrock.stream_reply(("chunk", _packed(event)) for event in events)

    def refused(self, status: int, message: str) -> Response:
        """An error as AWS has them."""
        return bedrock.refusal(status, message)

    def meaning(self, exchange: Exchange) -> Meaning | None:
        """What a document, a stream or an error says."""
        if exchange.response is None:
            return None
        if exchange.response.status >= ERROR:
            return bedrock.error_of(exchange.response)
        if bedrock.streams(exchange.request):
            return self.told(_unpacked(exchange.response.body))
        return self.said(an_object(jsontext.parse(exchange.response.body).value))


class InvokeClaude(_Invoke):
    """``POST /model/{model}/invoke`` and ``…/invoke-with-response-stream`` for Claude 3 and later.

    The first Claudes completed a prompt.
    """

    name = "bedrock_invoke_claude"
    path = re.compile(
        r"/model/[^/]*anthropic\.claude-(?!v\d|instant)[^/]*/invoke(-with-response-stream)?/?$"
    )

    def asked(self, request: Request) -> Json:
        """Anthropic's body, with what the path says."""
        asked = anthropic_request.openai(body_of(request), CLAUDE, CLAUDE_MEMBERS)
        return asked | _of_path(request)

    def document(self, spoken: Spoken) -> Json:
        """Anthropic's message."""
        return anthropic.message(spoken, BRAND)

    def events(self, spoken: Spoken) -> Iterator[Json]:
        """Anthropic's events, without the ``ping`` that keeps a connection."""
        return (e for e in anthropic.events(spoken, BRAND) if e["type"] != "ping")

    def said(self, document: Json) -> Meaning | None:
        """What Anthropic's message says."""
        return anthropic.said(document)

    def told(self, events: Iterable[Json]) -> Meaning | None:
        """What Anthropic's events say."""
        return anthropic.told(events)


class InvokeTitan(_Invoke):
    """``POST /model/{model}/invoke`` and ``…/invoke-with-response-stream`` for Titan Text."""

    name = "bedrock_invoke_titan"
    path = re.compile(r"/model/[^/]*amazon\.titan-text[^/]*/invoke(-with-response-stream)?/?$")

    def asked(self, request: Request) -> Json:
        """The prompt as what the user says."""
        return _titan(body_of(request)) | _of_path(request)

    def document(self, spoken: Spoken) -> Json:
        """Titan's results, of which there is one."""
        result = {
            "tokenCount": spoken.usage[1],
            "outputText": "".join(block.text for block in spoken.blocks),
            "completionReason": COMPLETED.get(spoken.ended, spoken.ended),
        }
        return {"inputTextTokenCount": spoken.usage[0], "results": [result]}

    def events(self, spoken: Spoken) -> Iterator[Json]:
        """Pieces of the text; the last says why it ended."""
        *pieces, last = [piece for block in spoken.blocks for piece in block.pieces] or [""]
        counted = {"index": 0, "inputTextTokenCount": spoken.usage[0]}
        for piece in pieces:
            yield {"outputText": piece, **counted}
        yield {
            "outputText": last,
            **counted,
            "totalOutputTextTokenCount": spoken.usage[1],
            "completionReason": COMPLETED.get(spoken.ended, spoken.ended),
        }

    def said(self, document: Json) -> Meaning | None:
        """What the first of the results says."""
        results = objects(document, "results")
        if not results:
            return None
        _, first = results[0]
        return _titan_said(
            a_text(first.get("outputText")),
            first.get("completionReason"),
            (document.get("inputTextTokenCount"), first.get("tokenCount")),
        )

    def told(self, events: Iterable[Json]) -> Meaning | None:
        """What the pieces say together."""
        pieces, seen, error = list[str](), Json(), None
        for event in events:
            if event.get("type") == "error":
                error = a_text(an_object(event.get("error")).get("message"))
                continue
            pieces.append(a_text(event.get("outputText")))
            seen |= {name: value for name, value in event.items() if value is not None}
        if not seen and error is None:
            return None
        counts = seen.get("inputTextTokenCount"), seen.get("totalOutputTextTokenCount")
        said = _titan_said("".join(pieces), seen.get("completionReason"), counts)
        return replace(said, error=error)


def _of_path(request: Request) -> Json:
    return {"model": bedrock.model_of(request), "stream": bedrock.streams(request)}


def _metrics(spoken: Spoken) -> Json:
    return {
        "inputTokenCount": spoken.usage[0],
        "outputTokenCount": spoken.usage[1],
        "invocationLatency": bedrock.LATENCY,
        "firstByteLatency": bedrock.LATENCY,
    }


def _packed(event: Json) -> Json:
    return {"bytes": base64.b64encode(to_json(event)).decode()}


def _unpacked(body: bytes) -> Iterator[Json]:
    """The events of a stream; an exception as Anthropic writes errors."""
    for kind, value in bedrock.events_of(eventstream.decode(body)):
        if kind == "exception":
            yield {"type": "error", "error": value}
            continue
        try:
            event = base64.b64decode(a_text(value.get("bytes")))
        except (binascii.Error, ValueError):
            continue
        yield an_object(jsontext.parse(event).value)


def _titan(body: Json) -> Json:
    if not isinstance(body.get("inputText"), str):
        raise Refused(ERROR_FORM.format("#: required key [inputText] not found"))
    config = an_object(body.get("textGenerationConfig"))
    for at, value, known in (("#", body, TITAN), ("#/textGenerationConfig", config, TITAN_CONFIG)):
        for name in value:
            if name not in known:
                raise Refused(ERROR_FORM.format(f"{at}: extraneous key [{name}] is not permitted"))
    for name in ("temperature", "topP"):
        share = config.get(name, 0)
        if not is_number(share) or not 0 <= share <= 1:
            problem = f"#/textGenerationConfig/{name}: {share} is not between 0 and 1"
            raise Refused(ERROR_FORM.format(problem))
    asked = {
        "messages": [{"role": "user", "content": body["inputText"]}],
        "max_tokens": config.get("maxTokenCount"),
        "temperature": config.get("temperature"),
        "top_p": config.get("topP"),
        "stop": config.get("stopSequences") or None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _titan_said(text: str, reason: object, counts: tuple[object, object]) -> Meaning:
    prompt, completion = map(_count, counts)
    finish = a_text(reason)
    return Meaning(
        text=text,
        finish=FINISHED.get(finish, finish) or None,
        usage=None if prompt is None or completion is None else (prompt, completion),
        complete=bool(finish),
    )


def _count(value: object) -> int | None:
    """A number of tokens, which Bedrock's guardrails turn into a decimal."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if is_int(value) else None
