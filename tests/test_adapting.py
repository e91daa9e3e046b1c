"""The route through an adapter: asked from the north, with the far side of each answer kept."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance import adapter_file
from conformance.adapter_file import Adapter
from conformance.adapting import Adapted, adapted, identity, program
from conformance.model import RAISED, Evidence, Exchange, Headers, Request
from conformance.recognise import recognise
from conformance.replies import ChatCompletion, ChatStream, Raised
from conformance.routes import Call, Unanswered
from conformance.targets import BadProvider
from conformance.upstream.stage import STRANGER

FUNCTIONS = """
import json, os, socket, threading, time
import httpx

URL = "https://api.openai.com/v1/chat/completions"
quiet, kept = False, []

def whole(base=URL, **body):
    return httpx.post(base, json=body).json()

async def whole_aside(base=URL, **body):
    async with httpx.AsyncClient() as client:
        return (await client.post(base, json=body)).json()

def chunks(lines):
    return (json.loads(l[6:]) for l in lines if l.startswith("data: {"))

def streamed(base=URL, **body):
    yield from chunks(httpx.post(base, json=body).text.splitlines())

async def streamed_aside(base=URL, **body):
    async with httpx.AsyncClient() as client:
        answer = await client.post(base, json=body)
    async def pieces():
        for chunk in chunks(answer.text.splitlines()):
            yield chunk
    return pieces()

class Busy(Exception):
    status_code, code = 429, "busy"
    response = httpx.Response(429, headers={"retry-after": "7", "x-trace": "no"})

def raising(**body):
    raise Busy("come again")

def raising_oddly(**body):
    raise KeyError("messages")

def raising_midway(base=URL, **body):
    for number, chunk in enumerate(streamed(base, **body)):
        if number == 2:
            raise Busy("enough")
        yield chunk

def hanging(**body):
    time.sleep(5)

def changing(**body):
    global quiet, left
    seen, quiet = quiet, True
    kept.append(1)
    return {"quiet": seen, "kept": len(kept)}

def straying(**body):
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1).close()
    except OSError as error:
        return {"error": type(error).__name__}

def wandering(**body):
    return {"status": httpx.get("https://elsewhere.test/v1").status_code}

def strolling(**body):
    return {"status": httpx.get("https://tokens.test/tokenizer.json").status_code}

def surroundings(**body):
    return dict(os.environ)

class Thing:
    def model_dump(self):
        return {"content": None, "refusal": None, "audio": None, "odd": {1, }}

def thing(**body):
    return Thing()
"""

PROGRAM = """
import http.server, json, sys, urllib.request
port, config = int(sys.argv[1]), json.load(open("config.json"))

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(config["ready"], b"{}", "application/json")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        url = config["base"] + self.path
        asked = urllib.request.Request(url, body, {"x-led": self.headers["x-led"]})
        with urllib.request.urlopen(asked) as found:
            self.answer(200, found.read(), found.headers["content-type"])

    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""

BEHIND = """
[providers.openai]
models = ["gpt-4o"]
host = "api.openai.com"
moved = { base = "{upstream}/v1/chat/completions" }
headers = { x-led = "{upstream}" }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with adapters in it."""
    (tmp_path / "functions_to_test.py").write_text(FUNCTIONS)
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("functions_to_test", None)


def read(text: str) -> Adapter:
    path = Path("mine.toml")
    path.write_text(text + BEHIND)
    return adapter_file.read(path)


def function(name: str, more: str = "") -> Adapter:
    return read(f'call = "functions_to_test:{name}"\n{more}')


def server(folder: Path, more: str = "", ready: int = 200) -> Adapter:
    return read(
        f"""
        start = "{sys.executable} {folder}/program.py {{port}}"
        {more}
        [files]
        "config.json" = '{{"base": "{{upstream}}/openai", "ready": {ready}}}'
        """
    )


async def send(route: Adapted, prompt: str = "Count to 3.", **more: Any) -> Exchange:
    (target,) = route.adapter.targets
    call = Call(target, "chat.basic")
    (made,) = await route.send(call, 1, target.chat(prompt, **more))
    assert route.close(call) == []
    return made


