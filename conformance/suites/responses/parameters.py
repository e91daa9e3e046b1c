"""What the parameters of a response promise, seen in its reply."""

from __future__ import annotations

import re
from typing import Any, Final

from conformance import jsontext
from conformance.model import Finding, Findings, Outcome
from conformance.mutate import all_of, edit
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    Endpoint,
    ErrorReply,
    Refusal,
    ResponseObject,
    ResponseStream,
    a_list,
    a_text,
    an_object,
    objects,
)
from conformance.suites._refusals import CRASHED, acceptance, crashed, message_of, refused_for
from conformance.suites._user_schema import departure
from conformance.suites.responses.object import Whole, final

SHORT: Final = 1000
"""How many characters no server can find too many."""
CHAT_ONLY: Final = ("messages", "max_tokens", "stop")
"""Parameters that chat completions have and responses don't."""
PLAIN: Final = frozenset(
    ("model", "input", "stream", "instructions", "max_output_tokens", "store", "temperature")
)
"""Parameters that cannot make an input wrong."""
TOOL: Final = frozenset(("type", "name", "description", "parameters", "strict"))
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_TOOLS: Final = 128
"""How many functions OpenAI takes at once."""
OTHER_REASON: Final = re.compile(
    r"parameters|schema|support|model|token|context|length|long|large|flagged|polic|safety|violat"
)
"""What a refusal of an input or of functions says when it isn't about their form."""


def _echoed(reply: Whole, name: str) -> Findings:
    """A finding where a parameter that was sent is not in the reply as it was sent."""
    at, body = final(reply)
    only_if(name in body, f"the reply has no {name}")
    only_if(not isinstance(body[name], list), "they are repeated as input items")
    if body[name] != reply.request[name]:
        yield Finding(f"{at}{name}", want=reply.request[name], got=body[name])


@check(
    SHOULD,
    spec="Response.instructions",
    broken_by=[edit("instructions", None)],
    breach=Outcome.IGNORED,
)
def instructions(reply: Whole) -> Findings:
    """The reply repeats the instructions that it was made by.

    Without them a client cannot tell whether they were read.
    """
    only_if(a_text(reply.request.get("instructions")), "there were no instructions")
    yield from _echoed(reply, "instructions")


def _last_text(output: list[tuple[str, dict[str, Any]]]) -> str | None:
    """The text of the last message; None where there is none, or a refusal instead."""
    messages = [item for _, item in output if item.get("type") == "message"]
    parts = [part for _, part in objects(messages[-1], "content")] if messages else []
    if not parts or any(part.get("type") == "refusal" for part in parts):
        return None
    return "".join(a_text(part.get("text")) for part in parts)


@check(
    SHOULD,
    spec="ResponseTextParam.format",
    broken_by=[edit("output[0].content[0].text", "It is blue.").on("responses.json_schema")],
    breach=Outcome.IGNORED,
)
def text_format(reply: Whole) -> Findings:
    """With a json_schema or json_object format, the text is JSON and obeys the schema.

    Clients parse it without looking.
    """
    wanted = an_object(an_object(reply.request.get("text")).get("format"))
    only_if(wanted.get("type") in ("json_schema", "json_object"), "no JSON was asked for")
    at, body = final(reply)
    only_if(body.get("status") == "completed", "the response is not completed")
    text = _last_text(objects(body, "output"))
    only_if(text is not None, "the response has no text, or refuses")
    document = jsontext.parse(text or "")
    if document.error:
        yield Finding(f"{at}output", want="JSON text", got=text)
    elif wanted.get("strict") is True and isinstance(wanted.get("schema"), dict):
        problem = departure(wanted["schema"], document.value)
        if problem:
            yield Finding(f"{at}output", want=problem, got=text)


