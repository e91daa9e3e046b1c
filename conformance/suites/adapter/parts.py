"""Pictures, results of tools and calls in a conversation: what is sent on of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from conformance import dialects
from conformance.model import MISSING, Finding, Findings
from conformance.mutate import drop, edit
from conformance.registry import MUST, check, only_if
from conformance.replies import Json, Reply, a_text, an_object, objects
from conformance.suites.adapter._both_sides import RICH, asked, in_roles, joined, last, texts


@check(
    MUST,
    spec="ChatCompletionRequestMessageContentPartImage",
    broken_by=[
        drop("upstream[0].request.messages[0].content[1]").on("adapter.vision"),
        edit(
            "upstream[0].request.messages[0].content[1].image_url.url", "data:image/png;base64,aWk="
        ).on("adapter.vision"),
    ],
)
def images_preserved(reply: Reply) -> Findings:
    """The pictures that a client shows arrive, where the API has a word for them.

    A model that is shown nothing still says what it sees.
    """
    dialect = dialects.of(last(reply).request)
    only_if(dialect and dialect.name in RICH, "the other side has no word for pictures")
    shown = list(_pictures(reply.request))
    only_if(shown, "there is no picture")
    only_if(all(_can_be_read(url) for _, url in shown), "a picture can't be read")
    arrived = [_data(url) for _, url in _pictures(asked(reply))]
    # A picture at an address may be fetched by the adapter, and sent on as any data.
    for at, url in sorted(shown, key=lambda picture: _is_address(picture[1])):
        same = _data(url) in arrived
        if same or (_is_address(url) and arrived):
            arrived.remove(_data(url) if same else arrived[0])
        else:
            yield Finding(f"request.{at}.image_url", want="sent on", got="lost or changed")


def _pictures(request: Json) -> Iterator[tuple[str, str]]:
    """The address of each picture, with its place."""
    for at, message in objects(request, "messages"):
        for place, part in objects(message, "content", at):
            if part.get("type") == "image_url":
                yield place, a_text(an_object(part.get("image_url")).get("url"))


def _data(url: str) -> str:
    """The base64 of a picture; the address of one that is elsewhere."""
    return url.partition(",")[2] if url.startswith("data:") else url


def _is_address(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _can_be_read(url: str) -> bool:
    if not url.startswith("data:image/"):
        return _is_address(url)
    try:
        return bool(base64.b64decode(_data(url), validate=True))
    except (ValueError, binascii.Error):
        return False


@check(
    MUST,
    spec="ChatCompletionRequestToolMessage",
    broken_by=[
        edit("upstream[0].request.messages[2].content", "").on("adapter.tool_result"),
        edit("upstream[0].request.messages[2].tool_call_id", "call_d").on("adapter.tool_again"),
    ],
)
def tool_results_preserved(reply: Reply) -> Findings:
    """What tools answered arrives, and as the answer to the same call.

    A model that misses a result asks for it again, or makes it up.
    """
    sent = asked(reply)
    results = in_roles(reply.request, "tool")
    only_if(results, "no tool answered")
    everything, arrived, given = joined(sent), _results(sent), _results(reply.request)
    same_ids = bool(arrived) and arrived.keys() <= given.keys()
    for at, message in results:
        id_ = a_text(message.get("tool_call_id"))
        for text in texts(message):
            if text not in everything:
                yield Finding(f"{at}.content", want=text, got="lost on the way")
            elif same_ids and text not in arrived.get(id_, ""):
                yield Finding(f"{at}.tool_call_id", want=id_, got=MISSING)


def _results(request: Json) -> dict[str, str]:
    """What tools answered, by the id of the call."""
    found: dict[str, str] = {}
    for _, message in in_roles(request, "tool"):
        id_ = a_text(message.get("tool_call_id"))
        found[id_] = " ".join([found.get(id_, ""), *texts(message)])
    return found


def _calls(request: Json) -> dict[str, tuple[str, Json]]:
    """The messages with tool calls by the id of their first call, with their places."""
    found: dict[str, tuple[str, Json]] = {}
    for at, message in objects(request, "messages"):
        for _, call in objects(message, "tool_calls")[:1]:
            found.setdefault(a_text(call.get("id")), (at, message))
    return found


@check(
    MUST,
    spec="ChatCompletionRequestAssistantMessage.content",
    broken_by=[drop("upstream[0].request.messages[1].content").on("adapter.tool_result")],
)
def null_content_preserved(reply: Reply) -> Findings:
    """A message with tool calls and content null is sent on with its content.

    Some servers refuse a message without the member, so the second turn fails.
    """
    dialect = dialects.of(last(reply).request)
    only_if(dialect and dialect.name == "openai", "the other side speaks another API")
    empty = {
        name: at
        for name, (at, message) in _calls(reply.request).items()
        if name and "content" in message and message["content"] is None
    }
    only_if(empty, "no message had content null")
    after = _calls(asked(reply))
    for name, at in empty.items():
        if name in after and "content" not in after[name][1]:
            yield Finding(f"request.{at}.content", want="sent on as null or text", got=MISSING)
