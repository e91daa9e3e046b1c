"""The pretend language model: what it reads, and what it answers to that, always the same.

It counts, repeats, draws lots, names the colour of a picture, calls tools that a prompt speaks of
and fills in JSON Schemas. That is enough for every parameter of the API to have its effect.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from conformance.reference.images import Image
from conformance.reference.instances import instance, to_text

CONTEXT: Final = 8192
"""How many tokens a prompt may have."""
LONGEST: Final = 1024
"""How many tokens an answer has at most."""
MOST_CALLS: Final = 8
TOKEN: Final = re.compile(r" ?[A-Za-z]{1,8}| ?[0-9]{1,3}|.", re.DOTALL)
FALLBACK: Final = "I am a reference model: my answers are short, plain and always the same."

COUNT: Final = re.compile(r"\bcount (?:up )?(?:from )?(?:(\d{1,6}) )?to (\d{1,6})", re.IGNORECASE)
TIMES: Final = re.compile(
    r"\b(?:write|say|repeat|print)\b[^.\n]{0,60}?[\"'“]?(\w{1,40})[\"'”]? (\d{1,4}) times",
    re.IGNORECASE,
)
PICTURE: Final = re.compile(r"\b(?:image|picture|photo)\b", re.IGNORECASE)
RANDOM: Final = re.compile(r"\brandom\b", re.IGNORECASE)
DIGITS: Final = re.compile(r"\b(\d{1,2})[- ]digit", re.IGNORECASE)
VERBATIM: Final = re.compile(
    r"\b(?:repeat|echo|reply|respond|answer|say|print|write|return)\b[^:?.\n]{0,80}:\s?(.+)",
    re.IGNORECASE | re.DOTALL,
)
SAY: Final = re.compile(
    r"\b(?:say|reply|respond|answer|repeat|echo)\b"
    r"(?: (?:only|just|exactly|with|the|single|word|one|text|this))*"
    r" (?:[\"“]([^\"”]{1,400})[\"”]|(\w{1,40}))",
    re.IGNORECASE,
)
ORDER: Final = re.compile(
    r"\b(?:always|only|every)\b.{0,200}\b(?:say|with|word)\b(?: (?:only|exactly|the|single|word))*"
    r" [\"'“]?(\w{1,40})",
    re.IGNORECASE,
)
NAME: Final = re.compile(r"\bmy name is (\w{1,40})", re.IGNORECASE)
SUBJECT: Final = re.compile(r"(?:\b(?:in|for|at|of|and|or)|,) ([A-Z][\w'-]+(?: [A-Z][\w'-]+)*)")
WORD: Final = re.compile(r"[A-Za-z][a-z]{3,}")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: str
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """What may be called; ``parameters`` is its JSON Schema as it was sent.

    A ``custom`` one is no function, and takes any text.
    """

    name: str
    parameters: Any = None
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """All that one answer depends on.

    ``schema`` or ``as_json`` bind the answer's form, ``limit`` is in tokens, and ``luck`` is what
    draws of lots depend on.
    """

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    must_call: bool = False
    one_call: bool = False
    schema: Any = None
    as_json: bool = False
    stop: tuple[str, ...] = ()
    limit: int = LONGEST
    luck: str = ""
    terse: bool = False
    """Whether repeating itself is penalised."""
    forced: str = ""
    """The only token that may be said; empty for any."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; ``tokens`` joined are its arguments, or what a ``custom`` tool is given."""

    name: str
    tokens: tuple[str, ...]
    custom: bool = False

    @property
    def arguments(self) -> str:
        """The arguments as JSON text, cut off where the limit was."""
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True)
class Answer:
    """Text or calls, why they end (``stop``, ``length`` or ``tool_calls``), and their tokens."""

    finish: str
    tokens: tuple[str, ...] = ()
    calls: tuple[Call, ...] = field(default=())

    @property
    def text(self) -> str:
        """What was said."""
        return "".join(self.tokens)

    @property
    def spent(self) -> int:
        """Completion tokens; the name of a tool is one."""
        return len(self.tokens) + sum(1 + len(call.tokens) for call in self.calls)


def tokenise(text: str) -> list[str]:
    """Pieces of a text that joined are the text: words, short numbers, single characters."""
    return TOKEN.findall(text)


def spelled(token_id: int) -> str:
    """The token that has this id."""
    return f" {token_id % 1000}"


def generate(task: Task, choice: int = 0) -> Answer:
    """The answer; ``choice`` tells the answers to one request apart."""
    calls = _calls(task)
    if calls:
        return _limited(calls, task.limit)
    # One token too many, so that the limit is what ends it.
    text = task.forced * (task.limit + 1) or _structured(task) or _text(task, choice)
    ends = [at for at in map(text.find, task.stop) if at >= 0]
    tokens = tokenise(text[: min(ends, default=len(text))])
    # What fills the limit has no room left for the token that ends an answer.
    full = len(tokens) > task.limit or (len(tokens) == task.limit and not ends)
    finish = "length" if full else "stop"
    return Answer(finish, tuple(tokens[: task.limit]))


