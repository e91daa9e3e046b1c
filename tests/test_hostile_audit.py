"""What a server under test may send: an audit answers with a finding or an error, never a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.reference.exchanges import exchanges

GOOD = exchanges()["chat.basic"]
STREAM = exchanges()["stream.basic"]
assert GOOD.response
assert STREAM.response
TEXT = GOOD.response.body.decode()
EVENT = STREAM.response.chunks[0].data.decode()
MB = 2**20


def audited(folder: Path, body: str, *, stream: bool = False) -> dict[str, list[str]]:
    """The checks that one reply with this body breaks, each with what it got."""
    path, out = folder / "recording.jsonl", folder / "results.jsonl"
    sent = json.loads((STREAM if stream else GOOD).request.body)
    kind = "text/event-stream" if stream else "application/json"
    line = {
        "host": "example.test",
        "method": "POST",
        "path": "/v1/chat/completions",
        "request_body": sent,
        "status": 200,
        "response_headers": {"content-type": kind},
        "response_body": body,
        "provenance": {"source": "live"},
    }
    path.write_text(json.dumps(line))
    result = CliRunner().invoke(main, ["audit", str(path), "--json", str(out), "--level", "may"])
    assert isinstance(result.exception, SystemExit | None), result.exception
    lines = [json.loads(text) for text in out.read_text().splitlines()]
    verdicts = [line for line in lines if line["type"] == "verdict"]
    assert [v["reason"] for v in verdicts if v["outcome"] == "error"] == []
    return {v["check"]: [f["got"] for f in v["findings"]] for v in verdicts if v["findings"]}


@pytest.mark.parametrize(
    ("body", "check"),
    [
        (TEXT[:-1] + "," + TEXT[1:], "http.body_no_duplicate_keys"),
        (TEXT.replace('"created":', '"created":NaN,"x":'), "http.body_no_nan"),
        (TEXT.replace('"created":', '"created":1e999,"x":'), "chat.response_created"),
        (TEXT.replace('"created":', f'"created":{"9" * 4000},"x":'), "chat.response_created"),
        (TEXT.replace('"created":', f'"created":{"9" * 5000},"x":'), "http.body_within_limits"),
        ("[" * 100_000, "http.body_within_limits"),
        ("[" * 100_000 + "]" * 100_000, "http.body_within_limits"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "http.body_within_limits"),
        (TEXT[: len(TEXT) // 2], "http.body_valid_json"),
        ("\ufeff" + TEXT, "http.body_no_bom"),
        ("<html>" * 1000, "http.body_not_html"),
        ('{"choices":[' + "{}," * MB + "{}]}", "chat.choices_index_int"),
        ('{"choices":[{"message":{"content":' + '"' + "<" * MB + '"}}]}', "chat.response_id"),
    ],
    ids=[
        "duplicate keys",
        "NaN",
        "infinity",
        "huge integer",
        "integer past printing",
        "nested and cut",
        "nested arrays",
        "nested objects",
        "cut",
        "byte order mark",
        "HTML",
        "a million choices",
        "a long text",
    ],
)
def test_a_hostile_body_is_a_finding(tmp_path: Path, body: str, check: str) -> None:
    found = audited(tmp_path, body)
    assert check in found
    assert all(len(got) < 300 for values in found.values() for got in values)


def test_lone_surrogates_are_text(tmp_path: Path) -> None:
    body = TEXT.replace('"content":"', '"content":"\\ud800')
    assert "http.body_valid_json" not in audited(tmp_path, body)


def chunk(index: int, **delta: object) -> str:
    choice = {"index": index, "delta": delta, "finish_reason": None}
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


# Of so many, whatever takes time with their square would take minutes.
ERRORS = EVENT + 'event: error\ndata: {"message":"x"}\n\n' * 20_000
CHOICES = "".join(chunk(i, tool_calls=[{"index": 1, "id": "a"}]) for i in range(20_000))


@pytest.mark.parametrize(
    ("body", "check"),
    [
        (EVENT + "data: {}\n\n" * MB, "stream.sse_bounded"),
        (EVENT + "data: " + "[" * 100_000 + "\n\n", "stream.sse_data_is_json"),
        (EVENT + "data: " + "a" * 8 * MB, "stream.sse_data_is_json"),
        (EVENT + "data: null\n\n" * 1000, "stream.sse_data_is_json"),
        (EVENT.replace('"index":0', f'"index":{"9" * 4000}'), "stream.chunk_index"),
        (EVENT.replace('"choices":[', '"choices":[' + "[]," * MB), "stream.chunk_choices"),
        (ERRORS, "stream.error_mid_event_body"),
        (CHOICES, "stream.tool_index_contiguous"),
    ],
    ids=[
        "endless",
        "nested",
        "endless line",
        "null",
        "huge index",
        "lists",
        "20,000 errors",
        "20,000 choices",
    ],
)
def test_a_hostile_stream_is_a_finding(tmp_path: Path, body: str, check: str) -> None:
    assert check in audited(tmp_path, body, stream=True)
