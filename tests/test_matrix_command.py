"""``conformance matrix``, and the reports that run and audit write on the side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from counting_server import counting
from recordings import jsonl, line
from results_lines import end, evidence, param, run, skipped, target, verdict

from conformance.cli import main
from conformance.cli.reporting import REPORTS
from conformance.model import Chunk, Request, Response

CASSETTES = Path(__file__).parent.parent / "cassettes"
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


def test_it_is_what_the_run_printed(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    ran = conformance("run", "--cassettes", CASSETTES, "--json", file, code=0).stdout
    assert conformance("matrix", file, code=0).stdout == ran
    header, *rows = ran.partition("\n60/2")[0].splitlines()
    assert len(rows) > 5
    assert "responses" in header
    assert "lambda_chat (" in ran  # of which some models are recorded, and some are not
    document = tmp_path / "m.json"
    conformance("matrix", file, "--json", document, code=0)
    totals = json.loads(document.read_text("utf-8"))["totals"]
    told = ran.splitlines()[-1]
    assert (
        f"{len(rows)} targets: MUST {totals['must']['held']:,} of {totals['must']['told']:,}"
        in told
    )
    assert f"SHOULD {totals['should']['held']:,} of {totals['should']['told']:,} held" in told


def test_so_it_is_where_rules_are_broken_and_areas_are_not_there(tmp_path: Path) -> None:
    def change(request: Request, response: Response) -> Response:
        if request.url.endswith(("/embeddings", "/responses")):
            return replace(response, status=404, chunks=(Chunk(b'{"detail":"Not Found"}'),))
        body = response.body.replace(b'"chat.completion"', b'"completion"')
        return replace(response, chunks=(Chunk(body),))

    file = tmp_path / "r.jsonl"
    with counting(change) as server:
        asked = ("--live", "--base-url", server.url, "--model", "reference", "--concurrency", 64)
        ran = conformance("run", *asked, "--json", file, code=1).stdout
    assert "MUST   chat.response_object  object: wanted" in ran
    assert [line.split()[2] for line in ran.splitlines() if "not there" in line] == [
        "embeddings.float:",
        "responses.basic:",
    ]
    assert conformance("matrix", file, code=0).stdout == ran


def test_what_is_not_there_is_one_line_of_all_that_is_not_asked(results: Path) -> None:
    probes = ("stream.basic", "tools.auto", "vision.basic", "fuzz.1")
    lines = [skipped(probe, "status 404") for probe in probes]
    more = [skipped("responses.stream", "status 405")]
    written(results, [run(), target(), verdict(CHECK), *lines, *more, end()])
    said = conformance("matrix", results, code=0).stdout
    assert [line for line in said.splitlines() if "not there" in line] == [
        "  not there: chat.basic: status 404",
        "  not there: responses.basic: status 405",
    ]


def test_the_example_of_a_failure_is_the_same_in_any_order(results: Path) -> None:
    exchanges = [f"acme/large::chat.basic#{number}" for number in (10, 9, 2, 11)]
    found = [verdict(CHECK, "fail", got=one, exchange=one, probe=one[-4:]) for one in exchanges]
    told = set()
    for order in (found, found[::-1]):
        written(results, [run(), target(), *order, end()])
        told.add(conformance("matrix", results, code=0).stdout)
    (said,) = told
    assert "got acme/large::chat.basic#2 " in said


def test_a_value_is_quoted_once_and_cut(results: Path) -> None:
    values = {"a": "200", "b": '""', "c": '"' + "x" * 300}
    found = [verdict(f"chat.rule_{name}", "fail", got=got) for name, got in values.items()]
    written(results, [run(), target(), *found, end()])
    said = conformance("matrix", results, code=0).stdout
    assert ", got 200  (" in said
    assert ', got ""  (' in said
    assert f'got "{"x" * 79}…  (' in said


def test_a_pass_behind_another_outcome_is_a_pass(results: Path) -> None:
    untold = verdict(CHECK, "not_applicable", reason="no id")
    written(results, [run(), target(software="vLLM 1.2"), untold, verdict(CHECK), end()])
    said = conformance("matrix", results, code=0).stdout.splitlines()
    assert said[1].split() == ["acme/large", "1", "live,", "vLLM", "1.2,", "2026-11-21"]
    assert said[-1] == "MUST 1 of 1 held, SHOULD 0 of 0 held"


def test_the_last_line_counts_what_is_known_apart(results: Path) -> None:
    rules = [
        verdict("chat.a", "fail", known="slow"),
        verdict("chat.b", "fail"),
        verdict("chat.c"),
        verdict("chat.d", "fail", level="should"),
        verdict("chat.e", "lenient"),
        verdict("chat.f", "inconclusive", reason="cut off"),
    ]
    written(results, [run(), target(), *rules, end()])
    said = conformance("matrix", results, code=0).stdout.splitlines()
    assert said[-1] == "MUST 1 of 3 held (1 known to fail), SHOULD 0 of 1 held"
    assert said[1].split()[1] == "1/1~1·1"
    assert said[2].startswith("60/2~1·3 = 60 rules held, 2 MUST broken, 1 MUST known to be broken")


def test_an_incomplete_run_does_not_end_as_if_it_were_whole(results: Path) -> None:
    problem = {"type": "problem", "message": "acme/large::chat.basic: no answer"}
    news = {"type": "news", "message": "it is fixed"}
    written(results, [run(), target(), verdict(CHECK), problem, news, end()])
    said = conformance("matrix", results, code=0).stdout
    assert "news: it is fixed\nincomplete: acme/large::chat.basic: no answer\n" in said
    assert said.endswith("MUST 1 of 1 held, SHOULD 0 of 0 held; incomplete: 1 problem\n")


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
