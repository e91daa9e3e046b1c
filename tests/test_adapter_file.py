"""Adapters' files: what they say, and how a mistake in one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import adapter_file
from conformance.adapter_file import Adapter
from conformance.targets import CAPABILITIES, BadProvider

FUNCTION = """
call = "mine:completion"
"""
BEHIND = """
[providers.openai]
models = ["gpt-4o"]
"""


def write(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


def read(folder: Path, text: str) -> Adapter:
    return adapter_file.read(write(folder, text))


def test_the_least_there_is(tmp_path: Path) -> None:
    adapter = read(tmp_path, FUNCTION + BEHIND)
    (target,) = adapter.targets
    assert (adapter.name, adapter.title, adapter.call) == ("mine", "mine", "mine:completion")
    assert target.name == "mine:openai/gpt-4o"
    assert target.adapter == "mine"
    assert target.endpoints == {"chat"}
    assert target.capabilities == CAPABILITIES - {"reasoning"}
    upstream = adapter.upstream_of(target)
    assert (upstream.calls_it, upstream.host, upstream.give) == ("{model}", None, {})
    assert upstream.moved is None


def test_everything_there_is(tmp_path: Path) -> None:
    adapter = read(
        tmp_path,
        """
        title = "Mine"
        start = "serve --port {port} 'two words'"
        version = "serve --version"
        ready = "/health"
        base_url = "http://127.0.0.1:{port}/api"
        headers = { authorization = "Bearer x" }
        upstream_port = 4000
        distribution = "mine"
        fingerprint = "mine/models.json"
        declares = "mine:takes"
        side = ["tokens.test"]
        timeout = 5

        [files]
        "config.yaml" = "base: {upstream}"
        [environment]
        MINE = "yes"
        [settings]
        "mine.quiet" = true
        [dropping]
        members = { drop = true }
        settings = { "mine.drop" = true }
        [providers.openai]
        models = ["a", "b"]
        reasoning = ["b"]
        calls_it = "openai/{model}"
        host = "api.openai.*"
        give = { api_key = "k" }
        moved = { base = "{upstream}/v1" }
        headers = { x-to = "{upstream}" }
        documented = ["stop"]
        capabilities = ["stream"]
        recorded = "openai/gpt-4o"
        """,
    )
    program = adapter.program
    assert program is not None
    assert program.command == ("serve", "--port", "{port}", "two words")
    assert program.version == ("serve", "--version")
    assert (program.ready, program.base_url) == ("/health", "http://127.0.0.1:{port}/api")
    assert program.files == {"config.yaml": "base: {upstream}"}
    assert (adapter.port, adapter.timeout, adapter.side) == (4000, 5.0, ("tokens.test",))
    assert adapter.dropping == adapter_file.Dropping({"drop": True}, {"mine.drop": True})
    first, second = adapter.targets
    assert first.parameters == {"stop"}
    assert first.capabilities == {"stream"}
    assert second.capabilities == {"stream", "reasoning"}
    upstream = adapter.upstream_of(second)
    assert upstream.recorded == "openai/gpt-4o"
    assert upstream.moved == {"base": "{upstream}/v1"}


def test_a_server_that_runs_already_has_a_base_url(tmp_path: Path) -> None:
    adapter = read(tmp_path, 'base_url = "http://127.0.0.1:4000/v1"' + BEHIND)
    assert (adapter.call, adapter.program) == (None, None)
    assert adapter.base_url == "http://127.0.0.1:4000/v1"


MISTAKES = {
    "nothing is said": (BEHIND, 1, "base_url: say what it is"),
    "two things at once": ('start = "x"' + FUNCTION + BEHIND, 2, "call: an adapter is a function"),
    "no function": ('call = "mine"' + BEHIND, 1, "call: give a Python function as module:function"),
    "no provider": (FUNCTION, 1, "providers: name at least one provider"),
    "no model": (FUNCTION + "[providers.openai]\nhost = 'x'", 3, "models: name at least one model"),
    "an unknown member": ('color = "red"' + FUNCTION + BEHIND, 1, "color: unknown here; known are"),
    "an unknown member of a provider": (
        FUNCTION + BEHIND + 'color = "red"',
        6,
        "color: unknown here; known are",
    ),
    "no capability": (
        FUNCTION + BEHIND + 'capabilities = ["flight"]',
        6,
        "capabilities: choose from",
    ),
    "a stranger that reasons": (
        FUNCTION + BEHIND + 'reasoning = ["gpt-6"]',
        6,
        "reasoning: choose from gpt-4o",
    ),
    "an open quotation": ('start = "serve \'x"' + BEHIND, 1, "start: make it a command"),
    "a number in the environment": (
        FUNCTION + BEHIND + "[environment]\nA = 1",
        7,
        "A: make it a string",
    ),
    "a key": (
        FUNCTION + BEHIND + "give = { api_key = 'sk-proj-0123456789abcdef' }",
        6,
        "this looks like a key: it all stays on this machine, so make one up",
    ),
    "no TOML": ("call = ", 1, "this is not TOML"),
    "no seconds": ("timeout = 0" + FUNCTION + BEHIND, 1, "timeout: make it a whole number from 1"),
}


@pytest.mark.parametrize(("text", "line", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_place_and_its_mend(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadProvider) as error:
        adapter_file.read(path)
    assert str(error.value).startswith(f"{path}:{line}: {words}")


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(BadProvider, match="No such file"):
        adapter_file.read(tmp_path / "none.toml")


def test_an_adapter_of_the_users_own_wins(tmp_path: Path) -> None:
    own = write(tmp_path, FUNCTION + BEHIND, "litellm")
    write(tmp_path, FUNCTION + BEHIND, "another")
    found = adapter_file.load([tmp_path])
    assert found["litellm"] == own
    assert set(adapter_file.load()) | {"another"} == set(found)
