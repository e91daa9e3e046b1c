"""Replies that hold generated text: chat and legacy completions, streamed or not."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from conformance.replies.base import (
    Json,
    Place,
    Shaped,
    Stream,
    a_text,
    an_object,
    index_of,
    is_int,
    objects,
)


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call as a client ends up with it; from a stream, its fragments joined."""

    at: str
    id: str
    name: str
    arguments: str
    legacy: bool = False
    """Made through the deprecated ``function_call``."""


@dataclass(slots=True)
class Answer:
    """One choice as a client ends up with it, however it was delivered."""

    at: str
    index: int
    text: str = ""
    refusal: str = ""
    finish_reason: Any = None
    calls: list[Call] = field(default_factory=list)


class Generation(Shaped):
    """A reply that holds generated text: chat or legacy completions, streamed or not."""

    @cached_property
    def answers(self) -> list[Answer]:
        """Each choice as a client ends up with it, in the order of their indices."""
        raise NotImplementedError

    @cached_property
    def usage(self) -> Place | None:
        """The usage object and its place; None when there is none."""
        value = self.body.get("usage")
        return ("usage", value) if isinstance(value, dict) else None

    @cached_property
    def choices(self) -> list[Place]:
        """The choices; of a stream, the choices of every chunk."""
        return objects(self.body, "choices")


class ChatReply(Generation):
    """A chat completion, streamed or not."""

    @cached_property
    def tools(self) -> dict[str, Json]:
        """The functions that were offered, by name."""
        offered = [an_object(tool.get("function")) for _, tool in objects(self.request, "tools")]
        offered += [function for _, function in objects(self.request, "functions")]
        return {name: tool for tool in offered if (name := a_text(tool.get("name")))}

    @property
    def tool_choice(self) -> Any:
        """``none``, ``auto``, ``required``, the object that names one tool, or None."""
        return self.request.get("tool_choice")

    @property
    def named_tool(self) -> str | None:
        """The function that ``tool_choice`` names, if it names one."""
        return an_object(an_object(self.tool_choice).get("function")).get("name")

    @cached_property
    def tool_calls(self) -> list[Place]:
        """Every tool call (of a stream: every fragment of one) with its place."""
        raise NotImplementedError


class ChatCompletion(ChatReply):
    """A 200 answer to POST /chat/completions in one piece."""

    schema_name = "chat.completion"

    @cached_property
    def messages(self) -> list[Place]:
        """The message of each choice."""
        return [
            (f"{at}.message", choice["message"])
            for at, choice in self.choices
            if isinstance(choice.get("message"), dict)
        ]

    @cached_property
    def tool_calls(self) -> list[Place]:
        """Every tool call of every message."""
        return [
            place for at, message in self.messages for place in objects(message, "tool_calls", at)
        ]

    @cached_property
    def answers(self) -> list[Answer]:
        """Each choice, where it stands."""
        return [_whole_answer(at, i, choice) for i, (at, choice) in enumerate(self.choices)]


def _whole_answer(at: str, position: int, choice: Json) -> Answer:
    message = an_object(choice.get("message"))
    calls = [
        _call(place, a_text(call.get("id")), an_object(call.get("function")))
        for place, call in objects(message, "tool_calls", f"{at}.message")
    ]
    if isinstance(message.get("function_call"), dict):
        place = f"{at}.message.function_call"
        calls.append(_call(place, "", message["function_call"], legacy=True))
    return Answer(
        at=at,
        index=index_of(choice, position),
        text=a_text(message.get("content")),
        refusal=a_text(message.get("refusal")),
        finish_reason=choice.get("finish_reason"),
        calls=calls,
    )


def _call(at: str, id_: str, function: Json, *, legacy: bool = False) -> Call:
    name, arguments = a_text(function.get("name")), a_text(function.get("arguments"))
    return Call(at, id_, name, arguments, legacy)


class ChatStream(ChatReply, Stream):
    """A 200 answer to POST /chat/completions as server-sent events."""

    schema_name = "chat.completion.chunk"

    @cached_property
    def judged_chunks(self) -> list[Place]:
        """The chunks that carry the answer or usage, without Azure's content filter ones.

        Azure's first chunk has empty id, object and model, created 0 and ``prompt_filter_results``;
        its asynchronous filter sends choices with ``content_filter_offsets`` and no delta.
        """
        return [place for place in self.chunks if not is_filter_chunk(place[1])]

    @cached_property
    def choices(self) -> list[Place]:
        """The choices of every chunk."""
        return [
            place for at, chunk in self.judged_chunks for place in objects(chunk, "choices", at)
        ]

    @cached_property
    def deltas(self) -> list[tuple[str, int, Json]]:
        """Each delta with its place and the index of the choice it belongs to."""
        return [
            (f"{at}.delta", index_of(choice), choice["delta"])
            for at, choice in self.choices
            if isinstance(choice.get("delta"), dict)
        ]

    @cached_property
    def tool_calls(self) -> list[Place]:
        """Every fragment of a tool call."""
        return [place for at, _, delta in self.deltas for place in objects(delta, "tool_calls", at)]

    @cached_property
    def usage(self) -> Place | None:
        """The last usage object of the stream and its place; None when there is none."""
        found = [
            (f"{at}.usage", c["usage"]) for at, c in self.chunks if isinstance(c.get("usage"), dict)
        ]
        return found[-1] if found else None

    @cached_property
    def answers(self) -> list[Answer]:
        """Each choice, its fragments joined."""
        return [_joined(index, parts) for index, parts in _by_index(self.choices)]


