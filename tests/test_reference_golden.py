"""The golden exchanges: their statuses, ids and headers, and what they have in common."""

from __future__ import annotations

from collections import Counter

import pytest
from asking import document, error, reply

from conformance.reference import answer, exchanges, golden_adapter, requests

BAD = (
    "adapter.error completions.best_of_1 completions.best_of_stream completions.logprobs_6 "
    "embeddings.empty embeddings.error embeddings.too_many embeddings.unknown_encoding "
    "responses.chat_params responses.error"
)
REFUSED = dict.fromkeys(BAD.split(), 400)
REFUSED |= {"adapter.busy": 429, "adapter.timeout": 408}
REFUSED |= {"errors.busy": 429, "errors.method": 405, "errors.route": 404, "models.unknown": 404}
REFUSED |= dict.fromkeys(("errors.missing_key", "errors.wrong_key", "models.wrong_key"), 401)
REFUSED |= dict.fromkeys(("errors.unknown_model", "errors.stream_unknown_model"), 404)


@pytest.mark.parametrize("name", requests())
def test_a_golden_exchange_has_its_status_and_can_be_repeated(name: str) -> None:
    exchange = exchanges()[name]
    assert (exchange.id, exchange.request) == (name, requests()[name])
    assert reply(name).status == REFUSED.get(name, 400 if name.startswith("errors.") else 200)
    if reply(name).status != 200:
        error(reply(name))
    assert answer(exchange.request) == answer(exchange.request)
    assert answer(exchange.request, 1) != answer(exchange.request)


def test_every_golden_answer_has_ids_of_its_own() -> None:
    made = [reply(name) for name in exchanges()]
    chats = [document(name)["id"] for name in exchanges() if name.startswith("chat.")]
    assert max(Counter(one.headers.get("x-request-id") for one in made).values()) == 1
    assert max(Counter(chats).values()) == 1


@pytest.mark.parametrize("case", ["again", "nulls", "charset", "bearer_lowercase"])
def test_another_spelling_of_a_request_gets_the_same_answer(case: str) -> None:
    plain, other = document("chat.basic"), document(f"chat.{case}")
    assert plain.pop("id") != other.pop("id")
    assert plain == other


def test_headers_say_what_the_body_is() -> None:
    plain, streamed = reply("chat.basic").headers, reply("stream.basic").headers
    assert plain.get("content-length") == str(len(reply("chat.basic").body))
    assert str(streamed.get("content-type")).startswith("text/event-stream")
    assert "content-length" not in streamed
    assert reply("errors.method").headers.get("allow") == "POST"
    assert int(reply("errors.busy").headers.get("retry-after") or 0) > 0


def test_streaming_does_not_change_an_error() -> None:
    for name in ("unknown_model", "temperature_2_1"):
        assert reply(f"errors.{name}").body == reply(f"errors.stream_{name}").body


def test_a_wrong_key_is_shown_without_its_middle() -> None:
    refused = error(reply("errors.wrong_key"))
    assert refused["code"] == "invalid_api_key"
    assert "cdef" in refused["message"]
    assert "0123456789" not in refused["message"]


def test_behind_an_adapter_both_sides_are_seen() -> None:
    for case in golden_adapter.ASKED:
        seen = exchanges()[f"adapter.{case}"]
        (upstream,) = seen.upstream
        assert upstream.request.url != seen.request.url
        if case not in golden_adapter.SENT_ON:
            assert upstream.request.body == seen.request.body
        if case not in golden_adapter.SENT_ON and not upstream.failure:
            assert upstream.response == seen.response
