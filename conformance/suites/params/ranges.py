"""Values that no parameter may have: out of range, or of the wrong type."""

from __future__ import annotations

from typing import Any, Final

from conformance.model import Findings
from conformance.mutate import all_of, edit
from conformance.registry import MAY, SHOULD, check, only_if
from conformance.replies import Endpoint, Reply, a_text, an_object, is_number
from conformance.suites._refusals import crashed, refusal, sent

MOST_CHOICES: Final = 128
MOST_TOP: Final = 20
STRONGEST: Final = 100
"""The largest bias."""
PAIRS, KEY, VALUE = 16, 64, 512
"""How many pairs metadata has at most, and how many characters a key and a value have."""
EFFORTS: Final = frozenset(
    ("none", "minimal", "low", "medium", "high", "xhigh", "max", "default", "auto")
)
"""The documented efforts, and those that other providers have added."""
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(
        ("temperature", "top_p", "frequency_penalty", "presence_penalty"), (int, float)
    ),
    **dict.fromkeys(("n", "seed", "top_logprobs", "max_completion_tokens"), (int, float)),
    **dict.fromkeys(("logprobs", "parallel_tool_calls", "store", "stream"), (bool,)),
    **dict.fromkeys(("messages", "tools", "modalities"), (list,)),
    **dict.fromkeys(("logit_bias", "metadata", "response_format", "stream_options"), (dict,)),
    "stop": (str, list),
    "reasoning_effort": (str,),
    "service_tier": (str,),
}
"""The JSON types that a parameter may have; max_tokens and user have checks of their own."""


def _refused_outside(reply: Reply, name: str, low: float, high: float) -> Findings:
    value = sent(reply, name)
    only_if(is_number(value) and not low <= value <= high, f"{name} is in its range")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.temperature",
    control="params.temperature_zero_accepted",
    broken_by=[edit("request.temperature", 2.1).on("chat.basic")],
)
def temperature_above_max_400(reply: Reply) -> Findings:
    """A temperature above 2 is refused with 400.

    What is used instead, nobody can tell.
    """
    yield from _refused_outside(reply, "temperature", float("-inf"), 2)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.temperature",
    control="params.temperature_zero_accepted",
    broken_by=[edit("request.temperature", -0.1).on("chat.basic")],
)
def temperature_negative_400(reply: Reply) -> Findings:
    """A negative temperature is refused with 400.

    It has no meaning: what is used instead, nobody can tell.
    """
    yield from _refused_outside(reply, "temperature", 0, float("inf"))


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.top_p",
    control="params.top_p_one_accepted",
    broken_by=[edit("request.top_p", 1.1).on("chat.basic")],
)
def top_p_above_max_400(reply: Reply) -> Findings:
    """A top_p outside 0 to 1 is refused with 400.

    It is a share of probability: what is used instead, nobody can tell.
    """
    yield from _refused_outside(reply, "top_p", 0, 1)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.frequency_penalty",
    control="params.frequency_penalty_accepted",
    broken_by=[
        edit("request.frequency_penalty", 2.1).on("chat.basic"),
        edit("request.frequency_penalty", -2.1).on("chat.basic"),
    ],
)
def frequency_penalty_range_400(reply: Reply) -> Findings:
    """A frequency_penalty outside -2 to 2 is refused with 400.

    Strong penalties turn text into noise, and weaker ones are not what was asked for.
    """
    yield from _refused_outside(reply, "frequency_penalty", -2, 2)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.presence_penalty",
    control="params.presence_penalty_accepted",
    broken_by=[
        edit("request.presence_penalty", 2.1).on("chat.basic"),
        edit("request.presence_penalty", -2.1).on("chat.basic"),
    ],
)
def presence_penalty_range_400(reply: Reply) -> Findings:
    """A presence_penalty outside -2 to 2 is refused with 400.

    Strong penalties turn text into noise, and weaker ones are not what was asked for.
    """
    yield from _refused_outside(reply, "presence_penalty", -2, 2)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.n",
    control="params.n_two",
    broken_by=[edit("request.n", 0).on("chat.basic")],
)
def n_zero_400(reply: Reply) -> Findings:
    """An n below 1 is refused with 400.

    Whatever comes, it is not what was asked for.
    """
    yield from _refused_outside(reply, "n", 1, float("inf"))


