"""Requests drawn by lot: what they are, and what becomes of those that show something."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given

from conformance.cli import main
from conformance.cost import ceiling
from conformance.engine import Audit, Checks
from conformance.fuzz import crash, fuzzed, remembered
from conformance.fuzz.requests import LARGEST, MOST_CHOICES, MOST_TOKENS, requests
from conformance.model import Exchange, Failure, Headers, Level, Outcome, Request, Verdict
from conformance.probe import Probe
from conformance.reference import answer
from conformance.registry import checks
from conformance.routes import Call
from conformance.routes.reference import Reference
from conformance.routes.replay import Replay, Store
from conformance.runner import Asked, Conversation, converse
from conformance.targets import Target, to_json
from conformance.traffic.cassettes import BadCassette

TARGET = Target("here", "reference", "https://reference.test/v1")
ILL_FATED, DEADLY = "🧪".encode(), "漢字".encode()
"""What the servers in these tests crash over, and what one of them hangs up on."""
COSTLIEST = 5000
"""Tokens: three pictures, a body full of text and two short answers."""


def asked(probe: Probe, target: Target = TARGET) -> Request:
    step = next(probe.start(target))
    assert isinstance(step, Request)
    return step


def answered(probe: Probe, target: Target = TARGET) -> Exchange:
    (exchange,) = asyncio.run(converse(Reference(), Call(target, probe.id), probe)).exchanges
    return exchange


def bodies(probes: list[Probe], target: Target = TARGET) -> list[bytes]:
    return [asked(probe, target).body for probe in probes]


def texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, names too."""
    if isinstance(value, str):
        yield value
    for inner in value if isinstance(value, list) else ():
        yield from texts(inner)
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from texts([name, inner])


@given(requests("max_tokens"))
def test_a_drawn_request_is_small_and_cheap(body: dict[str, Any]) -> None:
    sent = to_json(body)
    assert json.loads(sent) == body
    assert len(sent) <= LARGEST
    assert ceiling(Request("POST", "/chat/completions", body=sent)) <= COSTLIEST
    assert type(body["max_tokens"]) is int
    assert 1 <= body["max_tokens"] <= MOST_TOKENS
    assert type(body.get("n")) is not int or body["n"] <= MOST_CHOICES
    assert body.get("store") in (False, None)
    assert not any("://" in text for text in texts(body)), "nothing is fetched from anywhere"


def test_a_seed_draws_the_same_requests_and_more_of_them_start_alike() -> None:
    few, many = fuzzed(TARGET, 40, 1), fuzzed(TARGET, 60, 1)
    assert [probe.id for probe in many[:40]] == [probe.id for probe in few]
    assert bodies(many)[:40] == bodies(few)
    assert bodies(fuzzed(TARGET, 40, 2)) != bodies(few)


def test_no_two_drawn_requests_are_alike() -> None:
    probes = fuzzed(TARGET, 200, 3)
    assert len({probe.id for probe in probes}) == 200
    assert len(set(bodies(probes))) == 200


def test_the_id_tells_requests_apart_and_not_models() -> None:
    other = replace(TARGET, model="other")
    newer = replace(TARGET, limit="max_completion_tokens")
    ids = [probe.id for probe in fuzzed(TARGET, 20, 4)]
    assert [probe.id for probe in fuzzed(other, 20, 4)] == ids
    assert not {probe.id for probe in fuzzed(newer, 20, 4)} & set(ids)
    sent = json.loads(asked(fuzzed(other, 1, 4)[0], other).body)
    assert sent["model"] == "other"
    sent = json.loads(asked(fuzzed(newer, 1, 4)[0], newer).body)
    assert "max_completion_tokens" in sent


