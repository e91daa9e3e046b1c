"""What the checks of text completions must let pass, and what they catch, beside their proofs."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.engine import Checks
from conformance.model import Outcome
from conformance.mutate import Mutant, change, edit
from conformance.recognise import recognise
from conformance.reference.exchanges import exchanges
from conformance.registry import checks

OFFSETS = Checks([checks()["completions.logprobs_offsets"]])
LOGPROBS = "choices[0].logprobs"


def with_a_last_token(token: str, offset: int) -> Mutant:
    """The same text, and a token more that ended it; the text goes from 36 to 43."""

    def longer(old: dict[str, list[Any]]) -> dict[str, list[Any]]:
        more = {"tokens": token, "token_logprobs": -0.1, "top_logprobs": {token: -0.1}}
        return {
            name: [*old[name], value] for name, value in {**more, "text_offset": offset}.items()
        }

    return change(LOGPROBS, longer, f"{token!r} at {offset}")


@pytest.mark.parametrize(
    ("variant", "outcome"),
    [
        (with_a_last_token("<|im_end|>", 43), Outcome.PASS),
        (with_a_last_token(", 4", 43), Outcome.PASS),
        (with_a_last_token("<|im_end|>", 42), Outcome.FAIL),
        (with_a_last_token("<|im_end|>", 44), Outcome.FAIL),
        (edit("choices[0].text", "1, 2, "), Outcome.PASS),
        (edit("choices[0].text", "1, 2"), Outcome.PASS),
        (edit("choices[0].text", "1, 2, 4"), Outcome.FAIL),
        (edit(f"{LOGPROBS}.text_offset[4]", 40), Outcome.FAIL),
    ],
)
def test_a_token_that_the_text_ended_before_has_its_place_at_the_end(
    variant: Mutant, outcome: Outcome
) -> None:
    reply = recognise(variant.apply(exchanges()["completions.logprobs"]))
    assert reply is not None
    [judgement] = OFFSETS.judge(reply)
    assert judgement.outcome == outcome, judgement.findings
