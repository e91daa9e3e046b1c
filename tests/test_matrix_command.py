"""``conformance matrix``, and the reports that run and audit write on the side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from recordings import jsonl, line
from results_lines import end, evidence, param, run, target, verdict

from conformance.cli import main
from conformance.cli.reporting import REPORTS

CHECK = "chat.response_id"
LINES = [run(), target(), verdict(CHECK, "fail"), evidence(CHECK), param(), end()]


def conformance(*words: object, code: int) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


def written(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return written(tmp_path / "results.jsonl", LINES)


@pytest.mark.parametrize("kind", REPORTS)
def test_every_report_names_the_target_or_its_count(results: Path, kind: str) -> None:
    conformance("matrix", results, f"--{kind}", "report", code=0)
    assert ("0% of 1" if kind == "badge" else "acme/large") in Path("report").read_text()


def test_the_json_matrix_goes_beside_them(results: Path) -> None:
    conformance("matrix", results, "--json", "m.json", "--md", "m.md", code=0)
    assert json.loads(Path("m.json").read_text())["targets"][0]["target"] == "acme/large"
    assert Path("m.md").exists()


def test_without_a_report_the_terminal_has_it(results: Path) -> None:
    said = conformance("matrix", results, code=0).stdout
    assert "acme/large" in said
    assert f"MUST   {CHECK}" in said


def test_a_folder_is_history(results: Path) -> None:
    older = [run("2026-11-01T00:00:00+00:00"), verdict(CHECK), end()]
    folder = results.parent / "history"
    folder.mkdir()
    written(folder / "a.jsonl", older)
    conformance("matrix", folder, results, "--json", "m.json", code=0)
    (row,) = json.loads(Path("m.json").read_text())["targets"]
    assert len(row["history"]) == 2


def test_an_interrupted_run_is_named(results: Path) -> None:
    written(results, LINES[:-1])
    assert f"{results} has no end" in conformance("matrix", results, code=0).stderr


def test_nothing_is_no_matrix(results: Path) -> None:
    written(results, [run(), end()])
    assert "no target was judged" in conformance("matrix", results, code=2).stderr
    assert "Missing argument" in conformance("matrix", code=2).stderr
    assert "No such file" in conformance("matrix", "gone.jsonl", code=2).stderr


def test_two_reports_need_two_files(results: Path) -> None:
    said = conformance("matrix", results, "--md", "x", "--html", "./x", code=2).stderr
    assert "is given twice" in said


def test_an_audit_writes_them_without_results(tmp_path: Path) -> None:
    asked = {"model": "large", "messages": [{"role": "user", "content": "Hi"}]}
    answered = {"object": "chat.completion"}
    one = line(provider="acme", request_body=asked, response_body=answered)
    recording = jsonl(tmp_path / "traffic.jsonl", one)
    places = {kind: tmp_path / f"report.{kind}" for kind in REPORTS}
    words = [word for kind, place in places.items() for word in (f"--{kind}", place)]
    conformance("audit", recording, *words, code=1)
    assert all(place.stat().st_size for place in places.values())
    assert "chat.response_id" in places["junit"].read_text()
    assert sorted(tmp_path.iterdir()) == sorted([recording, *places.values()])