def _by_index(choices: list[Place]) -> list[tuple[int, list[Place]]]:
    """The fragments of each choice, in the order of their indices; without one it is 0."""
    found: dict[int, list[Place]] = {}
    for at, choice in choices:
        found.setdefault(index_of(choice), []).append((at, choice))
    return sorted(found.items())


def _joined(index: int, parts: list[Place]) -> Answer:
    # Texts are joined once: adding to one at a time would take time with its length squared.
    deltas = [(f"{at}.delta", an_object(choice.get("delta"))) for at, choice in parts]
    return Answer(
        at=parts[0][0],
        index=index,
        text="".join(a_text(delta.get("content")) for _, delta in deltas),
        refusal="".join(a_text(delta.get("refusal")) for _, delta in deltas),
        finish_reason=_last_reason(parts),
        calls=_joined_calls(deltas),
    )


def _last_reason(parts: list[Place]) -> Any:
    reasons = (choice.get("finish_reason") for _, choice in reversed(parts))
    return next(filter(None, reasons), None)


def _joined_calls(deltas: list[Place]) -> list[Call]:
    fragments: dict[int, list[Place]] = {}
    legacy: list[Place] = []
    for at, delta in deltas:
        for place, fragment in objects(delta, "tool_calls", at):
            position = index_of(fragment)
            fragments.setdefault(position, []).append((place, fragment))
        if isinstance(delta.get("function_call"), dict):
            legacy.append((f"{at}.function_call", {"function": delta["function_call"]}))
    calls = [_joined_call(parts) for parts in fragments.values()]
    return [*calls, _joined_call(legacy, legacy=True)] if legacy else calls


def _joined_call(parts: list[Place], *, legacy: bool = False) -> Call:
    functions = [an_object(part.get("function")) for _, part in parts]
    return Call(
        at=parts[0][0],
        id=next(filter(None, (a_text(part.get("id")) for _, part in parts)), ""),
        name=next(filter(None, (a_text(function.get("name")) for function in functions)), ""),
        arguments="".join(a_text(function.get("arguments")) for function in functions),
        legacy=legacy,
    )


def is_filter_chunk(chunk: Json) -> bool:
    """Whether a chunk is Azure's content filter speaking, not the model."""
    if chunk.get("choices") == []:
        return "prompt_filter_results" in chunk or "prompt_annotations" in chunk
    choices = objects(chunk, "choices")
    return bool(choices) and all(
        "delta" not in choice and any(key.startswith("content_filter") for key in choice)
        for _, choice in choices
    )


class TextReply(Generation):
    """A legacy completion, streamed or not."""

    @cached_property
    def answers(self) -> list[Answer]:
        """Each choice, its fragments joined."""
        return [
            Answer(
                at=parts[0][0],
                index=index,
                text="".join(a_text(choice.get("text")) for _, choice in parts),
                finish_reason=_last_reason(parts),
            )
            for index, parts in _by_index(self.choices)
        ]

    @cached_property
    def prompts(self) -> int:
        """How many prompts were sent: a string or an array of tokens is one."""
        prompt = self.request.get("prompt")
        several = isinstance(prompt, list) and prompt and not is_int(prompt[0])
        return len(prompt) if several and isinstance(prompt, list) else 1


class Completion(TextReply):
    """A 200 answer to POST /completions in one piece."""

    schema_name = "text_completion"


class CompletionStream(TextReply, Stream):
    """A 200 answer to POST /completions as server-sent events."""

    schema_name = "text_completion.chunk"

    @cached_property
    def choices(self) -> list[Place]:
        """The choices of every chunk."""
        return [place for at, chunk in self.chunks for place in objects(chunk, "choices", at)]

    @cached_property
    def usage(self) -> Place | None:
        """The last usage object of the stream and its place; None when there is none."""
        found = [
            (f"{at}.usage", c["usage"]) for at, c in self.chunks if isinstance(c.get("usage"), dict)
        ]
        return found[-1] if found else None
