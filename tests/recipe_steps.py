"""Jobs of workflows, and our composite action, with each ``run`` executed as GitHub does it.

Of the actions of others it is noted what they were given, and which files were there.
An expression, an input or a shell that this does not know is an error.
"""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from recipe_expressions import condition, filled

SHELLS: Final = {
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
    None: ("bash", "-e"),
}
OURS: Final = "OWNER/conformance"
HEREDOC: Final = re.compile(r"^(\w[\w-]*)<<(.+)\n((?:.*\n)*?)\2$", re.MULTILINE)
PLAIN: Final = re.compile(r"^(\w[\w-]*)=(.*)$", re.MULTILINE)


class Outputs(defaultdict[str, str]):
    """Outputs of a step: one that was not set is empty."""

    def __init__(self, *given: Mapping[str, str]) -> None:
        super().__init__(str, *given)


@dataclass
class Done:
    """A step that was run or noted; ``code`` is None where it was skipped."""

    name: str
    code: int | None
    output: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()


@dataclass
class Machine:
    """Where jobs run: a checkout, a folder for what passes, the environment and the contexts."""

    checkout: Path
    temp: Path
    environment: dict[str, str]
    contexts: dict[str, Any]
    action: Path
    """The folder of our action, which is what ``OURS`` stands for."""
    done: list[Done] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """What the steps wrote for the job's page."""
        file = self.temp / "summary"
        return file.read_text("utf-8") if file.exists() else ""

    @property
    def output(self) -> str:
        """What all steps printed."""
        return "".join(one.output for one in self.done)

    def step(self, name: str) -> Done:
        """A step by its name, or by the action that it uses."""
        return next(one for one in self.done if one.name == name)

    def job(self, workflow: Path | str) -> bool:
        """Run the one job of a workflow; whether it succeeded."""
        text = workflow.read_text("utf-8") if isinstance(workflow, Path) else workflow
        said = yaml.safe_load(text)
        (job,) = said["jobs"].values()
        given = {**said.get("env", {}), **job.get("env", {})}
        shell = said.get("defaults", {}).get("run", {}).get("shell")
        return _Steps(self, self.contexts, given, shell).play(job["steps"])


class _Steps:
    """A list of steps: those of a job, or of our action inside of one."""

    def __init__(
        self,
        machine: Machine,
        contexts: Mapping[str, Any],
        given: Mapping[str, str],
        shell: str | None,
    ) -> None:
        self.machine, self.shell = machine, shell
        self.outputs: dict[str, dict[str, Outputs]] = {}
        self.contexts = {**contexts, "steps": self.outputs}
        self.given = {name: self._filled(value) for name, value in given.items()}
        self.failed = False
        self.functions = {
            "success": lambda: not self.failed,
            "failure": lambda: self.failed,
            "always": lambda: True,
            "cancelled": lambda: False,
        }

    def play(self, steps: Sequence[Mapping[str, Any]]) -> bool:
        """Do them in order; whether all succeeded."""
        for step in steps:
            name = step.get("name") or step.get("uses") or step["run"]
            outputs = Outputs()
            if "id" in step:
                self.outputs[step["id"]] = {"outputs": outputs}
            if not condition(step.get("if", "success()"), self.contexts, self.functions):
                self.machine.done.append(Done(name, None))
                continue
            worked = (self._run if "run" in step else self._use)(name, step, outputs)
            self.failed |= not worked and not step.get("continue-on-error", False)
        return not self.failed

    def _filled(self, text: object) -> str:
        return filled(str(text), self.contexts, getattr(self, "functions", {}))

    def _all_filled(self, given: Mapping[str, object]) -> dict[str, str]:
        return {name: self._filled(value) for name, value in given.items()}

    def _run(self, name: str, step: Mapping[str, Any], outputs: Outputs) -> bool:
        assert "${{" not in step["run"], f"{name}: an expression in a script can be anything"
        temp = self.machine.temp
        script, output = temp / "script.sh", temp / "output"
        script.write_text(step["run"], "utf-8")
        output.write_text("", "utf-8")
        made = subprocess.run(  # noqa: S603  # our own scripts
            [*SHELLS[step.get("shell", self.shell)], str(script)],
            cwd=self.machine.checkout,
            env={
                **self.machine.environment,
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(temp / "summary"),
                **self.given,
                **self._all_filled(step.get("env", {})),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        text = output.read_text("utf-8")
        outputs |= {key: said.removesuffix("\n") for key, _, said in HEREDOC.findall(text)}
        outputs |= dict(PLAIN.findall(HEREDOC.sub("", text)))
        self.machine.done.append(Done(name, made.returncode, made.stdout))
        return made.returncode == 0

    def _use(self, name: str, step: Mapping[str, Any], outputs: Outputs) -> bool:
        given = self._all_filled(step.get("with", {}))
        if step["uses"].partition("@")[0] == OURS:
            inside = self._all_filled(step.get("env", {}))
            return self._act({**self.given, **inside}, given, outputs)
        self.machine.done.append(Done(name, 0, given=given, files=self._files(given)))
        return True

    def _act(
        self, environment: Mapping[str, str], given: Mapping[str, str], outputs: Outputs
    ) -> bool:
        """Run our action."""
        said = yaml.safe_load((self.machine.action / "action.yml").read_text("utf-8"))
        assert given.keys() <= said["inputs"].keys(), "an input that the action does not have"
        inputs = {name: given.get(name, one["default"]) for name, one in said["inputs"].items()}
        environment = {**environment, "GITHUB_ACTION_PATH": str(self.machine.action)}
        contexts = {"inputs": inputs, "github": self.contexts["github"]}
        steps = _Steps(self.machine, contexts, environment, "none is the default")
        worked = steps.play(said["runs"]["steps"])
        for name, one in said["outputs"].items():
            outputs[name] = filled(one["value"], steps.contexts, steps.functions)
        return worked

    def _files(self, given: Mapping[str, str]) -> frozenset[str]:
        """The files under what an action was told to take."""
        roots = [
            self.machine.checkout / given[one] for one in ("path", "sarif_file") if one in given
        ]
        return frozenset(
            str(file.relative_to(self.machine.checkout))
            for root in roots
            for file in (root, *root.rglob("*"))
            if file.is_file()
        )
