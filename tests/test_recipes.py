"""The gate, the action and the words it is given, executed as a CI system would.

What is not executed is the installation: ``pip`` is noted, and the command is the one under test.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

import pytest
from gate_changes import BROKEN_RULES
from recipe_repository import GATE, RECIPES, ROOT, TESTS, bash, commands, machine, noting, put

UPLOAD, SCANNING = "actions/upload-artifact@v7", "github/codeql-action/upload-sarif@v4"
REPORTS: Final = ("results.jsonl", "matrix.html", "matrix.md", "junit.xml", "badge.svg")
ACTION: Final = """
jobs:
  one:
    steps:
      - uses: OWNER/conformance@v1
        with: {given}
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return commands(tmp_path_factory.mktemp("runner"))


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """The example adapter, with its baseline."""
    project = tmp_path_factory.mktemp("gate") / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TESTS / "example_adapter", project, ignore=ignored)
    said = bash("conformance baseline update our_adapter", project, environment)
    assert said.returncode == 0, said.stdout
    return project


def argv(project: Path) -> list[str]:
    """What the run was told."""
    with (project / "conformance-results/results.jsonl").open(encoding="utf-8") as file:
        return list(json.loads(file.readline())["argv"])


def broken(adapter: Path, project: Path) -> tuple[Path, str]:
    """A copy of the adapter in which a change breaks a rule, and the rule."""
    edits, check, _ = BROKEN_RULES["refusal becomes a failure"]
    shutil.copytree(adapter, project)
    source = (project / "our_adapter.py").read_text("utf-8")
    for before, after in edits.items():
        assert before in source
        source = source.replace(before, after)
    (project / "our_adapter.py").write_text(source, "utf-8")
    return project, check


