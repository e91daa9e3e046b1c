"""The members of a chat completion itself."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Final

from conformance.model import Evidence, Finding, Findings, Inconclusive, show
from conformance.mutate import all_of, drop, edit
from conformance.registry import MAY, MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatCompletion, ChatReply, ChatStream, a_text, is_int

DAY: Final = 86_400
"""Seconds."""
BASIC: Final = "chatcmpl-lB0QXYRmb5LekFyUK5CbsAQeVtgFj"
"""The id of the reference exchange chat.basic."""
TIERS: Final = ("auto", "default", "flex", "scale", "priority", "fast")
_KEY: Final = re.compile(r"\bsk-[A-Za-z0-9_-]{20,}")
_TRACE: Final = "Traceback (most recent call last)"


_NOTHING: Final = edit("body", "null").also("chat.usage_present")


@check(MUST, spec="CreateChatCompletionResponse.id", broken_by=[drop("id"), edit("id", "")])
def response_id(reply: ChatCompletion) -> Findings:
    """A chat completion has an id, a non-empty string.

    openai-python 3.52 fails its strict validation without one; logs and traces need it.
    """
    yield from reply.breaks("id")


@check(
    MUST,
    spec="CreateChatCompletionResponse.object",
    broken_by=[edit("object", "text_completion"), drop("object"), _NOTHING],
)
def response_object(reply: ChatCompletion) -> Findings:
    """A chat completion is a JSON object whose object is chat.completion.

    openai-python 3.52 fails its strict validation on anything else.
    """
    yield from reply.breaks("object")
    if not isinstance(reply.document.value, dict) and not reply.document.error:
        yield Finding("body", want="a chat completion, a JSON object", got=reply.document.value)


@check(
    MUST,
    spec="CreateChatCompletionResponse.created",
    broken_by=[
        edit("created", 1741570283.5),
        drop("created"),
        edit("created", 1741570283000).also("chat.response_created_recent"),
    ],
)
def response_created(reply: ChatCompletion) -> Findings:
    """The time in created is a Unix time in whole seconds.

    openai-python 3.52 fails its strict validation on a fraction.
    """
    for found in reply.breaks("created"):
        # Recorders that freeze time may write 0.
        if found.got != 0 or not reply.lacks(Evidence.FRESH):
            yield found


@check(
    MUST, spec="CreateChatCompletionResponse.model", broken_by=[drop("model"), edit("model", "")]
)
def response_model(reply: ChatCompletion) -> Findings:
    """A chat completion names the model that made it.

    openai-python 3.52 fails its strict validation without it.
    """
    yield from reply.breaks("model")


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices",
    broken_by=[edit("choices", None), drop("choices"), edit("choices", [])],
)
def response_choices(reply: ChatCompletion) -> Findings:
    """There is an array of choices, not an empty one.

    Without it openai-python 3.52 and openai-node 6.49 throw TypeError at choices[0].
    """
    yield from reply.breaks("choices", "choices[*]")


def _own_id(reply: ChatCompletion) -> str | None:
    return a_text(reply.body.get("id")) or None


@check(
    SHOULD,
    spec="CreateChatCompletionResponse.id",
    needs=[Evidence.FRESH],
    over=_own_id,
    broken_by=[edit("id", BASIC).on("chat.again")],
)
def response_id_unique(facts: list[Fact[str]]) -> Findings:
    """Each chat completion has an id of its own.

    Traces and stores that use it as a key keep only one of the answers.
    """
    inconclusive_if(len(facts) <= 1, "there is one completion only")
    seen: dict[str, str] = {}
    for fact in facts:
        first = seen.setdefault(fact.value, fact.exchange)
        if first != fact.exchange:
            yield Finding("id", want="an id of its own", got=fact.value, exchange=fact.exchange)


@check(MAY, spec="OpenAI API reference: Chat completions", broken_by=[edit("id", "abc")])
def response_id_prefix(reply: ChatCompletion) -> Findings:
    """The id starts with chatcmpl-, as OpenAI's do.

    Nothing promises it; it tells a translated reply from a copied one.
    """
    id_ = a_text(reply.body.get("id"))
    only_if(id_, "there is no id")
    if not id_.startswith("chatcmpl-"):
        yield Finding("id", want="chatcmpl-…", got=id_)


@check(
    SHOULD,
    spec="CreateChatCompletionResponse.created",
    needs=[Evidence.FRESH],
    broken_by=[
        all_of(
            edit("created", 1_600_000_000), edit("headers.date", "Thu, 01 Jan 2026 00:00:00 GMT")
        )
    ],
)
def response_created_recent(reply: ChatCompletion) -> Findings:
    """The time in created is that at which the answer was made, give or take a day.

    Clients order and expire stored answers by it.
    """
    created, date = reply.body.get("created"), reply.header("date")
    only_if(is_int(created) and date, "there is no time to compare")
    try:
        now = int(parsedate_to_datetime(date or "").timestamp())
    except (ValueError, OverflowError):
        raise Inconclusive("the Date header is not a date") from None
    if abs(reply.body["created"] - now) > DAY:
        yield Finding("created", want=f"within a day of {now}", got=created)


@check(
    MUST,
    spec="OpenAI guide: Error codes",
    broken_by=[
        edit(
            "error", {"message": "overloaded", "type": "server_error", "param": None, "code": None}
        )
    ],
)
def response_no_error_key(reply: ChatCompletion) -> Findings:
    """A successful answer carries no error object.

    openai-python 3.52 and openai-node 6.49 look at the status only and throw TypeError at
    choices[0] where nothing but the error is there.
    """
    # An error without choices is no answer: errors.status_not_200 judges it.
    if reply.body.get("error"):
        yield Finding("error", want="none in a successful answer", got=reply.body["error"])


@check(
    SHOULD,
    spec="CreateChatCompletionResponse.model",
    broken_by=[edit("model", "qwen2.5-0.5b-instruct-q4_k_m.gguf")],
)
def response_model_echo(reply: ChatReply) -> Findings:
    """The model named in the answer is related to the one that was asked for.

    A client that pays for one model and is answered by another can see it nowhere else.
    """
    asked = a_text(reply.request.get("model"))
    only_if(asked and "/deployments/" not in reply.path, "the request names no model")
    only_if(not reply.request.keys() & {"models", "preset", "route"}, "a router was free to choose")
    for at, body in (
        reply.judged_chunks[:1] if isinstance(reply, ChatStream) else [("", reply.body)]
    ):
        answered = a_text(body.get("model"))
        only_if(answered, "the answer names no model")
        if not _related(asked.lower(), answered.lower()):
            yield Finding(f"{at}.model".removeprefix("."), want=f"like {asked}", got=answered)


def _related(asked: str, answered: str) -> bool:
    """Whether two names can mean one model: a word in common, and a version where both have one."""
    if asked in answered or answered in asked:
        return True
    words = [set(re.findall(r"[a-z]{3,}", name)) for name in (asked, answered)]
    versions = [set(re.findall(r"(?<!\d)[1-9]\d?(?!\d)", name)) for name in (asked, answered)]
    same_version = versions[0] & versions[1] or not all(versions)
    return bool(words[0] & words[1] and same_version)


@check(
    SHOULD,
    spec="CreateChatCompletionResponse.system_fingerprint",
    broken_by=[edit("system_fingerprint", 7)],
)
def response_system_fingerprint_type(reply: ChatCompletion) -> Findings:
    """system_fingerprint is a string or null where it is present.

    Typed clients (.NET, Rust, Go) fail to read the whole answer on another type.
    """
    yield from reply.breaks("system_fingerprint")


@check(
    SHOULD,
    spec="CreateChatCompletionResponse.service_tier",
    broken_by=[edit("service_tier", "on_demand")],
)
def response_service_tier_enum(reply: ChatCompletion) -> Findings:
    """service_tier is auto, default, flex, scale, priority or fast where it is present.

    openai-python 3.52 fails its strict validation on another value, as pydantic-based clients do.
    """
    tier = reply.body.get("service_tier")
    if tier is not None and tier not in TIERS:
        yield Finding("service_tier", want=f"one of {', '.join(TIERS)}", got=tier)


@check(
    SHOULD,
    spec="OpenAI guide: Production best practices",
    broken_by=[
        edit("choices[0].message.content", f'{_TRACE}:\n  File "app.py", line 1, in <module>'),
        edit("debug", "called upstream with sk-abcdefghijklmnopqrstuvwxyz0123"),
    ],
)
def response_no_detail_leak(reply: ChatCompletion) -> Findings:
    """A successful answer shows no stack trace and no key of the server.

    The user would be shown the server's inside, or someone else's key.
    """
    about_traces = b"Traceback" in reply.exchange.request.body
    for answer in reply.answers:
        if answer.text.lstrip().startswith(_TRACE) and not about_traces:
            yield Finding(f"{answer.at}.message.content", want="an answer", got=answer.text[:200])
    for name, value in reply.body.items():
        if name != "choices" and not is_int(value) and _leaks(value):
            yield Finding(name, want="no stack trace, no key", got=value)


def _leaks(value: object) -> bool:
    text = show(value, 2000)
    return _TRACE in text or _KEY.search(text) is not None
