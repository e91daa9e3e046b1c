"""What becomes of parameters: read from both sides of an adapter that does it all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from fake_adapter import FILE
from hypothesis import given
from hypothesis import strategies as st

from conformance.adapter_file import Adapter, read
from conformance.adapting import adapted
from conformance.dispositions import Measured, measured, seen, undeclared
from conformance.dispositions.flat import beneath, change, flatten, found, parts_of
from conformance.engine import Audit, Checks
from conformance.model import (
    Chunk,
    Disposition,
    Exchange,
    Headers,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.probe import probes
from conformance.probes.forwarding import VALUES
from conformance.registry import checks
from conformance.runner import Asked, Runner
from conformance.targets import to_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
NAMES = st.text("abc_", min_size=1, max_size=8)

Table = dict[tuple[str, bool], dict[str, Measured]]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    path = tmp_path_factory.mktemp("adapters") / "fake.toml"
    path.write_text(FILE)
    return read(path)


@pytest.fixture(scope="module")
def asked(adapter: Adapter) -> dict[tuple[str, bool], list[Exchange]]:
    """Every parameter at every provider, with dropping off and on."""
    made: dict[tuple[str, bool], list[Exchange]] = {}

    async def ask() -> None:
        plan = [
            (replace(target, dropping=dropping), probes()["forwarding.parameters"])
            for target in adapter.targets
            for dropping in (False, True)
        ]
        async for done in Runner(route, in_order=True).run(plan):
            assert isinstance(done, Asked)
            provider = done.target.provider.partition(":")[2]
            made[provider, done.target.dropping] = list(done.turns[0].exchanges)

    with adapted(adapter) as route:
        asyncio.run(ask())
    return made


@pytest.fixture(scope="module")
def table(asked: dict[tuple[str, bool], list[Exchange]]) -> Table:
    """What became of every parameter, by provider and whether dropping was on."""
    return {key: measured(list(filter(None, map(seen, many)))) for key, many in asked.items()}


OFF = [
    ("openai", "temperature", "forwarded", "temperature=0.37 -> temperature=0.37"),
    ("openai", "tool_choice", "forwarded", 'tool_choice.type="function"'),
    ("openai", "max_tokens", "renamed", "max_tokens=987 -> max_completion_tokens=987"),
    ("openai", "user", "renamed", 'user="probe-user-1" -> metadata.user_id="probe-user-1"'),
    ("openai", "stop", "translated", 'stop="probe-stop" -> stop="probe-stop"'),
    ("openai", "response_format", "translated", 'messages[1].content="Answer in JSON."'),
    ("openai", "stream", "translated", "stream=true -> the provider is not told"),
    ("openai", "presence_penalty", "changed", "presence_penalty=0.41 -> presence_penalty=0.82"),
    ("openai", "service_tier", "changed", 'service_tier="auto", whatever is asked'),
    ("openai", "verbosity", "sent_by_default", 'verbosity="low", whatever is asked'),
    (
        "openai",
        "seed",
        "raised",
        "raised UnsupportedError (400) before the provider was asked: not",
    ),
    ("openai", "logit_bias", "raised", "after the provider was asked without it: logit_bias came"),
    ("openai", "n", "lost", "n=2 -> nothing"),
    ("openai", "frequency_penalty", "lost", "answered without asking the provider"),
    ("anthropic", "stop", "renamed", 'stop_sequences="probe-stop"'),
    ("anthropic", "max_tokens", "forwarded", "max_tokens=987 -> max_tokens=987"),
    ("anthropic", "tools", "translated", 'tools[0].name="get_weather"'),
    ("anthropic", "stream", "forwarded", "stream=true -> stream=true"),
    ("anthropic", "temperature", "lost", "temperature=0.37 -> nothing"),
    ("anthropic", "max_completion_tokens", "changed", "-> max_tokens=4096, whatever is asked"),
    ("gone", "temperature", "dead", "raised UnsupportedError (400): no provider is called gone"),
]
ON = [
    ("openai", "temperature", "forwarded", "temperature=0.37 -> temperature=0.37"),
    ("openai", "seed", "dropped", "seed=987654 -> nothing"),
    ("openai", "n", "dropped", "n=2 -> nothing"),
    ("openai", "presence_penalty", "changed", "presence_penalty=0.82"),
    ("anthropic", "max_completion_tokens", "dropped", "max_tokens=4096"),
    ("gone", "seed", "dead", "no provider is called gone"),
]


@pytest.mark.parametrize(("provider", "parameter", "disposition", "evidence"), OFF)
def test_what_becomes_of_a_parameter(
    table: Table, provider: str, parameter: str, disposition: str, evidence: str
) -> None:
    told = table[provider, False][parameter]
    assert told.disposition == disposition
    assert evidence in told.evidence


@pytest.mark.parametrize(("provider", "parameter", "disposition", "evidence"), ON)
def test_what_becomes_of_it_when_what_is_not_taken_is_dropped(
    table: Table, provider: str, parameter: str, disposition: str, evidence: str
) -> None:
    told = table[provider, True][parameter]
    assert told.disposition == disposition
    assert evidence in told.evidence


def test_every_parameter_is_measured_everywhere(table: Table) -> None:
    assert all(set(told) == set(VALUES) for told in table.values())


def test_what_is_dropped_must_have_been_refused(table: Table) -> None:
    off, on = table["openai", False], table["openai", True]
    assert off["top_p"].disposition is Disposition.FORWARDED
    assert list(undeclared(off, on)) == ["top_p"]
    assert not list(undeclared(table["anthropic", False], table["anthropic", True]))


def broken(exchanges: list[Exchange]) -> dict[str, set[str]]:
    """The places of the findings of both checks, by check."""
    found: dict[str, set[str]] = {"param_forwarded": set(), "param_raise_by_default": set()}
    audit = Audit(Checks(checks()[f"adapter.{name}"] for name in found))
    for one in exchanges:
        list(audit.add(one))
    for verdict in audit.close():
        found[verdict.check.partition(".")[2]] |= {place.at for place in verdict.findings}
    return found


def test_checks_find_what_is_lost_and_what_is_refused_too_late(
    asked: dict[tuple[str, bool], list[Exchange]],
) -> None:
    off = broken(asked["openai", False])
    assert {"request.n", "request.presence_penalty", "request.service_tier"} <= off[
        "param_forwarded"
    ]
    fine = ("temperature", "max_tokens", "stop", "stream", "seed", "verbosity", "top_k")
    assert not off["param_forwarded"] & {f"request.{name}" for name in fine}
    assert off["param_raise_by_default"] == {"request.logit_bias"}
    on = broken(asked["openai", True])
    assert on["param_forwarded"] == {"request.presence_penalty"}
    assert on["param_raise_by_default"] == set()
    assert broken(asked["gone", False]) == {
        "param_forwarded": set(),
        "param_raise_by_default": set(),
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("stream", b"false"), ("n", b"1"), ("user", b"5"), ("stop", b"[]"), ("stop", b"null")),
        *(("response_format", b'{"type": "text"}'), ("response_format", b'{"type": "poem"}')),
        *(("tool_choice", b'"required"'), ("stream_options", b'{"include_usage": true}')),
        *(
            ("tools", b'[{"function": {"name": "my tool!"}}]'),
            ("top_k", b"7"),
            ("max_tokens", b"0"),
        ),
    ],
)
def test_nobody_is_accused_over_what_asks_for_nothing_or_is_a_mistake(
    name: str, value: bytes
) -> None:
    assert broken(pair(name, value))["param_forwarded"] == set()


def test_the_same_pairs_accuse_over_a_value_that_matters() -> None:
    assert broken(pair("n", b"2"))["param_forwarded"] == {"request.n"}
    assert broken(pair("user", b'"u"'))["param_forwarded"] == {"request.user"}


def pair(name: str, value: bytes) -> list[Exchange]:
    """A request without and with a parameter that is lost, both answered well."""
    plain = b'{"model": "m", "messages": []}'
    far = Request("POST", "https://p.test/v1/chat/completions", body=plain)
    answer = Response(200, chunks=(Chunk(b'{"object": "chat.completion", "choices": []}'),))
    near = [plain, plain.replace(b"}", b', "%s": %s}' % (name.encode(), value))]
    return [
        replace(exchange(body, far), id=f"x{i}", response=answer) for i, body in enumerate(near)
    ]


def exchange(near: bytes, far: Request | None = None, answer: bytes = b"") -> Exchange:
    """One behind an adapter, answered by an error."""
    provenance = Provenance(Source.LOCAL)
    sent_on = (Exchange("far", "p", far, None, provenance),) if far else ()
    return Exchange(
        id="near",
        provider="p",
        request=Request("POST", "/v1/chat/completions", body=near),
        response=Response(500, chunks=(Chunk(answer),)),
        provenance=provenance,
        upstream=sent_on,
        dropping=False,
    )


def test_what_differs_by_itself_is_no_effect() -> None:
    def asked(body: bytes, sent: bytes) -> Any:
        return seen(
            exchange(body, Request("POST", "https://p.test/v1/chat/completions", body=sent))
        )

    facts = [
        asked(b'{"messages": []}', b'{"messages": [], "trace": "a"}'),
        asked(b'{"messages": []}', b'{"messages": [], "trace": "b"}'),
        asked(b'{"messages": [], "seed": 7}', b'{"messages": [], "trace": "c"}'),
    ]
    assert measured(facts)["seed"].disposition is Disposition.LOST
    assert measured([facts[0], facts[2]])["seed"].disposition is Disposition.TRANSLATED


@pytest.mark.parametrize("nothing", [b"[]", b"null", b'""'])
def test_where_nothing_stands_for_a_value_it_is_lost(nothing: bytes) -> None:
    near = [b'{"messages": []}', b'{"messages": [], "stop": "x"}']
    far = [b'{"prompt": "Hi", "x": {}}', b'{"prompt": "Hi", "x": {"stops": %s}}' % nothing]
    facts = [
        seen(exchange(asked, Request("POST", "https://p.test/v1/other", body=sent)))
        for asked, sent in zip(near, far, strict=True)
    ]
    found = measured([fact for fact in facts if fact])["stop"]
    assert (found.disposition, found.evidence.partition("stops=")[2]) == (
        Disposition.LOST,
        nothing.decode(),
    )


def test_an_error_is_told_without_what_is_another_the_next_time() -> None:
    words = "127.0.0.1:43121 in /usr/lib/python3/adapter.py: <object at 0x7f00ab12>"
    answer = to_json({"error": {"message": words}})
    fact = seen(exchange(b'{"messages": []}', answer=answer))
    assert fact
    assert fact.error
    assert fact.error.when("after all") == "answered 500 after all: … in …: <object at …>"


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(max_size=40))
def test_whatever_was_sent_can_be_looked_at(near: bytes, far: bytes, url: str) -> None:
    fact = seen(exchange(near, Request("POST", url, body=far)))
    assert measured([fact] * 2 if fact else []) == {}


@given(JSON, NAMES)
def test_a_value_is_found_by_its_own_name(value: Any, name: str) -> None:
    before, after = flatten({"model": "m"}), flatten({"model": "m", name: value})
    said = change(before, after).said
    assert found(beneath(value), after, said, name) == name


@given(JSON, NAMES, NAMES)
def test_a_value_is_found_in_another_place(value: Any, outer: str, inner: str) -> None:
    after = flatten({outer: {inner: value}})
    assert found(beneath(value), after, after, "other") is not None
    assert found(beneath(value), {}, {}, "other") is None


@given(JSON, JSON)
def test_what_is_the_same_is_no_change(one: Any, other: Any) -> None:
    assert not change(flatten(one), flatten(one))
    assert bool(change(flatten(one), flatten(other))) is (flatten(one) != flatten(other))


@given(st.dictionaries(NAMES, st.integers() | st.text("xyz", min_size=1), min_size=1, max_size=4))
def test_a_form_says_what_json_says(values: dict[str, Any]) -> None:
    headers = Headers([("content-type", "application/x-www-form-urlencoded")])
    made = parts_of(Request("POST", "/", headers, urlencode(values).encode()))
    assert {name: text for name, text in made.items() if name in values} == flatten(values)


def test_equal_numbers_are_equal_however_they_are_written() -> None:
    assert flatten({"n": 1.0}) == flatten({"n": 1})
    assert flatten({"n": "1"}) != flatten({"n": 1})
    assert flatten({"n": True}) != flatten({"n": 1})
