"""Hypothesis strategies for the objects of the OpenAI API as a correct server sends them."""

import base64
import json
import struct
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

text = st.text(max_size=12)
counts = st.integers(0, 10**6)
indices = st.integers(0, 40)
times = st.integers(1_500_000_000, 1_900_000_000)
models = st.sampled_from(["gpt-4o-mini", "meta-llama/Llama-3.3-70B-Instruct", "llama3.1:8b"])
fingerprints = st.none() | st.just("fp_44709d6fcb")
service_tiers = st.sampled_from([None, "auto", "default", "flex", "priority"])
arguments = st.dictionaries(text, st.integers() | text, max_size=2).map(json.dumps)
finish_reasons = st.sampled_from(
    ["stop", "length", "tool_calls", "content_filter", "function_call"]
)
tiny = st.floats(-30, 0, allow_nan=False)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
names = st.sampled_from(["id", "object", "type", "choices", "message", "delta", "error", "output"])
anything = st.recursive(
    scalars,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(names | text, parts, max_size=5),
    max_leaves=15,
)
"""Any value, NaN included, with members that our schemas know."""


def ids(prefix: str) -> st.SearchStrategy[str]:
    """Ids such as ``chatcmpl-4f``."""
    return st.integers(0, 2**48).map(lambda number: f"{prefix}{number:x}")


def nullable(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """``strategy``, or null."""
    return st.none() | strategy


def details(*names: str) -> st.SearchStrategy[Any]:
    """Token counts by kind, some of them, or null."""
    return nullable(st.fixed_dictionaries({}, optional=dict.fromkeys(names, counts)))


@st.composite
def usages(draw: st.DrawFn) -> Json:
    """Draw the usage of a completion, its total being the sum."""
    prompt, completion = draw(counts), draw(counts)
    kinds = {
        "prompt_tokens_details": details("cached_tokens", "audio_tokens", "cache_write_tokens"),
        "completion_tokens_details": details("reasoning_tokens", "audio_tokens"),
    }
    total = {"prompt_tokens": prompt, "completion_tokens": completion}
    extra = draw(st.fixed_dictionaries({}, optional=kinds))
    return {**total, "total_tokens": prompt + completion, **extra}


@st.composite
def token_logprobs(draw: st.DrawFn) -> Json:
    """Draw the log probabilities of one token, with up to two likely ones."""
    token = st.builds(
        lambda word, logprob: {
            "token": word,
            "logprob": logprob,
            "bytes": list(word.encode("utf-8", "replace")),
        },
        text,
        tiny,
    )
    return {**draw(token), "top_logprobs": draw(st.lists(token, max_size=2))}


def logprobs() -> st.SearchStrategy[Any]:
    """Log probabilities as chat completions have them, or null."""
    tokens = nullable(st.lists(token_logprobs(), max_size=2))
    return nullable(st.fixed_dictionaries({"content": tokens}, optional={"refusal": tokens}))


def tool_calls() -> st.SearchStrategy[Json]:
    """A call of a function or of a custom tool."""
    function = st.fixed_dictionaries({"name": st.just("get_weather"), "arguments": arguments})
    custom = st.fixed_dictionaries({"name": st.just("shell"), "input": text})
    call = {"id": ids("call_")}
    return st.fixed_dictionaries(
        {**call, "type": st.just("function"), "function": function}
    ) | st.fixed_dictionaries({**call, "type": st.just("custom"), "custom": custom})


def citations() -> st.SearchStrategy[Json]:
    """A citation in a chat message."""
    members = {"url": text, "title": text, "start_index": indices, "end_index": indices}
    citation = st.fixed_dictionaries(members)
    return st.fixed_dictionaries({"type": st.just("url_citation"), "url_citation": citation})


def messages() -> st.SearchStrategy[Json]:
    """The message of a chat completion's choice."""
    function_call = st.fixed_dictionaries({"name": text, "arguments": arguments})
    return st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": nullable(text)},
        optional={
            "refusal": nullable(text),
            "tool_calls": nullable(st.lists(tool_calls(), min_size=1, max_size=2)),
            "annotations": nullable(st.lists(citations(), max_size=1)),
            "function_call": nullable(function_call),
        },
    )


def envelope(kind: str, prefix: str) -> dict[str, st.SearchStrategy[Any]]:
    """Give the members that completions and their chunks share."""
    return {"id": ids(prefix), "object": st.just(kind), "created": times, "model": models}


