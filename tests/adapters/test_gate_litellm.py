"""Changes made on purpose in LiteLLM itself: a copy of it with one line edited turns red."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from real_adapters import absent

TARGET: Final = "anthropic/claude-haiku-4-5"
PATIENCE: Final = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One edit of a file of LiteLLM's, the rule that it breaks, and the probe that shows it."""

    path: str
    before: str
    after: str
    check: str
    probe: str


CHANGES: Final = {
    "cut is called an end": Change(
        "litellm_core_utils/core_helpers.py",
        '"max_tokens": "length",',
        '"max_tokens": "stop",',
        "adapter.finish_reason_preserved",
        "params.max_tokens",
    ),
    "stop sequences are lost": Change(
        "llms/anthropic/chat/transformation.py",
        'optional_params["stop_sequences"] = _value',
        "pass",
        "params.stop_array_honoured",
        "params.stop*",
    ),
    "tokens are not counted": Change(
        "llms/anthropic/chat/transformation.py",
        'raw_completion_tokens: Final = usage_object.get("output_tokens", 0) or 0',
        "raw_completion_tokens: Final = 1",
        "adapter.usage_preserved",
        "chat.basic",
    ),
    "mistake becomes a failure": Change(
        "litellm_core_utils/exception_mapping_utils.py",
        'raise BadRequestError(\n                message=f"AnthropicException - {error_str}"',
        'raise InternalServerError(\n                message=f"AnthropicException - {error_str}"',
        "adapter.error_status_preserved",
        "adapter.refused",
    ),
    "every answer has the same id": Change(
        "types/utils.py",
        'return "chatcmpl-" + str(uuid.uuid4())',
        'return "chatcmpl-1"',
        "chat.response_id_unique",
        "adapter.leak",
    ),
}


@dataclass(frozen=True, slots=True)
class Ran:
    """A run through a copy of LiteLLM: its exit code, what it said, and its results."""

    code: int
    said: str
    lines: list[dict[str, Any]]


@pytest.fixture(scope="module")
def installed() -> Path:
    """The folder of LiteLLM; without it a test is skipped, unless it is required."""
    found = find_spec("litellm")
    folders = found and found.submodule_search_locations
    if not folders:
        absent("litellm is not installed")
    return Path(folders[0])


@pytest.fixture(scope="module")
def runs(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ran]]:
    """A run of each change by its name, and one of LiteLLM as it is, without a name.

    All are compared with a baseline of LiteLLM as it is. Most of the time goes to importing it.
    """
    folder = tmp_path_factory.mktemp("litellm")
    copies = {"": folder / "unchanged"}
    copied(installed, copies[""])
    for number, (name, change) in enumerate(CHANGES.items()):
        copies[name] = folder / str(number)
        changed(copied(installed, copies[name], change.path), change)
    wrote = conformance(copies[""], "baseline", "update", "litellm", TARGET)
    assert wrote.code == 0, wrote.said

    def ran(name: str) -> Ran:
        known = str(copies[""] / "baselines/litellm.toml")
        told = ["--adapter", "litellm", TARGET, "--baseline", known, "--json", "results.jsonl"]
        one = CHANGES.get(name)
        only = ["--only", one.check, "--only", one.probe] if one else []
        return conformance(copies[name], "run", *told, *only)

    with ThreadPoolExecutor(2) as pool:
        yield dict(zip(copies, pool.map(ran, copies), strict=True))


def copied(package: Path, into: Path, path: str = "") -> Path:
    """Copy ``package``, or link what of it is not on the way to the file at ``path``.

    Returns that file, which can be edited.
    """
    place, original = into / package.name, package
    for part in [*Path(path).parts, ""]:
        place.mkdir(parents=True)
        for one in original.iterdir():
            if one.name not in (part, "__pycache__"):
                (place / one.name).symlink_to(one)
        _link_bytecode(original, place, but=Path(part).stem)
        place, original = place / part, original / part
        if original.is_file():
            place.write_bytes(original.read_bytes())
            break
    return place


def _link_bytecode(original: Path, place: Path, but: str) -> None:
    """Bytecode holds for links to its source as well; nothing else is quick to import."""
    (place / "__pycache__").mkdir()
    for one in original.glob("__pycache__/*.pyc"):
        if one.name.partition(".")[0] != but:
            (place / "__pycache__" / one.name).symlink_to(one)


def changed(file: Path, change: Change) -> None:
    source = file.read_text("utf-8")
    assert source.count(change.before) == 1, change.before
    file.write_text(source.replace(change.before, change.after), "utf-8")


def conformance(folder: Path, *words: str) -> Ran:
    """Run the command in ``folder``, with the copy of LiteLLM that is in it."""
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    made = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", "from conformance.cli import main; main()", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    results = folder / "results.jsonl"
    lines = results.read_text("utf-8").splitlines() if results.exists() else []
    return Ran(made.returncode, made.stdout + made.stderr, [json.loads(line) for line in lines])


def test_as_it_is_it_is_green(runs: dict[str, Ran]) -> None:
    assert runs[""].code == 0, runs[""].said


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_turns_it_red(runs: dict[str, Ran], name: str) -> None:
    change, made = CHANGES[name], runs[name]
    found = [one for one in made.lines if one.get("check") == change.check and one.get("findings")]
    assert found, made.said
    assert {(one["target"], one["blame"], one["known"]) for one in found} == {
        (f"litellm:{TARGET}", "adapter", None)
    }
    assert made.code == 1, made.said
