"""Strategies for chat requests: good ones, and ones with a single fault somewhere.

What they draw costs little wherever it is sent: few tokens, few choices, a small body, nothing to
be fetched or stored, and no tool that a provider runs itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

from conformance.fuzz.schemas import schemas
from conformance.pictures import solid_png
from conformance.targets import to_json

Json = dict[str, Any]
Path = tuple[str | int, ...]
Strategy = st.SearchStrategy[Any]

MOST_TOKENS: Final = 16
MOST_CHOICES: Final = 2
LARGEST: Final = 4096
"""Bytes of a body."""
GROUPS: Final = 4
"""How many groups of parameters that belong together one request may have."""

_ODD_TEXTS: Final = (
    *("", " ", "\n", "\0", "\x1b[31m", "\x7f", "\\", '"', "</s>", "<|im_end|>", "{{7*7}}", "%s"),
    *("\ufeff", "\u2028", "\u202e", "e\u0301", "漢字", "🧪", "👩\u200d👩\u200d👧", "\U0010ffff"),
)
"""Texts that are hard on parsers, on templates and on what counts or displays characters."""
_NO_TEXT: Final = "\ud800"
"""Half of a surrogate pair, which is no character (RFC 8259 section 8.2)."""
_WORDS: Final = ("Say OK.", "Reply in JSON.", "weather", "Paris", "naïve", "1, 2, 3", "count to 5")
_NAMES: Final = ("get_weather", "add", "f", "A-1_b", "x" * 64)
_CALL: Final = "call_1"
_PIXELS: Final = solid_png(255, 0, 0, side=4)

words = st.lists(st.sampled_from(_WORDS + _ODD_TEXTS), min_size=1, max_size=4).map(" ".join)
texts = st.sampled_from(("Say OK.", "Reply in JSON.")) | words
odd_values: Strategy = st.sampled_from(
    (None, True, False, 0, -1, 1.5, 1e308, 2**63, "1", [], {}, [None], [[]], {"": None}, _NO_TEXT)
) | st.sampled_from(_ODD_TEXTS)
_OUT_OF_BOUNDS: Final[dict[str, tuple[Any, ...]]] = {
    "temperature": (-0.1, 2.1, 1e308, "0"),
    "top_p": (-0.1, 1.1, "1"),
    "presence_penalty": (-2.1, 2.1),
    "frequency_penalty": (-2.1, 2.1),
    "n": (0, -1, 1.5, "1"),
    "top_logprobs": (-1, 21, 1.5),
    "seed": (2**63, -(2**63) - 1, 1.5, "1"),
    "stop": ([], [""], ["a", "b", "c", "d", "e"], [None], 5),
    "logit_bias": ({"100": 101}, {"x": 1}, {"-1": 1}, []),
    "metadata": ({"k" * 65: "v"}, {"k": 1}, {str(i): "v" for i in range(17)}),
    "reasoning_effort": ("minimal", "banana", ""),
    "service_tier": ("banana",),
    "tool_choice": ("maybe", "required", {"type": "function", "function": {"name": "absent"}}),
    "response_format": ({"type": "poem"}, {"type": "json_schema"}, "json_object"),
    "user": (5, ["a"]),
    "stream": ("true", 1),
    "stream_options": ({"include_usage": "yes"}, {"zzz": True}),
}
_UNKNOWN: Final = ("zzz_unknown", "", "__proto__", "top_k", "ünknown", "🧪", "a.b", "x" * 300)


def requests(limit: str) -> Strategy:
    """The bodies of chat requests, without their model; ``limit`` names the limit of tokens."""
    good = _good(limit)
    return st.one_of(good, _faulty(good, limit)).filter(lambda b: len(to_json(b)) <= LARGEST)


@st.composite
def _good(draw: st.DrawFn, limit: str) -> Json:
    """A request that OpenAI would answer, unless a model lacks something."""
    body: Json = {"messages": draw(_conversations()), limit: draw(st.integers(1, MOST_TOKENS))}
    groups = (_sampling(), _tools(), _formats(), _streaming(), _logprobs(), _labels())
    for number in draw(st.lists(st.integers(0, len(groups) - 1), max_size=GROUPS, unique=True)):
        body |= draw(groups[number])
    return body


@st.composite
def _faulty(draw: st.DrawFn, good: Strategy, limit: str) -> Json:
    """A good request with one thing wrong, anywhere but in what keeps it cheap."""
    body: Json = copy.deepcopy(draw(good))
    kind = draw(st.sampled_from(("bounds", "unknown", "drop", "value", "value")))
    if kind == "bounds":
        name = draw(st.sampled_from(sorted(_OUT_OF_BOUNDS)))
        body[name] = draw(st.sampled_from(_OUT_OF_BOUNDS[name]))
        return body
    costly = (limit, "n", "store")
    places = [path for path in _places(body) if path[0] not in costly]
    *parents, last = draw(st.sampled_from(places))
    owner: Any = body
    for key in parents:
        owner = owner[key]
    if kind == "drop":
        del owner[last]
    elif kind == "unknown" and isinstance(owner, dict):
        owner[draw(st.sampled_from(_UNKNOWN))] = draw(odd_values)
    else:
        owner[last] = draw(odd_values)
    return body


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every member and item."""
    pairs = value.items() if isinstance(value, dict) else ()
    for key, inner in pairs or (enumerate(value) if isinstance(value, list) else ()):
        yield (*path, key)
        yield from _places(inner, (*path, key))


