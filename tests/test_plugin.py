"""The pytest plugin: what it collects, what it says of each item, and that it waits to be asked."""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path

import pytest
from plugin_project import TARGET, outcomes

from conformance.model import Exchange
from conformance.routes.replay import Replay

ROOT = Path(__file__).parent.parent


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
    assert not any(line.split()[0] == "--live" for line in plain if line.strip())


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


def test_items_have_no_network_and_other_tests_keep_theirs(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("PORT", str(listening.getsockname()[1]))

    async def send(*_: object) -> list[Exchange]:
        with socket.socket() as connection:
            connection.connect(listening.getsockname())
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