@check(
    MAY,
    spec="CreateChatCompletionRequest.n",
    control="params.n_two",
    broken_by=[edit("request.n", 129).on("chat.n2").also("chat.choices_count_matches_n")],
)
def n_above_max_400(reply: Reply) -> Findings:
    """An n above 128 is refused with 400.

    A slip of the keyboard costs a hundred answers.
    """
    yield from _refused_outside(reply, "n", float("-inf"), MOST_CHOICES)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.top_logprobs",
    control="params.top_logprobs_twenty",
    broken_by=[edit("request.top_logprobs", 21).on("chat.logprobs")],
)
def top_logprobs_range_400(reply: Reply) -> Findings:
    """A top_logprobs outside 0 to 20 is refused with 400.

    Fewer than were asked for look like all there are.
    """
    yield from _refused_outside(reply, "top_logprobs", 0, MOST_TOP)


@check(
    MAY,
    spec="CreateChatCompletionRequest.logit_bias",
    control="params.logit_bias_accepted",
    broken_by=[edit("request.logit_bias", {"1234": 101}).on("chat.basic")],
)
def logit_bias_range_400(reply: Reply) -> Findings:
    """A bias outside -100 to 100 is refused with 400.

    What is used instead, nobody can tell.
    """
    values = an_object(sent(reply, "logit_bias")).values()
    only_if(any(is_number(one) and abs(one) > STRONGEST for one in values), "all are in range")
    yield from refusal(reply)


@check(
    MAY,
    spec="CreateChatCompletionRequest.user",
    control="params.user_accepted",
    broken_by=[edit("request.user", 5).on("chat.basic")],
)
def user_non_string_400(reply: Reply) -> Findings:
    """A user that is not a string is refused with 400.

    Reports by user don't find it again.
    """
    only_if(not isinstance(sent(reply, "user"), str), "user is a string")
    yield from refusal(reply)


@check(
    MAY,
    spec="Metadata",
    broken_by=[
        edit("request.metadata", {f"key{i}": "x" for i in range(PAIRS + 1)}).on("chat.basic"),
        edit("request.metadata", {"key": "x" * (VALUE + 1)}).on("chat.basic"),
    ],
)
def metadata_limits_400(reply: Reply) -> Findings:
    """Metadata of more than 16 pairs, or with long keys or values, is refused with 400.

    What is cut off is missing when it is searched for.
    """
    pairs = an_object(sent(reply, "metadata"))
    long = any(len(key) > KEY or len(a_text(value)) > VALUE for key, value in pairs.items())
    only_if(len(pairs) > PAIRS or long, "metadata is within its limits")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="ReasoningEffort",
    control="params.reasoning_effort_accepted",
    broken_by=[
        edit("request.reasoning_effort", "banana").on("chat.basic"),
        all_of(edit("request.reasoning_effort", "banana"), crashed()).on("chat.basic"),
    ],
)
def reasoning_effort_unknown_400(reply: Reply) -> Findings:
    """An unknown reasoning_effort is refused with 400.

    What is used instead nobody can tell, and a 500 makes the SDKs send it again.
    """
    effort = sent(reply, "reasoning_effort")
    only_if(isinstance(effort, str) and effort not in EFFORTS, "the effort is a known one")
    yield from refusal(reply, crash=True)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest",
    broken_by=[
        edit("request.temperature", "hot").on("chat.basic"),
        all_of(edit("request.temperature", "hot"), edit("status", 500)).on(
            "errors.temperature_2_1"
        ),
    ],
)
def type_error_400(reply: Reply) -> Findings:
    """A parameter of the wrong type is refused with 400.

    Whether it had its effect nobody can tell, and a 500 makes the SDKs send it again.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    wrong = [name for name, types in _TYPES.items() if _is_wrong(reply.request.get(name), types)]
    only_if(wrong, "every parameter has its type")
    yield from refusal(reply, crash=True)


def _is_wrong(value: Any, types: tuple[type, ...]) -> bool:
    if value is None:
        return False
    if isinstance(value, bool):
        return bool not in types
    return not isinstance(value, types)
