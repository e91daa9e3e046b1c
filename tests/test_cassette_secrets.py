"""No key and no account reaches a cassette, wherever in an exchange it stood."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import response

from conformance.model import (
    Chunk,
    Exchange,
    Failure,
    Headers,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.traffic import find
from conformance.traffic.cassettes import Cassette
from conformance.traffic.masks import scan

SENT = "own-Key/1+2=3 é"
"""In the request's header; it has no shape, and needs quotes in URLs and in JSON."""
OTHER = "another-secret-of-9"
"""Known to the caller alone."""
SHAPED = "sk-proj-abcdefghij0123456789"
"""Known to nobody, but it looks like a key."""
IDS = ("org-abcdefghij0123456789ABCD", "req_0123456789", "cookie-0123", "ray-0123", "proj_x")
URL = "https://api.example.com/v1/chat/completions"
BASIC = Headers([("Authorization", "Basic dXNlcjpr")])
CASSETTES = Path(__file__).parent.parent / "cassettes"


def lower(quoted: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), quoted)


BODY = json.dumps(
    {
        "error": f"Incorrect API key provided: {SENT}. You are {IDS[0]}.",
        "url": f"/{quote(SENT)}?{quote(SENT, safe='')}&{lower(quote(SENT, safe=''))}",
        "more": [OTHER, SHAPED, f"Bearer {OTHER}", "Bearer\u2003abcdefghij0123456789"],
        "escaped": SENT,
    },
    ensure_ascii=False,
).replace(SENT, SENT.replace("/", "\\/"), 1)


def planted() -> Exchange:
    """A failed exchange with keys in every place, its body cut in the middle of each of them."""
    body = json.dumps({"user": SENT, "metadata": {"key": OTHER}, "n": SHAPED}).encode()
    request = Request(
        "POST",
        f"{URL}?key={quote(SENT, safe='')}&other={OTHER}&api-key=unknown-too-1",
        Headers(
            [
                ("Authorization", f"Bearer {quote(SENT, safe='')}"),
                ("x-api-key", SENT),
                ("X-Custom-Key", OTHER),
                ("cookie", IDS[2]),
                ("content-type", f"application/json; {SHAPED}"),
            ]
        ),
        body,
    )
    fields = {
        "set-cookie": IDS[2],
        "openai-organization": IDS[0],
        "openai-project": IDS[4],
        "cf-ray": IDS[3],
        "x-request-id": IDS[1],
        "location": f"/login?key={OTHER}&to={quote(SENT, safe='')}",
        "content-length": str(len(BODY.encode())),
    }
    chunks = tuple(
        Chunk(BODY.encode()[i : i + 7], i / 1000) for i in range(0, len(BODY.encode()), 7)
    )
    return Exchange(
        "x#0",
        "acme",
        request,
        Response(401, Headers(fields.items()), chunks),
        Provenance(Source.LIVE),
        Failure("read", f"reset by {OTHER} after {SENT} and {SHAPED}", 1.0),
    )


FORMS = [
    form.encode()
    for secret in (SENT, OTHER, SHAPED, "unknown-too-1", *IDS)
    for form in (
        secret,
        quote(secret),
        quote(secret, safe=""),
        lower(quote(secret, safe="")),
        secret.replace("/", "\\/"),
        json.dumps(secret)[1:-1],
        base64.b64encode(secret.encode()).decode(),
    )
]


def test_a_key_reaches_the_disk_from_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    Cassette(path, [OTHER]).add(planted())
    data = path.read_bytes()
    assert [form for form in FORMS if form in data] == []
    assert scan(path) == []
    assert b"unknown-too" not in data
    assert data.count(b"[key") >= 12


def test_a_masked_exchange_replays_in_the_same_chunks(tmp_path: Path) -> None:
    path, made = tmp_path / "c.yaml", planted()
    Cassette(path, [OTHER]).add(made)
    found = Cassette.load(path, [OTHER]).take(made.request)
    assert found is not None
    assert found.request == made.request
    lengths = [(len(chunk.data), chunk.at) for chunk in response(found).chunks]
    assert lengths == [(len(chunk.data), chunk.at) for chunk in response(made).chunks]
    assert json.loads(response(found).body).keys() == json.loads(BODY).keys()
    assert response(found).headers.get("content-length") == str(len(response(found).body))


def test_a_request_matches_with_another_key_or_none(tmp_path: Path) -> None:
    path, made = tmp_path / "c.yaml", planted()
    Cassette(path, [OTHER]).add(made)
    new = "quite-another-key-of-other-length"
    other = replace(
        made.request,
        url=f"{URL}?key={new}&other={new}&api-key=unknown-too-2",
        headers=Headers([("authorization", f"Bearer {new}")]),
        body=json.dumps({"user": new, "metadata": {"key": new}, "n": SHAPED}).encode(),
    )
    assert Cassette.load(path).take(other) is not None


