"""Pictures: of one colour each, made by us, so that the right answer is known."""

from __future__ import annotations

import base64
from typing import Any, Final

from conformance.model import Request
from conformance.pictures import solid_png
from conformance.probe import Steps, probe
from conformance.probes._examples import COLOUR, Body, user
from conformance.replies import ChatCompletion
from conformance.targets import Target

RED: Final = solid_png(255, 0, 0)
GREEN: Final = solid_png(0, 128, 0)
BLUE: Final = solid_png(0, 0, 255)
QUESTION: Final[Body] = {"type": "text", "text": COLOUR}
IN_ORDER: Final[Body] = {
    "type": "text",
    "text": "Which colours are these images? Name them in order, separated by a comma.",
}
NO_PICTURE: Final = base64.b64encode(b"This is a sentence and not a picture.").decode()


def picture(url: str, **more: str) -> Body:
    """The content part that shows a picture."""
    return {"type": "image_url", "image_url": {"url": url, **more}}


def look(target: Target, *parts: Body, **more: Any) -> Request:
    """A request with one message made of these parts."""
    return target.chat([*parts], **more)


@probe("chat", needs=("vision",))
def red(target: Target) -> Steps:
    """The colour of a red picture; before that without it, then with it in unusual places.

    What it costs to look and where a picture may be shows beside the usual only.
    """
    yield target.chat(COLOUR)
    reply = yield look(target, QUESTION, picture(RED))
    if isinstance(reply, ChatCompletion):
        told = {"role": "assistant", "content": "Red."}
        talk = [user([QUESTION, picture(RED)]), told, user("Thank you. Say bye.")]
        before_text, alone = look(target, picture(RED), QUESTION), look(target, picture(RED))
        yield [before_text, alone, target.chat(messages=talk)]


@probe("chat", needs=("vision",))
def green(target: Target) -> Steps:
    """The colour of a green picture, the second of three so that guessing right is no luck."""
    yield look(target, QUESTION, picture(GREEN))


@probe("chat", needs=("vision",))
def blue(target: Target) -> Steps:
    """The colour of a blue picture."""
    yield look(target, QUESTION, picture(BLUE))


@probe("chat", needs=("vision", "stream"))
def streamed(target: Target) -> Steps:
    """The colour of a red picture, told in a stream."""
    yield look(target, QUESTION, picture(RED), stream=True)


@probe("chat", needs=("vision",))
def detail(target: Target) -> Steps:
    """A picture to be looked at closely, and the same that may be looked at cheaply."""
    yield look(target, QUESTION, picture(RED, detail="high"))
    yield look(target, QUESTION, picture(RED, detail="low"))


@probe("chat", needs=("vision",))
def several(target: Target) -> Steps:
    """Two pictures, whose colours have to be named in order."""
    yield look(target, IN_ORDER, picture(BLUE), picture(RED))


@probe("chat", needs=("vision",))
def unreachable(target: Target) -> Steps:
    """The picture's address is one that nobody can ever reach (RFC 6761 section 6.4)."""
    yield look(target, QUESTION, picture("https://pictures.invalid/cat.png"))


@probe("chat", needs=("vision",))
def no_picture(target: Target) -> Steps:
    """The picture turns out to be a sentence."""
    yield look(target, QUESTION, picture(f"data:image/png;base64,{NO_PICTURE}"))


@probe("chat", needs=("vision",))
def no_base64(target: Target) -> Steps:
    """The picture's base64 can't be decoded."""
    yield look(target, QUESTION, picture("data:image/png;base64,!!not base64!!"))


@probe("chat", needs=("vision",))
def no_prefix(target: Target) -> Steps:
    """The picture is base64 alone, and so no URL."""
    yield look(target, QUESTION, picture(RED.partition(",")[2]))


@probe("chat", needs=("vision",))
def no_object(target: Target) -> Steps:
    """The picture's URL stands where an object with it belongs."""
    yield look(target, QUESTION, {"type": "image_url", "image_url": RED})


@probe("chat", needs=("vision",))
def detail_unknown(target: Target) -> Steps:
    """The picture is to be looked at in a way that no API knows."""
    yield look(target, QUESTION, picture(RED, detail="tremendous"))


@probe("chat", lacks=("vision",))
def unsupported(target: Target) -> Steps:
    """A picture for a model without eyes, which should say so and not guess."""
    yield look(target, QUESTION, picture(GREEN))
