"""The message of a choice."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import change, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import (
    Answer,
    ChatCompletion,
    ChatReply,
    a_text,
    an_object,
    is_int,
    objects,
)

_CONTROL: Final = re.compile(
    r"<\|(?:im_end|im_start|eot_id|eom_id|end_of_text|endoftext|start_header_id|channel|end|"
    r"assistant|user|system)\|>|</s>|\[/?INST\]|<(?:start|end)_of_turn>"
)
_CALL_MARKUP: Final = re.compile(r"<tool_call>|<function=|\[TOOL_CALLS\]")
_AUDIO: Final = ("id", "expires_at", "data", "transcript")
_ELSEWHERE: Final = ("tool_calls", "function_call", "refusal", "audio", "images")
"""The members of a message that can be the answer instead of its text."""


def text_place(reply: ChatReply, answer: Answer) -> str:
    """Where the text of an answer is, or begins."""
    return f"{answer.at}.message.content" if isinstance(reply, ChatCompletion) else answer.at


@check(
    MUST,
    spec="ChatCompletionResponseMessage.role",
    broken_by=[edit("choices[0].message.role", "model"), drop("choices[0].message.role")],
)
def message_role(reply: ChatCompletion) -> Findings:
    """The role of an answer is assistant.

    openai-python 3.52 fails its strict validation without it; the message can't be sent back.
    """
    yield from reply.breaks("choices[*].message.role")


@check(
    MUST,
    spec="ChatCompletionResponseMessage.content",
    broken_by=[drop("choices[0].message.content")],
)
def message_content_key(reply: ChatCompletion) -> Findings:
    """A message has the key content, null if need be.

    openai-node 6.49 hands out undefined, and strict clients fail to read the answer.
    """
    for found in reply.breaks("choices[*].message.content"):
        if found.got is MISSING:
            yield found


@check(
    MUST,
    spec="ChatCompletionResponseMessage.content",
    broken_by=[edit("choices[0].message.content", [{"type": "text", "text": "x"}])],
    covers=["tools.content_null"],
)
def message_content_type(reply: ChatCompletion) -> Findings:
    """The content is a string or null, never an array of parts.

    openai-python 3.52 and openai-node 6.49 hand out the array where every caller expects text.
    """
    for found in reply.breaks("choices[*].message.content"):
        if found.got is not MISSING:
            yield found


@check(
    SHOULD,
    spec="ChatCompletionResponseMessage.content",
    broken_by=[edit("choices[0].message.content", None)],
)
def message_content_nonnull_when_text(reply: ChatCompletion) -> Findings:
    """The content is not null when a choice stopped and nothing else holds the answer.

    Code that joins or prints the text of an answer fails on null.
    """
    for at, choice in reply.choices:
        message = choice.get("message")
        if not isinstance(message, dict) or message.get("content", MISSING) is not None:
            continue
        if choice.get("finish_reason") == "stop" and not any(map(message.get, _ELSEWHERE)):
            yield Finding(f"{at}.message.content", want="text, empty if need be", got=None)


# OpenAI's own answers before September 2024, and two examples in its reference, lack it.
@check(
    MAY,
    spec="ChatCompletionResponseMessage.refusal",
    broken_by=[drop("choices[0].message.refusal"), edit("choices[0].message.refusal", ["no"])],
)
def message_refusal_key(reply: ChatCompletion) -> Findings:
    """A message has the key refusal, null or a string.

    The schema requires it, but no official SDK breaks without it.
    """
    for at, message in reply.messages:
        refusal = message.get("refusal", MISSING)
        if refusal is not None and not isinstance(refusal, str):
            yield Finding(f"{at}.refusal", want="null or a string", got=refusal)


@check(
    SHOULD,
    spec="OpenAI guide: Structured outputs, refusals",
    covers=["structured.refusal.field"],
    broken_by=[edit("choices[0].message.refusal", "I can't help with that.")],
)
def message_refusal_exclusive(reply: ChatCompletion) -> Findings:
    """A refusal comes instead of content, not beside it.

    Clients that look at content first take a refusal for an answer.
    """
    only_if(any("refusal" in message for _, message in reply.messages), "refusals aren't told")
    for at, message in reply.messages:
        if a_text(message.get("refusal")) and a_text(message.get("content")):
            yield Finding(f"{at}.refusal", want="null beside content", got=message["refusal"])


@check(
    MUST,
    spec="ChatCompletionResponseMessage.tool_calls",
    broken_by=[edit("choices[0].message.tool_calls", {}).on("chat.basic")],
)
def message_tool_calls_type(reply: ChatCompletion) -> Findings:
    """tool_calls is an array where it is present.

    Null is tolerated here: it is untidy, but harms no client.
    """
    only_if(
        any("tool_calls" in message for _, message in reply.messages), "there are no tool calls"
    )
    yield from reply.breaks("choices[*].message.tool_calls")


@check(
    SHOULD,
    spec="ChatCompletionResponseMessage.tool_calls",
    broken_by=[edit("choices[0].message.tool_calls", [])],
)
def message_tool_calls_not_empty(reply: ChatCompletion) -> Findings:
    """tool_calls is left out rather than empty.

    Agents that ask whether the member is there go on to run no tool at all.
    """
    for at, message in reply.messages:
        if message.get("tool_calls") == []:
            yield Finding(f"{at}.tool_calls", want="no tool_calls, or some", got=[])


@check(
    SHOULD,
    spec="ChatCompletionResponseMessage.annotations",
    broken_by=[
        edit("choices[0].message.annotations", [{"type": "x"}]),
        edit("choices[0].message.annotations", "none"),
    ],
)
def message_annotations_type(reply: ChatCompletion) -> Findings:
    """The annotations are an array of url_citation objects with url, title and a range.

    openai-python's typed models promise these members; clients link sources with them.
    """
    only_if(any("annotations" in message for _, message in reply.messages), "nothing is annotated")
    yield from reply.breaks("choices[*].message.annotations.**")
    for at, message in reply.messages:
        for place, annotation in objects(message, "annotations", at):
            if annotation.get("type") != "url_citation":
                yield Finding(
                    f"{place}.type", want="url_citation", got=annotation.get("type", MISSING)
                )
                continue
            citation = an_object(annotation.get("url_citation"))
            for name in ("url", "title", "start_index", "end_index"):
                if name not in citation:
                    yield Finding(f"{place}.url_citation.{name}", want="present", got=MISSING)


def _cites(start: object, end: object, url: str = "https://example.com/") -> dict[str, object]:
    citation = {"url": url, "title": "A page", "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": citation}


@check(
    SHOULD,
    spec="ChatCompletionResponseMessage.annotations.url_citation",
    broken_by=[
        edit("choices[0].message.annotations", [_cites(0, 100_000)]),
        edit("choices[0].message.annotations", [_cites(2, 1)]),
    ],
)
def message_annotations_indices(reply: ChatCompletion) -> Findings:
    """The range of a citation lies inside content.

    Clients cut the text by it, and crash or link the wrong words.
    """
    only_if(any("annotations" in message for _, message in reply.messages), "nothing is annotated")
    for at, message in reply.messages:
        # The unit isn't documented; nothing counts more of them than UTF-8 has bytes.
        length = len(a_text(message.get("content")).encode("utf-8", "surrogatepass"))
        for place, annotation in objects(message, "annotations", at):
            citation = an_object(annotation.get("url_citation"))
            start, end = citation.get("start_index"), citation.get("end_index")
            if is_int(start) and is_int(end) and not 0 <= start <= end <= length:
                want = f"a range within 0 to {length}"
                yield Finding(f"{place}.url_citation", want=want, got=[start, end])


@check(
    SHOULD,
    spec="ChatCompletionResponseMessage.function_call",
    broken_by=[
        edit("choices[0].message.function_call", {"name": "f", "arguments": "{}"}).also(
            "tools.none_default_without_tools"
        )
    ],
)
def message_function_call_deprecated(reply: ChatCompletion) -> Findings:
    """function_call answers only requests that sent the deprecated functions.

    Clients that sent tools look at tool_calls and miss the call.
    """
    only_if(reply.request and not reply.request.get("functions"), "functions were sent, or may be")
    for at, message in reply.messages:
        if message.get("function_call") is not None:
            yield Finding(f"{at}.function_call", want="null", got=message["function_call"])


@check(
    SHOULD,
    spec="ChatCompletionResponseMessage.audio",
    broken_by=[
        edit("choices[0].message.audio", {"id": "audio_1", "data": "AAAA"}).on("chat.basic"),
        edit(
            "choices[0].message.audio",
            {"id": "audio_1", "expires_at": 4_000_000_000, "data": "!", "transcript": "Hi"},
        ).on("chat.basic"),
    ],
)
def message_audio_shape(reply: ChatCompletion) -> Findings:
    """Audio has an id, an expiry after created, base64 data and a transcript.

    Clients decode and play the data, and send the id back in the next turn.
    """
    created = reply.body.get("created")
    spoken = [
        (at, one["audio"]) for at, one in reply.messages if isinstance(one.get("audio"), dict)
    ]
    for at, audio in spoken:
        for name in _AUDIO:
            if name not in audio:
                yield Finding(f"{at}.audio.{name}", want="present", got=MISSING)
        if isinstance(audio.get("data"), str) and not _is_base64(audio["data"]):
            yield Finding(f"{at}.audio.data", want="base64", got=audio["data"][:100])
        expires = audio.get("expires_at")
        if is_int(expires) and is_int(created) and expires <= created:
            yield Finding(f"{at}.audio.expires_at", want=f"after {created}", got=expires)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


@check(
    SHOULD,
    spec="measured: reasoning_content or reasoning in vLLM, SGLang, DeepSeek, OpenRouter",
    broken_by=[
        change("choices[0].message.content", lambda text: f"<think>Hm.</think>{text}", "thoughts")
    ],
)
def message_reasoning_separate(reply: ChatReply) -> Findings:
    """Thoughts are not at the beginning of content.

    Users read them as part of the answer, and JSON or code behind them no longer parses.
    """
    only_if(reply.request.get("reasoning_format") != "raw", "raw thoughts were asked for")
    only_if(b"<think" not in reply.exchange.request.body, "the prompt speaks of the mark")
    for answer in reply.answers:
        if re.match(r"\s*<think(?:ing)?>", answer.text):
            at = text_place(reply, answer)
            yield Finding(at, want="no thoughts in it", got=answer.text[:100])


@check(
    SHOULD,
    spec="measured: chat templates of Llama, Qwen, Mistral, Gemma and gpt-oss",
    broken_by=[
        change("choices[0].message.content", lambda text: f"{text}<|im_end|>", "a control token")
    ],
)
def message_no_special_tokens(reply: ChatReply) -> Findings:
    """No control token of a chat template and no markup of a tool call is in content.

    It is shown to users, and ends or forges a turn when the text is sent back.
    """
    sent = reply.exchange.request.body
    # Without tools on offer a call is the model's own idea; in a stream the markup is the finding
    # of stream.tool_content_not_markup.
    called = isinstance(reply, ChatCompletion) and reply.tools
    patterns = [_CONTROL, _CALL_MARKUP] if called else [_CONTROL]
    for answer in reply.answers:
        for pattern in patterns:
            found = pattern.search(answer.text)
            if found and found[0].encode() not in sent:
                at = text_place(reply, answer)
                yield Finding(at, want="no control tokens in it", got=found[0])