def test_a_server_that_repeats_the_key_does_so_in_a_replay(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    wrong = Headers([("authorization", "bearer sk-wrong-0123456789abcdef")])
    body = b'{"error":"no: sk-wrong-0123456789abcdef, sk-other-0123456789"}'
    got = Response(401, Headers(), (Chunk(body[:20]), Chunk(body[20:])))
    made = replace(planted(), request=Request("GET", URL, wrong), response=got, failure=None)
    Cassette(path).add(made)
    assert b"sk-wrong" not in path.read_bytes()
    assert "authorization: ['bearer [key]']" in path.read_text()
    found = Cassette.load(path).take(made.request)
    assert found is not None
    assert b"sk-wrong-0123456789abcdef" in response(found).body
    assert [len(chunk.data) for chunk in response(found).chunks] == [20, len(body) - 20]
    assert b"sk-other" not in response(found).body


def test_the_same_request_id_stays_the_same_and_another_another(tmp_path: Path) -> None:
    path, made = tmp_path / "c.yaml", planted()
    store = Cassette(path)
    for id_ in ("one-id", "one-id", "two-id"):
        got = Response(200, Headers([("X-Request-Id", id_)]))
        store.add(replace(made, response=got, failure=None))
    store = Cassette.load(path)
    taken = [store.take(made.request) for _ in range(3)]
    ids = [one and response(one).headers.get("x-request-id") for one in taken]
    assert ids[0] == ids[1] != ids[2]
    assert b"one-id" not in path.read_bytes()


def test_what_is_sent_on_from_a_masked_answer_matches(tmp_path: Path) -> None:
    path, plain = tmp_path / "c.yaml", Request("POST", URL)
    told = Response(200, Headers(), (Chunk(SHAPED.encode()),))
    made = replace(planted(), request=plain, response=told, failure=None)
    store = Cassette(path)
    store.add(made)
    store.add(replace(made, request=replace(plain, body=SHAPED.encode())))
    replay = Cassette.load(path)
    first = replay.take(plain)
    assert first is not None
    assert replay.take(replace(plain, body=response(first).body)) is not None


def test_no_header_that_is_a_credential_keeps_its_value(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    given = {"authorization": "Bearer k1", "x-api-key": "k2", "api-key": "k3", "cookie": "k4"}
    request = Request("GET", URL, Headers(given.items()))
    Cassette(path).add(replace(planted(), request=request))
    Cassette.load(path).add(replace(planted(), request=replace(request, headers=BASIC)))
    assert not re.search(r"k[1-4]|dXNlcjpr", path.read_text())
    assert path.read_text().count("[key]") >= 4


def test_a_scheme_without_a_key_is_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    request = Request("GET", URL, Headers([("authorization", "bearer")]))
    told = Response(401, Headers(), (Chunk(b"You need a Bearer token."),))
    Cassette(path).add(replace(planted(), request=request, response=told, failure=None))
    assert "You need a Bearer token." in path.read_text()


KEYS = st.text(st.sampled_from('abXY01-_./+=%"\\é*[]'), min_size=6, max_size=24)


@given(KEYS, st.integers(1, 30), st.sampled_from(["", "x", '"', "\\n", "é"]))
def test_no_key_survives_any_cut(
    tmp_path_factory: pytest.TempPathFactory, key: str, size: int, around: str
) -> None:
    path = tmp_path_factory.mktemp("cut") / "c.yaml"
    written = json.dumps(key, ensure_ascii=False)[1:-1]
    body = f'{{"a":"{around}{written}{around}"}}, {key}, {quote(key, safe="")}'.encode()
    chunks = tuple(Chunk(body[i : i + size], 0.1) for i in range(0, len(body), size))
    made = replace(planted(), response=Response(200, Headers(), chunks), failure=None)
    Cassette(path, [key]).add(replace(made, request=Request("GET", URL)))
    found = Cassette.load(path).take(Request("GET", URL))
    assert found is not None
    got = response(found)
    assert [len(c.data) for c in got.chunks] == [len(c.data) for c in chunks]
    # A key of asterisks is its own mask.
    assert key.encode() not in got.body or key in "[key" + "*" * 24 + "]"


def test_the_scanner_finds_what_was_planted(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f'a\nb {SHAPED}\nset-cookie: [x]\n"{IDS[0]}"\nopenai-organization: [x]\n')
    assert [one.removeprefix(f"{path}:")[:2] for one in scan(path)] == ["2:", "3:", "4:", "5:"]
    assert not any(SHAPED in one for one in scan(path))


@pytest.mark.parametrize("path", sorted(find([CASSETTES])), ids=lambda path: path.parent.name)
def test_no_cassette_of_ours_holds_a_key(path: Path) -> None:
    assert scan(path) == []
