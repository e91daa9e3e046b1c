"""What a model says of the images it was shown, where the right answer is known."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from conformance.model import Evidence, Finding, Findings, Outcome
from conformance.mutate import Mutant, all_of, change, edit
from conformance.registry import SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatReply, Json, Reply, a_text, an_object, objects
from conformance.suites._refusals import parts
from conformance.suites._solid_png import colour
from conformance.suites.chat.message import text_place
from conformance.suites.vision.cost import prompt_tokens, words

_ENCODED: Final = re.compile(r"data:image/[\w.+-]+;base64,")
_ONE: Final = "vision.data_uri_png"
_COST: Final = "vision.tokens_counted"
_TAKEN_IN: Final = "the picture was taken in; what the model makes of it is its own"
_ENOUGH: Final = 3
"""How many colours nobody guesses in a row."""


def images(reply: Reply) -> list[Json]:
    """The image parts of a request. Raises NotApplicable where there is none."""
    found = parts(reply, "image_url")
    only_if(found, "there is no image")
    return found


def urls(reply: Reply) -> list[str]:
    """The addresses of the images. Raises NotApplicable where there is none."""
    return [a_text(an_object(image.get("image_url")).get("url")) for image in images(reply)]


def data(url: str) -> str | None:
    """The base64 text of a data: URL (RFC 2397); None for other URLs."""
    found = _ENCODED.match(url)
    return url[found.end() :] if found else None


@check(
    SHOULD,
    spec="OpenAI guide: Images and vision, multiple images",
    breach=Outcome.IGNORED,
    broken_by=[
        change("request.messages[0].content", lambda old: [*old, old[1]], "the image twice").on(
            "chat.vision"
        )
    ],
)
def multiple_images(reply: ChatReply) -> Findings:
    """Asked for the colours of several images, the model names them in order.

    A model that was shown the first one only compares it with nothing.
    """
    colours = _colours(reply, 2)
    for answer in reply.answers:
        if answer.finish_reason == "stop" and not _names(answer.text, colours):
            want = ", ".join(names[0] for names in colours)
            yield Finding(text_place(reply, answer), want=want, got=answer.text[:200])


def _colours(reply: ChatReply, least: int) -> list[tuple[str, ...]]:
    """What each image's colour may be called; not applicable unless they are what is asked for."""
    shown = urls(reply)
    only_if(len(shown) == least or len(shown) > least > 1, "there are fewer images, or more")
    *_, last = [message for _, message in objects(reply.request, "messages")]
    asked = " ".join(a_text(part.get("text")) for _, part in objects(last, "content"))
    only_if(re.search(r"\bcolou?rs?\b", asked, re.IGNORECASE), "no colour is asked for")
    found = [colour(data(url) or "") for url in shown]
    named = [names for names in found if names]
    only_if(len(named) == len(shown), "not every image is a PNG of one plain colour")
    return named


def _names(text: str, colours: list[tuple[str, ...]]) -> bool:
    """Whether ``text`` has a name of each colour, in this order."""
    each = [rf"\b(?:{'|'.join(names)})" for names in colours]
    return re.search(".*?".join(each), text, re.IGNORECASE | re.DOTALL) is not None


def _guessed(answer: str) -> Mutant:
    """The answer of a model that wasn't shown the image, and what the words alone cost."""
    return all_of(edit("choices[0].message.content", answer), _cheap("usage"))


def _cheap(place: str) -> Mutant:
    counts = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    return change(place, lambda old: old and old | counts, f"{place} of the words alone")


_STREAMED: Final = all_of(
    edit("events[1].choices[0].delta.content", "sunset"), _cheap("events[*].usage")
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a request showed, what its prompt cost, and what the answers made of it.

    ``colour`` is "" without an image, and ``tokens`` None where they aren't told.
    """

    words: str
    colour: str
    tokens: int | None
    named: bool = False
    wrong: tuple[Finding, ...] = ()


def _look(reply: ChatReply) -> Look:
    asked, tokens = words(reply), prompt_tokens(reply)
    if not parts(reply, "image_url"):
        return Look(asked, "", tokens)
    (colour,) = _colours(reply, 1)
    ended = [answer for answer in reply.answers if answer.finish_reason == "stop"]
    only_if(ended, "no answer is whole")
    wrong = tuple(
        Finding(text_place(reply, answer), colour[0], answer.text[:200], reply.exchange.id)
        for answer in ended
        if not _names(answer.text, [colour])
    )
    return Look(asked, colour[0], tokens, len(wrong) < len(ended), wrong)


def _shown(facts: list[Fact[Look]]) -> list[Fact[Look]]:
    shown = [fact for fact in facts if fact.value.colour]
    only_if(shown, "no image of one plain colour was shown")
    return shown


def _overlooked(facts: list[Fact[Look]], wrong: list[Fact[Look]]) -> list[Fact[Look]]:
    """Of these wrong answers, those whose image may have been left out.

    An image that makes the same words cost more was taken in. A stream that doesn't tell its cost
    is taken for the same request in one piece, if that was answered wrong as well.
    """
    alone = {
        fact.value.words: fact.value.tokens
        for fact in facts
        if not fact.value.colour and fact.value.tokens is not None
    }

    def paid(look: Look) -> bool:
        return look.tokens is not None and look.tokens > alone.get(look.words, math.inf)

    blind = {(fact.value.words, fact.value.colour) for fact in wrong if paid(fact.value)}
    left = [
        fact
        for fact in wrong
        if not paid(fact.value)
        and not (fact.value.tokens is None and (fact.value.words, fact.value.colour) in blind)
    ]
    inconclusive_if(wrong and not left, _TAKEN_IN)
    return left


@check(
    SHOULD,  # the rulebook has MUST, but what a model makes of a colour is the model's
    spec="ChatCompletionRequestMessageContentPartImage",
    needs=[Evidence.FRESH],  # for recorders put other images in place of the large ones
    covers=["vision.stream", "vision.unsupported_model_error"],
    over=_look,
    breach=Outcome.IGNORED,
    broken_by=[
        _guessed("sunset").on("chat.vision").also(_COST),
        _STREAMED.on("stream.vision").also(_COST),
    ],
)
def data_uri_png(facts: list[Fact[Look]]) -> Findings:
    """Asked for the colour of a PNG of one colour in a data: URL, the model names it.

    A model that wasn't shown the image invents one. One that was, as the cost of its prompt shows,
    may have poor eyes.
    """
    for fact in _overlooked(facts, [fact for fact in _shown(facts) if fact.value.wrong]):
        yield from fact.value.wrong


@check(
    SHOULD,
    spec="OpenAI guide: Images and vision",
    needs=[Evidence.FRESH],
    over=_look,
    breach=Outcome.IGNORED,
    broken_by=[
        _guessed("red").on("params.vision_blue").also(_ONE, _COST),
        _guessed("white").on("params.vision_green").also(_ONE, _COST),
    ],
)
def colours_told_apart(facts: list[Fact[Look]]) -> Findings:
    """Shown images of three colours, one at a time, the model names each of them.

    One colour may be a lucky guess of a model that sees nothing.
    """
    shown = _shown(facts)
    colours = {fact.value.colour for fact in shown}
    inconclusive_if(len(colours) < _ENOUGH, "images of fewer than three colours were shown")
    known = {fact.value.colour for fact in shown if fact.value.named}
    for fact in _overlooked(facts, [fact for fact in shown if fact.value.colour not in known]):
        at, want = "choices[0].message.content", fact.value.colour
        yield Finding(at, want=want, got="another answer", exchange=fact.exchange)
