"""The response object: a whole reply, and what the first and last events of a stream carry."""

from __future__ import annotations

from typing import Final

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import drop, edit, raw, rename
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    Json,
    ResponseObject,
    ResponseStream,
    a_text,
    an_object,
    is_int,
    objects,
)

Whole = ResponseObject | ResponseStream
KEYS: Final = (
    *("error", "incomplete_details", "instructions", "metadata", "model", "output"),
    *("parallel_tool_calls", "temperature", "tool_choice", "tools", "top_p"),
)
"""The members that are always present, if only as null."""
BY_MODEL: Final = ("message", "reasoning", "function_call", "custom_tool_call")
"""The types of items that hold what the model itself said, and nothing of a server's tool."""


def everywhere(*places: str) -> tuple[str, ...]:
    """Places of the response object, in a whole reply and in each event that carries one."""
    return (*places, *(f"events[*].response.{place}" for place in places))


def final(reply: Whole) -> tuple[str, Json]:
    """The response object that a client ends up with, and what its places start with."""
    if isinstance(reply, ResponseObject):
        only_if(reply.body, "the reply is not an object")
        return "", reply.body
    only_if(reply.final, "the stream has no final response")
    at, body = reply.final or ("", {})
    return f"{at}.", body


@check(MUST, spec="Response.object", broken_by=[edit("object", "chat.completion"), drop("object")])
def object(reply: Whole) -> Findings:  # noqa: A001  # the rule has this name
    """The reply is an object whose object is response.

    Clients that serve several endpoints tell the replies apart by it.
    """
    places = ("body", "events[*].response", *everywhere("object"))
    yield from reply.breaks(*places)


@check(MUST, spec="Response.id", broken_by=[drop("id"), edit("id", "")])
def id(reply: Whole) -> Findings:  # noqa: A001  # the rule has this name
    """The response has a non-empty string id.

    It is what a client sends as previous_response_id, and retrieves the response by.
    """
    yield from reply.breaks(*everywhere("id"))


@check(
    MUST,
    spec="Response.created_at",
    broken_by=[edit("created_at", "2025-01-01T00:00:00Z"), edit("created_at", 1700000000000)],
)
def created_at(reply: Whole) -> Findings:
    """The response says in Unix seconds when it was created, possibly with a fraction.

    Clients compute with it.
    """
    yield from reply.breaks(*everywhere("created_at"))


@check(
    MUST,
    spec="Response.status",
    broken_by=[
        raw(b'"status":"completed"', b'"status":"done"'),
        raw(b'"status":"completed",', b""),
    ],
)
def status(reply: Whole) -> Findings:
    """The status is completed, failed, in_progress, cancelled, queued or incomplete.

    Clients poll until it is none of queued and in_progress.
    """
    yield from reply.breaks(*everywhere("status"))


@check(SHOULD, spec="Response", broken_by=[drop("tools"), drop("error"), rename("top_p", "topP")])
def required_keys(reply: Whole) -> Findings:
    """The response holds all the members that OpenAI always sends, if only as null.

    Strictly typed clients refuse a response without them.
    """
    at, body = final(reply)
    for name in KEYS:
        if name not in body and name != "output":
            yield Finding(f"{at}{name}", want="present, if only as null", got=MISSING)


@check(
    MUST,
    spec="ResponseUsage",
    broken_by=[
        drop("usage"),
        rename("usage.input_tokens", "prompt_tokens"),
        edit("usage.total_tokens", 9999),
    ],
)
def usage(reply: Whole) -> Findings:
    """A completed response counts input_tokens and output_tokens, and total_tokens is their sum.

    Clients bill and budget by it.
    """
    broken = list(reply.breaks(*everywhere("usage.**")))
    yield from broken
    at, body = final(reply)
    counted = an_object(body.get("usage"))
    only_if(counted, "nothing was counted")
    parts = [counted.get(name) for name in ("input_tokens", "output_tokens")]
    total = sum(filter(is_int, parts))
    if all(map(is_int, (*parts, counted.get("total_tokens")))) and counted["total_tokens"] != total:
        yield Finding(f"{at}usage.total_tokens", want=total, got=counted["total_tokens"])


@check(
    MUST,
    spec="Response.error",
    broken_by=[edit("error", {}), edit("error", {"code": "server_error", "message": "Sorry."})],
)
def error_null(reply: Whole) -> Findings:
    """The error of a response that is completed, or still being made, is null.

    Clients raise when there is an error, whatever the status says.
    """
    at, body = final(reply)
    well = body.get("status") in ("completed", "in_progress", "queued")
    only_if(well, "the response may have an error to tell of")
    if body.get("error") is not None:
        yield Finding(f"{at}error", want=None, got=body["error"])


@check(
    MUST,
    spec="Response.incomplete_details",
    broken_by=[
        raw(b'"status":"incomplete"', b'"status":"completed"'),
        edit("incomplete_details", None),
    ],
)
def incomplete(reply: Whole) -> Findings:
    """An answer that max_output_tokens cut off is incomplete, and says so as the reason.

    A client that reads completed takes half an answer for the whole.
    """
    at, body = final(reply)
    limit = reply.request.get("max_output_tokens")
    only_if(is_int(limit), "there was no limit")
    details = an_object(body.get("incomplete_details"))
    if body.get("status") == "incomplete":
        if not a_text(details.get("reason")):
            want = "max_output_tokens or another reason"
            yield Finding(f"{at}incomplete_details.reason", want=want, got=details.get("reason"))
        return
    used = an_object(body.get("usage")).get("output_tokens")
    only_if(body.get("status") == "completed", "the response is not finished")
    over = used - limit if is_int(limit) and is_int(used) else None
    only_if(over is not None, "nothing was counted")
    output = [item for _, item in objects(body, "output")]
    # A tool of the server's has the model answer several times, and ends in ways of its own.
    alone = all(item.get("type") in BY_MODEL for item in output)
    inconclusive_if(not alone, "tools of the server took part")
    cut = any(item.get("status") == "incomplete" for item in output)
    if cut or (over or 0) > 0:
        yield Finding(f"{at}status", want="incomplete", got="completed")
    # Exactly as many tokens as were allowed may be all there was to say.
    inconclusive_if(over == 0, "the answer may just fit")