@st.composite
def chat_completions(draw: st.DrawFn) -> Json:
    """Draw a chat completion of one to three choices."""
    choice = st.fixed_dictionaries(
        {"message": messages(), "finish_reason": finish_reasons}, optional={"logprobs": logprobs()}
    )
    choices = draw(st.lists(choice, min_size=1, max_size=3))
    extra = {"usage": usages(), "service_tier": service_tiers, "system_fingerprint": fingerprints}
    return {
        **draw(st.fixed_dictionaries(envelope("chat.completion", "chatcmpl-"), optional=extra)),
        "choices": [{"index": index, **choice} for index, choice in enumerate(choices)],
    }


def tool_call_deltas() -> st.SearchStrategy[list[Json]]:
    """The fragments of one tool call: the name first, then the arguments."""
    return st.builds(
        lambda call, pieces: [
            {**call, "index": 0, "function": {"name": "get_weather", "arguments": ""}},
            *({"index": 0, "function": {"arguments": piece}} for piece in pieces),
        ],
        st.fixed_dictionaries({"id": ids("call_"), "type": st.just("function")}),
        st.lists(text, max_size=3),
    )


@st.composite
def deltas(draw: st.DrawFn) -> list[Json]:
    """Draw what one choice adds in turn: the role, then text, a refusal or a tool call."""
    kind = draw(st.sampled_from(["content", "refusal", "tool_calls"]))
    if kind == "tool_calls":
        told: list[Json] = [{kind: [delta]} for delta in draw(tool_call_deltas())]
    else:
        told = [{kind: piece} for piece in draw(st.lists(text, max_size=4))]
    return [{"role": "assistant", "content": draw(st.sampled_from([None, ""]))}, *told]


@st.composite
def chat_streams(draw: st.DrawFn) -> list[Json]:
    """Draw the chunks of one stream with one choice, with the usage or without."""
    told = draw(deltas())
    extra = {"service_tier": service_tiers, "system_fingerprint": fingerprints}
    base = draw(
        st.fixed_dictionaries(envelope("chat.completion.chunk", "chatcmpl-"), optional=extra)
    )
    reason = "tool_calls" if "tool_calls" in told[-1] else "stop"
    choices: list[list[Json]] = [
        [{"index": 0, "delta": delta, "finish_reason": None, "logprobs": draw(logprobs())}]
        for delta in told
    ]
    choices.append([{"index": 0, "delta": {}, "finish_reason": reason}])
    if not draw(st.booleans()):
        return [{**base, "choices": choice, "obfuscation": draw(text)} for choice in choices]
    chunks = [{**base, "choices": choice, "usage": None} for choice in choices]
    return [*chunks, {**base, "choices": [], "usage": draw(usages())}]


@st.composite
def completion_logprobs(draw: st.DrawFn) -> Json | None:
    """Draw log probabilities as text completions have them, or null."""
    tokens = draw(nullable(st.lists(text, max_size=3)))
    if tokens is None:
        return None
    likely = st.dictionaries(text, tiny, max_size=2)
    return {
        "tokens": tokens,
        "token_logprobs": [draw(tiny) for _ in tokens],
        "top_logprobs": draw(nullable(st.just([draw(likely) for _ in tokens]))),
        "text_offset": [index * 4 for index, _ in enumerate(tokens)],
    }


@st.composite
def text_completions(draw: st.DrawFn) -> Json:
    """Draw a text completion of one or two choices."""
    choice = st.fixed_dictionaries(
        {
            "text": text,
            "finish_reason": st.sampled_from(["stop", "length", "content_filter"]),
            "logprobs": completion_logprobs(),
        }
    )
    choices = draw(st.lists(choice, min_size=1, max_size=2))
    return {
        **draw(
            st.fixed_dictionaries(
                envelope("text_completion", "cmpl-"), optional={"usage": usages()}
            )
        ),
        "choices": [{"index": index, **choice} for index, choice in enumerate(choices)],
    }


def text_chunks() -> st.SearchStrategy[Json]:
    """A chunk of a text completion's stream."""
    choice = st.fixed_dictionaries(
        {"index": indices, "text": text, "finish_reason": st.sampled_from([None, "stop"])},
        optional={"logprobs": st.none()},
    )
    members = {**envelope("text_completion", "cmpl-"), "choices": st.lists(choice, max_size=2)}
    return st.fixed_dictionaries(members, optional={"usage": nullable(usages())})


vectors = st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8)
encoded = vectors.map(lambda vector: base64.b64encode(struct.pack("<8f", *vector)).decode())
"""The base64 text of little-endian 32-bit floats."""


