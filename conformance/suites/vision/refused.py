"""Images that a server has to refuse, and the details it may be asked to look for."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import urlsplit

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import all_of, change, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import ChatReply, ErrorReply, Refusal, Reply, a_text, an_object
from conformance.suites._refusals import message_of, refusal, refused_for
from conformance.suites.chat.request import only_if_as_sent
from conformance.suites.vision.seen import data, images, urls

DETAILS: Final = ("auto", "low", "high", "original")
RESERVED: Final = ".invalid"
"""RFC 6761 section 6.4: no name under it is ever found."""
URL: Final = "request.messages[0].content[1].image_url.url"
IMAGE: Final = "request.messages[0].content[1].image_url"
_NEVER_BASE64: Final = re.compile(r"[!@#^&~|]")
"""Characters of no base64 alphabet, and of no mark that a recorder leaves where it cut."""
_TEXT: Final = re.compile(rb"[\x20-\x7e\r\n\t]{8,}")
_MARKUP: Final = (b"<", b"%PDF", b"%!PS", b"/* XPM", b"P1", b"P2", b"P3")
"""How pictures that are written as text begin, SVG for one."""


@check(
    SHOULD,
    spec="OpenAI guide: Images and vision",
    broken_by=[edit(URL, "https://pictures.invalid/cat.png").on("chat.vision")],
)
def url_unreachable_400(reply: Reply) -> Findings:
    """An image that can't be fetched is refused with 400.

    The model invents a picture instead.
    """
    hosts = [_host(url) for url in urls(reply)]
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
    encoded = [data(url) or "" for url in urls(reply)]
    only_if(any(_NEVER_BASE64.search(text) for text in encoded), "the base64 may be good")
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
    only_if(any(_is_text(data(url) or "") for url in urls(reply)), "it may be an image")
    only_if_as_sent(reply)
    yield from refusal(reply, crash=True)


def _is_text(encoded: str) -> bool:
    try:
        decoded = base64.b64decode(encoded[:4000], validate=True)
    except (binascii.Error, ValueError):
        return False
    return _TEXT.fullmatch(decoded) is not None and not decoded.startswith(_MARKUP)


def _details(reply: Reply) -> list[str]:
    values = [an_object(image.get("image_url")).get("detail") for image in images(reply)]
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
    if isinstance(reply, Refusal):
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
    only_if(any(isinstance(one.get("image_url"), str) for one in images(reply)), "it is an object")
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
        any(re.match(r"(?:iVBORw0K|/9j/|R0lGOD|UklGR)", url) for url in urls(reply)), "it is a URL"
    )
    yield from refusal(reply)
