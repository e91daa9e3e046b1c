"""Results files, read again: what is in them, and what is said of those that are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results_lines import end, evidence, param, passage, run, skipped, target, verdict

from conformance.model import Disposition, Outcome
from conformance.results.reading import BadResults, Run, find, read
from conformance.results.rows import adapter_of

LINES = [
    run(),
    target(claims=["chat", "stream"]),
    verdict(),
    verdict("stream.done", "fail", "body", known="Since forever."),
    verdict("tools.call_id", capabilities={"tools_auto": 3, "tools_forced": 1}),
    verdict("tools.call_id", "fail", "x", capabilities={"tools_forced": 1}),
    evidence("tools.call_id"),
    param("stop", "ignored", documented=True),
    param("stop", "dropped", dropping="on"),
    skipped("embeddings.default", "answered 404"),
    {"type": "news", "message": "something is fixed"},
    {"type": "problem", "message": "something was not there"},
    {"type": "of a later version", "anything": []},
    end(),
]


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def reason(path: Path) -> str:
    with pytest.raises(BadResults) as raised:
        read(path)
    return str(raised.value)


def test_everything_in_it_is_read(tmp_path: Path) -> None:
    found = read(written(tmp_path / "r.jsonl", *LINES))
    row = found.rows["acme/large"]
    assert (found.complete, found.mode) == (True, "live")
    assert (found.news, found.problems) == (["something is fixed"], ["something was not there"])
    assert (row.provider, row.model, row.title) == ("acme", "large", "Acme")
    assert row.claims == frozenset({"chat", "stream"})
    assert row.absent == {"embeddings.default": "answered 404"}
    assert row.parameters["stop"].disposition is Disposition.IGNORED
    assert row.dropping["stop"].disposition is Disposition.DROPPED
    assert row.results["stream", "stream.done"].known == "Since forever."
    forced = row.results["tools_forced", "tools.call_id"]
    assert forced.outcomes == {Outcome.PASS: 1, Outcome.FAIL: 1}
    assert forced.times == (1, 2)
    assert forced.evidence
    assert row.results["tools_auto", "tools.call_id"].evidence is None


def test_the_outcome_that_decides_is_the_worst(tmp_path: Path) -> None:
    row = read(written(tmp_path / "r.jsonl", *LINES)).rows["acme/large"]
    decided = {check: outcome for check, outcome, _ in row.checks()}
    assert decided["tools.call_id"] is Outcome.FAIL
    assert decided["chat.response_id"] is Outcome.PASS


def test_what_nobody_knew_of_decides_before_what_was_known(tmp_path: Path) -> None:
    about = {"name": "acme/large", "at": "x", "check": "http.body", "outcome": "fail"}
    lines = [
        verdict(**about, known="Old.", capabilities={"http": 1}),
        verdict(**about, capabilities={"chat": 1}),
    ]
    row = read(written(tmp_path / "r.jsonl", run(), *lines)).rows["acme/large"]
    (told,) = row.checks()
    assert told[2].known is None


def test_a_gzipped_one_is_read_as_well(tmp_path: Path) -> None:
    plain = written(tmp_path / "r.jsonl", *LINES)
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed).rows == read(plain).rows


def test_one_that_was_interrupted_is_not_complete(tmp_path: Path) -> None:
    assert not read(written(tmp_path / "r.jsonl", *LINES[:-1])).complete


def test_one_that_breaks_off_in_a_line_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", *LINES)
    whole = path.read_bytes()
    for cut in (whole[:-5], whole[: len(whole) // 2]):
        path.write_bytes(cut)
        packed = tmp_path / "r.jsonl.gz"
        packed.write_bytes(gzip.compress(cut)[:-8])
        for found in (read(path), read(packed)):
            assert not found.complete
            assert found.rows


@pytest.mark.parametrize(
    "bad",
    [
        verdict(level="high"),
        verdict() | {"check": 5},
        verdict(findings=[{"at": "x"}]),
        target(recorded=None),
        param(disposition="odd"),
        evidence(request="text"),
        verdict(repeat={"k": float("inf"), "n": 1}),
        verdict(capabilities={"chat": 10**4000}),
        verdict(capabilities={"chat": -1}),
        evidence(response=passage("x", (0, float("inf")))),  # type: ignore[arg-type]  # that is it
        {"kind": "verdict"},
        [],
        5,
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, bad: Any) -> None:
    path = written(tmp_path / "r.jsonl", run(), verdict(), bad)
    assert f"{path}:3: no line of a results file" in reason(path)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    assert "its first line is no run" in reason(written(path, verdict()))
    path.write_bytes(b"")
    assert "its first line is no run" in reason(path)
    path.write_bytes(b"\x00\xff not json\n")
    assert ":1: no line" in reason(path)
    assert "No such file" in reason(tmp_path / "gone.jsonl")
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(b"plain")
    assert str(packed) in reason(packed)


def test_an_endless_line_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(f"{json.dumps(run())}\n" + "[" * (5 * 2**20))
    assert "longer than" in reason(path)


def test_files_are_found_in_folders(tmp_path: Path) -> None:
    inner = tmp_path / "in" / "2026"
    inner.mkdir(parents=True)
    for name in ("a.jsonl", "b.jsonl.gz", "c.json"):
        (inner / name).touch()
    assert [path.name for path in find([tmp_path])] == ["a.jsonl", "b.jsonl.gz"]
    assert find([inner / "c.json"]) == [inner / "c.json"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadResults, match="no results files in it"):
        find([empty])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(LINES[:-2]), st.data())
def test_a_damaged_line_is_read_or_refused(line: dict[str, Any], data: st.DataObject) -> None:
    """Whatever stands where something else was expected, nothing else is raised."""
    name = data.draw(st.sampled_from(sorted(line)))
    damaged = {**line, name: data.draw(ANYTHING)}
    try:
        Run("r").add(damaged)
    except (LookupError, TypeError, ValueError, AttributeError):
        return


@pytest.mark.parametrize(
    ("provider", "adapter"),
    [
        ("acme", ""),
        ("127.0.0.1:8000", ""),
        ("[::1]:8000", ""),
        ("localhost:8000", ""),
        ("litellm:lambda_ai", "litellm"),
        ("our-gateway.v2:127", ""),
        ("tiny:360ai", "tiny"),
    ],
)
def test_a_host_with_a_port_is_no_adapter(provider: str, adapter: str) -> None:
    assert adapter_of(provider) == adapter
