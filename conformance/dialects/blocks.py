"""What an OpenAI answer says, block by block: how the APIs of Anthropic and Amazon write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from conformance.dialects.base import Json, parsed
from conformance.replies import an_object


@dataclass(slots=True)
class Block:
    """A text, or a tool call, which has a name and an id.

    The ``pieces`` are what a stream brings one by one: the text, or the call's arguments.
    """

    name: str | None = None
    id: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All pieces together."""
        return "".join(self.pieces)

    @property
    def arguments(self) -> Json:
        """A call's arguments. What a limit cut off is no object, and these APIs send one always."""
        return an_object(parsed(self.text))


@dataclass(slots=True)
class Spoken:
    """The first choice of an answer, and what it cost: tokens of the prompt, of the completion."""

    id: str
    model: str
    blocks: list[Block] = field(default_factory=list)
    finish: str = "stop"
    usage: tuple[int, int] = (0, 0)

    @property
    def ended(self) -> str:
        """Why it ended; a call that the request named ends with ``stop`` at OpenAI only."""
        called = any(block.name is not None for block in self.blocks)
        return "tool_calls" if called and self.finish == "stop" else self.finish


def of_completion(completion: Json) -> Spoken:
    """What an OpenAI chat completion says."""
    choice = completion["choices"][0]
    message = choice["message"]
    spoken = Spoken(completion["id"], completion["model"], finish=choice["finish_reason"])
    if message.get("content"):
        spoken.blocks.append(Block(pieces=[message["content"]]))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        spoken.blocks.append(Block(function["name"], call["id"], [function["arguments"]]))
    spoken.usage = _usage(completion["usage"])
    return spoken


def of_chunks(chunks: Sequence[Json]) -> Spoken:
    """What the chunks of an OpenAI stream say together."""
    spoken = Spoken(chunks[0]["id"], chunks[0]["model"])
    for chunk in chunks:
        if chunk.get("usage"):
            spoken.usage = _usage(chunk["usage"])
        for choice in chunk["choices"]:
            if choice["index"] == 0:
                _add(spoken.blocks, choice["delta"])
                spoken.finish = choice["finish_reason"] or spoken.finish
    return spoken


def _add(blocks: list[Block], delta: Json) -> None:
    if delta.get("content"):
        if not blocks or blocks[-1].name is not None:
            blocks.append(Block())
        blocks[-1].pieces.append(delta["content"])
    for call in delta.get("tool_calls") or ():
        function = call["function"]
        if call.get("id"):
            blocks.append(Block(function["name"], call["id"]))
        if function.get("arguments"):
            blocks[-1].pieces.append(function["arguments"])


def _usage(usage: Json) -> tuple[int, int]:
    return usage["prompt_tokens"], usage["completion_tokens"]


def letters(openai_id: str) -> str:
    """An id without the prefix that says what it is the id of."""
    return re.split("[-_]", openai_id, maxsplit=1)[-1]