def test_the_reference_breaks_no_rule_whatever_is_drawn() -> None:
    audit = Audit(Checks(checks().values()))
    verdicts: list[Verdict] = []
    statuses = Counter[int]()
    for probe in fuzzed(TARGET, 400, 5):
        exchange = answered(probe)
        assert exchange.response
        statuses[exchange.response.status] += 1
        verdicts += audit.add(exchange)
    verdicts += audit.close()
    assert [v for v in verdicts if v.findings and v.level is Level.MUST] == []
    assert [v for v in verdicts if v.outcome is Outcome.ERROR] == []
    assert statuses.keys() == {200, 400}
    assert min(statuses.values()) > 100, "both good requests and bad ones are drawn"


def test_what_was_recorded_is_a_probe_that_asks_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    probes = fuzzed(TARGET, 80, 6)
    for probe in probes:
        call = Call(TARGET, probe.id)
        store.keep(call, answered(probe))
        assert store.close(call) == []
    again = {probe.id: probe for probe in remembered(store.of(TARGET))}
    assert again.keys() == {probe.id for probe in probes}
    for probe in probes:
        assert asked(again[probe.id]) == asked(probe)
        call = Call(TARGET, probe.id)
        talk = asyncio.run(converse(Replay(Store(tmp_path)), call, again[probe.id]))
        assert talk.problems == ()
        before, after = answered(probe).response, talk.exchanges[0].response
        assert before
        assert after
        assert (after.status, after.body) == (before.status, before.body)


def test_only_what_had_an_answer_is_replayed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    told, silent = fuzzed(TARGET, 2, 7)
    store.keep(Call(TARGET, told.id), answered(told))
    store.keep(Call(TARGET, told.id, turn=2), answered(told))
    hung = replace(answered(silent), response=None, failure=Failure("deadline", "no end"))
    store.keep(Call(TARGET, silent.id), hung)
    folder = store.of(TARGET)
    assert {probe.id for probe in remembered(folder)} == {told.id, silent.id}
    again = {probe.id: probe for probe in remembered(folder, answered=True)}
    assert len(list(again[told.id].start(TARGET))) == 1
    replay = Replay(Store(tmp_path))
    talk = asyncio.run(converse(replay, Call(TARGET, silent.id), again[silent.id]))
    assert (talk.exchanges, talk.problems) == ((), ())


def test_a_file_that_holds_no_request_is_named(tmp_path: Path) -> None:
    (tmp_path / "fuzz.0123abcd.yaml").write_text("interactions: []\nversion: 1\n")
    with pytest.raises(BadCassette, match=r"fuzz\.0123abcd"):
        list(remembered(tmp_path))


@pytest.mark.parametrize(
    ("status", "told"), [(200, 0), (400, 0), (429, 0), (500, 1), (502, 1), (503, 0), (529, 0)]
)
def test_a_crash_is_told_by_its_status(status: int, told: int) -> None:
    (probe,) = fuzzed(TARGET, 1, 8)
    exchange = answered(probe)
    assert exchange.response
    exchange = replace(exchange, response=replace(exchange.response, status=status))
    assert bool(crash(one(probe, exchange))) == bool(told)


@pytest.mark.parametrize(("kind", "told"), [("deadline", 1), ("reset", 1), ("connect_refused", 0)])
def test_no_answer_is_a_crash_if_the_request_arrived(kind: str, told: int) -> None:
    (probe,) = fuzzed(TARGET, 1, 8)
    exchange = replace(answered(probe), response=None, failure=Failure(kind, "…"))
    assert bool(crash(one(probe, exchange))) == bool(told)


def one(probe: Probe, exchange: Exchange) -> Asked:
    return Asked(TARGET, probe, (Conversation(Call(TARGET, probe.id), (exchange,)),))


