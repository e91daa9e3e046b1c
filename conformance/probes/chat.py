"""Plain conversations, answered in one piece."""

from __future__ import annotations

from typing import Final

from conformance.probe import Steps, probe
from conformance.probes._examples import COUNTING, OK, UNICODE, Body, user
from conformance.targets import OMIT, Target

HELPFUL: Final[Body] = {"role": "system", "content": "You are a helpful assistant."}
TALK: Final[list[Body]] = [
    HELPFUL,
    user("Hello, my name is Ada."),
    {"role": "assistant", "content": "Hello Ada."},
    user("What is my name?"),
]
PINEAPPLE: Final = "Answer every question only with the word pineapple."
NULLABLE: Final = (
    *("frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens"),
    *("metadata", "n", "presence_penalty", "seed", "service_tier", "stop", "store", "stream"),
    *("stream_options", "temperature", "top_logprobs", "top_p"),
)
"""Parameters that may be null at OpenAI, whatever the model."""
LARGE: Final = "word " * 1700 + COUNTING
"""A request of more than eight kilobytes, and of fewer tokens than any model can read."""


@probe("chat", opens=True)
def basic(target: Target) -> Steps:
    """The least that is polite: one user message and a limit.

    ``http.charset`` asks the same, to be compared with this.
    """
    yield target.chat(COUNTING, temperature=OMIT)


@probe("chat")
def bare(target: Target) -> Steps:
    """A model and a message and nothing else, for that is all the API requires."""
    yield target.chat(OK, temperature=OMIT, max_tokens=OMIT)


@probe("chat")
def stream_false(target: Target) -> Steps:
    """A stream is declined in so many words, as many clients do.

    The probes of streams ask the same as streams, to be compared with this.
    """
    yield target.chat(COUNTING, stream=False)


@probe("chat")
def multi_turn(target: Target) -> Steps:
    """A conversation of several turns with a system message, which is how most of them look."""
    yield target.chat(messages=TALK)


@probe("chat")
def developer(target: Target) -> Steps:
    """The instructions come from the developer, as agents for current OpenAI models send them."""
    messages = [{"role": "developer", "content": PINEAPPLE}, user("How are you?")]
    yield target.chat(messages=messages)


@probe("chat")
def two_systems(target: Target) -> Steps:
    """Two system messages, since frameworks add their own to the application's."""
    messages = [HELPFUL, {"role": "system", "content": PINEAPPLE}, user("How are you?")]
    yield target.chat(messages=messages)


@probe("chat")
def two_users(target: Target) -> Steps:
    """Two user messages in a row, since users write twice."""
    yield target.chat(messages=[user("I have a question."), user(COUNTING)])


@probe("chat")
def assistant_last(target: Target) -> Steps:
    """The assistant has the last word, which some servers continue and others trip over."""
    messages = [user(COUNTING), {"role": "assistant", "content": "1, 2,"}]
    yield target.chat(messages=messages, temperature=OMIT)


@probe("chat")
def parts(target: Target) -> Steps:
    """The content is an array of text parts, as several client libraries always write it."""
    yield target.chat([{"type": "text", "text": COUNTING}])


@probe("chat")
def empty_content(target: Target) -> Steps:
    """The user says nothing at all, which servers may refuse but should survive."""
    yield target.chat("", temperature=OMIT)


@probe("chat")
def name(target: Target) -> Steps:
    """The user has a name, as in frameworks with several agents."""
    yield target.chat(messages=[user(COUNTING, name="ada")])


@probe("chat")
def unicode(target: Target) -> Steps:
    """Characters of two, three and four bytes go there and back.

    ``stream.unicode`` asks the same as a stream, to be compared with this.
    """
    yield target.chat(UNICODE)


@probe("chat")
def nulls(target: Target) -> Steps:
    """Every optional parameter is null, as clients in typed languages write what is not set."""
    yield target.chat(OK, **dict.fromkeys(NULLABLE))


@probe("chat")
def large(target: Target) -> Steps:
    """A prompt of more than eight kilobytes, since documents and conversations are often longer."""
    yield target.chat(LARGE)


@probe("chat", needs=("logprobs",))
def logprobs(target: Target) -> Steps:
    """The log probabilities of each token and of two candidates, in a text that is not ASCII."""
    prompt = "Repeat this exactly: All is OK, Zoë 🧪."
    yield target.chat(prompt, logprobs=True, top_logprobs=2)
