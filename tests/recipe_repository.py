"""A runner with commands of ours, and a repository on a server that a workflow visits nightly."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from recipe_steps import Machine

TESTS: Final = Path(__file__).parent
ROOT: Final = TESTS.parent
RECIPES: Final = ROOT / "recipes"
GATE: Final = RECIPES / "github/gate.yml"
KEY: Final = "sk-nightly-0123456789abcdef"
GITHUB: Final = {
    "ref": "refs/heads/main",
    "event_name": "schedule",
    "token": "ghs_test",
    "server_url": "https://github.com",
    "repository": "them/theirs",
    "run_id": "1",
}
REAL: Final = '-c "from conformance.cli import main; main()"'
STAND_IN: Final = f'"{TESTS}/recipe_conformance.py"'


def commands(folder: Path, conformance: str = REAL) -> dict[str, str]:
    """The environment of a runner whose ``gh`` and ``conformance`` are these, and no key of ours.

    What ``python -m pip install`` is told is noted, and nothing installed.
    """
    made = folder / "bin"
    made.mkdir(parents=True)
    python = f'exec "{sys.executable}"'
    put(made / "conformance", f'{python} {conformance} "$@"')
    put(made / "gh", f'{python} "{TESTS}/recipe_gh.py" "$@"')
    install = '*"pip install"*) echo "$@" >>"$NOTED" ;;'
    put(made / "python", f'case "$*" in {install} *) {python} "$@" ;; esac')
    issues = folder / "issues"
    issues.write_text('{"calls": [], "labels": [], "issues": []}', "utf-8")
    return {
        "PATH": f"{made}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NOTED": str(folder / "noted"),
        "RECIPE_ISSUES": str(issues),
    }


def put(command: Path, script: str) -> None:
    """Write a command of ours."""
    command.write_text(f"#!/bin/bash\n{script}\n", "utf-8")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)


def counted(folder: Path) -> dict[str, str]:
    """A runner whose ``conformance`` is the stand-in, and whose nights are numbers.

    They are less than a second apart, and so would have one name.
    """
    made = commands(folder / "runner", STAND_IN)
    today = 'case "$2" in +%F) echo 2026-11-28; exit ;; esac'
    name = 'printf "2026-11-28T%06dZ\\n" "$(wc -l <"$HOME/nights")"'
    put(folder / "runner/bin/date", f'{today}\necho x >>"$HOME/nights"\n{name}')
    return made | {"BROKEN": str(folder / "broken")}


def at(night: int) -> str:
    """The name of such a night."""
    return f"2026-11-28T{night:06}Z.jsonl.gz"


def noting(folder: Path) -> dict[str, str]:
    """An environment whose ``conformance`` notes what it is told, and finds nothing."""
    made = commands(folder / "runner") | {"TOLD": str(folder / "told")}
    finds = "echo fine >conformance-results/matrix.md"
    put(folder / "runner/bin/conformance", f'printf "%s\\n" "$@" >>"$TOLD"; {finds}')
    return made


def bash(
    script: str, folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a script as GitLab does: as one, to the first command that fails."""
    return subprocess.run(  # noqa: S603  # our own scripts
        ["bash", "-eo", "pipefail", "-c", script],  # noqa: S607  # whichever it is
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def machine(checkout: Path, temp: Path, environment: dict[str, str], **github: str) -> Machine:
    """A machine for one job."""
    temp.mkdir()
    contexts = {
        "github": GITHUB | github,
        "runner": {"temp": str(temp)},
        "secrets": {"OPENAI_API_KEY": KEY},
    }
    return Machine(checkout, temp, environment, contexts, ROOT)


@dataclass
class Night:
    """What came of one night."""

    job: Machine
    worked: bool
    calls: list[str]
    """What ``gh`` was asked for, besides the list of issues."""
    issues: list[dict[str, Any]]
    history: dict[str, bytes]
    """The files on the branch."""

    @property
    def code(self) -> int | None:
        """What the check ended with."""
        return self.job.step("Check").code

    @property
    def news(self) -> str:
        """Tonight's word."""
        return (self.job.checkout / "conformance-results/news").read_text("utf-8").strip()

    @property
    def nights(self) -> list[str]:
        """The nights that are kept, the oldest first."""
        return sorted(name for name in self.history if name.endswith(".jsonl.gz"))

    @property
    def reference(self) -> str:
        """The night that the next is compared with."""
        return self.history["reference"].decode().strip()


@dataclass
class Repository:
    """A repository on a server, and what happens to it night after night."""

    folder: Path
    environment: dict[str, str]
    nights: list[Night] = field(default_factory=list)

    def begin(self, files: dict[str, str]) -> None:
        """The first commit."""
        self.git("init", "--quiet", "--bare", "-b", "main", "origin.git")
        first = self.folder / "first"
        self.git("clone", "--quiet", "origin.git", "first")
        for name, text in files.items():
            (first / name).parent.mkdir(parents=True, exist_ok=True)
            (first / name).write_text(text, "utf-8")
        self.git("add", ".", cwd=first)
        me = ("-c", "user.name=Me", "-c", "user.email=me@example.com")
        self.git(*me, "commit", "--quiet", "-m", "Begin", cwd=first)
        self.git("push", "--quiet", "origin", "HEAD:main", cwd=first)

    def git(self, *words: str, cwd: Path | None = None) -> bytes:
        """What git says."""
        return subprocess.run(  # noqa: S603  # our own words
            ["git", *words],  # noqa: S607  # whichever it is
            cwd=cwd or self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
        ).stdout

    def night(self, other_words: Mapping[str, str] | None = None) -> Night:
        """One night, at which some words of the workflow are others."""
        count = len(self.nights)
        checkout = self.folder / f"night-{count}"
        origin = (self.folder / "origin.git").as_uri()
        self.git("clone", "--quiet", "--depth", "1", origin, str(checkout))
        workflow = (RECIPES / "github/nightly.yml").read_text("utf-8")
        for before, after in (other_words or {}).items():
            assert before in workflow
            workflow = workflow.replace(before, after)
        job = machine(checkout, self.folder / f"temp-{count}", self.environment)
        worked = job.job(workflow)
        made = Night(job, worked, self.calls(), self.tracker()["issues"], self.branch())
        self.nights.append(made)
        return made

    def tracker(self) -> dict[str, Any]:
        """The issues and labels, and what ``gh`` was asked for."""
        return dict(json.loads(Path(self.environment["RECIPE_ISSUES"]).read_text("utf-8")))

    def calls(self) -> list[str]:
        """What ``gh`` was asked for since the last time."""
        kept = self.tracker()
        self.say({**kept, "calls": []})
        return [call for call in kept["calls"] if call != "issue list"]

    def say(self, tracker: dict[str, Any]) -> None:
        """Change the issues, as somebody does who reads them."""
        Path(self.environment["RECIPE_ISSUES"]).write_text(json.dumps(tracker), "utf-8")

    def branch(self) -> dict[str, bytes]:
        """The files on the branch of the history."""
        origin, branch = self.folder / "origin.git", "conformance-history"
        if not self.git("branch", "--list", branch, cwd=origin):
            return {}
        names = self.git("ls-tree", "-r", "--name-only", branch, cwd=origin).decode().split()
        return {name: self.git("show", f"{branch}:{name}", cwd=origin) for name in names}
