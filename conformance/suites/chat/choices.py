"""The choices of a chat completion."""

from __future__ import annotations

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import drop, edit, rename
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import ChatCompletion, is_int


@check(
    MUST,
    spec="CreateChatCompletionRequest.n",
    broken_by=[
        edit("request.n", 3).on("chat.n2"),
        drop("request.n").on("chat.n2"),
    ],
    covers=["tools.no_mixed_shapes"],
)
def choices_count_matches_n(reply: ChatCompletion) -> Findings:
    """There are as many choices as n asked for, one if it wasn't set.

    Code that reads choices[n - 1] fails, or a choice nobody asked for is paid for.
    """
    asked = reply.request.get("n")
    known = reply.request.get("messages") and (asked is None or is_int(asked))
    only_if(known, "n is not known")
    n = 1 if asked is None else asked
    got = len(reply.choices)
    only_if(got, "there are no choices")
    only_if(n == 1 or got != 1, "n was ignored as a whole: params.n_two says so")
    if got != n:
        yield Finding("choices", want=f"{n} choices", got=f"{got} choices")


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.index",
    broken_by=[drop("choices[0].index"), edit("choices[0].index", "0")],
)
def choices_index_int(reply: ChatCompletion) -> Findings:
    """Each choice has an integer index.

    openai-python 3.52 fails its strict validation without it.
    """
    yield from reply.breaks("choices[*].index")


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.index",
    broken_by=[edit("choices[0].index", 1)],
)
def choices_index_set(reply: ChatCompletion) -> Findings:
    """The indices of the choices are 0 to n - 1, in any order.

    Clients that sort or file answers by index lose or misplace one.
    """
    indices = [choice["index"] for _, choice in reply.choices if is_int(choice.get("index"))]
    only_if(indices and len(indices) == len(reply.choices), "not every choice has an index")
    if sorted(indices) != list(range(len(indices))):
        yield Finding("choices[*].index", want=list(range(len(indices))), got=indices[:20])


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.finish_reason",
    broken_by=[edit("choices[0].finish_reason", None), drop("choices[0].finish_reason")],
)
def choices_finish_reason_present(reply: ChatCompletion) -> Findings:
    """Each choice says why it finished.

    openai-python 3.52 fails its strict validation on null; agents don't know whether to go on.
    """
    for found in reply.breaks("choices[*].finish_reason"):
        if found.got is MISSING or found.got is None:
            yield found


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.finish_reason",
    covers=["params.stop.finish_reason"],
    broken_by=[edit("choices[0].finish_reason", "eos_token")],
)
def choices_finish_reason_enum(reply: ChatCompletion) -> Findings:
    """A choice finishes with stop, length, tool_calls, content_filter or function_call.

    openai-python 3.52 fails its strict validation on another word, as pydantic-based clients do.
    """
    for found in reply.breaks("choices[*].finish_reason"):
        if found.got is not MISSING and found.got is not None:
            yield found


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.message",
    broken_by=[rename("choices[0].message", "delta").also("chat.choices_no_delta")],
)
def choices_message_present(reply: ChatCompletion) -> Findings:
    """Each choice has a message, an object.

    openai-python 3.52 throws AttributeError and openai-node 6.49 TypeError at message.content.
    """
    yield from reply.breaks("choices[*].message")


@check(
    SHOULD,
    spec="CreateChatCompletionResponse.choices",
    broken_by=[edit("choices[0].delta", {})],
)
def choices_no_delta(reply: ChatCompletion) -> Findings:
    """A choice of an answer in one piece has no delta.

    A client that tells streams from whole answers by their members takes it for a stream.
    """
    for at, choice in reply.choices:
        if "delta" in choice:
            yield Finding(f"{at}.delta", want="no delta outside a stream", got=choice["delta"])


# OpenAI's own reasoning, audio and search models leave the required key out, hence only MAY.
@check(
    MAY,
    spec="CreateChatCompletionResponse.choices.logprobs",
    broken_by=[drop("choices[0].logprobs")],
)
def choices_logprobs_key(reply: ChatCompletion) -> Findings:
    """Each choice has the key logprobs, null when they weren't asked for.

    The schema requires it, but no official SDK breaks without it.
    """
    for at, choice in reply.choices:
        if "logprobs" not in choice:
            yield Finding(f"{at}.logprobs", want="null, or an object", got=MISSING)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.logprobs",
    broken_by=[edit("choices[0].logprobs", {"content": None, "refusal": None})],
)
def choices_logprobs_null_when_off(reply: ChatCompletion) -> Findings:
    """A choice has no logprobs, or null, when they weren't asked for.

    It makes answers many times larger than the text the client wanted.
    """
    only_if(reply.request, "the request is not known")
    only_if(reply.request.get("logprobs") in (None, False), "logprobs were asked for")
    for at, choice in reply.choices:
        if choice.get("logprobs") is not None:
            yield Finding(f"{at}.logprobs", want="null", got=choice["logprobs"])
