"""The pytest plugin with an adapter: the gate of the command line, item by item."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner
from plugin_project import filled, found, lines, outcomes

from conformance.cli import main

TARGET = "tiny:openai/gpt-4o"
ADAPTER = "--conformance-adapter=tiny"
FILE = """
title = "Tiny"
software = "Tiny 1.0"
call = "tiny:completion"
[dropping]
members = { drop = true }
[providers.openai]
models = ["gpt-4o"]
host = "api.openai.com"
capabilities = []
"""
FUNCTION = """
import os, pathlib, warnings
import httpx

pathlib.Path(f"imported-{os.getpid()}").touch()
CLIENT = httpx.Client(headers={"authorization": "Bearer sk-tiny"})

def completion(drop=False, **asked):
    warnings.warn("this adapter is old", DeprecationWarning)
    if drop:
        asked.pop("seed", None)
    answer = CLIENT.post("https://api.openai.com/v1/chat/completions", json=asked)
    if answer.is_error:
        error = RuntimeError(answer.text)
        error.status_code = answer.status_code
        raise error
    made = answer.json()
    if "service_tier" in asked:
        made["object"] = "chat"  # which is known
    return made
"""


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an adapter, its baseline, and what the command line says of it."""
    folder = tmp_path_factory.mktemp("gated")
    (folder / "adapters").mkdir()
    (folder / "adapters/tiny.toml").write_text(FILE)
    (folder / "tiny.py").write_text(FUNCTION)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        for words in (["baseline", "update", "tiny"], ["run", "--adapter=tiny", "--json=cli"]):
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output
        del sys.modules["tiny"]
    (mark,) = folder.glob("imported-*")
    mark.unlink()
    return folder


