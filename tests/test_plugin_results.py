"""The pytest plugin: what a whole run comes to, on the screen and in files."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from plugin_project import KNOWN, TARGET, found, lines, outcomes, provider

from conformance.cli import main


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
    for words in ([], ["-q"]):
        result = project.runpytest("--conformance", *words)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        assert not {"failed", "errors"} & set(outcomes(result))
        result.stdout.fnmatch_lines(
            ["news: *ref.toml:*: chat.message_role is fixed for ref/reference"]
        )
    part = project.runpytest("--conformance", "-k", "not models.list")
    part.stdout.no_fnmatch_line("news: *")
    assert part.ret == 0


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
    expected = found(Path("cli.jsonl"))
    assert found(Path("serial.jsonl")) == expected
    assert found(Path("two.jsonl")) == expected
    verdicts = [line for line in lines(Path("two.jsonl")) if line["type"] == "verdict"]
    assert {line["known"] for line in verdicts} == {None, *KNOWN.values()}
    serial = [line for line in lines(Path("serial.jsonl")) if line["type"] != "run"]
    assert serial == [line for line in lines(Path("two.jsonl")) if line["type"] != "run"]


def test_results_of_a_run_that_was_cut_short_have_no_end(project: pytest.Pytester) -> None:
    project.runpytest("--conformance", "-x", "--conformance-json=out.jsonl")
    types = [line["type"] for line in lines(project.path / "out.jsonl")]
    assert types[0] == "run"
    assert "end" not in types


def test_a_recording_that_nobody_asks_for_fails_the_run(project: pytest.Pytester) -> None:
    (one,) = project.path.glob("cassettes/ref/*/stream.basic.yaml")
    shutil.copy(one, one.with_name("stream.gone.yaml"))
    result = project.runpytest("--conformance")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*stream.gone.yaml: no probe asks for it*"])
