"""What to do next: every sentence that ends a run which tells nothing says it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from counting_server import counting
from results_lines import end, run, target, verdict

from conformance.cli import main
from conformance.model import Chunk, Request, Response

FEW = ("--only", "chat.basic")
RULE = "chat.response_object"


def conformance(*words: object, code: int) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


def live(url: str, *words: object, code: int) -> Result:
    asked = ("run", "--live", "--base-url", url, "--model", "reference", *words)
    return conformance(*asked, code=code)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusing(status: Callable[[str], int]) -> Callable[[Request, Response], Response]:
    """Answers everything with an error: which, its URL says."""

    def change(request: Request, response: Response) -> Response:
        error = {"message": "no", "type": "x", "param": None, "code": None}
        body = json.dumps({"error": error}).encode()
        return replace(response, status=status(request.url), chunks=(Chunk(body),))

    return change


def test_what_asks_for_a_key_is_told_before_what_is_not_there() -> None:
    with counting(refusing(lambda url: 401 if url.endswith("/responses") else 404)) as server:
        done = live(server.url, code=2)
    last = done.stdout.splitlines()[-1]
    assert "it wants a key (--api-key-env VAR): status 401: " in last
    assert "held" not in done.stdout.partition("nothing could be told\n")[2]


def test_a_key_that_is_wrong_is_no_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "qwertz-9876543210")
    with counting(refusing(lambda _: 403)) as server:
        done = live(server.url, "--api-key-env", "SOME_KEY", code=2)
    assert ", the key and the model: status 403: " in done.stdout.splitlines()[-1]


def test_a_base_url_without_a_path_may_want_one() -> None:
    with counting(refusing(lambda _: 404)) as server:
        bare = live(server.url.removesuffix("/v1"), code=2).stdout
        whole = live(server.url, code=2).stdout
    assert ", is /v1 missing? status 404: " in bare.splitlines()[-1]
    assert "is /v1 missing" not in whole


def test_what_is_no_api_is_not_blamed_for_its_answers_in_the_matrix_either() -> None:
    with counting(refusing(lambda _: 404)) as server:
        ran = live(server.url, "--json", "r.jsonl", code=2).stdout
    assert conformance("matrix", "r.jsonl", code=0).stdout == ran
    assert "MUST  " not in ran


@contextmanager
def cutting() -> Iterator[str]:
    """The base URL of a server that closes each connection in the middle of its answer."""

    class Cutting(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"1\r\n{\r\n")
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Cutting)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_that_cuts_answers_off_may_handle_one_at_a_time() -> None:
    with cutting() as url:
        assert "try --concurrency 1\n" in live(url, *FEW, code=2).stderr
        assert "try --concurrency" not in live(url, *FEW, "--concurrency", 1, code=2).stderr


def test_checks_that_are_named_alone_are_said_to_cost_everything() -> None:
    with counting() as server:
        said = live(server.url, "--only", RULE, code=0).stderr
        asked = len(server.asked)
        (most,) = re.findall(r"--only names checks alone, .* up to ([\d,]+) requests", said)
        assert asked <= int(most) <= asked + 5
        assert live(server.url, "--only", RULE, *FEW, code=0).stderr == ""
        assert live(server.url, "--only", RULE, "--quick", code=0).stderr == ""
        assert len(server.asked) - asked < 12


@pytest.mark.parametrize("command", ["run", "plan"])
def test_help_says_what_checks_and_probes_choose(command: str) -> None:
    said = " ".join(conformance(command, "--help", code=0).stdout.split())
    assert "hecks choose what is judged" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["127.0.0.1:8931"],
            "--live --base-url http://127.0.0.1:8931/v1 --model NAME --json r.jsonl, then: conf",
        ),
        (["127.0.0.1:8931"], ", then: conformance report 127.0.0.1:8931 r.jsonl\n"),
        (["https://h.example/v1"], "--base-url https://h.example/v1 --model"),
        (["https://h.example/v1"], "conformance report h.example r.jsonl"),
        (["localhost:1/some/model"], "--base-url http://localhost:1/v1 "),
        (
            ["r.jsonl"],
            "TARGET comes first, a provider or provider/model: conformance report TARGET",
        ),
        (["r.jsonl", "acme"], "conformance report TARGET r.jsonl"),
    ],
)
def test_a_report_of_what_is_no_target_says_what_to_write(words: list[str], said: str) -> None:
    assert said in conformance("report", *words, code=2).stderr


def test_an_endpoint_s_results_make_its_report() -> None:
    made = [run(), target("127.0.0.1:8931/m"), verdict(name="127.0.0.1:8931/m"), end()]
    Path("r.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in made))
    assert "127.0.0.1:8931" in conformance("report", "127.0.0.1:8931", "r.jsonl", code=0).stdout


@pytest.mark.parametrize("command", ["run", "params"])
@pytest.mark.parametrize(
    ("distribution", "said"),
    [
        ("nowhere-at-all", ": pip install nowhere-at-all\n"),
        ("browser", ": pip install 'llm-api-conformance[browser]'\n"),  # which is an extra of ours
        ("pytest", "no module named nowhere_at_all\n"),
    ],
)
def test_an_adapter_that_is_not_there_says_how_it_is_installed(
    command: str, distribution: str, said: str
) -> None:
    Path("adapters").mkdir()
    Path("adapters/gone.toml").write_text(
        f'title = "Gone"\ncall = "nowhere_at_all:chat"\ndistribution = "{distribution}"\n'
        '[providers.openai]\nmodels = ["m"]\nhost = "h"\n'
    )
    assert conformance(command, "--adapter", "gone", code=2).stderr.endswith(said)
