"""Messages: what a client says arrives at the model, in the same order and the same roles."""

from __future__ import annotations

from typing import Final

from conformance.model import Finding, Findings
from conformance.mutate import all_of, drop, edit
from conformance.registry import MUST, check, only_if
from conformance.replies import Reply, a_text
from conformance.suites.adapter._both_sides import asked, in_roles, joined, texts

INSTRUCTIONS: Final = ("system", "developer")
TURNS: Final = ("user", "assistant")


@check(
    MUST,
    spec="ChatCompletionRequestSystemMessage",
    broken_by=[
        drop("upstream[0].request.messages[0]").on("adapter.talk"),
        edit(
            "upstream[0].request.messages[1].content",
            "You are a helpful assistant. Hello, my name is Ada.",
        ).on("adapter.talk"),
    ],
)
def system_preserved(reply: Reply) -> Findings:
    """What the system or the developer says arrives once, whatever the API calls its place.

    The rules of an application are in it. Without them the model does what nobody foresaw.
    """
    known, sent = in_roles(reply.request, *INSTRUCTIONS), joined(asked(reply))
    only_if(known, "there is no system message")
    before = joined(reply.request)
    for at, message in known:
        for text in texts(message):
            if text not in sent:
                yield Finding(f"{at}.content", want=text, got="lost on the way")
            elif sent.count(text) > before.count(text):
                yield Finding(f"{at}.content", want="sent on once", got=sent.count(text))


@check(
    MUST,
    spec="CreateChatCompletionRequest.messages",
    broken_by=[
        drop("upstream[0].request.messages[1]").on("adapter.talk"),
        all_of(
            edit("upstream[0].request.messages[1].content", "Do you remember my name?"),
            edit("upstream[0].request.messages[3].content", "Hello, my name is Ada."),
        ).on("adapter.talk"),
    ],
)
def history_preserved(reply: Reply) -> Findings:
    """What the user and the assistant said arrives, all of it and in its order.

    A model that misses a turn, or reads it at another place, answers another question.
    """
    sent, start = joined(asked(reply)), 0
    for at, message in in_roles(reply.request, *TURNS):
        for text in texts(message):
            found = sent.find(text, start)
            if found < 0:
                got = "at another place" if text in sent else "lost on the way"
                yield Finding(f"{at}.content", want=text, got=got)
            else:
                start = found + len(text)


@check(
    MUST,
    spec="CreateChatCompletionRequest.messages",
    broken_by=[edit("upstream[0].request.messages[1].role", "assistant").on("adapter.talk")],
)
def roles_preserved(reply: Reply) -> Findings:
    """What the user said arrives as the user's words, and the assistant's as its own.

    A model believes what it said itself, and follows what the user says.
    """
    sent = asked(reply)
    turns = {role: joined(sent, role) for role in TURNS}
    only_if(turns["assistant"], "the other side knows one role only")
    for at, message in in_roles(reply.request, *TURNS):
        role = a_text(message.get("role"))
        other = TURNS[1 - TURNS.index(role)]
        for text in texts(message):
            if text not in turns[role] and text in turns[other]:
                yield Finding(f"{at}.role", want=role, got=other)