def test_the_gate_is_green_on_a_pull_request_that_changes_nothing(
    adapter: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    job = machine(adapter, tmp_path / "temp", environment, event_name="pull_request")
    assert job.job(GATE), job.output
    assert {f"conformance-results/{name}" for name in REPORTS} <= job.step(UPLOAD).files
    assert job.step(SCANNING).files == {"conformance-results/results.sarif"}
    assert "::error" not in job.output
    assert job.summary == (adapter / "conformance-results/matrix.md").read_text("utf-8")
    assert "--quick" in argv(adapter)
    noted = Path(environment["NOTED"]).read_text("utf-8").splitlines()
    assert [line.split()[-1] for line in noted] == [".", str(ROOT)]


def test_the_gate_is_red_on_an_adapter_that_broke_and_its_reports_are_there(
    adapter: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    project, check = broken(adapter, tmp_path / "project")
    job = machine(project, tmp_path / "temp", environment, event_name="push")
    assert not job.job(GATE)
    assert job.step("Check").code == 1
    assert "::error title=conformance::There are failures" in job.output
    assert check in job.summary
    assert "--quick" not in argv(project)
    assert job.step(UPLOAD).files
    assert job.step(SCANNING).files


def test_the_gate_says_when_it_could_not_judge(
    adapter: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    project = tmp_path / "project"
    shutil.copytree(adapter, project)
    left = project / "conformance-results"
    left.mkdir(exist_ok=True)
    (left / "matrix.html").write_text("of yesterday", "utf-8")
    (left / "results.jsonl.exchanges").mkdir()
    (left / "results.jsonl.exchanges/chat.basic.yaml").write_text(
        "of a run that was killed", "utf-8"
    )
    job = machine(project, tmp_path / "temp", environment, event_name="push")
    workflow = GATE.read_text("utf-8")
    assert not job.job(workflow.replace("--adapter our_adapter", "--adapter our_adaptor"))
    assert job.step("Check").code == 2
    assert "::error title=conformance::There is no whole result" in job.output
    assert "did you mean our_adapter" in job.output
    assert "ended with exit code 2" in job.summary
    assert job.step(UPLOAD).files == {"conformance-results/summary.md"}


# What the action is told


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("", []),
        ("  a/b\n--live\t--rpm 3\n", ["a/b", "--live", "--rpm", "3"]),
        ("--software 'vLLM 0.32.0' \"x y\"", ["--software", "vLLM 0.32.0", "x y"]),
        (
            "$(touch evil) `touch evil`; touch evil",
            ["$(touch", "evil)", "`touch", "evil`;", "touch", "evil"],
        ),
        ("* ? ~ $HOME && evil", ["*", "?", "~", "$HOME", "&&", "evil"]),
    ],
)
def test_words_are_passed_as_they_are(args: str, words: list[str], tmp_path: Path) -> None:
    job = machine(tmp_path, tmp_path / "temp", noting(tmp_path))
    assert job.job(ACTION.replace("{given}", json.dumps({"args": args}))), job.output
    told = (tmp_path / "told").read_text("utf-8").splitlines()
    assert told[:3] == ["run", "--fail-on", "news"]
    assert told[3 : told.index("--json")] == words
    assert not (tmp_path / "evil").exists()


def test_quotes_that_do_not_end_are_an_error(tmp_path: Path) -> None:
    job = machine(tmp_path, tmp_path / "temp", noting(tmp_path))
    assert not job.job(ACTION.replace("{given}", json.dumps({"args": "a 'b"})))
    assert "quote" in job.output
    assert not (tmp_path / "told").exists()


def test_the_action_installs_what_it_is_told(tmp_path: Path) -> None:
    environment = noting(tmp_path)
    job = machine(tmp_path, tmp_path / "temp", environment)
    package = "llm-api-conformance[litellm]==0.1.0"
    given = {"package": package, "fail-on": "must", "results": "else where"}
    (tmp_path / "conformance-results").mkdir()  # the stand-in's only place
    job.job(ACTION.replace("{given}", json.dumps(given)))
    assert Path(environment["NOTED"]).read_text("utf-8").split()[-1] == package
    told = (tmp_path / "told").read_text("utf-8")
    assert "--fail-on\nmust\n" in told
    assert "--html\nelse where/matrix.html\n" in told


# Any shell


@pytest.mark.parametrize(("word", "code"), [("news", 1), ("never", 0)])
def test_the_gate_in_any_shell_keeps_exit_codes(
    word: str, code: int, adapter: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    project, check = broken(adapter, tmp_path / "project")
    told = environment | {"CONFORMANCE_FAIL_ON": word, "CONFORMANCE_RESULTS": "here"}
    said = bash(f"{RECIPES}/gate.sh --adapter our_adapter --quick", project, told)
    assert said.returncode == code
    assert check in (project / "here/summary.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("exit 1", "There is no report: `conformance run` ended with exit code 1 before"),
        ("kill -9 $$", "There is no report: `conformance run` ended with exit code 137 before"),
        ("echo why >conformance-results/matrix.md; exit 2", "why"),
        ("echo why >conformance-results/matrix.md; kill -9 $$", "why"),
    ],
)
def test_a_run_that_comes_to_no_end_is_no_failure_of_an_adapter(
    end: str, said: str, tmp_path: Path
) -> None:
    environment = commands(tmp_path / "runner")
    put(tmp_path / "runner/bin/conformance", end)
    made = bash(f"{RECIPES}/gate.sh --adapter our_adapter", tmp_path, environment)
    assert made.returncode == 2
    assert (tmp_path / "conformance-results/summary.md").read_text("utf-8").startswith(said)


def test_a_place_that_cannot_be_written_is_no_failure_of_an_adapter(tmp_path: Path) -> None:
    (tmp_path / "conformance-results").touch()
    job = machine(tmp_path, tmp_path / "temp", noting(tmp_path))
    assert not job.job(ACTION.replace("{given}", "{}"))
    assert job.step("Check").code == 2
    assert "::error title=conformance::There is no whole result" in job.output
