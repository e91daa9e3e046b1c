"""``conformance serve``: the reference server over real sockets, whole and broken."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from subprocess import PIPE, Popen
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from conformance.engine import Checks
from conformance.model import Chunk, Exchange, Headers, Provenance, Request, Response, Source
from conformance.pictures import solid_png
from conformance.recognise import recognise
from conformance.reference import golden, requests
from conformance.reference.exchanges import BASE
from conformance.registry import checks
from conformance.serve import demonstrations, running, unreachable
from conformance.serve.messages import FIELDS, HEAD

KEY = {"authorization": "Bearer sk-any"}
EVERY = Checks(checks().values())
CHAT = {"model": "reference", "messages": [{"role": "user", "content": "Say hi."}]}
RED = solid_png(255, 0, 0)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as served:
        yield served


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """A bare connection to the server."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port or 0), timeout=20) as made:
        yield made


def exchanged(url: str, sent: bytes, *, half_close: bool = True) -> bytes:
    """Everything that comes back until the server closes the connection."""
    with connected(url) as made:
        made.sendall(sent)
        if half_close:
            made.shutdown(socket.SHUT_WR)
        return read_all(made)


def read_all(made: socket.socket) -> bytes:
    return b"".join(iter(lambda: made.recv(65536), b""))


def statuses(received: bytes) -> list[int]:
    parts = received.split(b"HTTP/1.1 ")
    return [int(part[:3]) for part in parts[1:]]


def written(body: bytes, *headers: str, target: str = "/v1/chat/completions") -> bytes:
    """A POST as it goes over the wire; its length is for ``headers`` to tell."""
    lines = (f"POST {target} HTTP/1.1", "Host: reference.test", *headers)
    return "\r\n".join((*lines, "", "")).encode() + body


def whole(body: object) -> bytes:
    data = json.dumps(body).encode()
    return written(data, f"Content-Length: {len(data)}")


def test_httpx_gets_every_kind_of_answer(url: str) -> None:
    with httpx.Client(base_url=url, headers=KEY) as client:
        said = client.post("/chat/completions", json=CHAT)
        assert said.json()["choices"][0]["message"]["content"] == "hi"
        assert client.get("/models/org%2Freference-small").json()["id"] == "org/reference-small"
        assert client.post("/chat/completions", content=b"{").status_code == 400
        assert client.get("/chat/completions").headers["allow"] == "POST"
        head = client.head("/models")
        assert (head.status_code, head.content) == (405, b"")
        with client.stream("POST", "/chat/completions", json=CHAT | {"stream": True}) as stream:
            lines = [line for line in stream.iter_lines() if line]
        assert lines[-1] == "data: [DONE]"
        assert stream.headers["transfer-encoding"] == "chunked"


def test_repeated_requests_get_their_own_ids(url: str) -> None:
    with httpx.Client(base_url=url, headers=KEY) as client:
        made = [client.post("/chat/completions", json=CHAT) for _ in range(5)]
    assert len({one.json()["id"] for one in made}) == 5
    assert len({one.headers["x-request-id"] for one in made}) == 5


def test_the_official_sdk_is_served(url: str) -> None:
    with openai.OpenAI(base_url=url, api_key="sk-any", max_retries=0) as client:
        said = client.chat.completions.create(**CHAT)  # type: ignore[call-overload]
        assert said.choices[0].message.content == "hi"
        stream = client.chat.completions.create(**CHAT, stream=True)  # type: ignore[call-overload]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "hi"
        parts: list[Any] = [{"type": "text", "text": golden.COLOUR}]
        parts.append({"type": "image_url", "image_url": {"url": RED}})
        seen = client.chat.completions.create(
            model="reference", messages=[{"role": "user", "content": parts}]
        )
        assert seen.choices[0].message.content == "red"
        assert client.completions.create(model="reference", prompt="Say OK").choices[0].text == "OK"
        assert client.embeddings.create(model="reference", input="A cat").data[0].embedding
        assert "reference" in [model.id for model in client.models.list()]
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("no-such-model")


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_can_be_retrieved_unless_it_was_not_to_be_stored(
    url: str, *, stream: bool
) -> None:
    asked: dict[str, Any] = {"model": "reference", "input": 'Say "data: {".', "stream": stream}
    with openai.OpenAI(base_url=url, api_key="sk-any", max_retries=0) as client:
        made = client.responses.create(**asked)
        ended = list(made)[-1].response if stream else made
        assert client.responses.retrieve(ended.id) == ended
        kept_by_nobody = client.responses.create(**asked | {"stream": False}, store=False)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(kept_by_nobody.id)


