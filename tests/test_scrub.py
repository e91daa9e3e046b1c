"""No key survives into what is written or printed."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from time import process_time
from urllib.parse import quote

import pytest

from conformance.model import (
    Chunk,
    Exchange,
    Finding,
    Headers,
    Level,
    Outcome,
    Provenance,
    Request,
    Response,
    Source,
    Verdict,
    show,
)
from conformance.report.evidence import both_sides
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


LONG = "abQ7x/19kLmn+42pqRsTuv"
KNOWING = Scrubber.of(Request("GET", "/", Headers([("x-acme-token", LONG)])))


@pytest.mark.parametrize(
    "written",
    [
        LONG.upper(),
        LONG.replace("/", "\\/"),
        LONG.replace("/", "\\\\/").replace("+", "\\u002B"),
        "".join(f"\\u{ord(c):04x}" for c in LONG),
        quote(LONG, safe=""),
        quote(quote(LONG, safe=""), safe="").lower(),
        LONG.replace("/", "&#x2f;").replace("+", "&#43;"),
        LONG[:12],
        LONG[-12:],
        LONG[5:18],
    ],
)
def test_a_key_is_masked_however_it_is_written(written: str) -> None:
    assert KNOWING.text(f'é "{written}" \\" %41 é') == f'é "{MASK}" \\" %41 é'


@pytest.mark.parametrize("before", ["", "u", "ü", "usr:"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_base64_with_a_key_in_it_does_not_give_it_away(
    before: str, encode: Callable[[bytes], bytes]
) -> None:
    key = f"{LONG}~~~???>>>"
    left = Scrubber((key,)).text(encode(f"{before}{key}!".encode()).decode())
    start, mask, end = left.partition(MASK)
    assert mask
    assert len(end) <= 4
    assert len(start) <= len(before.encode()) * 4 / 3 + 1


def test_a_piece_ends_with_a_whole_character() -> None:
    assert Scrubber(("\xe9bcdefghijkl\xe9",)).text("\u0129bcdefghijkl\xe8") == MASK


def test_a_key_in_the_address_is_one() -> None:
    url = f"https://me:pass%2Fword@a.example/v1?Key={quote(LONG)}&model={LONG}-large&token="
    assert Scrubber.of(Request("GET", url)).text(f"{LONG} pass/word me") == f"{MASK} {MASK} me"


def test_several_keys_are_masked_at_once() -> None:
    keys = [f"sk-ant-api03-{n:02}" * 2 for n in range(50)]
    requests = (Request("GET", "/", Headers([("api-key", key)])) for key in keys)
    assert set(Scrubber.of(*requests).text(" ".join(keys)).split()) == {MASK}


def test_bytes_and_what_is_in_tuples_are_masked_too() -> None:
    finding = Finding("body", (LONG,), f'{{"a": "{LONG}'.encode())
    verdict = Verdict("p", "m", "c", Level.MUST, Outcome.FAIL, findings=(finding,), reason=LONG)
    clean = KNOWING.verdict(verdict)
    assert clean.findings == (Finding("body", [MASK], f'{{"a": "{MASK}'),)
    assert clean.reason == MASK


@pytest.mark.parametrize(
    "text", [LONG[:11], LONG[::-1], "\ud800 abQ7x/", "bearer", "%zz \\u00 &x;"]
)
def test_what_gives_no_key_away_is_left_alone(text: str) -> None:
    assert KNOWING.text(text) == text


@pytest.mark.parametrize("shown", ["a", "\\/", "%41", "&#43;", LONG, LONG[:6], "\\u0061%2F&amp;"])
def test_a_huge_text_is_read_in_time(shown: str) -> None:
    start = process_time()
    KNOWING.text(shown * (300_000 // len(shown)))
    Scrubber(("a" * 10**5,)).text("a" * 10**5)
    assert process_time() - start < 10


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


def test_what_is_shown_of_an_adapter_has_no_key_of_either_side() -> None:
    ours, theirs = "ours-0123456789-qwertz", "theirs-9876543210-asdf"

    def exchange(key: str, *upstream: Exchange) -> Exchange:
        sent = Headers([("authorization", f"Bearer {key}")])
        said = json.dumps({"error": f"{ours} or {theirs}"}).encode()
        return Exchange(
            id="x",
            provider="tiny:acme",
            request=Request("POST", f"https://h/v1?key={key}", sent, said),
            response=Response(401, Headers(), (Chunk(said),)),
            provenance=Provenance(Source.LOCAL),
            upstream=upstream,
        )

    shown = "\n".join(both_sides(exchange(ours, exchange(theirs)), Finding("id", "an id", ours)))
    assert "asked" in shown
    assert "sent on" in shown
    assert ours not in shown
    assert theirs not in shown
