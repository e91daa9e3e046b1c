"""stop."""

from __future__ import annotations

from typing import Final

from conformance import jsontext
from conformance.model import Evidence, Finding, Findings, Outcome, Request
from conformance.mutate import DoesNotFit, Mutant, all_of, by_request, change, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    ChatCompletion,
    ChatReply,
    ChatStream,
    ErrorReply,
    Refusal,
    Reply,
    a_list,
    an_object,
)
from conformance.suites._refusals import REFUSED, crash, crashed, refusal, sent
from conformance.suites.chat.message import text_place

MOST: Final = 4
"""How many sequences OpenAI takes."""
TELLING: Final = 3
"""From how many characters on the beginning of a sequence is no accident."""


def _past_the_last(request: Request) -> Mutant:
    """The edit that lets an answer go on after the last of the stop sequences."""
    stops = a_list(an_object(jsontext.parse(request.body).value).get("stop"))
    if not stops:
        raise DoesNotFit("there is no array of sequences")
    return change("choices[0].message.content", lambda text: f"{text}{stops[-1]}, 8", "more text")


def _kept(reply: ChatReply, stops: list[str]) -> Findings:
    only_if(stops and all(stops), "there is no stop sequence")
    only_if(not reply.request.get("include_stop_str_in_output"), "the sequence was asked for")
    for answer in reply.answers:
        found = next((stop for stop in stops if stop in answer.text), None)
        if found is not None:
            before = answer.text.index(found)
            shown = answer.text[max(before - 40, 0) : before + len(found) + 40]
            yield Finding(
                text_place(reply, answer), want=f"text that ends before {found!r}", got=shown
            )


@check(
    MUST,
    spec="CreateChatCompletionRequest.stop",
    breach=Outcome.IGNORED,
    broken_by=[
        change("choices[0].message.content", lambda text: f"{text} 7, 8", "more text")
        .on("chat.stop")
        .also("stream.chunk_joined_equals_nonstream")
    ],
)
def stop_string_honoured(reply: ChatReply) -> Findings:
    """An answer ends before the stop sequence.

    Agents that act on the text before it act on what the model made up behind it.
    """
    stop = sent(reply, "stop")
    only_if(isinstance(stop, str), "stop is not a string")
    yield from _kept(reply, [stop])


@check(
    MUST,
    spec="CreateChatCompletionRequest.stop",
    breach=Outcome.IGNORED,
    broken_by=[
        by_request(_past_the_last, "the text goes on after the last sequence").on("chat.stop_list")
    ],
)
def stop_array_honoured(reply: ChatReply) -> Findings:
    """An answer ends before each of the stop sequences.

    Agents that act on the text before it act on what the model made up behind it.
    """
    stops = sent(reply, "stop")
    only_if(isinstance(stops, list), "stop is not an array")
    yield from _kept(reply, [stop for stop in a_list(stops)[:MOST] if isinstance(stop, str)])


@check(
    MUST,
    spec="CreateChatCompletionRequest.stop",
    broken_by=[
        all_of(
            edit("request.stop", "Observation:"),
            edit("events[-4].choices[0].delta.content", "\nObs"),
        ).on("stream.stop")
    ],
)
def stop_stream_no_leak(stream: ChatStream) -> Findings:
    """A stream that ended at a stop sequence doesn't end with the beginning of it.

    The user, or the parser of an agent, sees the mark that was to be hidden.
    """
    value = sent(stream, "stop")
    stops = [
        one
        for one in ([value] if isinstance(value, str) else a_list(value))
        if isinstance(one, str)
    ]
    only_if(any(len(stop) > TELLING for stop in stops), "no sequence is long enough")
    known = not stream.lacks(Evidence.FRESH)
    for answer in stream.answers:
        if answer.finish_reason != "stop":
            continue
        leaks = (
            part
            for stop in stops
            for part in _beginnings(stop)
            if answer.text.endswith(part) and (known or _ends_amid_word(part, stop))
        )
        leaked = next(leaks, None)
        if leaked is not None:
            yield Finding(answer.at, want="nothing of the stop sequence", got=answer.text[-60:])


def _beginnings(stop: str) -> list[str]:
    """The proper beginnings of a sequence that tell it from other text."""
    parts = [stop[:length] for length in range(TELLING, min(len(stop), 200))]
    return [part for part in parts if any(character.isalnum() for character in part)]


def _ends_amid_word(part: str, stop: str) -> bool:
    """Whether a beginning of a sequence is no whole word, as answers may end with by themselves."""
    return len(part) > TELLING and part[-1].isalnum() and stop[len(part)].isalnum()


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.stop",
    control="params.stop_string_honoured",
    breach=Outcome.LENIENT,
    broken_by=[edit("request.stop", ["a1", "b2", "c3", "d4", "e5"]).on("chat.basic")],
)
def stop_five_400(reply: Reply) -> Findings:
    """More than four stop sequences are refused with 400.

    A client that relies on five fails elsewhere.
    """
    only_if(len(a_list(sent(reply, "stop"))) > MOST, "there are no more than four")
    yield from refusal(reply)


@check(
    MAY,
    spec="CreateChatCompletionRequest.stop",
    broken_by=[all_of(edit("request.stop", []), crashed()).on("chat.basic")],
)
def stop_empty_array(reply: Reply) -> Findings:
    """An empty array of stop sequences does nothing, or is refused.

    The SDKs send a request that failed with 500 again.
    """
    only_if(sent(reply, "stop") == [], "stop is not an empty array")
    yield from crash(reply, "stop")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.stop",
    broken_by=[
        all_of(edit("request.stop", ""), edit("choices[0].message.content", "")).on("chat.basic")
    ],
)
def stop_empty_string(reply: ChatCompletion | ErrorReply) -> Findings:
    """An empty stop sequence doesn't end an answer before it begins.

    Forms with an empty field send it.
    """
    only_if(sent(reply, "stop") in ("", [""]), "stop is not empty")
    if isinstance(reply, Refusal):
        inconclusive_if(reply.status not in REFUSED, "the request failed in another way")
        return
    for answer in reply.answers:
        if not answer.text and not answer.calls and answer.finish_reason == "stop":
            yield Finding(text_place(reply, answer), want="text", got="")