@pytest.mark.parametrize(
    ("model", "status"), [("reference", 200), ("reference-1", 401), ("no-such-model", 404)]
)
def test_one_model_needs_no_key(url: str, model: str, status: int) -> None:
    body = CHAT | {"model": model}
    assert httpx.post(f"{url}/chat/completions", json=body).status_code == status
    assert httpx.get(f"{url}/models/{model}").status_code == status
    assert [one["id"] for one in httpx.get(f"{url}/models").json()["data"]] == ["reference"]


def test_each_piece_of_a_stream_is_sent_when_it_is_due() -> None:
    body = CHAT | {"stream": True}
    with (
        running(pace=4.0) as url,
        httpx.stream("POST", f"{url}/chat/completions", json=body) as stream,
    ):
        times = [time.monotonic() for _ in stream.iter_raw()]
    gaps = [after - before for before, after in pairwise(times)]
    assert len(times) == 4
    assert all(gap > 0.1 for gap in gaps), gaps


def test_pipelined_requests_are_answered_in_order(url: str) -> None:
    asked = b"\r\n".join(whole(CHAT | {"n": n}) for n in (1, 2, 3))
    answers = exchanged(url, asked).split(b"HTTP/1.1 200 OK")
    assert [part.count(b'"index":') for part in answers[1:]] == [1, 2, 3]


def test_bodies_may_come_in_chunks_and_wait_for_leave(url: str) -> None:
    data = json.dumps(CHAT).encode()
    chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (1, data[i : i + 1]) for i in range(len(data)))
    sent = written(chunks + b"0\r\nTrailer: x\r\n\r\n", "Transfer-Encoding: chunked")
    assert statuses(exchanged(url, sent)) == [200]
    with connected(url) as made:
        made.sendall(written(b"", f"Content-Length: {len(data)}", "Expect: 100-continue"))
        assert made.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        made.sendall(data)
        made.shutdown(socket.SHUT_WR)
        assert statuses(read_all(made)) == [200]


def test_an_old_client_gets_a_stream_without_framing(url: str) -> None:
    data = json.dumps(CHAT | {"stream": True}).encode()
    sent = written(data, f"Content-Length: {len(data)}").replace(b"HTTP/1.1", b"HTTP/1.0")
    received = exchanged(url, sent, half_close=False)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body.startswith(b"data: {")
    assert body.endswith(b"data: [DONE]\n\n")


GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /v1/models\r\n\r\n", 400),
        (b"GET /v1/models HTTP/2.0\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\n\r\n", 400),
        (GET + b"A header without colon\r\n\r\n", 400),
        (GET + b"A: b\r\n folded\r\n\r\n", 400),
        (GET + b"A: \x00\r\n\r\n", 400),
        (GET + b"A: b\r\n" * (FIELDS + 1) + b"\r\n", 400),
        (GET + b"A: " + b"b" * HEAD + b"\r\n\r\n", 431),
        (b"G" * 2 * HEAD, 431),
        (written(b"", "Content-Length: -1"), 400),
        (written(b"", "Content-Length: 1", "Content-Length: 2"), 400),
        (written(b"", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
        (written(b"", "Transfer-Encoding: gzip"), 501),
        (written(b"", "Content-Length: 999999999"), 413),
        (written(b"fffffff\r\n", "Transfer-Encoding: chunked"), 413),
        (written(b"zz\r\n", "Transfer-Encoding: chunked"), 400),
        (written(b"1\r\nabc\r\n", "Transfer-Encoding: chunked"), 400),
        (written(b"0\r\n" + b"a: b\r\n" * 200, "Transfer-Encoding: chunked"), 400),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(
    url: str, sent: bytes, status: int
) -> None:
    received = exchanged(url, sent + GET + b"\r\n")
    assert statuses(received) == [status]
    assert b"connection: close" in received
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["message"]


def test_clients_that_leave_do_no_harm(url: str) -> None:
    stream = whole(CHAT | {"stream": True, "n": 8})
    for sent in (b"", b"\r\n" * 50, b"POST", stream[:-5], stream, GET):
        with connected(url) as made:
            made.sendall(sent)
    assert httpx.get(f"{url}/models").status_code == 200


def test_clients_that_dawdle_are_sent_away(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.serve.messages.IDLE", 0.2)
    monkeypatch.setattr("conformance.serve.messages.SLOW", 0.2)
    with connected(url) as made:
        assert read_all(made) == b""
    for sent in (GET, whole(CHAT)[:-1], written(b"5\r\n", "Transfer-Encoding: chunked")):
        with connected(url) as made:
            made.sendall(sent)
            assert statuses(read_all(made)) == [408]


def test_too_many_connections_are_closed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.serve.connections.MOST", 2)
    with connected(url), connected(url), connected(url) as third:
        assert read_all(third) == b""


def test_a_server_stops_while_clients_are_connected() -> None:
    with ExitStack() as stack:
        with running(pace=100.0) as url:
            idle, waiting = (stack.enter_context(connected(url)) for _ in range(2))
            waiting.sendall(whole(CHAT))
            assert waiting.recv(100).startswith(b"HTTP/1.1 200 OK")
            began = time.monotonic()
        assert time.monotonic() - began < 5
        assert read_all(idle) == b""
        assert b"choices" not in read_all(waiting)


def test_a_server_stops_while_a_client_takes_nothing() -> None:
    with ExitStack() as stack:
        with running(checks()["stream.sse_bounded"]) as url:
            deaf = stack.enter_context(connected(url))
            deaf.sendall(whole(CHAT | {"stream": True}))
            assert deaf.recv(100).startswith(b"HTTP/1.1 200 OK")
            time.sleep(0.5)
            began = time.monotonic()
        assert time.monotonic() - began < 5


def test_a_server_in_the_foreground_runs_until_it_is_interrupted() -> None:
    code = "import conformance.serve as s; s.serve(on_ready=lambda url: print(url, flush=True))"
    command = [sys.executable, "-c", code]
    with Popen(command, stdout=PIPE, stderr=PIPE, text=True) as served:  # noqa: S603  # our own
        assert served.stdout
        assert httpx.get(f"{served.stdout.readline().strip()}/models").status_code == 200
        served.send_signal(signal.SIGINT)
        _, errors = served.communicate(timeout=20)
    assert errors.strip().splitlines()[-1] == "KeyboardInterrupt"


def asked(client: httpx.Client, url: str, request: Request, number: int) -> Exchange:
    """The exchange as a client of the server sees it."""
    place = request.url.replace(BASE, url.removesuffix("/v1"))
    headers = [(name, value) for name, value in request.headers if name != "content-length"]
    began = time.monotonic()
    with client.stream(request.method, place, headers=headers, content=request.body or None) as got:
        chunks = [Chunk(data, time.monotonic() - began) for data in got.iter_raw()]
    sent = Headers((name.decode(), value.decode()) for name, value in got.request.headers.raw)
    told = Headers((name.decode(), value.decode()) for name, value in got.headers.raw)
    return Exchange(
        id=str(number),
        provider="served",
        request=Request(request.method, place, sent, request.body),
        response=Response(got.status_code, told, tuple(chunks)),
        provenance=Provenance(Source.LIVE),
    )


def failing(exchanges: list[Exchange]) -> set[str]:
    """The checks that fail on these exchanges of one session."""
    replies = [reply for one in exchanges if (reply := recognise(one))]
    found = {told.check.id for reply in replies for told in EVERY.judge(reply) if told.findings}
    kept = [pair for reply in replies for pair in EVERY.facts(reply)]
    for check in {check for check, _ in kept}:
        facts = [fact for other, fact in kept if other is check]
        if check.compare(facts).findings:
            found.add(check.id)
    return found


def session(check: str | None, asking: Callable[[], list[Request]], pace: float = 0) -> set[str]:
    """What fails when a server that breaks ``check`` is asked this."""
    with (
        running(checks()[check] if check else None, pace) as url,
        httpx.Client(headers={"accept-encoding": "identity"}, timeout=20) as client,
    ):
        return failing([asked(client, url, one, i) for i, one in enumerate(asking())])


def test_the_whole_server_passes_every_check() -> None:
    assert session(None, lambda: list(requests().values())) == set()


BROKEN = (
    "chat.response_id",
    "chat.response_id_unique",
    "chat.choices_count_matches_n",
    "chat.request_messages_empty_400",
    "completions.best_of_stream_400",
    "embeddings.deterministic",
    "errors.retry_after_429",
    "http.auth_bearer",
    "http.body_no_bom",
    "http.content_type_json",
    "models.retrieve_slash_ids",
    "params.temperature_zero_accepted",
    "responses.usage",
    "stream.chunk_joined_equals_nonstream",
    "stream.done_present",
    "stream.sse_valid_utf8",
    "structured.json_schema_name_required",
    "tools.none_no_calls",
)


@pytest.mark.parametrize("name", BROKEN)
def test_exactly_one_check_is_broken(name: str) -> None:
    check = checks()[name]
    failed = session(name, lambda: demonstrations(check))
    declared = {trip for mutant in check.broken_by for trip in mutant.trips}
    assert name in failed
    assert failed <= {name} | declared


@pytest.mark.parametrize(("pace", "failed"), [(0.4, {"stream.sse_incremental"}), (0.0, set())])
def test_time_is_broken_in_real_time_only(pace: float, failed: set[str]) -> None:
    name, asking = "stream.sse_incremental", [requests()["stream.basic"]]
    # A busy machine may spread what was sent at once, so it may take more than one try.
    assert any(session(name, lambda: asking, pace) == failed for _ in range(5))


def test_a_broken_server_answers_what_does_not_concern_the_check_well() -> None:
    others = ["models.list", "embeddings.float", "errors.wrong_key"]
    assert session("stream.done_present", lambda: [requests()[one] for one in others]) == set()


def test_requests_that_ask_for_it_in_other_words_show_the_break() -> None:
    """Nobody sends the reference's own requests: other model, other prompt, other values."""
    body = {"model": "reference", "messages": [{"role": "user", "content": "Name a tree."}]}
    with running(checks()["params.temperature_above_max_400"]) as url:
        for temperature, status in ((7, 200), (2, 200), (-3, 400)):
            asked = body | {"temperature": temperature, "max_tokens": 50}
            got = httpx.post(f"{url}/chat/completions", json=asked)
            assert got.status_code == status


def test_what_a_good_server_never_does_is_done_now_and_then() -> None:
    with running(checks()["errors.retry_after_429"]) as url, httpx.Client() as client:
        asked = [client.post(f"{url}/chat/completions", json=CHAT) for _ in range(20)]
    limited = [got for got in asked if got.status_code == 429]
    assert len(limited) == 2
    assert not any("retry-after" in got.headers for got in limited)
    assert {got.status_code for got in asked} == {200, 429}


def test_what_cannot_be_reached_says_why() -> None:
    assert unreachable(checks()["chat.response_id"]) is None
    assert "both sides" in (unreachable(checks()["adapter.param_rename"]) or "")
    assert "declared" in (unreachable(checks()["http.content_length_matches"]) or "")


@pytest.mark.parametrize("name", ["http.auth_bearer", "chat.choices_count_matches_n"])
def test_a_broken_server_survives_hostile_bodies(name: str) -> None:
    bodies = [b"[" * 900 + b"]" * 900, b'{"a":' * 990 + b"1" + b"}" * 990, b"\xff", b"null"]
    bodies += [b'{"seed": 1e999}', b'{"model": "\\ud800"}', b'{"seed": true, "n": 99999}']
    with running(checks()[name]) as url, httpx.Client(headers=KEY) as client:
        for body in bodies:
            assert client.post(f"{url}/chat/completions", content=body).status_code >= 400
