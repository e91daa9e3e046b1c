"""The pytest plugin: what it collects, says and writes, and that it stays away unless asked."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

import conformance.pytest_plugin  # noqa: F401  # pytester forgets what is first imported in a run
from conformance.cli import main
from conformance.model import Exchange, Request
from conformance.mutate import edit
from conformance.reference.exchanges import exchanges
from conformance.routes import Call
from conformance.routes.reference import Reference
from conformance.routes.replay import Replay, Store
from conformance.runner import Runner
from conformance.serve import running
from conformance.targets import read
from conformance.probe import probes

ROOT = Path(__file__).parent.parent
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


@pytest.fixture(scope="module")
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
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "conformance.plugin")
    monkeypatch.delenv("CI", raising=False)
    shutil.copytree(recorded, pytester.path, dirs_exist_ok=True)
    pytester.makeini(
        """
        [pytest]
        filterwarnings =
            error
            ignore:Module already imported:pytest.PytestAssertRewriteWarning
        """  # the second because this module has imported it
    )
    return pytester


def outcomes(result: pytest.RunResult) -> dict[str, int]:
    return {name: count for name, count in result.parseoutcomes().items() if name != "warnings"}


def collected(project: pytest.Pytester, *words: str) -> list[str]:
    result = project.runpytest("--collect-only", "-q", *words)
    return [line for line in result.outlines if "::" in line]


def test_nothing_is_collected_or_imported_unless_asked_for(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.startswith("conformance")}
            assert ours == {"conformance", "conformance.plugin"}
            assert not {"jsonschema", "yaml", "httpx", "click", "rich"} & set(sys.modules)
        """
    )
    result = project.runpytest_subprocess()
    assert outcomes(result) == {"passed": 1}


def test_the_plugin_is_found_where_the_package_is_installed() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert table["project"]["entry-points"]["pytest11"] == {"conformance": "conformance.plugin"}


def test_every_option_has_a_prefix(project: pytest.Pytester) -> None:
    plain = project.runpytest("--help").outlines
    ours = [line.split()[0] for line in plain if line.startswith("  --conformance")]
    assert len(ours) > 10
    assert not any("--live" == line.split()[0] for line in plain if line.strip())


@pytest.mark.parametrize("words", [["--conformance"], ["--pyargs", "conformance"]])
def test_an_item_is_a_probe_of_a_target(project: pytest.Pytester, words: list[str]) -> None:
    ids = collected(project, *words)
    assert f"{TARGET}::stream.basic" in ids
    assert ids[-1] == "ref/absent::sets"
    assert ids.index(f"{TARGET}::sets") + 1 == ids.index(f"{TARGET}::samples")
    assert len(set(ids)) == len(ids)


def test_the_projects_own_tests_are_collected_as_ever(project: pytest.Pytester) -> None:
    project.makepyfile(test_own="def test_it(): pass")
    assert "test_own.py::test_it" in collected(project, "--conformance")
    assert collected(project) == ["test_own.py::test_it"]


@pytest.mark.parametrize(
    "words",
    [
        [f"--conformance={TARGET}::models.list"],
        ["--conformance=ref/ref*::*.list"],
        ["--conformance", "-k", "reference and models.list"],
        [f"{TARGET}::models.list", "--conformance"],
        [f"{TARGET}::models.list", "--pyargs", "conformance"],
    ],
)
def test_one_item_can_be_chosen(project: pytest.Pytester, words: list[str]) -> None:
    project.makepyfile(test_own="def test_it(): pass")
    ours = [one for one in collected(project, *words) if not one.startswith("test_own")]
    assert ours == [f"{TARGET}::models.list"]


