"""The shape of a text completion, streamed or not: what is there, whatever was asked for."""

from __future__ import annotations

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import drop, edit, rename
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import Completion, CompletionStream, is_int
from conformance.suites._first_version import FIRST_ROUTE
from conformance.suites.stream.done import is_ended
from conformance.suites.stream.n import choices_asked

DEFAULT = 16
"""How many tokens are generated for a choice when no limit is given."""


@check(MUST, spec="CreateCompletionResponse.object", broken_by=[edit("object", "chat.completion")])
def object(reply: Completion) -> Findings:  # noqa: A001  # the rule has this name
    """The reply's object is text_completion.

    Clients that serve both endpoints tell the replies apart by it.
    """
    yield from reply.breaks("object")


@check(
    MUST,
    spec="CreateCompletionResponse",
    broken_by=[drop("choices"), drop("id"), edit("created", "now"), drop("model")],
)
def envelope(reply: Completion | CompletionStream) -> Findings:
    """The reply and each of its chunks have an id, a time in seconds, a model and choices.

    Without choices there is nothing for a client to read.
    """
    names = ("id", "created", "model", "choices", "choices[*]")
    yield from reply.breaks("body", *names, *(f"events[*].{name}" for name in names))


@check(
    MUST,
    spec="CreateCompletionResponse.choices.text",
    broken_by=[rename("choices[0].text", "message"), edit("choices[0].text", None)],
)
def choices_text(reply: Completion) -> Findings:
    """Every choice has its text as a string.

    It is the answer; a chat message in its place is not looked for.
    """
    yield from reply.breaks("choices[*].text")


@check(
    MUST,
    spec="CreateCompletionResponse.choices.finish_reason",
    broken_by=[edit("choices[0].finish_reason", "eos_token"), drop("choices[0].finish_reason")],
)
def choices_finish_reason(reply: Completion | CompletionStream) -> Findings:
    """A choice finishes with stop, length or content_filter; in a stream it is null until then.

    Clients ask for more text when they read length, so any other word is taken for the end.
    """
    yield from reply.breaks("choices[*].finish_reason", "events[*].choices[*].finish_reason")


@check(
    MUST,
    spec="CreateCompletionResponse.choices.index",
    broken_by=[drop("choices[0].index"), edit("choices[0].index", 1)],
)
def choices_index(reply: Completion | CompletionStream) -> Findings:
    """The choices are numbered from 0 without a gap.

    With several prompts or n, the index is all that says which answer belongs to which.
    """
    broken = list(reply.breaks("choices[*].index", "events[*].choices[*].index"))
    yield from broken
    only_if(reply.choices and not broken, "the choices have no indices")
    found = [choice["index"] for _, choice in reply.choices]
    if isinstance(reply, CompletionStream):
        found = sorted(set(found))
        inconclusive_if(not is_ended(reply), "the stream may have been left before its end")
    if sorted(found) != list(range(len(found))):
        yield Finding("choices", want=f"the indices 0 to {len(found) - 1}", got=sorted(found)[:20])


@check(
    SHOULD,
    spec="CreateCompletionResponse.usage",
    broken_by=[drop("usage"), edit("usage.total_tokens", 9999), edit("usage.prompt_tokens", "4")],
)
def usage(reply: Completion) -> Findings:
    """The reply counts its tokens, and the total is the sum of prompt and completion.

    Clients bill and budget by it.
    """
    only_if(FIRST_ROUTE not in reply.path, "the first version of the API counted no tokens")
    silent = not any(answer.text for answer in reply.answers)
    broken = [f for f in reply.breaks("usage.**") if not (silent and _uncounted(f))]
    yield from broken
    if reply.usage is None and not broken:
        yield Finding("usage", want="an object with the token counts", got=reply.body.get("usage"))
    if reply.usage is None or broken:
        return
    counted = reply.usage[1]
    total = counted["prompt_tokens"] + counted.get("completion_tokens", 0)
    if counted["total_tokens"] != total:
        yield Finding("usage.total_tokens", want=total, got=counted["total_tokens"])


def _uncounted(found: Finding) -> bool:
    """Whether completion_tokens is absent, as it once was where nothing was generated."""
    return found.at == "usage.completion_tokens" and found.got is MISSING


@check(
    SHOULD,
    spec="CreateCompletionRequest.max_tokens",
    broken_by=[edit("usage.completion_tokens", 200).also("completions.usage")],
)
def default_max_tokens(reply: Completion) -> Findings:
    """Without max_tokens, at most 16 tokens are generated for each choice.

    A client that counts on the short default pays for a long answer.
    """
    names = ("max_tokens", "max_completion_tokens", "best_of")
    only_if("prompt" in reply.request, "what was asked for is not known")
    only_if(not any(name in reply.request for name in names), "a limit was given")
    only_if(reply.usage and is_int(reply.usage[1].get("completion_tokens")), "nothing was counted")
    got = reply.usage[1]["completion_tokens"] if reply.usage else 0
    most = DEFAULT * reply.prompts * choices_asked(reply)
    if got > most:
        yield Finding("usage.completion_tokens", want=f"at most {most}", got=got)
