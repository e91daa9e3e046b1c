"""Where in a conversation an image may be: before the text, without any, in an earlier turn.

An image that is refused in one place counts only if the same one was taken in the usual place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from conformance.model import Finding, Findings
from conformance.registry import SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatReply, Endpoint, ErrorReply, Json, Refusal, a_text, objects
from conformance.suites._refusals import CRASHED, REFUSED, message_of
from conformance.suites._twins import digest_of
from conformance.suites.errors.mistakes import misshapen
from conformance.suites.tools.request import refused
from conformance.suites.vision.seen import urls

_KINDS: Final = ("text", "image_url")


class Where(StrEnum):
    """Where the image is."""

    USUAL = "after the text"
    FIRST = "before the text"
    ALONE = "without text"
    EARLIER = "in an earlier turn"


@dataclass(frozen=True, slots=True)
class Placed:
    """One request with an image; ``refusal`` is "" where it was answered."""

    images: str
    where: Where
    refusal: str


def _placed(reply: ChatReply | ErrorReply) -> Placed | None:
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    if isinstance(reply, Refusal) and reply.status not in (*REFUSED, CRASHED):
        return None
    shown = urls(reply)
    only_if(all(shown), "an image has no URL")
    only_if(not misshapen(reply), "the messages are no messages")
    where = _where([message for _, message in objects(reply.request, "messages")])
    said = f"{reply.status}: {message_of(reply)}" if isinstance(reply, Refusal) else ""
    model = a_text(reply.request.get("model"))
    return None if where is None else Placed(digest_of(model, *shown), where, said)


def _where(messages: list[Json]) -> Where | None:
    """Where the only message with images has them; None for any other conversation."""
    kinds = [
        tuple(a_text(part.get("type")) for _, part in objects(one, "content")) for one in messages
    ]
    shown = [i for i, found in enumerate(kinds) if "image_url" in found]
    if len(shown) != 1 or messages[shown[0]].get("role") != "user":
        return None
    found = kinds[shown[0]]
    if len(messages) > 1:
        later = found == _KINDS and shown[0] < len(messages) - 1
        return Where.EARLIER if later else None
    if set(found) == {"image_url"}:
        return Where.ALONE
    if found == _KINDS:
        return Where.USUAL
    return Where.FIRST if found == _KINDS[::-1] else None


def _refused(facts: list[Fact[Placed]], where: Where) -> Findings:
    """Findings for images refused in this place that were taken in the usual one."""
    there = [fact for fact in facts if fact.value.where is where]
    only_if(there, f"no image was sent {where}")
    usual = [fact.value for fact in facts if fact.value.where is Where.USUAL]
    taken = {placed.images for placed in usual if not placed.refusal}
    known = [fact for fact in there if fact.value.images in taken]
    inconclusive_if(not known, f"the same image was not taken {Where.USUAL}")
    for fact in known:
        if fact.value.refusal:
            yield Finding("status", want=200, got=fact.value.refusal, exchange=fact.exchange)


@check(
    SHOULD,
    spec="OpenAI guide: Images and vision",
    over=_placed,
    broken_by=[refused("The text must come first.").on("params.vision_first")],
)
def text_image_order(facts: list[Fact[Placed]]) -> Findings:
    """An image is taken before the text as well as after it.

    Frameworks put a message's parts in the order in which the user added them.
    """
    yield from _refused(facts, Where.FIRST)


@check(
    SHOULD,
    spec="ChatCompletionRequestUserMessage.content",
    over=_placed,
    broken_by=[refused("There is no text.").on("params.vision_alone")],
)
def image_only_message(facts: list[Fact[Placed]]) -> Findings:
    """A message may be an image alone.

    People send a picture first and say what they want of it afterwards.
    """
    yield from _refused(facts, Where.ALONE)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.messages",
    over=_placed,
    broken_by=[refused("Images must be in the last message.").on("params.vision_earlier")],
)
def in_history(facts: list[Fact[Placed]]) -> Findings:
    """An image may be in an earlier turn of the conversation.

    Every question after the first is asked in such a conversation.
    """
    yield from _refused(facts, Where.EARLIER)