@pytest.fixture
def project(
    pytester: pytest.Pytester, gated: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """Somebody's project, with that folder's content."""
    return filled(pytester, gated, monkeypatch)


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_was_known_is_no_news(project: pytest.Pytester) -> None:
    result = project.runpytest(ADAPTER, "--conformance-json=serial", "-rx")
    assert result.ret == 0
    assert set(outcomes(result)) == {"passed", "xfailed"}
    result.stdout.fnmatch_lines(["*= conformance =*", "60/2~1·3 = *", f"XFAIL {TARGET}::*"])
    assert found(Path("serial")) == found(Path("cli"))
    assert lines(Path("serial"))[0]["mode"] == "adapter"


def test_each_worker_has_a_route_of_its_own(project: pytest.Pytester) -> None:
    result = project.runpytest(ADAPTER, "-p", "xdist.plugin", "-n2", "--conformance-json=two")
    assert result.ret == 0
    assert found(Path("two")) == found(Path("cli"))
    marks = {mark.name for mark in project.path.glob("imported-*")}
    assert len(marks) == 2
    assert f"imported-{os.getpid()}" not in marks


def test_what_an_adapter_does_worse_is_news(project: pytest.Pytester) -> None:
    worse = 'made["choices"][0]["finish_reason"] = "done"'
    rewrite(project.path / "tiny.py", "if drop:\n", 'asked.pop("user", None)\n    if not drop:\n')
    rewrite(project.path / "tiny.py", "return made", f"{worse}\n    return made")
    result = project.runpytest(ADAPTER)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    news = [
        "news: openai/gpt-4o, seed: was forwarded:* | dropping: dropped:*; is lost:*",
        'news: openai/gpt-4o, user: was forwarded:*; is lost: user="probe-user-1" -> nothing*',
    ]
    result.stdout.fnmatch_lines(
        [
            f"_* {TARGET} chat.basic _*",
            "MUST chat.choices_finish_reason_enum (fail): *",
            "  blame: the adapter's fault",
            "  asked     {*",
            "  sent on   POST https://api.openai.com/v1/chat/completions *",
            "  returned  200 *",
            '  but       choices?0?.finish_reason: wanted *, got "done"',
            f"_* {TARGET} sets _*",
            *news,
            "*= conformance =*",
            *news,
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_parameter_that_fares_otherwise_fails_the_sets(project: pytest.Pytester) -> None:
    rewrite(project.path / "baselines/tiny.toml", '\nseed = "forwarded', '\nseed = "lost')
    result = project.runpytest(f"{TARGET}::sets", ADAPTER)
    assert outcomes(result) == {"failed": 1}
    result.stdout.fnmatch_lines(["news: openai/gpt-4o, seed: was lost:*; is forwarded:*"])


@pytest.mark.parametrize(
    "words",
    [
        ["--conformance=openai/gpt-4o::chat.basic"],
        ["--conformance=tiny:openai::chat.bas*"],
        ["--conformance=openai::chat.basic"],
        [f"{TARGET}::chat.basic"],
        ["-k", "openai and chat.basic"],
    ],
)
def test_one_item_can_be_chosen(project: pytest.Pytester, words: list[str]) -> None:
    result = project.runpytest(*words, ADAPTER, "-v")
    assert outcomes(result).get("passed") == 1
    result.stdout.fnmatch_lines([f"{TARGET}::chat.basic PASSED*"])
    assert result.ret == 0


def test_nothing_is_called_before_an_item_needs_it(project: pytest.Pytester) -> None:
    result = project.runpytest(ADAPTER, "--collect-only", "-q")
    ids = [line for line in result.outlines if "::" in line]
    assert {f"{TARGET}::forwarding.parameters{more}" for more in ("", "+dropping")} < {*ids}
    assert ids[-1] == f"{TARGET}::sets"
    assert not [*project.path.glob("imported-*")]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--conformance-adapter=tinny"], "no adapter is called tinny; did you mean tiny"),
        ([ADAPTER, "--conformance-adapters=none"], "no adapter is called tiny"),
        ([ADAPTER, "--conformance=openei"], "behind tiny matches openei; did you mean openai"),
        ([ADAPTER, "--conformance=openai::no.probe"], "no.probe names no probe"),
        ([ADAPTER, "--conformance-baseline=none.toml"], "none.toml is not there; write it: *"),
        ([ADAPTER, "--conformance-live"], "leave out --conformance-live"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(
    project: pytest.Pytester, words: list[str], complaint: str
) -> None:
    result = project.runpytest(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: conformance: *{complaint}*"])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('call = "tiny_gone:completion"', "*no module named tiny_gone"),
        ('call = "tiny:gone"', "*tiny:gone can't be called*"),
        ('start = "/no/such/program"', "*/no/such/program can't be started*"),
    ],
)
def test_an_adapter_that_is_not_there_is_one_error(
    project: pytest.Pytester, line: str, complaint: str
) -> None:
    rewrite(project.path / "adapters/tiny.toml", 'call = "tiny:completion"', line)
    result = project.runpytest(ADAPTER)
    assert outcomes(result) == {"errors": 1}
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([complaint])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_baseline_that_is_over_or_about_nobody_is_news(project: pytest.Pytester) -> None:
    file = project.path / "baselines/tiny.toml"
    entry = '[[known]]\ncheck = "chat.message_role"\nreason = "Ever so."\n'
    more = f'{entry}until = 2026-01-31\n{entry}targets = ["gone/*"]\n'
    rewrite(file, "\n[parameters.", f"\n{more}\n[parameters.")
    said = ["news: *chat.message_role was excused until*", "news: *names no target: gone/[*]"]
    whole = project.runpytest(ADAPTER, "-q")
    assert whole.ret == pytest.ExitCode.TESTS_FAILED
    assert "failed" not in outcomes(whole)
    whole.stdout.fnmatch_lines(said)
    part = project.runpytest(ADAPTER, "-q", "-k", "chat.basic")
    assert part.ret == 0
    part.stdout.no_fnmatch_line("news: *")


def test_without_a_baseline_a_failure_is_news_and_a_note_says_so(project: pytest.Pytester) -> None:
    (project.path / "baselines/tiny.toml").unlink()
    result = project.runpytest(ADAPTER, "-k", "params.service_tier")
    assert outcomes(result)["failed"] == 1
    result.stdout.fnmatch_lines(["conformance: *tiny.toml is not there*conformance baseline upd*"])


def test_other_tests_keep_their_network_and_their_keys(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-mine")
    project.makeconftest("def pytest_collection_modifyitems(items): items.reverse()")
    project.makepyfile(
        """
        import os, httpx, pytest

        def test_own():
            assert os.environ["MY_API_KEY"] == "sk-mine"
            with pytest.raises(httpx.ConnectError):
                httpx.get("http://127.0.0.1:9/", trust_env=False)
        """
    )
    result = project.runpytest(ADAPTER, "-k", "chat.basic or test_own", "-v")
    assert outcomes(result)["passed"] == 2
    result.stdout.fnmatch_lines([f"{TARGET}::chat.basic PASSED*", "*::test_own PASSED*"])
