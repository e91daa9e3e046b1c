"""What ``docs/ci.md`` shows is executed as it stands there."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Final

import yaml
from recipe_repository import (
    GATE,
    RECIPES,
    ROOT,
    STAND_IN,
    TESTS,
    bash,
    commands,
    machine,
    noting,
    put,
)

DOCS: Final = ROOT / "docs/ci.md"


def blocks(language: str) -> list[str]:
    """The blocks of the docs in this language."""
    text = DOCS.read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def block(language: str, beginning: str) -> str:
    """The one that begins so."""
    (found,) = [one for one in blocks(language) if one.lstrip().startswith(beginning)]
    return found


def test_gitlabs_gate_runs_as_the_docs_show_it(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(TESTS / "example_adapter", project)
    shutil.copytree(RECIPES, project / "recipes")
    job = yaml.safe_load(block("yaml", "conformance:"))["conformance"]
    said = bash("\n".join(job["script"]), project, commands(tmp_path / "runner"))
    assert said.returncode == 1, "without a baseline all is news"
    for place in (job["artifacts"]["reports"]["junit"], *job["artifacts"]["paths"]):
        assert (project / place).exists()


def nightly_places(tmp_path: Path) -> dict[str, str]:
    """A project with the recipes, and an environment in which nights are a stand-in's."""
    shutil.copytree(RECIPES, tmp_path / "recipes")
    (tmp_path / "broken").write_text("", "utf-8")
    environment = commands(tmp_path / "runner", STAND_IN)
    put(tmp_path / "runner/bin/mail", 'echo "$2 | $(cat)" >>"$HOME/mails"')
    put(tmp_path / "runner/bin/date", 'wc -l <"$HOME/clock"; echo >>"$HOME/clock"')
    (tmp_path / "runner/clock").touch()
    return environment | {"BROKEN": str(tmp_path / "broken")}


def test_gitlabs_night_runs_as_the_docs_show_it(tmp_path: Path) -> None:
    environment = nightly_places(tmp_path)
    job = yaml.safe_load(block("yaml", "conformance-nightly:"))["conformance-nightly"]
    script = "\n".join(job["script"])
    assert bash(script, tmp_path, environment).returncode == 0
    assert all((tmp_path / place).is_dir() for place in job["cache"]["paths"])
    (tmp_path / "broken").write_text("incomplete", "utf-8")
    assert [bash(script, tmp_path, environment).returncode] == job["allow_failure"]["exit_codes"]
    (tmp_path / "broken").write_text("a", "utf-8")
    assert bash(script, tmp_path, environment).returncode == 1


def test_any_shells_night_runs_as_the_docs_show_it(tmp_path: Path) -> None:
    environment = nightly_places(tmp_path)
    codes = []
    for broken_tonight in ("", "a", "a", ""):
        (tmp_path / "broken").write_text(broken_tonight, "utf-8")
        codes.append(bash(block("sh", "code=0"), tmp_path, environment).returncode)
    assert codes == [0, 1, 0, 0]
    shutil.rmtree(tmp_path / "conformance-history")
    assert bash(block("sh", "code=0"), tmp_path, environment).returncode == 0
    assert not (tmp_path / "conformance-results/changes.md").exists(), "of a night before"
    mails = (tmp_path / "runner/mails").read_text("utf-8").splitlines()
    assert [mail.partition(" | ")[0] for mail in mails] == [
        "Conformance: something changed",
        "Conformance: all is as it was",
    ]


def test_the_comment_on_a_pull_request_runs_as_the_docs_show_it(tmp_path: Path) -> None:
    environment = noting(tmp_path)
    event = {"pull_request": {"number": 7}}
    job = machine(tmp_path, tmp_path / "temp", environment, event_name="pull_request")
    job.contexts["github"] |= {"event": event}
    assert job.job(GATE.read_text("utf-8") + block("yaml", "- name: Comment")), job.output
    assert json.loads(Path(environment["RECIPE_ISSUES"]).read_text("utf-8"))["issues"] == [
        {"number": 7, "body": "fine\n"}
    ]
