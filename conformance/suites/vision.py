"""Rules about images in the messages of a chat completions request."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from conformance.model import Evidence, Finding, Findings, Outcome
from conformance.mutate import all_of, change, edit
from conformance.registry import MAY, MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import (
    ChatReply,
    ErrorReply,
    Json,
    Reply,
    a_text,
    an_object,
    is_int,
    objects,
)
from conformance.suites._refusals import message_of, parts, refusal, refused_for
from conformance.suites._solid_png import colour
from conformance.suites.chat.message import text_place
from conformance.suites.chat.request import only_if_as_sent

DETAILS: Final = ("auto", "low", "high", "original")
RESERVED: Final = ".invalid"
"""RFC 6761 section 6.4: no name under it is ever found."""
URL: Final = "request.messages[0].content[1].image_url.url"
IMAGE: Final = "request.messages[0].content[1].image_url"
_ENCODED: Final = re.compile(r"data:image/[\w.+-]+;base64,")
_NEVER_BASE64: Final = re.compile(r"[!@#^&~|]")
"""Characters of no base64 alphabet, and of no mark that a recorder leaves where it cut."""
_TEXT: Final = re.compile(rb"[\x20-\x7e\r\n\t]{8,}")
_MARKUP: Final = (b"<", b"%PDF", b"%!PS", b"/* XPM", b"P1", b"P2", b"P3")
"""How pictures that are written as text begin, SVG for one."""


def _images(reply: Reply) -> list[Json]:
    """The image parts; not applicable without one."""
    found = parts(reply, "image_url")
    only_if(found, "there is no image")
    return found


def _urls(reply: Reply) -> list[str]:
    return [a_text(an_object(image.get("image_url")).get("url")) for image in _images(reply)]


def _data(url: str) -> str | None:
    """The base64 text of a data: URL (RFC 2397); None for other URLs."""
    found = _ENCODED.match(url)
    return url[found.end() :] if found else None


@check(
    MUST,
    spec="ChatCompletionRequestMessageContentPartImage",
    needs=[Evidence.FRESH],  # for recorders put other images in place of the large ones
    covers=["vision.stream", "vision.unsupported_model_error"],
    breach=Outcome.IGNORED,
    broken_by=[edit("choices[0].message.content", "sunset").on("chat.vision")],
)
def data_uri_png(reply: ChatReply) -> Findings:
    """Asked for the colour of a PNG of one colour in a data: URL, the model names it.

    A model that wasn't shown the image invents one.
    """
    colours = _colours(reply, 1)
    for answer in reply.answers:
        if answer.finish_reason == "stop" and not _names(answer.text, colours):
            yield Finding(text_place(reply, answer), want=colours[0][0], got=answer.text[:200])


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
    urls = _urls(reply)
    only_if(len(urls) == least or len(urls) > least > 1, "there are fewer images, or more")
    asked = " ".join(a_text(part.get("text")) for part in parts(reply, "text"))
    only_if(re.search(r"\bcolou?rs?\b", asked, re.IGNORECASE), "no colour is asked for")
    found = [colour(_data(url) or "") for url in urls]
    named = [names for names in found if names]
    only_if(len(named) == len(urls), "not every image is a PNG of one plain colour")
    return named


def _names(text: str, colours: list[tuple[str, ...]]) -> bool:
    """Whether ``text`` has a name of each colour, in this order."""
    each = [rf"\b(?:{'|'.join(names)})" for names in colours]
    return re.search(".*?".join(each), text, re.IGNORECASE | re.DOTALL) is not None


@check(
    SHOULD,
    spec="OpenAI guide: Images and vision",
    broken_by=[edit(URL, "https://pictures.invalid/cat.png").on("chat.vision")],
)
def url_unreachable_400(reply: Reply) -> Findings:
    """An image that can't be fetched is refused with 400.

    The model invents a picture instead.
    """
    hosts = [_host(url) for url in _urls(reply)]
    only_if(any(host.endswith(RESERVED) for host in hosts), "the image may be reachable")
    yield from refusal(reply, crash=True)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "") if url.startswith("http") else ""
    except ValueError:
        return ""


@check(
    MUST,
    spec="RFC 2397 section 3",
    broken_by=[
        edit(URL, "data:image/png;base64,!!not base64!!").on("chat.vision"),
        all_of(edit(URL, "data:image/png;base64,!!not base64!!"), edit("status", 500)).on(
            "errors.bad_image"
        ),
    ],
)
def bad_base64_400(reply: Reply) -> Findings:
    """An image whose base64 can't be decoded is refused with 400.

    The model invents a picture instead, or the SDKs send the same request again.
    """
    encoded = [_data(url) or "" for url in _urls(reply)]
    only_if(any(_NEVER_BASE64.search(data) for data in encoded), "the base64 may be good")
    only_if_as_sent(reply)
    yield from refusal(reply, crash=True)


@check(
    MUST,
    spec="measured: OpenAI answers 400, invalid_image_format",
    broken_by=[
        edit(URL, "data:image/png;base64,VGhpcyBpcyBub3QgYW4gaW1hZ2Uu").on("chat.vision"),
        edit("status", 500).on("errors.bad_image"),
    ],
)
def not_an_image_400(reply: Reply) -> Findings:
    """Plain text sent as an image is refused with 400.

    The model invents a picture instead, or the SDKs send the same request again.
    """
    only_if(any(_is_text(_data(url) or "") for url in _urls(reply)), "it may be an image")
    only_if_as_sent(reply)
    yield from refusal(reply, crash=True)


def _is_text(encoded: str) -> bool:
    try:
        data = base64.b64decode(encoded[:4000], validate=True)
    except (binascii.Error, ValueError):
        return False
    return _TEXT.fullmatch(data) is not None and not data.startswith(_MARKUP)


def _details(reply: Reply) -> list[str]:
    values = [an_object(image.get("image_url")).get("detail") for image in _images(reply)]
    found = [value for value in values if isinstance(value, str)]
    only_if(found, "no detail was asked for")
    return found


@check(
    SHOULD,
    spec="ChatCompletionRequestMessageContentPartImage.image_url.detail",
    breach=Outcome.REJECTED,
    broken_by=[refused_for("messages[0].content[1].image_url.detail").on("chat.vision_low")],
)
def detail_values(reply: ChatReply | ErrorReply) -> Findings:
    """The details low, high and auto are accepted.

    Clients set one of them to keep the price of an image down.
    """
    only_if(all(detail in DETAILS[:3] for detail in _details(reply)), "another detail was sent")
    if isinstance(reply, ErrorReply):
        blamed = a_text(reply.error.get("param")).endswith("detail")
        inconclusive_if(not blamed, "the request failed for another reason")
        yield Finding(f"{IMAGE}.detail", want="accepted", got=message_of(reply))


@check(
    MAY,
    spec="ChatCompletionRequestMessageContentPartImage.image_url.detail",
    broken_by=[edit(f"{IMAGE}.detail", "tremendous").on("chat.vision")],
)
def detail_invalid_400(reply: Reply) -> Findings:
    """An unknown detail is refused with 400.

    What the image costs, nobody can tell.
    """
    only_if(any(detail not in DETAILS for detail in _details(reply)), "every detail is known")
    yield from refusal(reply)


@check(
    MAY,
    spec="ChatCompletionRequestMessageContentPartImage.image_url",
    breach=Outcome.LENIENT,
    broken_by=[edit(IMAGE, "https://example.com/cat.png").on("chat.vision")],
)
def image_url_string_shorthand(reply: Reply) -> Findings:
    """image_url written as a string is refused with 400.

    A client made on such a server fails on OpenAI's.
    """
    only_if(any(isinstance(one.get("image_url"), str) for one in _images(reply)), "it is an object")
    yield from refusal(reply)


@check(
    MAY,
    spec="ChatCompletionRequestMessageContentPartImage.image_url.url",
    breach=Outcome.LENIENT,
    broken_by=[change(URL, lambda url: url.partition(",")[2], "base64 only").on("chat.vision")],
)
def no_prefix_base64(reply: Reply) -> Findings:
    """Base64 without data: before it is refused with 400.

    A client made on such a server fails on OpenAI's.
    """
    only_if(
        any(re.match(r"(?:iVBORw0K|/9j/|R0lGOD|UklGR)", url) for url in _urls(reply)), "it is a URL"
    )
    yield from refusal(reply)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a request showed, and what its prompt cost; ``images`` is "" without any."""

    words: str
    images: str
    detail: str
    tokens: int


def _seen(reply: ChatReply) -> Seen | None:
    tokens = reply.usage[1].get("prompt_tokens") if reply.usage else None
    if not is_int(tokens):
        return None
    images = [an_object(part.get("image_url")) for part in parts(reply, "image_url")]
    details = {a_text(image.get("detail")) or "auto" for image in images}
    return Seen(
        words=_digest(a_text(reply.request.get("model")), *_words(reply)),
        images=_digest(*(a_text(image.get("url")) for image in images)) if images else "",
        detail=details.pop() if len(details) == 1 else "",
        tokens=tokens or 0,
    )


def _words(reply: Reply) -> list[str]:
    """The text of each message, whether sent as a string or in parts, and everything else."""
    said = [
        a_text(message.get("content"))
        or "".join(a_text(part.get("text")) for _, part in objects(message, "content"))
        for _, message in objects(reply.request, "messages")
    ]
    others = [str(reply.request.get(name)) for name in ("tools", "response_format", "functions")]
    return [*said, *others]


def _digest(*texts: str) -> str:
    joined = "\0".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:16]


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
