"""What docs/litellm-deviations.md says of LiteLLM, seen again with the page's own commands."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from real_adapters import absent

from conformance.cli import main
from conformance.registry import checks

pytestmark = pytest.mark.filterwarnings("ignore")  # what other people's packages warn of

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "litellm-deviations.md").read_text("utf-8")
PATIENCE: Final = 300
NEEDED: Final = ("litellm", "boto3")
ENTRY: Final = re.compile(r"### (?P<title>\d+\. .+)\n(?P<text>(?:(?!##).*\n?)*)")
BLOCK: Final = re.compile(r"```console\n(.*?)```", re.DOTALL)
COMMAND: Final = re.compile(r"^\$ (?P<line>.+)\n(?P<shown>(?:(?!\$ ).*\n)*)", re.MULTILINE)
RULE: Final = re.compile(r"\*\*Rule\*\*: `(?P<id>[a-z_.0-9]+)`: (?P<rule>.+)")
LINE_OF_PYTHON: Final = ["python", "tools/adapters/litellm_page.py"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of the page, and what it prints there."""

    entry: str
    words: list[str]
    lines: list[str]

    def __str__(self) -> str:
        return f"{self.entry.partition('.')[0]}: {' '.join(self.words[3:])}"


def shown() -> list[Shown]:
    return [
        Shown(entry["title"], shlex.split(command["line"]), command["shown"].splitlines())
        for entry in ENTRY.finditer(PAGE)
        for block in BLOCK.findall(entry["text"])
        for command in COMMAND.finditer(block)
    ]


ALL: Final = shown()
RUNS: Final = [one for one in ALL if one.words[0] == "conformance"]
LINES: Final = [one for one in ALL if one.words[:2] == LINE_OF_PYTHON]


def need_litellm() -> None:
    for name in NEEDED:
        if not find_spec(name):
            absent(f"{name} is not installed")


def pattern(line: str) -> str:
    """A line of the page, in which ``…`` stands for anything."""
    return ".*".join(re.escape(" ".join(part.split())) for part in line.split("…"))


def unseen(lines: list[str], output: str) -> list[str]:
    """The page's lines that are not in the output, where those before them have been seen."""
    left = iter([" ".join(line.split()) for line in output.splitlines()])
    return [line for line in lines if not any(re.match(pattern(line), one) for one in left)]


def stale(one: Shown, output: str) -> str:
    version = metadata.version("litellm")
    return (
        f"LiteLLM {version} no longer does what the page says: if it is mended, delete the entry "
        f'"{one.entry}" of docs/litellm-deviations.md, else correct it.\n{output}'
    )


@pytest.mark.parametrize("one", RUNS, ids=str)
def test_a_run_shows_the_deviation_from_both_sides(one: Shown) -> None:
    need_litellm()
    with contextlib.chdir(ROOT):
        ran = CliRunner().invoke(main, one.words[1:])
    assert ran.exit_code == 1, stale(one, ran.output)
    assert unseen(one.lines, ran.output) == [], stale(one, ran.output)


@pytest.fixture(scope="module")
def measured() -> dict[str, str]:
    """What comes of each line of Python on the page."""
    need_litellm()
    codes = [one.words[2] for one in LINES]
    command = [sys.executable, *LINE_OF_PYTHON[1:], *codes]
    ran = subprocess.run(  # noqa: S603  # our own tool
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return dict(zip(codes, ran.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("one", LINES, ids=str)
def test_a_line_of_python_shows_the_deviation(one: Shown, measured: dict[str, str]) -> None:
    (told,) = one.lines
    assert re.fullmatch(pattern(told), measured[one.words[2]]), stale(one, measured[one.words[2]])


def test_every_command_is_run() -> None:
    commands = re.findall(r"^\$ ", PAGE, re.MULTILINE)
    assert len(RUNS) + len(LINES) == len(commands)
    assert all(one.lines for one in ALL)


def test_every_entry_has_a_command() -> None:
    titles = re.findall(r"^### (.+)", PAGE, re.MULTILINE)
    assert [title.partition(".")[0] for title in titles] == [
        str(number) for number in range(1, len(titles) + 1)
    ]
    assert {one.entry for one in ALL} == set(titles)


def test_the_rules_are_quoted_as_they_are() -> None:
    rules = list(RULE.finditer(PAGE))
    assert rules
    for quoted in rules:
        assert quoted["rule"] == checks()[quoted["id"]].rule


def test_the_page_names_its_version_and_no_place_of_anybodys_machine() -> None:
    assert re.search(r"^Measured with LiteLLM \d+\.\d+\.\d+ on \d{4}-\d\d-\d\d", PAGE, re.MULTILINE)
    assert not re.search(r"/(?:home|root|tmp|work|Users)/", PAGE)
