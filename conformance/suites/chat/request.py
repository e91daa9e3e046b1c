"""What a chat completions endpoint takes, and what it refuses."""

from __future__ import annotations

import json
import re
from typing import Final

from conformance.model import Evidence, Finding, Findings, Outcome
from conformance.mutate import all_of, drop, edit
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    ChatReply,
    ChatStream,
    Endpoint,
    ErrorReply,
    Refusal,
    Reply,
    is_int,
    objects,
)
from conformance.suites._refusals import (
    REFUSED,
    blames,
    lacking,
    message_of,
    refusal,
    refused_for,
)

ROLES: Final = ("developer", "system", "user", "assistant", "tool", "function")
NULLABLE: Final = (
    *("frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens"),
    *("metadata", "modalities", "n", "prediction", "presence_penalty", "reasoning_effort", "seed"),
    *("service_tier", "stop", "store", "stream", "stream_options", "temperature", "top_logprobs"),
    *("top_p", "verbosity"),
)
NUMBERS: Final = {
    "temperature": range(3),
    "top_p": range(2),
    "frequency_penalty": range(-2, 3),
    "presence_penalty": range(-2, 3),
}
"""The parameters that may be fractions, and their whole values."""
_TYPE_ERROR: Final = {
    "message": "temperature: expected a float",
    "type": "invalid_request_error",
    "param": "temperature",
    "code": None,
}
_DEPENDS: Final = re.compile(r"\b(?:when|if|with|together|requires?|only|not supported for)\b")
"""What an error says about a parameter that goes with another, or not with one model."""
_TYPE: Final = re.compile(r"\b(?:float|double|decimal|type|integer)\b")


def _posted(reply: Reply) -> None:
    """End as not applicable unless this is a chat request with a JSON object for a body."""
    only_if(reply.endpoint is Endpoint.CHAT and reply.method == "POST", "not a chat request")
    only_if(reply.request, "the request is not known")


def only_if_as_sent(reply: Reply) -> None:
    """End as inconclusive where a mistake wasn't refused and may be the recorder's.

    Strangers empty a conversation to hide it, and put other images in place of large ones.
    """
    edited = reply.lacks(Evidence.FRESH) and reply.status not in REFUSED
    inconclusive_if(edited, "the request may have been edited after it was answered")


@check(
    MUST,
    spec="CreateChatCompletionRequest.messages",
    broken_by=[edit("request.messages", []).on("chat.basic")],
)
def request_messages_empty_400(reply: Reply) -> Findings:
    """An empty list of messages is refused with 400.

    A bug in the client turns into an invented answer.
    """
    _posted(reply)
    only_if(reply.request.get("messages") == [], "there are messages")
    only_if_as_sent(reply)
    yield from refusal(reply)


@check(
    MUST,
    spec="CreateChatCompletionRequest.messages",
    broken_by=[
        drop("request.messages").on("chat.basic"),
        edit("status", 500).on("errors.messages_missing"),
    ],
)
def request_messages_missing_400(reply: Reply) -> Findings:
    """A request without messages is refused with 400.

    A 500 makes the SDKs send the same mistake again.
    """
    _posted(reply)
    only_if("messages" not in reply.request, "there are messages")
    # Some servers take a prompt, or inputs, of their own instead.
    only_if(not reply.request.keys() & {"prompt", "input", "inputs"}, "there is a prompt")
    only_if_as_sent(reply)
    yield from refusal(reply, crash=True)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.model",
    breach=Outcome.LENIENT,
    broken_by=[drop("request.model").on("chat.basic")],
)
def request_model_missing_400(reply: Reply) -> Findings:
    """A request without a model is refused with 400.

    Harmless where a server has one model only.
    """
    _posted(reply)
    only_if("model" not in reply.request, "there is a model")
    only_if(not re.search(r"/(?:deployments|models)/", reply.path), "the URL names the model")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.messages.role",
    broken_by=[edit("request.messages[0].role", "wizard").on("chat.basic")],
)
def request_unknown_role_400(reply: Reply) -> Findings:
    """A message with an unknown role is refused with 400.

    The model reads a message as someone else's, or not at all.
    """
    _posted(reply)
    roles = [message.get("role") for _, message in objects(reply.request, "messages")]
    only_if(any(role not in ROLES for role in roles), "every role is known")
    yield from refusal(reply)


@check(
    MUST,
    spec="CreateChatCompletionRequest: nullable members",
    covers=["params.stop.null", "params.logit_bias.null_empty"],
    broken_by=[
        refused_for("stop").on("chat.nulls"),
        all_of(edit("request.logit_bias", {}), refused_for("logit_bias")).on("chat.basic"),
    ],
)
def request_null_optionals(reply: ChatReply | ErrorReply) -> Findings:
    """An optional parameter that may be null may be sent as null, and logit_bias as {}.

    Clients in typed languages write every member of the request, unset ones as null.
    """
    nulls = [name for name in NULLABLE if name in reply.request and reply.request[name] is None]
    empty = ["logit_bias"] if reply.request.get("logit_bias") == {} else []
    only_if(reply.endpoint is Endpoint.CHAT and nulls + empty, "no parameter is null")
    if isinstance(reply, Refusal):
        only_if(not lacking(reply), "this model does not take it")
        inconclusive_if(_DEPENDS.search(message_of(reply)), "another parameter is to blame too")
        blamed = [name for name in nulls + empty if blames(reply, name)]
        inconclusive_if(not blamed, "the request failed for another reason")
        for name in blamed:
            yield Finding(f"request.{name}", want="accepted", got=message_of(reply))


@check(
    MUST,
    spec="CreateChatCompletionRequest.temperature",
    broken_by=[
        all_of(
            edit("request.temperature", 1),
            edit("status", 400),
            edit("body", json.dumps({"error": _TYPE_ERROR})),
        ).on("chat.basic")
    ],
)
def request_int_for_number(reply: ChatReply | ErrorReply) -> Findings:
    """A whole number may be written without a point where fractions are allowed.

    JSON knows one kind of number, and many clients write 1 for 1.0.
    """
    whole = [name for name, allowed in NUMBERS.items() if _is_whole(reply, name, allowed)]
    only_if(reply.endpoint is Endpoint.CHAT and whole, "no whole number was sent")
    if isinstance(reply, Refusal):
        typed = _TYPE.search(message_of(reply)) and not lacking(reply)
        blamed = [name for name in whole if typed and blames(reply, name)]
        inconclusive_if(not blamed, "the request failed for another reason")
        for name in blamed:
            yield Finding(f"request.{name}", want="accepted", got=message_of(reply))


def _is_whole(reply: Reply, name: str, allowed: range) -> bool:
    value = reply.request.get(name)
    return is_int(value) and value in allowed


@check(
    MUST,
    spec="CreateChatCompletionRequest.stream",
    broken_by=[drop("request.stream").on("stream.basic")],
)
def request_stream_false_json(reply: ChatReply) -> Findings:
    """An answer is one JSON document unless a stream was asked for.

    Clients parse the body as JSON and fail at "data:".
    """
    only_if(reply.request.get("messages"), "the request is not known")
    only_if(not reply.request.get("stream"), "a stream was asked for")
    if isinstance(reply, ChatStream):
        yield Finding("body", want="a JSON document", got=reply.response.body[:80])