@st.composite
def embeddings(draw: st.DrawFn, vector: st.SearchStrategy[Any]) -> Json:
    """Draw a list of embeddings, each ``vector`` or ``encoded``."""
    found = draw(st.lists(vector, max_size=3))
    tokens = draw(counts)
    return {
        "object": "list",
        "model": draw(models),
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(found)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def model_objects() -> st.SearchStrategy[Json]:
    """A model as ``/models`` lists it."""
    return st.fixed_dictionaries(
        {"id": models, "object": st.just("model"), "created": times, "owned_by": text}
    )


def model_lists() -> st.SearchStrategy[Json]:
    """The list of ``/models``."""
    return st.fixed_dictionaries(
        {"object": st.just("list"), "data": st.lists(model_objects(), max_size=3)}
    )


def errors() -> st.SearchStrategy[Json]:
    """The body of an error response."""
    error = {
        "message": st.text(min_size=1).filter(str.strip),
        "type": st.sampled_from(["invalid_request_error", "server_error"]),
        "param": nullable(text),
        "code": nullable(text),
    }
    return st.fixed_dictionaries({"error": st.fixed_dictionaries(error)})


def output_parts() -> st.SearchStrategy[Json]:
    """A content part of a response's message."""
    told = {"type": st.just("output_text"), "text": text, "annotations": st.just([])}
    refused = {"type": st.just("refusal"), "refusal": text}
    return st.fixed_dictionaries(told, optional={"logprobs": st.just([])}) | (
        st.fixed_dictionaries(refused)
    )


def output_items() -> st.SearchStrategy[Json]:
    """An output item of a response: a message, a function call or a reasoning item."""
    status = st.just("completed")
    message = {
        "type": st.just("message"),
        "id": ids("msg_"),
        "role": st.just("assistant"),
        "status": status,
        "content": st.lists(output_parts(), max_size=2),
    }
    call = {
        "type": st.just("function_call"),
        "call_id": ids("call_"),
        "name": st.just("get_weather"),
        "arguments": arguments,
    }
    part = st.fixed_dictionaries({"type": st.just("summary_text"), "text": text})
    reasoning = {
        "type": st.just("reasoning"),
        "id": ids("rs_"),
        "summary": st.lists(part, max_size=2),
    }
    return (
        st.fixed_dictionaries(message)
        | st.fixed_dictionaries(call, optional={"id": ids("fc_"), "status": status})
        | st.fixed_dictionaries(reasoning, optional={"encrypted_content": nullable(text)})
    )


@st.composite
def responses(draw: st.DrawFn, status: str = "completed") -> Json:
    """Draw a response in the given status; only a completed one has its usage."""
    sent, made = draw(counts), draw(counts)
    usage = {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sent + made,
    }
    extra = {
        "max_output_tokens": nullable(counts),
        "previous_response_id": nullable(ids("resp_")),
        "service_tier": st.sampled_from([None, "auto", "default", "flex", "priority"]),
        "user": st.none(),
        "completed_at": nullable(times),
    }
    return {
        "id": draw(ids("resp_")),
        "object": "response",
        "created_at": draw(times | times.map(float)),
        "status": status,
        "model": draw(models),
        "output": draw(st.lists(output_items(), max_size=3)),
        "error": None,
        "incomplete_details": None,
        "instructions": draw(nullable(text)),
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": draw(nullable(st.floats(0, 2))),
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage if status == "completed" else None,
        **draw(st.fixed_dictionaries({}, optional=extra)),
    }


def response_events() -> st.SearchStrategy[Json]:
    """Any one event of a response's stream."""
    index, item = {"output_index": indices}, {"item_id": ids("item_")}
    part = {**index, **item, "content_index": indices}
    members: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "response.created": {"response": responses("in_progress")},
        "response.in_progress": {"response": responses("in_progress")},
        "response.completed": {"response": responses()},
        "response.output_item.added": {**index, "item": output_items()},
        "response.output_item.done": {**index, "item": output_items()},
        "response.content_part.added": {**part, "part": output_parts()},
        "response.content_part.done": {**part, "part": output_parts()},
        "response.output_text.delta": {**part, "delta": text, "logprobs": st.just([])},
        "response.output_text.done": {**part, "text": text, "logprobs": st.just([])},
        "response.refusal.delta": {**part, "delta": text},
        "response.refusal.done": {**part, "refusal": text},
        "response.function_call_arguments.delta": {**index, **item, "delta": text},
        "response.function_call_arguments.done": {**index, **item, "arguments": arguments},
        "error": {
            "code": nullable(text),
            "message": st.just("The server had an error."),
            "param": nullable(text),
        },
    }
    events = [
        st.fixed_dictionaries({"type": st.just(kind), "sequence_number": indices, **rest})
        for kind, rest in members.items()
    ]
    return st.one_of(events)
