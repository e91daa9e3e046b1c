"""An adapter that is a server: started, asked, and stopped; the stage listens for it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from through_adapters import PROGRAM, ask, read, server

from conformance.adapter_file import Adapter
from conformance.adapting import Adapted, adapted, identity, program
from conformance.model import Headers
from conformance.recognise import recognise
from conformance.replies import ChatCompletion
from conformance.routes import Call
from conformance.targets import BadProvider


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def address(route: Adapted) -> str:
    return str(route.north._base_url)  # type: ignore[attr-defined]  # noqa: SLF001  # where it is


def test_it_answers_and_its_far_side_is_kept() -> None:
    made = ask(server())
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


def test_bodies_that_are_no_requests_are_sent_as_they_are() -> None:
    adapter = server()
    with adapted(adapter) as route:
        odd = adapter.targets[0].post("/chat/completions", b"[]")
        (made,) = asyncio.run(route.send(Call(adapter.targets[0], "x"), 1, odd))
    assert made.upstream[0].request.body == b"[]"


def test_it_is_stopped_afterwards() -> None:
    with adapted(server()) as route:
        url = address(route)
        assert httpx.get(url).is_success
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@pytest.mark.parametrize(
    ("how", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_it_is_stopped_when_the_run_is(how: signal.Signals, raised: type[BaseException]) -> None:
    urls: list[str] = []

    def interrupted(route: Adapted) -> None:
        urls.append(address(route))
        signal.raise_signal(how)

    with pytest.raises(raised), adapted(server()) as route:
        interrupted(route)
    with pytest.raises(httpx.ConnectError):
        httpx.get(*urls)


def test_one_that_is_not_ready_says_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "DEADLINE", 2.0)
    with pytest.raises(BadProvider) as error, adapted(server(ready=503)):
        pass
    assert "did not become ready: mend start in its file, or ready, as http" in str(error.value)
    assert str(error.value).endswith("Its log ends:\nlistening\n")


def test_one_that_dies_says_what_it_said() -> None:
    dying = read(f"""start = "{sys.executable} -c 'import sys; sys.exit(\\"no licence\\")'" """)
    with pytest.raises(BadProvider) as error, adapted(dying):
        pass
    assert "ended with 1" in str(error.value)
    assert str(error.value).endswith("no licence\n")


def test_one_that_is_not_installed() -> None:
    with pytest.raises(BadProvider, match="nowhere can't be started; install it"):  # noqa: SIM117  # one raises
        with adapted(read('start = "nowhere --port {port}"')):
            pass


def test_a_variable_in_its_command_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_ADAPTER", raising=False)
    with pytest.raises(BadProvider, match="set MY_ADAPTER, which the adapter's command needs"):  # noqa: SIM117  # one raises
        with adapted(read('start = "node ${MY_ADAPTER}/main.js"')):
            pass


def test_its_version_is_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_ADAPTER", sys.executable)
    told = """version = "${MY_ADAPTER} -c 'print(\\"Mine, version 1.2.3-rc1 of today\\")'" """
    assert identity.software(server(told)) == "mine 1.2.3-rc1"
    mute = 'version = "nowhere --version"'
    assert identity.software(server(mute)) == "mine"


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


def test_a_far_side_that_must_be_where_the_adapter_looks_for_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        adapter = replace(server_there(), port=port)
        taken = f"port {port} can't be had; choose another upstream_port"
        with pytest.raises(BadProvider, match=taken), adapted(adapter):
            pass
    with adapted(adapter) as route:
        assert route.origin == f"http://127.0.0.1:{port}"


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux whether a process is there")
def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    (tmp_path / "parent.py").write_text(
        f"""
import os, runpy, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}])
open({str(tmp_path / "child")!r}, "w").write(str(child.pid))
sys.argv[0] = {str(PROGRAM)!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    )
    adapter = server()
    assert adapter.program is not None
    command = (sys.executable, str(tmp_path / "parent.py"), "{port}")
    with adapted(replace(adapter, program=replace(adapter.program, command=command))):
        child_id = int((tmp_path / "child").read_text())
        os.kill(child_id, 0)
    limit = time.monotonic() + 5
    while not ended(child_id) and time.monotonic() < limit:
        time.sleep(0.02)
    assert ended(child_id)


def ended(process: int) -> bool:
    """Whether it is gone, or waits for nothing but to be noticed."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_headers_of_the_adapter_and_the_provider_are_sent() -> None:
    made = ask(replace(server(), headers=Headers([("x-mine", "yes")])))
    assert made.request.headers.get("x-mine") == "yes"
