"""A project that has the plugin, and recordings of which some are broken."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

# pytester forgets the modules that a run inside it imports: those that know each other's classes
# must be there before, or what one raises is nothing that another catches.
import httpcore  # noqa: F401  # see above
import pytest

import conformance.cli  # see above
import conformance.pytest_plugin  # noqa: F401  # pytester forgets what is first imported in a run
from conformance.model import Exchange, Request
from conformance.mutate import edit
from conformance.probe import probes
from conformance.provider_file import read
from conformance.reference.exchanges import exchanges
from conformance.routes import Call
from conformance.routes.reference import Reference
from conformance.routes.replay import Store
from conformance.runner import Runner

TARGET = "ref/reference"
BROKEN = {
    "stream.basic": edit("events[1].id", "other"),
    "chat.unicode": edit("choices[0].finish_reason", "stop\x1b[31m\x00"),
    "chat.bare": edit("created", 1.5),
    "chat.parts": edit("system_fingerprint", 7),
    "chat.name": edit("id", "chatcmpl-twice"),
    "chat.nulls": edit("id", "chatcmpl-twice"),
}
KNOWN = {"chat.response_created": "Counts in floats since forever."}


class Recording:
    """The reference, with what it answers to some probes broken and all of it recorded."""

    def __init__(self, store: Store) -> None:
        self._reference = Reference()
        self._store = store

    async def send(self, call: Call, number: int, request: Request) -> list[Exchange]:
        (answer,) = await self._reference.send(call, number, request)
        if call.target.model == "reference" and call.probe in BROKEN:
            answer = BROKEN[call.probe].apply(answer)
        self._store.keep(call, answer)
        return [answer]

    def close(self, call: Call) -> list[str]:
        return self._reference.close(call)


def provider(url: str = "https://api.example.com/v1", **known: str) -> str:
    entries = "".join(
        f"[[known]]\ncheck = {json.dumps(check)}\nreason = {json.dumps(reason)}\n"
        for check, reason in known.items()
    )
    return f"""
base_url = "{url}"
[source]
url = "https://example.com"
read = 2026-01-31
[claims]
endpoints = ["models", "chat"]
capabilities = ["stream"]
[models.reference]
[models.absent]
{entries}"""


def documented() -> str:
    """An exchange somebody wrote down, in which the object is wrong."""
    good = exchanges()["chat.basic"]
    assert good.response is not None
    body = json.loads(good.response.body) | {"object": "chat"}
    line = {
        "id": "documented",
        "provider": "ref",
        "host": "api.example.com",
        "method": "POST",
        "path": "/v1/chat/completions",
        "request_body": json.loads(good.request.body),
        "status": 200,
        "response_headers": dict(good.response.headers),
        "response_body": json.dumps(body),
    }
    return json.dumps(line)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a provider and its recordings: of a model, and of one that isn't there."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "providers").mkdir()
    (folder / "providers" / "ref.toml").write_text(provider(**KNOWN))
    store = Store(folder / "cassettes")
    targets = read(folder / "providers" / "ref.toml")
    plan = [(t, probe) for t in targets for probe in probes().values() if probe.suits(t)]

    async def record() -> None:
        async for _ in Runner(Recording(store)).run(plan):
            pass

    asyncio.run(record())
    (store.of(targets[0]) / "documented.jsonl").write_text(documented())
    return folder


@pytest.fixture
def project(
    pytester: pytest.Pytester, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """Somebody's project, with that folder's content and a test of its own."""
    return filled(pytester, recorded, monkeypatch)


def filled(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project with a folder's content, our plugin and no other, and warnings that are errors."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "conformance.plugin")
    monkeypatch.delenv("CI", raising=False)
    shutil.copytree(folder, pytester.path, dirs_exist_ok=True)
    pytester.makeini(
        """
        [pytest]
        filterwarnings =
            error
            ignore:Module already imported:pytest.PytestAssertRewriteWarning
        """  # the second because this module has imported it
    )
    return pytester


def found(path: Path) -> list[str]:
    """All that a results file says was found, in no order."""
    told = (line for line in lines(path) if line["type"] not in {"run", "evidence"})
    # What a stand-in answers is made anew each time; which exchanges are evidence is not.
    shown = (line for line in lines(path) if line["type"] == "evidence")
    named = ({name: line[name] for name in ("target", "check", "exchange")} for line in shown)
    return sorted(json.dumps(line, sort_keys=True) for line in (*told, *named))


def outcomes(result: pytest.RunResult) -> dict[str, int]:
    return {name: count for name, count in result.parseoutcomes().items() if name != "warnings"}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()]