def ask(adapter: Adapter, *, served: bool = False, **more: Any) -> Exchange:
    with adapted(adapter, served=served) as route:
        return asyncio.run(send(route, **more))


def said(exchange: Exchange) -> Any:
    assert exchange.response is not None
    return json.loads(exchange.response.body)


@pytest.mark.parametrize("name", ["whole", "whole_aside"])
def test_what_a_function_returns_is_the_answer(name: str) -> None:
    made = ask(function(name))
    reply = recognise(made)
    assert isinstance(reply, ChatCompletion)
    assert reply.answers[0].text == "1, 2, 3"
    assert made.provider == "mine:openai"
    assert made.provenance.lacks == frozenset(Evidence) - {Evidence.FRESH}
    (beyond,) = made.upstream
    assert (beyond.provider, beyond.request.method) == ("openai", "POST")
    assert beyond.request.url == "https://api.openai.com/v1/chat/completions"
    assert json.loads(beyond.request.body) == json.loads(made.request.body)


@pytest.mark.parametrize("name", ["streamed", "streamed_aside"])
def test_what_a_function_yields_is_a_stream(name: str) -> None:
    reply = recognise(ask(function(name), stream=True))
    assert isinstance(reply, ChatStream)
    assert reply.answers[0].text == "1, 2, 3"
    assert reply.exchange.response is not None
    assert reply.exchange.response.body.endswith(b"data: [DONE]\n\n")


def test_an_exception_is_the_error_it_stands_for() -> None:
    made = ask(function("raising"))
    assert isinstance(recognise(made), Raised)
    assert made.response is not None
    assert made.response.status == 429
    assert made.response.headers.get("retry-after") == "7"
    assert "x-trace" not in made.response.headers
    error = {"message": "come again", "type": "Busy", "param": None, "code": "busy"}
    assert said(made) == {"error": error}
    assert made.failure is not None
    assert (made.failure.kind, made.failure.message) == (RAISED, "Busy")


def test_an_exception_without_a_status_is_a_servers() -> None:
    made = ask(function("raising_oddly"))
    assert made.response is not None
    assert made.response.status == 500


def test_what_came_before_an_exception_stays() -> None:
    made = ask(function("raising_midway"), stream=True)
    assert made.response is not None
    assert len(made.response.chunks) == 3
    assert b"come" not in made.response.body
    assert b'"message": "enough"' in made.response.chunks[-1].data
    assert made.failure is not None


def test_none_is_null_where_it_may_be_and_absent_elsewhere() -> None:
    assert said(ask(function("thing"))) == {"content": None, "refusal": None, "odd": "{1}"}


def test_a_function_that_never_returns_is_left() -> None:
    adapter = replace(function("hanging"), timeout=0.2)
    made = ask(adapter)
    assert made.response is None
    assert made.failure is not None
    assert made.failure.kind == "deadline"
    assert "functions_to_test:hanging did not return within 0.2 seconds" in made.failure.message


def test_after_one_that_never_returned_the_next_is_asked() -> None:
    adapter = replace(function("hanging"), timeout=0.2)
    with adapted(adapter) as route:

        async def twice() -> list[Exchange]:
            return [await send(route), await send(route)]

        first, second = asyncio.run(twice())
    assert first.failure == second.failure is not None


def test_settings_are_put_back_between_conversations() -> None:
    with adapted(function("changing", "[settings]\n'functions_to_test.quiet' = false")) as route:

        async def twice() -> list[Any]:
            return [said(await send(route)), said(await send(route))]

        assert asyncio.run(twice()) == [{"quiet": False, "kept": 1}, {"quiet": False, "kept": 2}]


def test_settings_are_set() -> None:
    adapter = function("changing", "[settings]\n'functions_to_test.quiet' = true")
    assert said(ask(adapter))["quiet"] is True


