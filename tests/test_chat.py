"""What the checks of chat completions must let pass, what they catch, and what they cannot tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import anything

from conformance.engine import Checks
from conformance.model import (
    Chunk,
    Exchange,
    Headers,
    Outcome,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.mutate import Mutant, all_of, change, drop, edit
from conformance.recognise import recognise
from conformance.reference.exchanges import exchanges
from conformance.registry import Fact, Judgement, checks

SUITES = ("chat", "params", "structured", "vision")
CHECKS = Checks(check for check in checks().values() if check.suite in SUITES)
URL = "request.messages[0].content[1].image_url.url"
FORMAT = "request.response_format.json_schema"
TEXT = "choices[0].message.content"
RED = {"type": "image_url", "image_url": {"url": "data:image/png;base64,TRUNCATED_7332_CHARS"}}


def judged(exchange: Exchange) -> dict[str, Judgement]:
    reply = recognise(exchange)
    assert reply is not None
    return {judgement.check.id: judgement for judgement in CHECKS.judge(reply)}


def error(status: int, **members: Any) -> Mutant:
    """A refusal with these members of the error object."""
    return all_of(edit("status", status), edit("body", json.dumps({"error": members})))


def says(status: int, message: str) -> Mutant:
    return error(status, message=message, type="invalid_request_error", param=None, code=None)


NINE = edit("request.max_tokens", 9)
THOUGHTS = all_of(
    edit("usage.completion_tokens", 105),
    edit("usage.total_tokens", 121),
    edit("usage.completion_tokens_details.reasoning_tokens", 100),
)


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("chat.basic", edit("model", "reference-1-2026-01-01")),
        (
            "chat.basic",
            all_of(
                edit("request.model", "gpt-4-turbo-preview"), edit("model", "gpt-4-0125-preview")
            ),
        ),
        (
            "chat.basic",
            all_of(
                edit("request.model", "a/claude-sonnet-4.5"), edit("model", "claude-4.5-sonnet")
            ),
        ),
        ("chat.basic", edit("system_fingerprint", None)),
        ("chat.basic", drop("service_tier")),
        ("chat.basic", edit("x_groq", {"id": "req_1"})),
        ("chat.basic", edit("choices[0].message.tool_calls", None)),
        ("chat.basic", drop("usage.completion_tokens_details")),
        ("chat.basic", edit("usage.prompt_tokens_details", None)),
        ("chat.basic", edit("request.reasoning_effort", "xhigh")),
        ("chat.basic", edit("request.max_tokens", None)),
        ("chat.n2", change("choices", lambda old: old[::-1], "in reverse")),
        ("chat.length", edit(TEXT, "")),
        ("chat.length", THOUGHTS),
        ("chat.length", all_of(edit("usage.completion_tokens", 6), edit("usage.total_tokens", 22))),
        ("chat.length", all_of(edit(TEXT, "It is OK."), edit("choices[0].finish_reason", "stop"))),
        ("chat.logprobs", edit("choices[0].logprobs.content[0].top_logprobs", [])),
        ("chat.logprobs", edit("choices[0].logprobs.content[0].bytes", None)),
        ("chat.tools_auto", edit(TEXT, "Let me look.")),
        ("chat.stop", edit("request.include_stop_str_in_output", value=True)),
        ("chat.json_object", change(TEXT, lambda text: f"\n {text}\n", "white space")),
        (
            "chat.json_object",
            all_of(edit(TEXT, '{"answ'), edit("choices[0].finish_reason", "length"), NINE),
        ),
        ("chat.json_schema", all_of(edit(TEXT, None), edit("choices[0].message.refusal", "No."))),
        ("chat.json_schema", all_of(edit(TEXT, "blue"), drop(f"{FORMAT}.strict"))),
        (
            "chat.json_schema",
            all_of(edit(TEXT, "{}"), edit(f"{FORMAT}.schema", {"$ref": "https://a.test/b"})),
        ),
        ("chat.basic", edit(TEXT, "<tool_call>{}</tool_call>")),
        (
            "chat.basic",
            all_of(drop("headers.x-request-id"), edit("headers.x-litellm-call-id", "78e680b4")),
        ),
        ("chat.vision", edit(TEXT, "Plain Red.")),
        ("chat.vision", edit("request.messages[0].content[1]", RED)),
        (
            "chat.vision",
            edit(URL, "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dyI+PC9zdmc+"),
        ),
    ],
)
def test_what_genuine_servers_do_passes(name: str, variant: Mutant) -> None:
    told = [j for j in judged(variant.apply(exchanges()[name])).values() if j.findings]
    assert told == []


@pytest.mark.parametrize(
    ("check", "name", "variant", "outcome"),
    [
        (
            "chat.response_model_echo",
            "chat.basic",
            all_of(edit("request.model", "gpt-4"), edit("model", "gpt-3.5-turbo-0125")),
            Outcome.FAIL,
        ),
        ("chat.usage_total_sum", "chat.basic", edit("usage.total_tokens", 74), Outcome.FAIL),
        (
            "chat.message_no_special_tokens",
            "chat.tools_auto",
            edit(TEXT, "<tool_call>{}</tool_call>"),
            Outcome.FAIL,
        ),
        (
            "chat.request_content_unicode",
            "stream.unicode",
            change("body", lambda body: body.replace("ë".encode(), "Ã«".encode()), "twice UTF-8"),
            Outcome.FAIL,
        ),
        (
            "chat.request_roles_developer",
            "chat.developer",
            says(422, "Input should be 'system', 'user' or 'assistant', not 'developer'"),
            Outcome.REJECTED,
        ),
        ("params.max_tokens_honoured", "stream.length", drop("events[-2]"), Outcome.PASS),
        (
            "params.max_tokens_honoured",
            "chat.length",
            all_of(drop("usage"), edit(TEXT, "one two three four five six seven")),
            Outcome.IGNORED,
        ),
        (
            "params.max_completion_tokens_honoured",
            "chat.max_completion_tokens",
            THOUGHTS,
            Outcome.IGNORED,
        ),
        (
            "params.temperature_zero_accepted",
            "chat.basic",
            all_of(
                edit("request.temperature", 0.0),
                edit("status", 422),
                edit("body", '{"detail":[{"loc":["body","temperature"],"msg":"no"}]}'),
            ),
            Outcome.REJECTED_BADLY,
        ),
        (
            "params.temperature_above_max_400",
            "stream.basic",
            edit("request.temperature", 3),
            Outcome.FAIL,
        ),
        ("params.stop_string_honoured", "stream.stop", edit("request.stop", "3"), Outcome.IGNORED),
        (
            "structured.json_schema_valid",
            "stream.json_schema",
            edit("request.response_format.json_schema.schema.properties.colour.enum", ["blue"]),
            Outcome.IGNORED,
        ),
    ],
)
def test_what_harms_a_client_is_told(
    check: str, name: str, variant: Mutant, outcome: Outcome
) -> None:
    assert judged(variant.apply(exchanges()[name]))[check].outcome is outcome


@pytest.mark.parametrize(
    ("check", "name", "variant", "outcome"),
    [
        (
            "chat.usage_total_sum",
            "chat.basic",
            all_of(drop("usage.completion_tokens_details"), edit("usage.total_tokens", 500)),
            Outcome.INCONCLUSIVE,
        ),
        ("chat.choices_count_matches_n", "chat.n2", drop("choices[1]"), Outcome.NOT_APPLICABLE),
        (
            "chat.request_messages_empty_400",
            "errors.messages_empty",
            says(429, "Slow down."),
            Outcome.INCONCLUSIVE,
        ),
        (
            "params.temperature_above_max_400",
            "errors.temperature_2_1",
            edit("status", 500),
            Outcome.INCONCLUSIVE,
        ),
        (
            "params.temperature_zero_accepted",
            "chat.basic",
            all_of(
                edit("request.temperature", 0),
                error(
                    400,
                    message="Only 1 is supported.",
                    param="temperature",
                    code="unsupported_value",
                ),
            ),
            Outcome.NOT_APPLICABLE,
        ),
        (
            "params.max_tokens_accepted",
            "chat.length",
            says(400, "The context length is 10, and max_tokens is 5."),
            Outcome.INCONCLUSIVE,
        ),
        (
            "params.unknown_reject_or_ignore",
            "errors.unknown_parameter",
            all_of(edit("request.temperature", 1), edit("status", 500)),
            Outcome.INCONCLUSIVE,
        ),
        ("params.max_tokens_honoured", "chat.length", THOUGHTS, Outcome.INCONCLUSIVE),
        (
            "structured.json_object_parses",
            "chat.json_object",
            edit("choices[0].finish_reason", "content_filter"),
            Outcome.INCONCLUSIVE,
        ),
        (
            "structured.json_schema_accepted",
            "errors.schema_name_missing",
            says(400, "Invalid schema for response_format 'x'."),
            Outcome.INCONCLUSIVE,
        ),
    ],
)
def test_what_one_exchange_cannot_tell(
    check: str, name: str, variant: Mutant, outcome: Outcome
) -> None:
    assert judged(variant.apply(exchanges()[name]))[check].outcome is outcome


def test_an_image_that_costs_nothing_is_told_of_the_exchange_that_sent_it() -> None:
    free = all_of(edit("usage.prompt_tokens", 1), edit("usage.total_tokens", 2))
    found = checks()["vision.tokens_counted"].compare(
        [_fact("chat.text_only"), _fact("chat.vision", free), _fact("chat.vision_high")]
    )
    assert [finding.exchange for finding in found.findings] == ["chat.vision"]


def _fact(name: str, variant: Mutant | None = None) -> Fact[Any]:
    exchange = exchanges()[name]
    reply = recognise(variant.apply(exchange) if variant else exchange)
    assert reply is not None
    return Fact(name, checks()["vision.tokens_counted"].fact(reply))


NAMES = st.sampled_from(
    ["messages", "stop", "n", "max_tokens", "response_format", "logprobs", "stream", "metadata"]
)
MEMBERS = st.sampled_from(
    ["id", "model", "choices", "usage", "created", "object", "service_tier", "system_fingerprint"]
)


@settings(max_examples=150)
@given(
    st.dictionaries(NAMES, anything, max_size=4),
    st.dictionaries(MEMBERS, anything, max_size=4),
    st.sampled_from([200, 400, 422, 500]),
    st.booleans(),
)
def test_nothing_that_is_sent_breaks_a_check(
    request: dict[str, Any],
    body: dict[str, Any],
    status: int,
    streamed: bool,  # noqa: FBT001  # hypothesis draws it
) -> None:
    text = json.dumps(body).encode("utf-8", "surrogatepass")
    data = b"data: " + text + b"\n\ndata: [DONE]\n\n" if streamed else text
    exchange = Exchange(
        id="x",
        provider="hostile",
        request=Request(
            "POST", "https://a.test/v1/chat/completions", Headers(), json.dumps(request).encode()
        ),
        response=Response(status, Headers([("content-type", "application/json")]), (Chunk(data),)),
        provenance=Provenance(Source.RECORDING),
    )
    reply = recognise(exchange)
    assert reply is not None
    for judgement in CHECKS.judge(reply):
        assert judgement.outcome is not Outcome.ERROR, judgement.reason
    for check, fact in CHECKS.facts(reply):
        assert check.compare([fact, fact]).outcome is not Outcome.ERROR
