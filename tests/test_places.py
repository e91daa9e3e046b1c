"""Where commands write: known to be possible before anything is asked, and never over a source."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from counting_server import counting
from recordings import jsonl, line
from results_lines import Line, end, run, target, verdict

from conformance.cli import main

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
ASKED = {"model": "large", "messages": [{"role": "user", "content": "Hi"}]}


def conformance(*words: object, code: int) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


def results(name: str, made: Iterable[Line] = ()) -> Path:
    lines = [run(), target(), *(made or [verdict()]), end()]
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(one)}\n" for one in lines), "utf-8")
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results, a recording, an adapter's file, a file and a folder."""
    monkeypatch.chdir(tmp_path)
    results("r.jsonl")
    results("s.jsonl")
    results("history/old.jsonl")
    answered = {"object": "chat.completion"}
    jsonl(tmp_path / "t.jsonl", line(provider="acme", request_body=ASKED, response_body=answered))
    Path("file").write_text("")
    Path("adapters").mkdir()
    Path("adapters/gone.toml").write_text(
        'title = "Gone"\ncall = "nowhere_at_all:chat"\ndistribution = "nowhere-at-all"\n'
        '[providers.openai]\nmodels = ["m"]\nhost = "h"\n'
    )
    return tmp_path


COMMANDS = {
    "matrix": ["matrix", "r.jsonl"],
    "audit": ["audit", "t.jsonl"],
    "diff": ["diff", "r.jsonl", "s.jsonl"],
    "report": ["report", "acme", "r.jsonl"],
    "gate": ["run", "--adapter", "gone"],
    "params": ["params", "--adapter", "gone"],
    "checks": ["checks"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("gone/x", "gone/x can't be written: there is no folder"),
        ("file/x", "file is no folder"),
        ("history", "is a directory"),
        ("new/", "new/ is a folder: name a file in it"),
        ("-", "standard output is for what is printed: name a file"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_can_t_be_is_told_before_all_else(
    command: list[str], place: str, said: str
) -> None:
    done = conformance(*command, "--md", place, code=2)
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--html", "--md", "--junit", "--sarif", "--badge", "--json"])
def test_nobody_is_asked_for_what_can_t_be_written(option: str) -> None:
    with counting() as server:
        asking = ("--live", "--base-url", server.url, "--model", "reference")
        conformance("run", *asking, option, "gone/x", code=2)
        assert server.asked == []


@pytest.mark.parametrize("option", ["--html", "--md", "--junit", "--sarif", "--badge", "--json"])
@pytest.mark.parametrize("source", ["r.jsonl", "history"])
def test_a_matrix_is_not_written_over_what_it_is_made_of(option: str, source: str) -> None:
    place = Path("history/old.jsonl" if source == "history" else source)
    before = place.read_bytes()
    said = conformance("matrix", source, option, place, code=2).stderr
    assert "is read, and would be written over" in said
    assert place.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ["report", "acme", "r.jsonl", "--md", "r.jsonl"],
        ["report", "acme", "history", "--html", "history/old.jsonl"],
        ["diff", "r.jsonl", "s.jsonl", "--md", "s.jsonl"],
        ["diff", "history", "s.jsonl", "--json", "history/old.jsonl"],
        ["audit", "t.jsonl", "--json", "t.jsonl"],
        ["matrix", "r.jsonl", "--md", "linked"],
        ["matrix", "r.jsonl", "--md", "same"],
    ],
)
def test_nor_is_anything_else(words: list[str], here: Path) -> None:
    Path("linked").symlink_to("r.jsonl")
    Path("same").hardlink_to("r.jsonl")
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert "is read, and would be written over" in conformance(*words, code=2).stderr
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_a_report_beside_its_sources_is_written_again() -> None:
    for _ in range(2):
        done = conformance("matrix", "history", "--md", "history/m.md", code=0)
        assert done.stderr == "wrote history/m.md\n"


def test_the_two_files_of_params_are_two() -> None:
    words = ("params", "--adapter", "gone", "--json", "x", "--md", "./x")
    assert "is given twice" in conformance(*words, code=2).stderr


@needs_full
@pytest.mark.parametrize(
    "words",
    [
        ["matrix", "r.jsonl", "--md", FULL],
        ["matrix", "r.jsonl", "--json", FULL],
        ["report", "acme", "r.jsonl", "--html", FULL],
        ["diff", "r.jsonl", "s.jsonl", "--md", FULL],
        ["audit", "t.jsonl", "--json", FULL],
        ["audit", "t.jsonl", "--html", FULL],
    ],
)
def test_a_full_disk_is_named_and_is_no_failure(words: list[object]) -> None:
    said = conformance(*words, code=2).stderr
    assert said.splitlines()[-1] == "conformance: /dev/full: No space left on device"


@needs_full
def test_what_came_of_it_is_printed_before_a_report_fails() -> None:
    assert "chat.response_id" in conformance("audit", "t.jsonl", "--md", FULL, code=2).stdout


def test_what_is_written_is_said_where_it_does_not_mix() -> None:
    done = conformance("audit", "t.jsonl", "--md", "a.md", "--html", "a.html", code=1)
    assert done.stderr.split("\n")[-3:-1] == ["wrote a.html", "wrote a.md"]
    assert "wrote" not in done.stdout