def test_it_is_told_to_drop_in_each_request_or_once_for_all() -> None:
    dropping = "[dropping]\nmembers = { drop = true }\n"
    adapter = function("changing", f"{dropping}settings = {{ 'functions_to_test.quiet' = true }}\n")
    target = replace(adapter.targets[0], dropping=True)
    each = ask(replace(adapter, targets=(target,)))
    assert json.loads(each.request.body)["drop"] is True
    assert said(each)["quiet"] is False
    assert (each.dropping, each.session.endswith("+dropping")) == (True, True)
    with adapted(adapter, dropping=True) as route:
        once = asyncio.run(send(route))
    assert "drop" not in json.loads(once.request.body)
    assert said(once)["quiet"] is True


def test_nothing_leaves_this_machine() -> None:
    made = ask(function("straying"))
    assert said(made) == {"error": "ConnectionRefusedError"}
    (beyond,) = made.upstream
    assert (beyond.provider, beyond.request.url) == (STRANGER, "//192.0.2.1")


def test_a_host_it_has_no_reason_to_reach_is_a_stranger() -> None:
    made = ask(function("wandering"))
    assert said(made) == {"status": 404}
    assert [beyond.provider for beyond in made.upstream] == [STRANGER]


def test_a_host_beside_is_noted_apart() -> None:
    with adapted(function("strolling", 'side = ["*.test"]')) as route:
        made = asyncio.run(send(route))
        assert (said(made), made.upstream) == ({"status": 404}, ())
        assert route.stage.beside == {"tokens.test"}


def test_the_users_environment_leads_nothing_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    astray = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTPS_PROXY", "https_proxy", "AWS_PROFILE")
    for name in astray:
        monkeypatch.setenv(name, "astray")
    monkeypatch.setenv("MINE", "before")
    before = dict(os.environ)
    seen = said(ask(function("surroundings", "[environment]\nMINE = 'now'\nNEW = 'too'")))
    assert not set(astray) & seen.keys()
    assert (seen["MINE"], seen["NEW"]) == ("now", "too")
    assert dict(os.environ) == before


def test_a_token_of_a_cloud_is_had_from_the_stage_and_is_in_no_journal() -> None:
    with adapted(server_there()) as route:
        answers = [httpx.get(f"{route.origin}/openai/token"), httpx.post(f"{route.origin}/x/token")]
        assert {answer.json()["token_type"] for answer in answers} == {"Bearer"}
        assert route.stage.taken() == ()


def server_there() -> Adapter:
    """A server that runs already, or says so."""
    return read('base_url = "http://127.0.0.1:9/v1"')


def test_a_server_that_is_not_there_is_a_failure() -> None:
    made = ask(server_there())
    assert (made.response, made.upstream) == (None, ())
    assert made.failure is not None
    assert made.failure.kind == "connect_refused"


def test_a_function_takes_chat_completions_only() -> None:
    adapter = function("whole")
    with adapted(adapter) as route, pytest.raises(Unanswered, match="chat completions only"):
        asyncio.run(route.send(Call(adapter.targets[0], "x"), 1, Request("GET", "/models")))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.to.be:found", "install it, or start in its folder: no module named nowhere"),
        ("functions_to_test:none", "has no attribute 'none'"),
    ],
)
def test_a_function_that_is_not_there(name: str, words: str) -> None:
    with pytest.raises(BadProvider, match=words), adapted(read(f'call = "{name}"')):
        pass


def test_a_setting_of_a_module_that_is_not_there() -> None:
    adapter = function("whole", "[settings]\n'nowhere.quiet' = true")
    with pytest.raises(BadProvider, match="nowhere.quiet can't be set"), adapted(adapter):
        pass


@pytest.mark.parametrize("stream", [False, True])
def test_both_bindings_see_the_same(stream: bool) -> None:  # noqa: FBT001  # a parameter
    name = "streamed" if stream else "whole"
    tapped = ask(function(name), stream=stream)
    served = ask(function(name), served=True, stream=stream)
    assert tapped.response == served.response
    (near,), (far,) = tapped.upstream, served.upstream
    assert near.request.body == far.request.body
    assert near.response == far.response
    assert (near.provider, near.id) == (far.provider, far.id)
    assert far.request.url == "http://upstream.test/v1/chat/completions"


