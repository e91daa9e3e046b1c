"""What a request may cost, before it is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.cost import IMAGE, LONGEST, MOST_CHOICES, USUAL, ceiling
from conformance.model import Request
from conformance.targets import Target, to_json

TARGET = Target("here", "m", "https://api.example.com/v1")


def chat(**more: Any) -> int:
    return ceiling(TARGET.post("/chat/completions", {"model": "m", **more}))


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


WORDS = "word " * 80
"""400 bytes, so 100 tokens."""


def test_the_prompt_is_a_quarter_of_its_bytes_and_the_limit_is_added() -> None:
    assert chat(messages=said(WORDS), max_tokens=50) - chat(messages=said(""), max_tokens=0) == 150


def test_bytes_count_and_not_letters() -> None:
    assert chat(messages=said("語" * 4), max_tokens=0) - chat(messages=said(""), max_tokens=0) == 3


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_a_limit_goes_by_several_names(name: str) -> None:
    assert chat(messages=said("a"), **{name: 700}) - chat(messages=said("a"), **{name: 0}) == 700


def test_the_greater_of_two_limits_counts() -> None:
    both = chat(messages=said("a"), max_tokens=5, max_completion_tokens=900)
    assert both == chat(messages=said("a"), max_tokens=900)


@pytest.mark.parametrize("limit", [None, "many", -1, 2.5, True, [7]])
def test_without_a_usable_limit_the_usual_is_taken(limit: Any) -> None:
    assert chat(messages=said("a"), max_tokens=limit) == chat(messages=said("a"), max_tokens=USUAL)


def test_no_limit_is_believed_beyond_reason() -> None:
    assert chat(messages=said("a"), max_tokens=10**9) == chat(
        messages=said("a"), max_tokens=LONGEST
    )


def test_every_choice_costs() -> None:
    one, three = (chat(messages=said("a"), max_tokens=100, n=n) for n in (1, 3))
    assert three - one == 200


@pytest.mark.parametrize("n", [None, 0, -1, "2", 1.5, True])
def test_a_number_that_is_none_is_one(n: Any) -> None:
    assert chat(messages=said("a"), max_tokens=9, n=n) == chat(messages=said("a"), max_tokens=9)


def test_no_number_of_choices_is_believed_beyond_reason() -> None:
    most = chat(messages=said("a"), max_tokens=1, n=MOST_CHOICES)
    assert chat(messages=said("a"), max_tokens=1, n=10**9) == most


def test_best_of_costs_too() -> None:
    assert ceiling(TARGET.completion("", max_tokens=10, n=2, best_of=5)) == 50


def test_tools_and_schemas_are_read_by_the_model() -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": WORDS}}]
    assert chat(messages=said("a"), tools=tools) - chat(messages=said("a")) >= 100
    schema = {"type": "json_schema", "json_schema": {"schema": {WORDS: {}}}}
    assert chat(messages=said("a"), response_format=schema) - chat(messages=said("a")) >= 100


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 100_000},
    ],
)
def test_an_image_costs_the_same_whatever_its_size(part: dict[str, Any]) -> None:
    messages = [{"role": "user", "content": [part, part]}]
    plain = [{"role": "user", "content": []}]
    assert chat(messages=messages) - chat(messages=plain) == 2 * IMAGE


@pytest.mark.parametrize(
    ("prompt", "tokens", "prompts"),
    [
        (WORDS, 100, 1),
        ([WORDS, WORDS, WORDS], 300, 3),
        ([1, 2, 3, 4], 4, 1),
        ([[1, 2], [3, 4, 5]], 5, 2),
        ([], 0, 1),
        ("", 0, 1),
    ],
)
def test_prompts_of_legacy_completions_are_counted(prompt: Any, tokens: int, prompts: int) -> None:
    assert ceiling(TARGET.completion(prompt, max_tokens=16)) == tokens + prompts * 16


def test_several_prompts_and_choices_multiply() -> None:
    assert ceiling(TARGET.completion(["", ""], max_tokens=10, n=3)) == 60


@pytest.mark.parametrize(
    ("text", "tokens"),
    [(WORDS, 100), ([WORDS, WORDS], 200), ([1, 2, 3], 3), ([[1], [2, 3]], 3)],
)
def test_an_embedding_has_only_an_input(text: Any, tokens: int) -> None:
    assert ceiling(TARGET.embedding(text)) == tokens
    asked = TARGET.post("/embeddings?version=1", {"model": "m", "input": text})
    assert ceiling(asked) == tokens


def test_a_response_has_a_limit_too() -> None:
    asked = TARGET.post(
        "/responses", {"input": WORDS, "instructions": WORDS, "max_output_tokens": 8}
    )
    assert ceiling(asked) == 208


def test_a_list_of_models_costs_nothing() -> None:
    assert ceiling(TARGET.get("/models")) == 0


@pytest.mark.parametrize(
    "body",
    [b"x" * 400, b"[" * 400, b'"' + b"x" * 398 + b'"', b"{" * 399 + b"1", b"\xff" * 400],
)
def test_what_is_no_object_is_a_prompt_without_answer(body: bytes) -> None:
    assert ceiling(TARGET.post("/chat/completions", body)) == 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.sampled_from(
    ["messages", "prompt", "input", "tools", "n", "best_of", "max_tokens", "type", "other"]
)


@given(st.dictionaries(NAMES, JSON), st.sampled_from(["/embeddings", "/completions", ""]))
def test_every_request_has_a_ceiling(body: dict[str, Any], path: str) -> None:
    assert ceiling(Request("POST", path, body=to_json(body))) >= 0


@given(st.binary(max_size=200))
def test_every_body_has_a_ceiling(body: bytes) -> None:
    assert ceiling(Request("POST", "/chat/completions", body=body)) >= 0