def test_last_failed_and_exit_first(project: pytest.Pytester) -> None:
    project.makepyfile(test_own="def test_own(): assert False")
    first = project.runpytest("--conformance", "-x")
    assert outcomes(first)["failed"] == 1
    every = project.runpytest("--conformance")
    again = project.runpytest("--conformance", "--lf", "-q")
    assert outcomes(every)["failed"] == outcomes(again)["failed"] == 4
    assert "passed" not in outcomes(again)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--conformance=reff"], "no target matches reff; did you mean"),
        (["--conformance=openai"], "openai/*was never recorded*conformance run openai/"),
        ([f"--conformance={TARGET}::no.probe"], "no.probe names no probe"),
        (["--conformance", "--conformance-cassettes=none"], "nothing is recorded in *none"),
        (["--conformance-live"], "say who is to be asked"),
        (["--conformance", "--conformance-json=no/such.jsonl"], "no/such.jsonl: No such file"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(
    project: pytest.Pytester, words: list[str], complaint: str
) -> None:
    result = project.runpytest(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: conformance: *{complaint}*"])


def test_a_must_failure_fails_its_item_and_says_all(project: pytest.Pytester) -> None:
    result = project.runpytest(f"--conformance={TARGET}::stream.basic")
    assert outcomes(result) == {"failed": 1}
    result.stdout.fnmatch_lines(
        [
            f"_* {TARGET} stream.basic _*",
            "broken: stream.chunk_id_constant",
            "MUST stream.chunk_id_constant (fail): All chunks *",
            '  events?1?.id: wanted chatcmpl-*, got "other"',
            "  spec: *",
            f"  exchange: {TARGET}::stream.basic#1",
            "  recorded in: *cassettes/ref/reference/stream.basic.yaml*",
            f"FAILED {TARGET}::stream.basic - *broken: stream.chunk_id_constant*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plugin*")


def test_a_known_failure_is_expected(project: pytest.Pytester) -> None:
    chosen = f"--conformance={TARGET}::chat.bare"
    result = project.runpytest(chosen, "-rx")
    assert outcomes(result) == {"xfailed": 1}
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"XFAIL {TARGET}::chat.bare - chat.response_created: Counts in*"])
    assert outcomes(project.runpytest(chosen, "--runxfail")) == {"failed": 1}
    assert outcomes(project.runpytest(chosen, "--conformance-fail-on=must")) == {"failed": 1}


def test_a_should_failure_is_shown_and_fails_on_demand(project: pytest.Pytester) -> None:
    chosen = f"--conformance={TARGET}::chat.parts"
    result = project.runpytest(chosen, "-rA")
    assert outcomes(result) == {"passed": 1}
    result.stdout.fnmatch_lines(["SHOULD chat.response_system_fingerprint_type (fail): *"])
    assert outcomes(project.runpytest(chosen, "--conformance-fail-on=should")) == {"failed": 1}
    assert outcomes(project.runpytest(chosen, "--conformance-level=must", "-rA")) == {"passed": 1}


def test_never_means_never(project: pytest.Pytester) -> None:
    result = project.runpytest("--conformance", "--conformance-fail-on=never")
    assert result.ret == 0


def test_an_area_that_is_not_there_is_skipped_with_the_reason(project: pytest.Pytester) -> None:
    result = project.runpytest("--conformance=ref/absent::stream.basic", "-rs")
    assert outcomes(result) == {"skipped": 1}
    result.stdout.fnmatch_lines(["SKIPPED ?1? *stream.basic.yaml*: not there: status 404: *"])


def test_a_lost_recording_is_an_error_that_names_the_file(project: pytest.Pytester) -> None:
    (project.path / "cassettes/ref/reference/models.list.yaml").unlink()
    result = project.runpytest(f"--conformance={TARGET}::models.list")
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(
        ["*models.list.yaml is missing; record it again: conformance run ref/reference*"]
    )
    result = project.runpytest("--conformance", "-k", "sets and reference")
    assert outcomes(result)["errors"] == 1


def test_sets_and_samples_have_items_of_their_own(project: pytest.Pytester) -> None:
    result = project.runpytest("--conformance", "-k", "sets or samples", "-rA")
    result.stdout.fnmatch_lines_random(
        [
            "SHOULD chat.response_id_unique (fail): *",
            f"FAILED {TARGET}::samples - *broken: chat.response_object",
            "  recorded in: *documented.jsonl*",
        ]
    )
    assert outcomes(result) == {
        "failed": 1,
        "passed": 2,
        "deselected": result.parseoutcomes()["deselected"],
    }


def test_hostile_replies_leave_a_readable_junit_file(project: pytest.Pytester) -> None:
    result = project.runpytest(f"--conformance={TARGET}::chat.*", "--junitxml=out.xml", "-v")
    assert "\x1b[31m" not in result.stdout.str()
    text = (project.path / "out.xml").read_text("utf-8")
    cases = ET.fromstring(text).findall(".//testcase")  # noqa: S314  # it is our own
    assert len({case.get("name") for case in cases}) == len(cases)
    (broken,) = [case for case in cases if case.get("name") == "chat.unicode"]
    assert broken.get("classname") == "ref.reference"
    (failure,) = broken.findall("failure")
    assert 'got "stop\\u001b[31m\\u0000"' in str(failure.get("message"))
    assert all(c.isprintable() or c == "\n" for c in "".join(failure.itertext()))


def test_the_summary_is_the_matrix_unless_it_is_to_be_quiet(project: pytest.Pytester) -> None:
    chosen = f"--conformance={TARGET}::models.*"
    heading = "target * replies*"
    project.runpytest(chosen).stdout.fnmatch_lines(["*= conformance =*", heading])
    project.runpytest(chosen, "-q").stdout.no_fnmatch_line(heading)
    project.runpytest(chosen, "--collect-only").stdout.no_fnmatch_line(heading)


def test_a_fixed_failure_is_news(project: pytest.Pytester) -> None:
    reasons = dict.fromkeys(
        [
            "stream.chunk_id_constant",
            "chat.choices_finish_reason_enum",
            "chat.response_created",
            "chat.response_object",
            "chat.message_role",
        ],
        "So it is.",
    )
    (project.path / "providers/ref.toml").write_text(provider(**reasons))
    result = project.runpytest("--conformance")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "failed" not in outcomes(result)
    result.stdout.fnmatch_lines(["news: *ref.toml:*: chat.message_role is fixed for ref/reference"])
    part = project.runpytest("--conformance", "-k", "not models.list")
    part.stdout.no_fnmatch_line("news: *")
    assert part.ret == 0


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def cells(path: Path) -> list[str]:
    """All that was found, without what depends on the order in which it was."""
    found = []
    for line in lines(path):
        if line["type"] == "verdict" and not line["findings"]:
            # The example of what was only counted is the first that came.
            line = {k: line[k] for k in ("type", "target", "check", "outcome", "level", "repeat")}
        if line["type"] != "run":
            found.append(json.dumps(line, sort_keys=True))
    return sorted(found)


def test_the_results_are_those_of_the_command_line(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path)
    CliRunner().invoke(main, ["run", "--json", "cli.jsonl"])
    project.runpytest("--conformance", "--conformance-json=serial.jsonl")
    two = project.runpytest(
        "-p", "xdist.plugin", "-n2", "--conformance", "--conformance-json=two.jsonl"
    )
    two.stdout.fnmatch_lines(["*2 workers*", "*= conformance =*"])
    expected = cells(Path("cli.jsonl"))
    assert cells(Path("serial.jsonl")) == expected
    assert cells(Path("two.jsonl")) == expected
    verdicts = [line for line in lines(Path("two.jsonl")) if line["type"] == "verdict"]
    assert {line["known"] for line in verdicts} == {None, *KNOWN.values()}
    serial = [line for line in lines(Path("serial.jsonl")) if line["type"] != "run"]
    assert serial == [line for line in lines(Path("two.jsonl")) if line["type"] != "run"]


def test_results_of_a_run_that_was_cut_short_have_no_end(project: pytest.Pytester) -> None:
    project.runpytest("--conformance", "-x", "--conformance-json=out.jsonl")
    found = [line["type"] for line in lines(project.path / "out.jsonl")]
    assert found[0] == "run"
    assert "end" not in found


def test_items_have_no_network_and_other_tests_keep_theirs(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("PORT", str(listening.getsockname()[1]))

    async def send(*_: object) -> list[Exchange]:
        socket.create_connection(listening.getsockname()).close()
        return []

    monkeypatch.setattr(Replay, "send", send)
    project.makepyfile(
        """
        import os, socket

        def test_own():
            socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))).close()
        """
    )
    result = project.runpytest(f"--conformance={TARGET}::models.list")
    listening.close()
    assert outcomes(result) == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["*judging recordings needs no network*"])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def live(project: pytest.Pytester, server: str) -> pytest.Pytester:
    """The same project with nothing recorded, and a server to ask."""
    shutil.rmtree(project.path / "cassettes")
    (project.path / "providers/ref.toml").write_text(provider(server))
    return project


def asked(project: pytest.Pytester) -> set[str]:
    return {path.stem for path in project.path.glob("out.jsonl.exchanges/ref/*/*.yaml")}


def test_a_live_run_asks_only_for_what_is_chosen(live: pytest.Pytester) -> None:
    result = live.runpytest(
        *(f"--conformance={TARGET}", "--conformance-live", "-k", "models"),
        "--conformance-json=out.jsonl",
    )
    assert outcomes(result)["passed"] == 3
    assert asked(live) == {"models.list", "models.retrieve", "models.unknown"}
    assert not (live.path / "cassettes").exists()


def test_a_live_run_over_two_processes_asks_once(live: pytest.Pytester) -> None:
    words = [f"--conformance={TARGET}", "--conformance-live", "-p", "xdist.plugin", "-n2"]
    result = live.runpytest(*words, "--conformance-json=out.jsonl")
    assert set(outcomes(result)) == {"passed"}
    assert len(asked(live)) == outcomes(result)["passed"] - 1
    end = lines(live.path / "out.jsonl")[-1]
    assert end["exchanges"] == end["judged"]


def test_what_the_budget_did_not_allow_is_an_error(live: pytest.Pytester) -> None:
    result = live.runpytest(
        *(f"--conformance={TARGET}::models.*", "--conformance-live"),
        "--conformance-max-requests=1",
    )
    assert outcomes(result)["errors"] == 2
    result.stdout.fnmatch_lines(["*requests of --max-requests are made*"])


def test_a_live_run_can_be_recorded_and_replayed(live: pytest.Pytester) -> None:
    result = live.runpytest(f"--conformance={TARGET}", "--conformance-record")
    result.stdout.fnmatch_lines(["recorded * probes: *cassettes/ref/reference"])
    again = live.runpytest(f"--conformance={TARGET}")
    assert outcomes(again) == outcomes(result) == {"passed": outcomes(result)["passed"]}


def test_an_endpoint_needs_no_file(live: pytest.Pytester, server: str) -> None:
    result = live.runpytest(
        *("--conformance", "--conformance-live", f"--conformance-base-url={server}"),
        *("--conformance-model=reference", "-k", "models"),
    )
    assert outcomes(result)["passed"] == 3
