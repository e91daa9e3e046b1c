"""Chat completions of the reference server: every parameter has its effect."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from asking import (
    EYES,
    ask,
    content,
    document,
    error,
    first,
    output_text,
    picture,
    post,
    respond,
    said,
)

from conformance.pictures import solid_png
from conformance.reference import golden

COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255), "white": (255,) * 3}


def test_usage_counts_the_prompt_once_and_every_choice() -> None:
    one, three = ask("Say OK"), ask("Say OK", n=3)
    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in three["choices"]}) == 3
    assert three["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"] > 0
    assert three["usage"]["completion_tokens"] > 2 * one["usage"]["completion_tokens"]
    for usage in (document(f"chat.{case}")["usage"] for case in golden.CHAT):
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


@pytest.mark.parametrize("stop", [" 7", ["zzz", " 7"], [" 9", " 7"]])
def test_stop_ends_the_text_before_it(stop: object) -> None:
    made = ask(golden.COUNTING, stop=stop)
    assert content(made) == "1, 2, 3, 4, 5, 6,"
    assert first(made)["finish_reason"] == "stop"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(("limit", "end"), [(1, "length"), (59, "length"), (60, "stop")])
def test_a_limit_is_kept_and_reported(name: str, limit: int, end: str) -> None:
    made = ask(golden.COUNTING, **{name: limit})
    assert first(made)["finish_reason"] == end
    assert made["usage"]["completion_tokens"] == min(limit, 59)


def test_logprobs_spell_the_content() -> None:
    made = document("chat.logprobs")
    entries = first(made)["logprobs"]["content"]
    assert b"".join(bytes(entry["bytes"]) for entry in entries).decode() == content(made)
    for entry in entries:
        top = [(one["token"], one["logprob"]) for one in entry["top_logprobs"]]
        scores = [score for _, score in top]
        assert len(top) == 2
        assert scores == sorted(scores, reverse=True)
        assert (entry["token"], entry["logprob"]) in top
        assert sum(math.exp(score) for score in scores) <= 1


@pytest.mark.parametrize("top", [None, 0, 1, 20])
def test_there_are_as_many_alternatives_as_asked_for(top: int | None) -> None:
    made = first(ask("Say OK", logprobs=True, top_logprobs=top))["logprobs"]
    assert len({one["token"] for one in made["content"][0]["top_logprobs"]}) == (top or 0)


@pytest.mark.parametrize("prompt", ["🧪漢字é", "a  b\n\n c", 'tab\tquote"s\\'])
def test_text_survives_a_round_trip(prompt: str) -> None:
    assert said(f"Repeat this exactly: {prompt}") == prompt


def test_lots_are_drawn_only_when_it_is_warm_and_without_a_seed() -> None:
    def drawn(**more: Any) -> int:
        body = golden.ask("Reply with one random 5-digit number and nothing else.", **more)
        return len({content(json.loads(post(body, nonce=nonce).body)) for nonce in range(6)})

    assert drawn() == drawn(temperature=1.8) == 6
    assert drawn(temperature=0) == drawn(top_p=0.01) == drawn(seed=7) == 1


def test_a_penalty_makes_it_repeat_itself_less() -> None:
    assert said('Write "apple" 60 times.').split() == ["apple"] * 60
    assert said('Write "apple" 60 times.', frequency_penalty=2).count("apple") <= 30


def test_instructions_and_earlier_turns_are_obeyed() -> None:
    assert content(document("chat.developer")) == "pineapple"
    assert "Ada" in content(document("chat.multi_turn"))
    made = respond("Hi", instructions="Always answer with the word plum.", temperature=0.5)
    assert output_text(made) == "plum"
    assert made["temperature"] == 0.5


@pytest.mark.parametrize("colour", COLOURS)
def test_pictures_are_seen(colour: str) -> None:
    url = solid_png(*COLOURS[colour])
    parts = [{"type": "text", "text": golden.COLOUR}, picture(url)]
    assert said(parts, model=EYES) == said(parts[::-1], model=EYES) == colour
    assert "image_url" in error(post(golden.ask(parts)))["message"]
    two = [picture(url), picture(solid_png(0, 0, 0))]
    assert said(two, model=EYES) == f"{colour}, black"
    part = {"type": "input_image", "image_url": url}
    assert output_text(respond([{"role": "user", "content": [part]}], model=EYES)) == colour


@pytest.mark.parametrize("start", [b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8 "])
def test_other_pictures_are_taken_and_cut_ones_refused(start: bytes) -> None:
    for data, taken in ((start + bytes(30), True), (start, False)):
        url = "data:image/x;base64," + base64.b64encode(data).decode()
        response = post(golden.ask([picture(url)], model=EYES))
        assert taken == (response.status == 200)
        if not taken:
            assert error(response)["code"] == "invalid_image_format"


def test_looking_costs_tokens() -> None:
    names = ("text_only", "vision_low", "vision_high", "vision")
    blind, low, high, auto = (document(f"chat.{one}")["usage"]["prompt_tokens"] for one in names)
    assert blind < low < high == auto


@pytest.mark.parametrize(
    "more",
    [{"temperature": 0}, {"temperature": 2}, {"top_p": 0}, {"top_p": 1}, {"presence_penalty": -2},
     {"seed": 2**53}, {"logit_bias": {}}, {"logit_bias": {"50256": -100}}, {"store": False},
     {"metadata": {"a": "b"}}, {"modalities": ["text"]}, {"user": "ada"}, {"stop": []},
     {"service_tier": "auto"}, {"response_format": {"type": "text"}}],
)  # fmt: skip
def test_the_edge_of_a_range_is_accepted(more: dict[str, Any]) -> None:
    assert said(golden.COUNTING, **more).startswith("1, 2, 3")
