"""What the APIs without messages have in common: one text goes in, and texts come out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from conformance import jsontext, sse
from conformance.dialects.base import Json, Refused
from conformance.model import Response
from conformance.replies import is_int

LLAMA: Final = re.compile(
    r"<\|start_header_id\|>(system|user|assistant)<\|end_header_id\|>\n\n(.*?)<\|eot_id\|>",
    re.DOTALL,
)
"""A message in the template of Llama 3: adapters write it themselves, and the model reads it."""


def question(prompt: Any, called: str) -> Json:
    """A conversation of this one prompt, or of the messages a template has put into it.

    Raises Refused where it is no text.
    """
    if not isinstance(prompt, str):
        raise Refused(f"{called}: a string is required.", 422)
    turns = LLAMA.findall(prompt) or [("user", prompt)]
    return {"messages": [{"role": role, "content": said} for role, said in turns]}


def renamed(given: Json, names: Mapping[str, str]) -> Json:
    """The parameters that ``names`` has OpenAI's words for; of two for one, the later counts."""
    return {ours: given[name] for name, ours in names.items() if given.get(name) is not None}


def text_of(choice: Json) -> str:
    """What a choice of a completion says."""
    return choice["message"]["content"] or ""


def deltas(chunks: Sequence[Json]) -> list[tuple[int, str]]:
    """The pieces of text of a stream, each with the index of the choice it belongs to."""
    choices = (choice for chunk in chunks for choice in chunk["choices"])
    found = ((choice["index"], choice["delta"].get("content")) for choice in choices)
    return [(index, piece) for index, piece in found if piece]


def ends(chunks: Sequence[Json]) -> list[tuple[int, str]]:
    """Why each choice of a stream ended, with its index."""
    choices = (choice for chunk in chunks for choice in chunk["choices"])
    return [(one["index"], one["finish_reason"]) for one in choices if one["finish_reason"]]


def spent(chunks: Sequence[Json]) -> Json:
    """The usage of a stream, which its last chunk tells."""
    usage: Json = chunks[-1]["usage"]
    return usage


def document(response: Response) -> Any:
    """The JSON value of a reply; :data:`~conformance.model.MISSING` where it is none."""
    return jsontext.parse(response.body).value


def counts(prompt: Any, completion: Any) -> tuple[int, int] | None:
    """The usage, where both counts are there."""
    return (prompt, completion) if is_int(prompt) and is_int(completion) else None


def events(response: Response) -> tuple[sse.Event, ...]:
    """The events of a stream; none where there are too many to be one."""
    try:
        return sse.parse(response.body).events
    except sse.StreamTooLong:
        return ()
