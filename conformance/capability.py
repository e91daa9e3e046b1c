"""Which capability a verdict is about: the columns of a matrix.

It follows from the check's id and from what the request asked for, so that a check needs no second
place to say it: a broken tool call counts where calls were forced, or left to the model, or
streamed, as it was asked for; a broken envelope counts once, and not in every column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from conformance.replies import ChatReply, Reply, a_list, an_object

TITLES: Final = {
    "chat": "Chat",
    "stream": "Streaming",
    "usage": "Usage",
    "tools_forced": "Tools, forced",
    "tools_auto": "Tools, auto",
    "tools_parallel": "Tools, parallel",
    "tools_streamed": "Tools, streamed",
    "tools_round_trip": "Tools, round trip",
    "json_object": "JSON object",
    "json_schema": "JSON schema",
    "vision": "Vision",
    "logprobs": "Logprobs",
    "errors": "Errors",
    "models": "Models",
    "completions": "Completions (legacy)",
    "embeddings": "Embeddings",
    "responses": "Responses",
    "http": "HTTP",
    "params": "Other parameters",
    "adapter": "Adapter",
}
"""Capability -> its heading, in the order of the columns. ``params`` is split by parameter where
parameters have columns."""
TOOLS: Final = {
    "parallel": "tools_parallel",
    "history": "tools_round_trip",
    "required": "tools_forced",
    "named": "tools_forced",
    "auto": "tools_auto",
    "none": "tools_auto",
}
"""The first word of a check of tools -> what it is about, whatever the request."""
HISTORY: Final = ("round", "call", "result", "results", "orphan", "unanswered", "foreign")
"""First words of probes of tools that send calls and results back."""
FORMATS: Final = ("json_object", "json_schema")
MENTIONED: Final = ("usage", "logprobs")
"""Capabilities of generated text that names of checks mention."""
GENERATED: Final = ("chat", "stream")


@dataclass(frozen=True, slots=True)
class Area:
    """What a request asked for, as far as it decides about columns."""

    tools: str = "tools_auto"
    format: str = "json_object"

    @classmethod
    def of(cls, reply: Reply) -> Area:
        """The area of the request that was answered so."""
        request = reply.request
        asked = an_object(request.get("response_format")).get("type")
        return cls(_tools(reply, request), asked if asked in FORMATS else "json_object")


NOWHERE: Final = Area()
"""Where verdicts are about several requests."""


def _tools(reply: Reply, request: dict[str, Any]) -> str:
    if reply.asked_to_stream:
        return "tools_streamed"
    roles = [an_object(message).get("role") for message in a_list(request.get("messages"))]
    if "tool" in roles or "function" in roles:
        return "tools_round_trip"
    several = isinstance(reply, ChatReply) and len(reply.tool_calls) > 1
    if several or request.get("parallel_tool_calls"):
        return "tools_parallel"
    choice = request.get("tool_choice") or request.get("function_call")
    return "tools_auto" if choice in (None, "auto", "none") else "tools_forced"


def asked_about(probe: str) -> str:
    """The capability that a probe asks about."""
    suite, _, name = probe.partition(".")
    words = name.split("_")
    if suite != "tools":
        return capability(probe)
    if "streamed" in words:
        return "tools_streamed"
    return "tools_round_trip" if words[0] in HISTORY else TOOLS.get(words[0], "tools_auto")


@cache
def capability(check: str, area: Area = NOWHERE) -> str:
    """The capability that a verdict of ``check`` is about, one of :data:`TITLES` where known."""
    suite, _, name = check.partition(".")
    if suite in GENERATED:
        words = name.split("_")
        if words[0] == "tool":
            return "tools_streamed"
        return next((word for word in MENTIONED if word in words), suite)
    if suite == "tools":
        return TOOLS.get(name.partition("_")[0], area.tools)
    if suite == "structured":
        return next((form for form in FORMATS if name.startswith(form)), area.format)
    return suite
