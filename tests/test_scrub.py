"""No key survives into what is written or printed."""

from __future__ import annotations

import pytest

from conformance.model import Finding, Headers, Level, Outcome, Request, Verdict, show
from conformance.scrub import MASK, Scrubber

KEYS = [
    "sk-proj-0123456789abcdefABCDEF_-xyz",
    "gsk_0123456789abcdefghijklmn",
    "xai-0123456789abcdefghijklmn",
    "hf_0123456789abcdefghijklmn",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "Bearer 0123456789abcdefghij",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVP",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_known_by_its_shape(key: str) -> None:
    assert key not in Scrubber().text(f"Incorrect API key provided: {key}. Look it up.")


def test_the_credentials_of_the_request_are_masked_wherever_they_are_echoed() -> None:
    secrets = {
        "authorization": "Bearer s3cr/et-one",
        "api-key": "s3cret-two",
        "cookie": "sid=three",
    }
    scrubber = Scrubber.of(Request("POST", "/v1/x", Headers(secrets.items())))
    finding = Finding("s3cret-two", "s3cr/et-one", {"sid=three": ["s3cr%2Fet-one", 1, None]})
    verdict = Verdict("p", "m", "c", Level.MUST, Outcome.FAIL, findings=(finding,))
    (clean,) = scrubber.verdict(verdict).findings
    assert clean == Finding(MASK, MASK, {MASK: [MASK, 1, None]})


@pytest.mark.parametrize(
    "text", ["task-1234567890abcdefghij", "risk-adjusted", "sk-short", "chatcmpl-0123456789abcdef"]
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert Scrubber().text(text) == text


@pytest.mark.parametrize(
    "value",
    ["a" * 10**6, {"k" * 10**5: ["x" * 10**5] * 1000}, 10**5000, [[[]]] * 10**5, b"\xff" * 10**6],
    ids=["text", "nested", "integer", "lists", "bytes"],
)
def test_a_shown_value_is_short_whatever_it_is(value: object) -> None:
    assert len(show(value)) < 300