class Frail(BaseHTTPRequestHandler):
    """The reference, but for what it comes to grief over."""

    protocol_version = "HTTP/1.1"
    hangs_up = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.hangs_up and DEADLY in body:
            self.close_connection = True
            return
        response = answer(Request("POST", self.path, Headers(self.headers.items()), body))
        error = json.dumps({"error": {"message": "Oops", "type": "x", "param": None, "code": None}})
        frail = ILL_FATED in body
        self.send_response(500 if frail else response.status)
        sent = error.encode() if frail else response.body
        for name, value in response.headers:
            if name not in ("content-length", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing."""


class Frailer(Frail):
    """The same, and it does not always answer."""

    hangs_up = True


@contextmanager
def serving(kind: type[Frail]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


class Runs:
    """The command line, with a provider of its own in a folder of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.cassettes = folder / "cassettes" / "frail" / "reference"
        (folder / "providers").mkdir()
        (folder / "providers" / "frail.toml").write_text(
            f'title = "Frail"\nbase_url = "{url}"\n\n'
            '[source]\nurl = "https://frail.test"\nread = 2026-01-31\nverified = false\n\n'
            '[claims]\nendpoints = ["chat"]\ncapabilities = []\nparameters = []\n\n'
            "[models.reference]\n"
        )

    def __call__(self, *words: str) -> Result:
        where = ["--providers", self.folder / "providers", "--cassettes", self.folder / "cassettes"]
        return CliRunner().invoke(main, ["run", "frail", *map(str, where), *words])

    def kept(self) -> list[str]:
        return sorted(path.stem for path in self.cassettes.glob("*.yaml"))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Runs]:
    with serving(Frail) as url:
        yield Runs(tmp_path, url)


def hit(fatal: bytes, count: int, seed: int) -> list[str]:
    """The probes of a draw that hold these bytes; some do, and some don't."""
    probes = fuzzed(TARGET, count, seed)
    found = sorted(probe.id for probe in probes if fatal in asked(probe).body)
    assert 0 < len(found) < count
    return found


def test_what_a_server_crashed_over_is_recorded_and_asked_for_good(run: Runs) -> None:
    fatal = hit(ILL_FATED, 40, 9)
    first = run("--record", "--only", "fuzz.*", "--fuzz", "40", "--seed", "9")
    assert first.exit_code == 0, first.output
    assert "fuzz seed: 9 (repeat with --seed 9)" in first.stderr
    assert run.kept() == fatal
    for words in (
        ["--only", "fuzz.*"],
        ["--live", "--only", "fuzz.*"],
        ["--record", "--only", fatal[0]],
    ):
        again = run(*words)
        assert again.exit_code == 0, again.output
        assert f"frail/reference::{fatal[0]}: status 500" in again.stderr
    assert run.kept() == fatal


def test_what_had_no_answer_is_recorded_and_only_asked_live(tmp_path: Path) -> None:
    fatal, silent = hit(ILL_FATED, 40, 9), hit(DEADLY, 40, 9)
    live = ["--only", "fuzz.*", "--retries", "0"]
    with serving(Frailer) as url:
        run = Runs(tmp_path, url)
        first = run("--record", *live, "--fuzz", "40", "--seed", "9")
        kept = run.kept()
        replayed = run("--only", "fuzz.*")
        again = run("--live", *live)
    assert kept == sorted({*fatal, *silent})
    for done in (first, again):
        assert done.exit_code == 2
        assert f"frail/reference::{silent[0]}: no answer" in done.stderr
    assert replayed.exit_code == 0, replayed.output
    assert silent[0] not in replayed.output


def test_a_seed_that_nobody_gave_is_told(run: Runs) -> None:
    done = run("--live", "--only", "fuzz.*", "--fuzz", "3", "--fail-on", "never")
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("fuzz seed: ")
    assert not run.cassettes.exists()


@pytest.mark.parametrize(
    ("words", "said"), [(["--fuzz", "3"], "needs --live"), (["--live", "--seed", "3"], "--fuzz N")]
)
def test_options_that_do_not_go_together(run: Runs, words: list[str], said: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_without_hypothesis_it_says_what_to_install(
    run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    done = run("--live", "--fuzz", "3", "--seed", "123456")
    assert done.exit_code == 2
    assert "pip install 'llm-api-conformance[test]'" in done.stderr
