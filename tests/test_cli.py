"""The command line: what it prints, writes and returns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.cli import main
from conformance.reference.exchanges import exchanges

CASSETTES = Path(__file__).parent.parent / "cassettes"


def run(*words: object) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def line(name: str, **changes: object) -> dict[str, object]:
    """A reference exchange as a line of exchange jsonl."""
    good = exchanges()[name]
    assert good.response is not None
    made: dict[str, object] = {
        "id": name,
        "provider": "somebody",
        "host": "example.test",
        "method": good.request.method,
        "path": "/v1/chat/completions",
        "request_body": json.loads(good.request.body),
        "status": good.response.status,
        "response_headers": dict(good.response.headers),
        "response_body": good.response.body.decode(),
    }
    return {**made, **changes}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One good reply, one whose finish reason is unknown, and traffic of another kind."""
    body = json.loads(str(line("chat.basic")["response_body"]))
    body["choices"][0]["finish_reason"] = "eos_token"
    lines = [
        line("chat.basic"),
        line("chat.basic", id="broken", response_body=body),
        line("chat.basic", id="other", path="/v1/messages"),
    ]
    path = tmp_path / "recording.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in lines))
    return path


def results(path: Path) -> list[dict[str, object]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_an_audit_names_the_broken_check_with_an_example(recording: Path) -> None:
    result = run("audit", recording)
    assert result.exit_code == 1
    (found,) = [text for text in result.stdout.splitlines() if "MUST  " in text]
    assert "chat.choices_finish_reason_enum" in found
    assert "1 of 2" in found
    assert "choices[0].finish_reason: wanted one of" in found
    assert 'got "eos_token"' in found
    assert "3 exchanges read, 2 judged, 1 left out" in result.stdout


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ([], True),
        (["--level", "may"], True),
        (["--level", "must"], False),
        (["--only", "chat.*"], False),
        (["--skip", "chat.response_id"], False),
    ],
)
def test_results_say_whether_a_check_was_left_out(
    recording: Path, tmp_path: Path, words: list[str], *, whole: bool
) -> None:
    out = tmp_path / "results.jsonl"
    run("audit", recording, "--json", out, "--fail-on", "never", *words)
    assert results(out)[-1]["whole"] is whole


def test_results_have_a_start_the_findings_and_an_end(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    run("audit", recording, "--json", out)
    first, *others, last = results(out)
    verdicts = [line for line in others if line["type"] == "verdict"]
    assert (first["type"], first["mode"]) == ("run", "audit")
    assert (last["type"], last["exchanges"], last["judged"], last["left_out"]) == ("end", 3, 2, 1)
    (broken,) = [v for v in verdicts if v["findings"]]
    assert (broken["target"], broken["exchange"], broken["level"], broken["outcome"]) == (
        "somebody/reference-1",
        "broken",
        "must",
        "fail",
    )
    assert {v["outcome"] for v in verdicts} >= {"pass", "not_applicable", "fail"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 1),
        (["--fail-on", "must"], 1),
        (["--fail-on", "should"], 1),
        (["--fail-on", "never"], 0),
        (["--skip", "chat.choices_finish_reason_enum"], 0),
        (["--only", "chat.response_id"], 0),
    ],
)
def test_the_exit_code_is_what_was_asked_for(
    recording: Path, options: list[str], code: int
) -> None:
    assert run("audit", recording, *options).exit_code == code


def test_a_broken_file_is_one_line_and_the_rest_is_judged(recording: Path) -> None:
    recording.write_text("{not json}\n" + recording.read_text())
    result = run("audit", recording)
    assert result.exit_code == 1
    assert f"unreadable: {recording}:1: " in result.stdout
    assert "2 judged" in result.stdout


@pytest.mark.parametrize("text", ["", "{", "hello", json.dumps(line("chat.basic", path="/x"))])
def test_nothing_to_judge_is_never_a_success(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(text)
    result = run("audit", path)
    assert result.exit_code == 2
    assert "nothing to judge" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["audit"],
        ["audit", "no/such/file"],
        ["audit", CASSETTES, "--only", "chat.respons_id"],
        ["audit", CASSETTES, "--level", "maybe"],
        ["explain", "chat.respons_id"],
    ],
)
def test_a_mistake_of_the_user_is_2_without_a_traceback(words: list[object]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_an_unknown_check_gets_suggestions() -> None:
    assert "did you mean chat.response_id" in run("explain", "chat.respons_id").stderr


def test_what_a_server_sent_cannot_drive_the_terminal(recording: Path) -> None:
    body = json.loads(str(line("chat.basic")["response_body"]))
    body["choices"][0]["finish_reason"] = "\x1b[2J\x9b31m\u202e[bold red]x[/]"
    recording.write_text(json.dumps(line("chat.basic", response_body=body, provider="\x1b[31mp")))
    printed = run("audit", recording).stdout
    assert not set(printed) & set("\x1b\x9b\u202e")
    assert "[bold red]x[/]" in printed


def test_no_key_is_printed_or_written(recording: Path, tmp_path: Path) -> None:
    key = "sk-proj-0123456789abcdefghij"
    body = {"error": key, "api_key": key}
    headers = {"authorization": f"Bearer {key}"}
    broken = line("chat.basic", status=401, response_body=body, request_headers=headers)
    recording.write_text(json.dumps(broken))
    result = run("audit", recording, "--json", tmp_path / "results.jsonl")
    assert "errors.not_string" in result.stdout
    assert key not in result.output + (tmp_path / "results.jsonl").read_text()


def test_the_shipped_cassettes_are_judged() -> None:
    result = run("audit", CASSETTES, "--fail-on", "never")
    assert result.exit_code == 0
    assert "lambda_chat  5 replies" in result.stdout
    assert "unreadable" not in result.stdout


def test_checks_are_listed_for_people_and_machines() -> None:
    assert "chat.response_id" in run("checks").stdout
    listed = json.loads(run("checks", "--json").stdout)
    assert {"id", "level", "suite", "summary", "spec", "covers"} <= listed[0].keys()
    assert all(entry["level"] in {"must", "should", "may"} for entry in listed)


def test_a_check_is_explained_with_a_failing_example() -> None:
    result = run("explain", "stream.chunk_id_constant")
    assert result.exit_code == 0
    assert "stream.chunk_id_constant  (MUST)" in result.stdout
    assert "Source: " in result.stdout
    assert "It fails, for instance, after this edit of a good reply: events[" in result.stdout
    assert ": wanted " in result.stdout