@check(
    MUST,
    spec="Response.tools",
    broken_by=[
        edit("tools[0]", {"type": "function", "function": {"name": "get_weather"}}),
        refused_for("tools").on("responses.tools"),
    ],
)
def tools_flat(reply: Whole | ErrorReply) -> Findings:
    """Function tools are flat: type, name and parameters side by side, also in the reply.

    The SDKs send this shape; the nested one of chat completions is another API's.
    """
    offered = [
        tool for _, tool in objects(reply.request, "tools") if tool.get("type") == "function"
    ]
    flat = bool(offered) and all(_is_flat(tool) for tool in offered)
    only_if(reply.endpoint is Endpoint.RESPONSES and flat, "no functions were offered")
    if isinstance(reply, Refusal):
        only_if(len(offered) == len(a_list(reply.request["tools"])), "not only functions")
        plain = all(_is_plain(tool) for tool in offered) and len(offered) <= MOST_TOOLS
        names = {tool["name"] for tool in offered}
        only_if(plain and len(names) == len(offered), "something else may be wrong with a tool")
        about = f"{reply.error.get('param')} {message_of(reply)}"
        inconclusive_if(OTHER_REASON.search(about.lower()), "it is about something else")
        yield from acceptance(reply, "tools")
        return
    at, body = final(reply)
    for place, tool in objects(body, "tools"):
        if tool.get("type") == "function" and "function" in tool and "name" not in tool:
            yield Finding(f"{at}{place}.name", want="the function's name", got="it is in function")


def _is_flat(tool: dict[str, Any]) -> bool:
    return bool(a_text(tool.get("name"))) and isinstance(tool.get("parameters"), dict)


def _is_plain(tool: dict[str, Any]) -> bool:
    """Whether a function has nothing but what every version of this API takes."""
    return NAME.fullmatch(tool["name"]) is not None and tool.keys() <= TOOL


def _accepts_input(reply: Whole | ErrorReply) -> Findings:
    only_if(reply.request.keys() <= PLAIN, "the request has other parameters too")
    if isinstance(reply, Refusal):
        other = OTHER_REASON.search(message_of(reply).lower())
        inconclusive_if(other, "the refusal is not about the form of the input")
    yield from acceptance(reply, "input")


@check(
    MUST,
    spec="CreateResponse.input",
    broken_by=[refused_for("input").on("responses.basic")],
)
def input_string(reply: Whole | ErrorReply) -> Findings:
    """An input that is a string is accepted.

    It is the form of every first example.
    """
    value = a_text(reply.request.get("input"))
    short = bool(value.strip()) and len(value) < SHORT
    only_if(reply.endpoint is Endpoint.RESPONSES and short, "not a short string")
    yield from _accepts_input(reply)


@check(
    MUST,
    spec="CreateResponse.input",
    broken_by=[
        all_of(
            edit(
                "request.input",
                [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
            ),
            refused_for("input"),
        ).on("responses.basic")
    ],
)
def input_messages(reply: Whole | ErrorReply) -> Findings:
    """An input that is a list of messages with text is accepted.

    It is how a conversation is sent.
    """
    value = a_list(reply.request.get("input"))
    plain = bool(value) and all(_is_user_text(message) for message in value)
    only_if(reply.endpoint is Endpoint.RESPONSES and plain, "not a short list of messages")
    yield from _accepts_input(reply)


def _is_user_text(message: Any) -> bool:
    """Whether this is a user's message of short text, which nothing can be wrong with."""
    content = an_object(message).get("content")
    if an_object(message).get("role") != "user" or not message.keys() <= {
        "type",
        "role",
        "content",
    }:
        return False
    if message.get("type", "message") != "message":
        return False
    parts = (
        [{"type": "input_text", "text": content}] if isinstance(content, str) else a_list(content)
    )
    return bool(parts) and all(
        an_object(part).get("type") == "input_text"
        and a_text(part.get("text")).strip()
        and len(part["text"]) < SHORT
        for part in parts
    )


@check(
    SHOULD,
    spec="CreateResponse",
    broken_by=[all_of(edit("request.max_tokens", 5), crashed()).on("responses.basic")],
)
def chat_params_rejected(reply: ResponseObject | ResponseStream | ErrorReply) -> Findings:
    """Parameters of chat completions are refused or ignored, and do not crash the server.

    SDKs retry on 500, so a mistake in the request is sent again and again.
    """
    sent = any(name in reply.request for name in CHAT_ONLY)
    only_if(reply.endpoint is Endpoint.RESPONSES and sent, "no parameter of chat completions")
    if reply.status == CRASHED:
        yield Finding("status", want=400, got=CRASHED)