@st.composite
def _conversations(draw: st.DrawFn) -> list[Json]:
    """Up to three turns, after a word of the system or none."""
    spoken: list[Json] = []
    if draw(st.booleans()):
        spoken.append({"role": draw(st.sampled_from(("system", "developer"))), **draw(_said())})
    for turn in draw(st.lists(st.one_of(_user(), _assistant(), _called()), max_size=2)):
        spoken += turn
    return [*spoken, *draw(_user())]


def _said() -> Strategy:
    """The content of a message of anybody: a text, or parts of it."""
    parts = st.lists(st.builds(lambda text: {"type": "text", "text": text}, texts), min_size=1)
    return st.fixed_dictionaries({"content": texts | _few(parts)})


def _few(lists: Strategy) -> Strategy:
    return lists.map(lambda items: items[:3])


@st.composite
def _user(draw: st.DrawFn) -> list[Json]:
    message: Json = {"role": "user", **draw(_said())}
    content = message["content"]
    if isinstance(content, list) and draw(st.booleans()):
        detail = draw(_some({"detail": st.sampled_from(("auto", "low"))}))
        image = {"url": _PIXELS, **detail}
        content.append({"type": "image_url", "image_url": image})
    if draw(st.integers(0, 3)) == 0:
        message["name"] = draw(st.sampled_from(_NAMES))
    return [message]


def _assistant() -> Strategy:
    refusing: Json = {"content": None, "refusal": "I can't."}
    refused: Json = {"content": [{"type": "refusal", "refusal": "I can't."}]}
    said: Strategy = _said() | st.sampled_from((refusing, refused, {"content": ""}))
    return said.map(lambda content: [{"role": "assistant", **content}])


@st.composite
def _called(draw: st.DrawFn) -> list[Json]:
    """A call of one tool or of two, and what came of each."""
    ids = [f"{_CALL}{i}" for i in range(draw(st.integers(1, 2)))]
    arguments = st.sampled_from(('{"city":"Paris"}', "{}", "", "{", "null", '{"a":"\\ud83e"}'))
    called = [{"name": draw(st.sampled_from(_NAMES)), "arguments": draw(arguments)} for _ in ids]
    calls = [{"id": i, "type": "function", "function": f} for i, f in zip(ids, called, strict=True)]
    asked: Json = {"role": "assistant", "tool_calls": calls}
    besides: Strategy = st.sampled_from(({}, {"content": None}, {"content": "Let me."}))
    asked |= draw(besides)
    results = [{"role": "tool", "tool_call_id": i, **draw(_said())} for i in ids]
    return [asked, *results]


def _some(members: dict[str, Strategy]) -> Strategy:
    """An object with some of these members."""
    return st.fixed_dictionaries({}, optional=members)


def _sampling() -> Strategy:
    return _some(
        {
            "temperature": st.sampled_from((0, 0.7, 1, 2, 2.0, None)),
            "top_p": st.sampled_from((0, 0.1, 1, 1.0, None)),
            "presence_penalty": st.sampled_from((-2, 0, 0.5, 2)),
            "frequency_penalty": st.sampled_from((-2, 0, 0.5, 2)),
            "n": st.integers(1, MOST_CHOICES) | st.none(),
            "seed": st.sampled_from((0, 42, -1, 2**63 - 1, None)),
            "stop": st.sampled_from(("\n", ["."], ["a", "b", "c", "d"], "🧪", None)),
            "logit_bias": st.sampled_from(({}, {"100": -100}, {"100": 5, "101": 0.5}, None)),
        }
    )


def _labels() -> Strategy:
    return _some(
        {
            "user": texts,
            "store": st.sampled_from((False, None)),
            "metadata": st.dictionaries(st.sampled_from(("k", "", "🧪")), texts, max_size=2),
            "service_tier": st.sampled_from(("auto", "default", None)),
            "reasoning_effort": st.sampled_from(("low", "medium", None)),
            "safety_identifier": texts,
        }
    )


def _streaming() -> Strategy:
    options = _some({"include_usage": st.booleans(), "include_obfuscation": st.booleans()})
    streamed = st.fixed_dictionaries(
        {"stream": st.just(value=True)}, optional={"stream_options": options}
    )
    return streamed | st.sampled_from(({"stream": False}, {"stream": None}))


def _logprobs() -> Strategy:
    optional = {"top_logprobs": st.sampled_from((0, 1, 20, None))}
    return st.fixed_dictionaries({"logprobs": st.just(value=True)}, optional=optional)


@st.composite
def _tools(draw: st.DrawFn) -> Json:
    """Tools with different names, and how to choose among them."""
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3, unique=True))
    members = {
        "description": texts,
        "parameters": schemas(),
        "strict": st.sampled_from((True, False, None)),
    }
    tools = [
        {"type": "function", "function": {"name": name, **draw(_some(members))}} for name in names
    ]
    named = {"type": "function", "function": {"name": names[0]}}
    choices = st.sampled_from(("auto", "none", "required", named, None))
    chosen = draw(_some({"tool_choice": choices, "parallel_tool_calls": st.booleans()}))
    return {"tools": tools, **chosen}


def _formats() -> Strategy:
    described = st.fixed_dictionaries(
        {"name": st.sampled_from(_NAMES), "schema": schemas()},
        optional={"strict": st.booleans(), "description": texts},
    )
    wrapped = described.map(lambda schema: {"type": "json_schema", "json_schema": schema})
    plain = st.sampled_from(({"type": "text"}, {"type": "json_object"}))
    return st.fixed_dictionaries({"response_format": plain | wrapped})
