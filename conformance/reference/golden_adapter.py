"""The requests of the golden exchanges with two sides, and what becomes of them on their way."""

from __future__ import annotations

from typing import Final

from conformance.reference.golden import (
    BASIC,
    CHAT,
    COLOUR_SCHEMA,
    ERRORS,
    MODEL,
    STREAM,
    TALK,
    TOOL_RESULT,
    Body,
    function,
)

GRASS: Final = [{"role": "user", "content": "What colour is grass? Answer in JSON."}]
SEA: Final = [{"role": "user", "content": "What colour is the sea? Answer in JSON."}]
ASKED: Final[dict[str, Body]] = {
    "chat": BASIC,
    "again": BASIC,
    "stream": STREAM["usage"],
    "error": ERRORS["temperature_2_1"],
    "tool_result": TOOL_RESULT,
    "tool_again": CHAT["tool_again"],
    "length": CHAT["length"],
    "talk": {
        "model": MODEL,
        "messages": [*TALK[:-1], {"role": "user", "content": "Do you remember my name?"}],
    },
    "tools": CHAT["tools_parallel"],
    "stream_tools": STREAM["tools_parallel"],
    "vision": CHAT["vision"],
    "schema": CHAT["json_schema"] | {"messages": GRASS},
    "schema_by_tool": CHAT["json_schema"] | {"messages": SEA},
    "busy": BASIC,
    "timeout": BASIC,
    "stream_fails": STREAM["fails"],
    "stream_cut": STREAM["fails"],
}
"""Asked of an adapter, which sends them on as they are where :data:`SENT_ON` has no other body."""
SENT_ON: Final[dict[str, Body]] = {
    "schema_by_tool": {
        "model": MODEL,
        "messages": SEA,
        "tools": [function("answer", COLOUR_SCHEMA)],
        "tool_choice": "required",
    },
}
