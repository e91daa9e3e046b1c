"""``/v1/completions``: the legacy endpoint that continues a text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from conformance.reference import validate
from conformance.reference.chat_request import forced, luck
from conformance.reference.errors import (
    ApiError,
    context_length,
    empty_array,
    invalid,
    wrong_length,
    wrong_type,
)
from conformance.reference.model import (
    CONTEXT,
    LONGEST,
    Answer,
    Task,
    Turn,
    alternatives,
    generate,
    logprob,
    spelled,
    tokenise,
)
from conformance.reference.offers import offer
from conformance.reference.wire import BASE_TIME, DONE, Events, Ids, event

DEFAULT_LIMIT: Final = 16
MOST_CHOICES: Final = 32
"""How many prompts, times ``n``, are continued at once."""
EMPTY_PROMPT: Final = "<|endoftext|>"
BRIDGE: Final = " and so"
"""What stands between a prompt and a suffix."""
PARAMETERS: Final[dict[str, validate.Check]] = {
    "model": validate.anything,
    "prompt": validate.anything,
    "best_of": validate.integer(1, 20),
    "echo": validate.boolean,
    "frequency_penalty": validate.decimal(-2, 2),
    "logit_bias": validate.logit_bias,
    "logprobs": validate.integer(0, 5),
    "max_tokens": validate.integer(0),
    "n": validate.integer(1, 16),
    "presence_penalty": validate.decimal(-2, 2),
    "seed": validate.integer(-validate.SEED_LIMIT, validate.SEED_LIMIT - 1),
    "stop": validate.stop,
    "stream": validate.boolean,
    "stream_options": validate.stream_options,
    "suffix": validate.text,
    "temperature": validate.decimal(0, 2),
    "top_p": validate.decimal(0, 1),
    "user": validate.text,
}


@dataclass(frozen=True, slots=True)
class _Choice:
    prompt: tuple[str, ...]
    answer: Answer
    echo: bool

    @property
    def tokens(self) -> tuple[str, ...]:
        return self.prompt + self.answer.tokens if self.echo else self.answer.tokens


def respond(body: dict[str, Any], ids: Ids) -> dict[str, Any] | Events:
    """Answer a completions request: a document, or the events of a stream. Raises ApiError."""
    model = offer(body)
    given = validate.accepted(body, PARAMETERS)
    if not model.completes:
        message = (
            "This is a chat model and not supported in the v1/completions endpoint. "
            "Did you mean to use v1/chat/completions?"
        )
        raise ApiError(404, message, "model")
    _check_best_of(given)
    prompts = _prompts(given.get("prompt", EMPTY_PROMPT), MOST_CHOICES // given.get("n", 1))
    choices = [
        _Choice(tuple(prompt), _answer(given, prompt, i, ids.nonce), given.get("echo", False))
        for prompt in prompts
        for i in range(given.get("n", 1))
    ]
    used = _usage(prompts, choices, given)
    envelope = {
        "id": ids.letters("cmpl-", "completion", 29),
        "object": "text_completion",
        "created": BASE_TIME,
        "model": model.id,
    }
    if given.get("stream"):
        with_usage = bool(given.get("stream_options", {}).get("include_usage"))
        return tuple(_events(envelope, choices, given, used if with_usage else None))
    whole = [
        _choice(i, one.tokens, _scores(one, given), one.answer.finish)
        for i, one in enumerate(choices)
    ]
    return envelope | {"choices": whole, "usage": used}


def _check_best_of(given: Mapping[str, Any]) -> None:
    best_of = given.get("best_of", given.get("n", 1))
    if best_of < given.get("n", 1):
        raise invalid("'best_of' must be greater than or equal to 'n'.", "best_of")
    if "best_of" in given and given.get("stream") and best_of > 1:
        raise invalid("'best_of' greater than 1 cannot be streamed.", "best_of")


def _prompts(prompt: object, most: int) -> list[list[str]]:
    """The tokens of each prompt: a text, several, token ids, or several arrays of them."""
    many = prompt if isinstance(prompt, list) else [prompt]
    if not many:
        raise empty_array("prompt")
    if all(_is_id(one) for one in many):
        many = [many]
    if len(many) > most:
        raise wrong_length("prompt", "array", len(many), most, above=True)
    read = [as_tokens(one, "prompt") for one in many]
    total = sum(map(len, read))
    if total > CONTEXT:
        raise context_length(CONTEXT, total, "prompt")
    return read


def as_tokens(value: object, param: str) -> list[str]:
    """The tokens of a text, or those that an array of token ids stands for."""
    if isinstance(value, str):
        return tokenise(value)
    if isinstance(value, list) and value and all(_is_id(one) for one in value):
        return [spelled(one) for one in value]
    raise wrong_type(param, "a string, an array of strings or token arrays", value)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _answer(given: Mapping[str, Any], prompt: list[str], choice: int, nonce: int) -> Answer:
    stop = given.get("stop", [])
    limit = given.get("max_tokens", DEFAULT_LIMIT)
    task = Task(
        turns=(Turn("user", f"say: {BRIDGE}" if "suffix" in given else "".join(prompt)),),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        limit=min(limit, LONGEST),
        luck=luck(given, nonce),
        terse=given.get("frequency_penalty", 0) >= 1,
        forced=forced(given),
    )
    return generate(task, choice)


def _usage(
    prompts: list[list[str]], choices: list[_Choice], given: Mapping[str, Any]
) -> dict[str, int]:
    read = sum(map(len, prompts)) + len(prompts) * len(tokenise(given.get("suffix", "")))
    written = sum(one.answer.spent for one in choices)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def _scores(one: _Choice, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Four lists of equal length; an echoed prompt's first token has no score."""
    if "logprobs" not in given:
        return None
    tokens, top = one.tokens, given["logprobs"]
    start = 0 if one.echo else sum(map(len, one.prompt))
    offsets = list(itertools.accumulate(map(len, tokens), initial=start))[:-1]
    first_known = int(one.echo and bool(one.prompt))
    known = tokens[first_known:]
    blank = [None] * first_known
    return {
        "tokens": list(tokens),
        "token_logprobs": [*blank, *map(logprob, known)],
        "top_logprobs": [*blank, *(dict(alternatives(token, top)) for token in known)],
        "text_offset": offsets,
    }


def _choice(
    index: int,
    tokens: tuple[str, ...],
    scores: dict[str, Any] | None,
    finish: str | None,
) -> dict[str, Any]:
    return {
        "text": "".join(tokens),
        "index": index,
        "logprobs": scores,
        "finish_reason": finish,
    }


def _events(
    envelope: dict[str, Any],
    choices: list[_Choice],
    given: Mapping[str, Any],
    used: dict[str, int] | None,
) -> Iterator[bytes]:
    extra: dict[str, Any] = {} if used is None else {"usage": None}
    streams = [_pieces(i, one, given) for i, one in enumerate(choices)]
    for pieces in itertools.zip_longest(*streams):
        for piece in pieces:
            if piece is not None:
                yield event(envelope | {"choices": [piece]} | extra)
    if used is not None:
        yield event(envelope | {"choices": [], "usage": used})
    yield DONE


def _pieces(index: int, one: _Choice, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A choice token by token, and then its end."""
    scores = _scores(one, given)
    for i, token in enumerate(one.tokens):
        part = None if scores is None else {key: [value[i]] for key, value in scores.items()}
        yield _choice(index, (token,), part, None)
    yield _choice(index, (), None, one.answer.finish)
