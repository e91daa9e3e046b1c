"""Text completions as server-sent events."""

from __future__ import annotations

from conformance.model import Evidence, Finding, Findings, Outcome
from conformance.mutate import drop, edit
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import DONE, CompletionStream, a_list, an_object
from conformance.suites.stream.done import is_ended


@check(
    MUST,
    spec="CreateCompletionResponse",
    broken_by=[
        edit("events[0].object", "chat.completion.chunk"),
        drop("events[0].choices[0].text"),
    ],
)
def stream_object(stream: CompletionStream) -> Findings:
    """Every chunk's object is text_completion, and its choices carry text as a string.

    Clients read choices[].text; a delta in the shape of a chat chunk is not looked for.
    """
    yield from stream.breaks("events[*].object", "events[*].choices[*].text")


@check(
    MUST,
    spec="CreateCompletionRequest.stream",
    broken_by=[drop("events[-1]")],
    needs=[Evidence.DONE],
)
def stream_done(stream: CompletionStream) -> Findings:
    """The stream ends with the event [DONE].

    Clients that wait for it hang, or cannot tell a whole answer from one that was cut off.
    """
    inconclusive_if(stream.interrupted, "the stream was interrupted")
    midway = stream.choices and not is_ended(stream)
    inconclusive_if(midway, "the stream may have been left before its end")
    last = stream.events[-1].data.strip() if stream.events else None
    if last != DONE:
        yield Finding(f"events[{max(len(stream.events) - 1, 0)}]", want=DONE, got=last)


@check(
    SHOULD,
    spec="ChatCompletionStreamOptions.include_usage",
    broken_by=[drop("events[-2]")],
    breach=Outcome.IGNORED,
)
def stream_usage(stream: CompletionStream) -> Findings:
    """With include_usage, the last chunk before [DONE] counts the tokens and has no choices.

    Clients that bill by it count nothing; those that expect no choices read it as more text.
    """
    options = an_object(stream.request.get("stream_options"))
    only_if(options.get("include_usage") is True, "no usage was asked for")
    inconclusive_if(stream.interrupted, "the stream was interrupted")
    only_if(stream.chunks, "the stream has no chunks")
    at, last = stream.chunks[-1]
    broken = list(stream.breaks("events[*].usage.**"))
    yield from broken
    if stream.usage is None and not broken:
        yield Finding(f"{at}.usage", want="an object with the token counts", got=last.get("usage"))
    elif stream.usage is not None and a_list(last.get("choices")):
        yield Finding(f"{at}.choices", want=[], got=last["choices"])
