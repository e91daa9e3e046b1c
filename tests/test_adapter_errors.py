"""The checks of adapters: errors, answers that break off, and whom is asked how often for what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from both_sides import (
    ANTHROPIC,
    BEGUN,
    ENDED,
    OLLAMA,
    SPOKEN,
    TALK,
    Json,
    answered,
    behind,
    completion,
    error,
    failing,
    far,
    passing,
    post,
    raised,
    streamed,
    user,
)

from conformance.dialects import Meaning
from conformance.model import Exchange, Provenance, Request, Source


def anthropic(script: str, *, stream: bool = False) -> Exchange:
    prompt = f"Count from 1 to 20. [[upstream: {script}]]"
    return far(post(ANTHROPIC, model="m", max_tokens=99, stream=stream, messages=[user(prompt)]))


def test_errors_are_told_as_what_they_are() -> None:
    busy = anthropic("status 429, retry-after 7")
    asked = {"messages": [user("Count from 1 to 20. [[upstream: status 429, retry-after 7]]")]}
    message = "It failed: The upstream says 429, as it was told to."
    for made in (lambda it: it, raised):
        wait = ("retry-after", "7")
        good = made(behind(asked, busy, said=error(429, message, wait)))
        kept = {"error_status_preserved", "error_message_preserved", "retry_after_preserved"}
        assert failing(good) == set()
        assert passing(good) >= kept
        assert failing(made(behind(asked, busy, said=error(500, "Sorry.")))) == kept
    taken = behind(asked, busy, said=answered(200, completion(Meaning("OK", "stop"))))
    assert failing(taken) == {"error_status_preserved"}


def test_an_answer_is_not_turned_into_an_error() -> None:
    asked: Json = {"messages": TALK}
    good = far(SPOKEN["anthropic"])
    said = error(500, "string indices must be integers")
    assert failing(behind(asked, good, said=said)) == {"answer_passed_on"}
    assert failing(raised(behind(asked, good, said=said))) == {"answer_passed_on"}
    unreadable = replace(good, response=answered(200, {"content": 7}))
    assert failing(behind(asked, unreadable, said=said)) == set()


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_a_provider_that_never_answers_is_a_failure(status: int) -> None:
    late = anthropic("timeout")
    asked = {"messages": [user("Count from 1 to 20. [[upstream: timeout]]")]}
    assert failing(behind(asked, late, said=error(status, "Too late."))) == set()
    assert failing(behind(asked, late, said=error(400, "Too late."))) == {"timeout_reported"}
    empty = answered(200, completion(Meaning("", "stop")))
    assert failing(behind(asked, late, said=empty)) == {"timeout_reported"}


@pytest.mark.parametrize(
    ("script", "check"), [("cut", "cut_reported"), ("error in stream", "stream_error_reported")]
)
def test_a_stream_that_breaks_off_does_not_look_finished(script: str, check: str) -> None:
    beyond = anthropic(script, stream=True)
    asked = {"messages": [user(f"Count from 1 to 20. [[upstream: {script}]]")], "stream": True}
    assert failing(behind(asked, beyond, said=streamed(BEGUN, ENDED))) == {check}
    good = behind(asked, beyond, said=streamed(BEGUN, failed=True))
    assert failing(good) == set()
    assert check in passing(good)
    refused = behind(asked, beyond, said=error(502, "The upstream failed, as it was told to."))
    assert failing(refused) == set()
    assert check in passing(refused)


def test_an_answer_in_one_piece_that_was_cut_is_no_answer() -> None:
    beyond = anthropic("cut")
    asked = {"messages": [user("Count from 1 to 20. [[upstream: cut]]")]}
    said = answered(200, completion(Meaning("1, 2", "stop")))
    assert failing(behind(asked, beyond, said=said)) == {"cut_reported"}
    assert failing(behind(asked, beyond, said=error(502, "It failed."))) == set()


def test_a_model_is_asked_once_unless_it_did_not_answer() -> None:
    asked: Json = {"messages": [user("Count from 1 to 20.")]}
    request = post(ANTHROPIC, model="m", max_tokens=99, messages=asked["messages"])
    good, bad = far(request), replace(anthropic("status 500"), request=request)
    assert failing(behind(asked, bad, bad, good)) == set()
    assert failing(behind(asked, good, good)) == {"one_upstream_call"}
    assert failing(behind(asked, good, bad, good)) == {"one_upstream_call"}
    assert "one_upstream_call" not in failing(behind(asked | {"n": 2}, good, good))
    card = far(post("http://localhost:11434/api/show", model="m", name="m"))
    chat = far(post(OLLAMA, model="m", stream=False, messages=asked["messages"]))
    said = behind(asked, chat).response
    assert failing(behind(asked, card, chat, card, said=said)) == set()


def test_no_host_is_reached_but_the_one_that_is_meant() -> None:
    picture = "https://pictures.example/cat.png"
    parts = [{"type": "image_url", "image_url": {"url": picture}}]
    asked = {"messages": [*TALK, user(parts)]}
    fetched = Exchange(
        "it", "stranger", Request("GET", picture), None, Provenance(Source.REFERENCE)
    )
    other = replace(fetched, request=Request("GET", "https://telemetry.example/"))
    good = far(SPOKEN["openai"])
    assert "known_hosts" in passing(behind(asked, fetched, good))
    assert "known_hosts" in failing(behind(asked, other, good))
    unreadable = replace(fetched, request=Request("GET", "https://[::1"))
    assert "known_hosts" in failing(behind(asked, unreadable, good))


def test_what_was_asked_before_leaves_no_trace() -> None:
    plain: Json = {"messages": [user("Say OK.")]}
    request = post(ANTHROPIC, model="m", max_tokens=99, messages=plain["messages"])
    marked = post(ANTHROPIC, model="m", max_tokens=99, messages=plain["messages"], top_k=4)
    first, second = behind(plain, far(request)), behind(plain, far(marked))
    assert failing(first, behind(plain | {"top_k": 4}, far(marked)), first) == set()
    assert failing(first, second) == {"no_leak"}
    assert failing(first, replace(second, session="another")) == set()


def test_ids_of_the_adapters_own_are_no_trace() -> None:
    plain: Json = {"messages": [user("Say OK.")]}
    seen = []
    for number in ("0" * 8, "1" * 8):
        id_ = f"{number}-aaaa-4bbb-8ccc-123456789abc"
        request = post(
            ANTHROPIC,
            model="m",
            max_tokens=9,
            metadata={"user_id": id_},
            messages=plain["messages"],
        )
        seen.append(behind(plain, far(request)))
    assert failing(*seen) == set()


def test_a_stream_is_asked_for_like_an_answer_in_one_piece() -> None:
    plain: Json = {"messages": [user("Say OK.")]}
    request = {"model": "m", "max_tokens": 9, "messages": plain["messages"]}
    whole = behind(plain, far(post(ANTHROPIC, **request, temperature=0.5)))
    said = streamed({"delta": {"content": "OK"}, "finish_reason": None}, ENDED)
    lost = behind(plain | {"stream": True}, far(post(ANTHROPIC, **request, stream=True)), said=said)
    assert failing(whole, lost) == {"stream_asks_the_same"}
