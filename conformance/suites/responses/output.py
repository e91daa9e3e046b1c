"""The output items of a response: messages, reasoning and function calls."""

from __future__ import annotations

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import all_of, drop, edit, rename
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import Place, a_text, objects
from conformance.suites.responses.object import Whole, everywhere, final

ITEM = (*everywhere("output[*]"), "events[*].item")
"""Every place that holds an item."""


def _in_items(*names: str) -> tuple[str, ...]:
    return tuple(f"{item}.{name}" for item in ITEM for name in names)


def items(reply: Whole, kind: str) -> list[Place]:
    """The items of one type that a client ends up with."""
    at, body = final(reply)
    found = objects(body, "output")
    return [(f"{at}{place}", item) for place, item in found if item.get("type") == kind]


@check(
    MUST,
    spec="Response.output",
    broken_by=[edit("output", None), drop("output[0].type"), edit("output[0]", "1, 2, 3")],
)
def output_array(reply: Whole) -> Findings:
    """The output is an array of objects that say their type.

    Clients loop over it, and read each item by its type.
    """
    yield from reply.breaks(*everywhere("output"), *ITEM, *_in_items("type"))


@check(
    SHOULD,
    spec="OutputMessage",
    broken_by=[drop("output[0].id"), edit("output[0].role", "bot"), drop("output[0].status")],
)
def output_item_id(reply: Whole) -> Findings:
    """A message has an id, the role assistant and a status.

    Clients send the message back as part of the next input, where all three are looked at.
    """
    messages = items(reply, "message")
    only_if(messages, "the output has no message")
    for at, item in messages:
        if not a_text(item.get("id")):
            yield Finding(f"{at}.id", want="a non-empty string", got=item.get("id", MISSING))
        if "status" not in item:
            yield Finding(f"{at}.status", want="present", got=MISSING)
        if item.get("role") != "assistant":
            yield Finding(f"{at}.role", want="assistant", got=item.get("role", MISSING))


@check(
    MUST,
    spec="OutputMessageContent",
    broken_by=[
        edit("output[0].content[0].type", "text"),
        drop("output[0].content[0].text"),
        edit("output[0].content", "1, 2, 3"),
    ],
)
def output_text_part(reply: Whole) -> Findings:
    """A message's content is an array of output_text with text, or refusal with a refusal.

    The SDKs join what is of type output_text, and leave out the rest.
    """
    part = ("content", "content[*]", "content[*].type", "content[*].text", "content[*].refusal")
    broken = reply.breaks(*_in_items(*part), "events[*].part", "events[*].part.**")
    yield from (found for found in broken if not _is_new_kind(found))


def _is_new_kind(found: Finding) -> bool:
    """Whether a part has a type named as this API names them: new kinds come often."""
    return found.at.endswith("].type") and "_" in a_text(found.got)


@check(
    SHOULD,
    spec="OutputTextContent.annotations",
    broken_by=[
        drop("output[0].content[0].annotations"),
        edit("output[0].content[0].annotations", ""),
    ],
)
def output_annotations(reply: Whole) -> Findings:
    """Every output_text has an array of annotations.

    Clients loop over the citations in it.
    """
    messages = items(reply, "message")
    parts = [place for at, item in messages for place in objects(item, "content", at)]
    texts = [(at, part) for at, part in parts if part.get("type") == "output_text"]
    only_if(texts, "the output has no text")
    for at, part in texts:
        got = part.get("annotations", MISSING)
        if not isinstance(got, list):
            yield Finding(f"{at}.annotations", want="an array", got=got)


@check(
    SHOULD,
    spec="ReasoningItem",
    broken_by=[
        drop("output[0].summary").on("responses.reasoning"),
        edit("output[0].id", None).on("responses.reasoning"),
    ],
)
def output_reasoning_item(reply: Whole) -> Findings:
    """A reasoning item has an id and an array as summary.

    Clients send it back as part of the next input, where both are required.
    """
    found = items(reply, "reasoning")
    only_if(found, "the output has no reasoning")
    for at, item in found:
        if not a_text(item.get("id")):
            yield Finding(f"{at}.id", want="a non-empty string", got=item.get("id", MISSING))
        if not isinstance(item.get("summary"), list):
            yield Finding(f"{at}.summary", want="an array", got=item.get("summary", MISSING))


@check(
    MUST,
    spec="FunctionToolCall",
    broken_by=[
        edit("output[0].arguments", {"city": "Paris"}),
        drop("output[0].call_id"),
        rename("output[0].name", "function"),
    ],
)
def output_function_call(reply: Whole) -> Findings:
    """A function call has a call_id, a name, and its arguments as JSON text in a string.

    Clients parse the arguments, and answer under the call_id.
    """
    yield from reply.breaks(*_in_items("call_id", "name", "arguments"))


@check(
    SHOULD,
    spec="FunctionToolCall.call_id",
    broken_by=[all_of(edit("output[0].id", "call_9"), edit("output[0].call_id", "call_9"))],
)
def output_function_call_ids(reply: Whole) -> Findings:
    """A call_id is no other call's, and not the item's own id.

    Results are matched to calls by it; the two kinds of id are not interchangeable.
    """
    calls = items(reply, "function_call")
    only_if(calls, "the output has no function call")
    seen: set[str] = set()
    for at, item in calls:
        call_id = a_text(item.get("call_id"))
        # An id without a digit was put in place of another before it was shown to us.
        real = any(map(str.isdigit, call_id))
        if real and (call_id in seen or call_id == item.get("id")):
            yield Finding(f"{at}.call_id", want="an id of its own", got=call_id)
        seen.add(call_id)


@check(MAY, spec="Response", broken_by=[edit("output_text", "1, 2, 3")])
def output_text_absent(reply: Whole) -> Findings:
    """The response has no output_text: the SDKs add it on the client's side.

    A client that reads it from the wire works with this server only.
    """
    at, body = final(reply)
    if "output_text" in body:
        yield Finding(f"{at}output_text", want="absent", got=body["output_text"])