class TestProgram:
    def test_it_answers_and_its_far_side_is_kept(self, folder: Path) -> None:
        made = ask(server(folder))
        reply = recognise(made)
        assert isinstance(reply, ChatCompletion)
        assert reply.answers[0].text == "1, 2, 3"
        assert made.request.url == "http://adapter.test/v1/chat/completions"
        assert made.provenance.lacks == frozenset()
        (beyond,) = made.upstream
        assert beyond.request.url == "http://upstream.test/v1/chat/completions"
        led = beyond.request.headers.get("x-led") or ""
        assert led.startswith("http://127.0.0.1:")
        assert led.endswith("/openai")

    def test_bodies_that_are_no_requests_are_sent_as_they_are(self, folder: Path) -> None:
        adapter = server(folder)
        with adapted(adapter) as route:
            odd = adapter.targets[0].post("/chat/completions", b"[]")
            (made,) = asyncio.run(route.send(Call(adapter.targets[0], "x"), 1, odd))
        assert made.upstream[0].request.body == b"[]"

    def test_it_is_stopped_afterwards(self, folder: Path) -> None:
        with adapted(server(folder)) as route:
            url = route.north._base_url  # type: ignore[attr-defined]  # noqa: SLF001  # where it is
            assert httpx.get(url).is_success
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)

    def test_it_is_stopped_when_the_run_is_interrupted(self, folder: Path) -> None:
        with pytest.raises(KeyboardInterrupt), adapted(server(folder)) as route:
            url = route.north._base_url  # type: ignore[attr-defined]  # noqa: SLF001  # where it is
            raise KeyboardInterrupt
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)

    def test_one_that_is_not_ready_says_what_it_said(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(program, "DEADLINE", 2.0)
        with pytest.raises(BadProvider) as error, adapted(server(folder, ready=503)):
            pass
        assert "did nothing before http://127.0.0.1:" in str(error.value)
        assert str(error.value).endswith("Its log ends:\nlistening\n")

    def test_one_that_dies_says_what_it_said(self) -> None:
        dying = read(f"""start = "{sys.executable} -c 'import sys; sys.exit(\\"no licence\\")'" """)
        with pytest.raises(BadProvider) as error, adapted(dying):
            pass
        assert "ended with 1" in str(error.value)
        assert str(error.value).endswith("no licence\n")

    def test_one_that_is_not_installed(self) -> None:
        with pytest.raises(BadProvider, match="nowhere can't be started; install it"):  # noqa: SIM117  # one raises
            with adapted(read('start = "nowhere --port {port}"')):
                pass

    def test_a_variable_in_its_command_must_be_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("MY_ADAPTER", raising=False)
        with pytest.raises(BadProvider, match="set MY_ADAPTER: the command is"):  # noqa: SIM117  # one raises
            with adapted(read('start = "node ${MY_ADAPTER}/main.js"')):
                pass

    def test_its_version_is_what_it_prints(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MY_ADAPTER", sys.executable)
        told = """version = "${MY_ADAPTER} -c 'print(\\"Mine, version 1.2.3-rc1 of today\\")'" """
        assert identity.software(server(folder, told)) == "mine 1.2.3-rc1"
        mute = 'version = "nowhere --version"'
        assert identity.software(server(folder, mute)) == "mine"


def test_the_far_sides_port_is_free_or_said_to_be_taken() -> None:
    adapter = read('base_url = "http://127.0.0.1:9/v1"\nupstream_port = 18999')
    with adapted(adapter) as route:
        assert route.origin == "http://127.0.0.1:18999"
        taken = "port 18999 can't be had; choose another upstream_port"
        with pytest.raises(BadProvider, match=taken), adapted(adapter):
            pass


def test_headers_of_the_adapter_and_the_provider_are_sent(folder: Path) -> None:
    made = ask(replace(server(folder), headers=Headers([("x-mine", "yes")])))
    assert made.request.headers.get("x-mine") == "yes"
