"""What looking at images costs."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.model import Finding, Findings
from conformance.mutate import all_of, edit
from conformance.registry import MAY, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatReply, Reply, a_text, an_object, is_int, objects
from conformance.suites._refusals import parts
from conformance.suites._twins import digest_of


@dataclass(frozen=True, slots=True)
class Seen:
    """What a request showed, and what its prompt cost; ``images`` is "" without any."""

    words: str
    images: str
    detail: str
    tokens: int


def _seen(reply: ChatReply) -> Seen | None:
    tokens = prompt_tokens(reply)
    if tokens is None:
        return None
    images = [an_object(part.get("image_url")) for part in parts(reply, "image_url")]
    details = {a_text(image.get("detail")) or "auto" for image in images}
    return Seen(
        words=words(reply),
        images=digest_of(*(a_text(image.get("url")) for image in images)) if images else "",
        detail=details.pop() if len(details) == 1 else "",
        tokens=tokens,
    )


def prompt_tokens(reply: ChatReply) -> int | None:
    """What the prompt cost, images and all; None where that isn't told."""
    tokens = reply.usage[1].get("prompt_tokens") if reply.usage else None
    return tokens if is_int(tokens) else None


def words(reply: Reply) -> str:
    """What requests have in common that differ in their images only.

    That is the text of each message, whether sent as a string or in parts, and everything else.
    """
    said = [
        a_text(message.get("content"))
        or "".join(a_text(part.get("text")) for _, part in objects(message, "content"))
        for _, message in objects(reply.request, "messages")
    ]
    others = [str(reply.request.get(name)) for name in ("tools", "response_format", "functions")]
    return digest_of(a_text(reply.request.get("model")), *said, *others)


@check(
    SHOULD,
    spec="OpenAI guide: Images and vision, costs",
    over=_seen,
    broken_by=[
        all_of(edit("usage.prompt_tokens", 5), edit("usage.total_tokens", 6)).on("chat.vision")
    ],
)
def tokens_counted(facts: list[Fact[Seen]]) -> Findings:
    """An image adds to prompt_tokens.

    An image that costs nothing was not shown to the model.
    """
    without = {fact.value.words: fact.value.tokens for fact in facts if not fact.value.images}
    shown = [fact for fact in facts if fact.value.images]
    only_if(shown, "no image was sent")
    compared = [fact for fact in shown if fact.value.words in without]
    inconclusive_if(not compared, "nothing was asked both with an image and without")
    for fact in compared:
        least, got = without[fact.value.words], fact.value.tokens
        if got <= least:
            yield Finding(
                "usage.prompt_tokens", want=f"above {least}", got=got, exchange=fact.exchange
            )


@check(
    MAY,
    spec="OpenAI guide: Images and vision, costs",
    over=_seen,
    broken_by=[
        all_of(edit("usage.prompt_tokens", 9_000), edit("usage.total_tokens", 9_001)).on(
            "chat.vision_low"
        )
    ],
)
def detail_low_cheaper(facts: list[Fact[Seen]]) -> Findings:
    """The detail low costs no more prompt_tokens than high.

    Clients choose it to keep the price of an image down.
    """
    high = {
        (fact.value.words, fact.value.images): fact.value.tokens
        for fact in facts
        if fact.value.detail == "high"
    }
    low = [fact for fact in facts if fact.value.detail == "low"]
    only_if(low, "no image was sent with detail low")
    compared = [fact for fact in low if (fact.value.words, fact.value.images) in high]
    inconclusive_if(not compared, "no image was sent with both details")
    for fact in compared:
        most, got = high[fact.value.words, fact.value.images], fact.value.tokens
        if got > most:
            want = f"at most {most}"
            yield Finding("usage.prompt_tokens", want=want, got=got, exchange=fact.exchange)
