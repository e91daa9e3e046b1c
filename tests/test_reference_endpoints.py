"""The other endpoints of the reference server: models, completions, embeddings and responses."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import jsonschema
import pytest
from asking import EMBEDDINGS, accepted, complete, document, first, output_text, respond

from conformance.reference import golden


def test_models_are_listed_and_found() -> None:
    listed = document("models.list")["data"]
    assert len({one["id"] for one in listed}) == 4
    assert document("models.retrieve") in listed
    assert document("models.retrieve_slash")["id"] == "org/reference-small"


def test_completions_stop_after_sixteen_tokens() -> None:
    made = complete(golden.COUNTING)
    assert first(made)["finish_reason"] == "length"
    assert made["usage"]["completion_tokens"] == 16
    assert document("completions.length")["usage"]["completion_tokens"] == 5
    assert first(document("completions.stop"))["text"] == "1, 2, 3, 4, 5, 6,"


def test_prompts_of_every_kind_are_continued_in_order() -> None:
    choices = complete([golden.COUNTING, "Say OK"], n=2)["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2, 3]
    assert [choice["text"][:2] for choice in choices] == ["1,", "1,", "OK", "OK"]
    assert complete([1, 22, 333])["usage"]["prompt_tokens"] == 3
    assert len(complete([[1, 22], [333]])["choices"]) == 2
    assert first(complete("It rains", suffix=" I stay."))["text"] == " and so"


@pytest.mark.parametrize("echo", [False, True])
def test_completion_logprobs_are_four_equal_lists(*, echo: bool) -> None:
    prompt = "Say: OK then"
    choice = first(complete(prompt, echo=echo, logprobs=2))
    text, scores = choice["text"], choice["logprobs"]
    assert len({len(column) for column in scores.values()}) == 1
    assert "".join(scores["tokens"]) == text
    assert text.startswith(prompt) == echo
    start = 0 if echo else len(prompt)
    for token, offset in zip(scores["tokens"], scores["text_offset"], strict=True):
        assert text[offset - start :].startswith(token)
    assert (scores["token_logprobs"][0] is None) == echo
    assert all(len(one) == 2 for one in scores["top_logprobs"][1:])


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def vectors(name: str) -> list[Any]:
    data = document(f"embeddings.{name}")["data"]
    assert [one["index"] for one in data] == list(range(len(data)))
    return [one["embedding"] for one in data]


def test_vectors_follow_their_inputs() -> None:
    (alone,), (packed,), (short,) = vectors("float"), vectors("base64"), vectors("dimensions")
    assert list(struct.unpack(f"<{len(alone)}f", base64.b64decode(packed))) == alone
    assert vectors("again") == [vectors("array")[1]] == [alone]
    assert len(short) == 16
    assert cosine(alone, alone) == pytest.approx(1, abs=1e-5)
    assert cosine(short, short) == pytest.approx(1, abs=1e-5)
    body = {"model": golden.MODEL, "input": ["cat", "kitten", "tax law"]}
    cat, kitten, law = (one["embedding"] for one in accepted(body, EMBEDDINGS)["data"])
    assert cosine(cat, kitten) > cosine(cat, law)


def test_responses_keep_limits_results_and_schemas() -> None:
    cut = document("responses.incomplete")
    assert (cut["status"], cut["usage"]["output_tokens"]) == ("incomplete", 16)
    assert cut["incomplete_details"] == {"reason": "max_output_tokens"}
    call = document("responses.tools")["output"][0]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "17 degrees"}
    made = respond([{"role": "user", "content": golden.WEATHER_QUESTION}, call, result])
    assert "17 degrees" in output_text(made)
    form = {"type": "json_schema", **golden.FORMAT}
    made = respond("Which colour?", text={"format": form})
    jsonschema.validate(json.loads(output_text(made)), golden.COLOUR_SCHEMA)