def logprob(token: str) -> float:
    """How sure the model was of a token it chose: a natural logarithm from -0.3 to -0.1."""
    return round(-0.1 - hashlib.sha256(token.encode()).digest()[0] / 1280, 6)


def alternatives(token: str, count: int) -> list[tuple[str, float]]:
    """The ``count`` most likely tokens in place of ``token``, itself first, with logprobs."""
    others = (f" {letter}" for letter in "abcdefghijklmnopqrstuvwxyz" if f" {letter}" != token)
    ranked = [(other, -3.0 - rank) for rank, other in enumerate(itertools.islice(others, 25))]
    return [(token, logprob(token)), *ranked][:count]


def _calls(task: Task) -> list[Call]:
    asked = _last(task, "user")
    tools = _relevant(task.tools, asked) if task.must_call or _user_spoke_last(task) else []
    if task.must_call and not tools:
        tools = list(task.tools[:1])
    if not tools:
        return []
    subjects = list(dict.fromkeys(SUBJECT.findall(asked))) or [""]
    rounds = max(len(tools), len(subjects))
    pairs = itertools.islice(zip(itertools.cycle(tools), itertools.cycle(subjects)), rounds)
    calls = dict.fromkeys(
        Call(tool.name, _arguments(tool, subject), tool.custom) for tool, subject in pairs
    )
    return list(calls)[: 1 if task.one_call else MOST_CALLS]


def _arguments(tool: Tool, subject: str) -> tuple[str, ...]:
    if tool.custom:
        return tuple(tokenise(subject or FALLBACK))
    return tuple(tokenise(to_text(instance(tool.parameters, subject) if tool.parameters else {})))


def _relevant(tools: tuple[Tool, ...], asked: str) -> list[Tool]:
    """The tools a prompt mentions by name, or else the first that it has a word in common with."""
    mentioned = [tool for tool in tools if re.search(rf"\b{re.escape(tool.name)}\b", asked)]
    words = {word.lower() for word in WORD.findall(asked)}
    alike = (t for t in tools if words & {word.lower() for word in WORD.findall(t.name)})
    return mentioned or list(itertools.islice(alike, 1))


def _limited(calls: list[Call], limit: int) -> Answer:
    kept: list[Call] = []
    for call in calls:
        if limit < 1:
            return Answer("length", calls=tuple(kept))
        kept.append(replace(call, tokens=call.tokens[: limit - 1]))
        limit -= 1 + len(call.tokens)
    return Answer("tool_calls" if limit >= 0 else "length", calls=tuple(kept))


def _structured(task: Task) -> str | None:
    if task.schema is not None:
        return to_text(instance(task.schema))
    return to_text({"answer": _text(task, 0)}) if task.as_json else None


def _text(task: Task, choice: int) -> str:
    text = next(_ideas(task, choice))
    return text if choice == 0 else f"{text} ({choice + 1})"


def _ideas(task: Task, choice: int) -> Iterator[str]:
    """Answers from the most to the least fitting one."""
    turn = task.turns[-1]
    if turn.role in ("tool", "function"):
        yield f"The tool says: {turn.text}"
    for one in task.turns:
        if one.role in ("system", "developer") and (order := ORDER.search(one.text)):
            yield order[1]
    asked = _last(task, "user")
    images = [image for one in task.turns if one.role == "user" for image in one.images]
    if images:
        yield ", ".join(image.colour for image in images)
    elif PICTURE.search(asked):
        yield "I see no image."
    if RANDOM.search(asked):
        yield _drawn(task, choice, asked)
    yield from _recited(task, asked)
    if said := VERBATIM.search(asked) or SAY.search(asked):
        yield said[said.lastindex or 0]
    yield FALLBACK


def _recited(task: Task, asked: str) -> Iterator[str]:
    """Numbers in a row, a word over and over, a name that was told."""
    if count := COUNT.search(asked):
        low, high = int(count[1] or 1), int(count[2])
        yield ", ".join(map(str, range(low, min(high, low + LONGEST) + 1)))
    if times := TIMES.search(asked):
        repeats = int(times[2]) // (4 if task.terse else 1)
        yield " ".join([times[1]] * max(repeats, 1))
    if "my name" in asked and (known := NAME.search(" ".join(one.text for one in task.turns))):
        yield f"Your name is {known[1]}."


def _drawn(task: Task, choice: int, asked: str) -> str:
    size = DIGITS.search(asked)
    low = 10 ** (min(int(size[1]), 18) - 1 if size and int(size[1]) else 4)
    ticket = hashlib.sha256(f"{task.luck} {choice} {asked}".encode()).digest()
    return str(low + int.from_bytes(ticket) % (9 * low))


def _last(task: Task, role: str) -> str:
    return next((turn.text for turn in reversed(task.turns) if turn.role == role), "")


def _user_spoke_last(task: Task) -> bool:
    return task.turns[-1].role == "user"
