"""The matrix as JSON: it says what the grid says, and its schema says what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inert_markdown import WORST, damaged
from jsonschema import Draft202012Validator
from results_lines import evidence, made, param, skipped, target, verdict

from conformance.compare.cells import State
from conformance.compare.grid import Grid, grid
from conformance.model import Disposition, Level, Outcome
from conformance.report.matrix_json import document

FILE = Path(__file__).parent.parent / "schemas" / "report" / "matrix-1.json"
SCHEMA = json.loads(FILE.read_text(encoding="utf-8"))
MUCH = (
    target(claims=["chat", "stream"], software="vLLM 0.32.0", source="local"),
    verdict("chat.response_id", "fail", known="they say so", capabilities={"chat": 2, "usage": 1}),
    verdict("chat.response_object", "pass"),
    verdict("chat.response_created", "fail", level="should", blame="provider"),
    verdict("stream.done_present", "inconclusive", reason="cut off"),
    verdict("params.stop_string_honoured", "ignored", "request.stop"),
    verdict("errors.param_rejected", "rejected", "status"),
    evidence(),
    param("stop", "ignored", documented=True),
    param("seed", "lost", dropping="off"),
    param("seed", "dropped", dropping="on"),
    skipped("models.list", "404"),
    target("acme/later", claims=["chat"]),
    verdict("models.item_created", name="other/tiny"),
)


def valid(of: Grid) -> dict[str, Any]:
    """The document, after it was written, read and held against its schema."""
    told: dict[str, Any] = json.loads(json.dumps(document(of)))
    errors = [
        f"{e.json_path}: {e.message}"[:300] for e in Draft202012Validator(SCHEMA).iter_errors(told)
    ]
    assert not errors
    return told


def test_the_schema_is_one_and_knows_all_words() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    kinds = SCHEMA["$defs"]
    check = kinds["check"]["properties"]
    assert kinds["state"]["enum"] == [state.value for state in State]
    assert set(kinds["disposition"]["enum"]) == {*map(str, Disposition), None}
    assert check["level"]["enum"] == [level.value for level in Level]
    assert set(check["outcome"]["enum"]) == {*map(str, Outcome)} - {"not_applicable"}


def test_a_cell_has_what_it_rests_on() -> None:
    told = valid(grid([made(MUCH)]))
    large = told["targets"][0]
    cell = large["cells"]["chat"]
    assert (cell["state"], cell["must"], cell["should"]) == (
        "broken",
        {"held": 1, "told": 2},
        {"held": 0, "told": 1},
    )
    assert cell["checks"][0] == {
        "check": "chat.response_id",
        "level": "must",
        "outcome": "fail",
        "times": {"k": 2, "n": 2},
        "findings": [{"at": "id", "want": "a non-empty string id", "got": "missing"}],
        "known": "they say so",
        "since": dict.fromkeys(("first", "broken", "last"), "2026-11-28T03:00:00+00:00"),
    }
    assert large["must"] == {"held": 1, "told": 3}, "each rule once, whatever columns it stands in"
    assert large["software"] == "vLLM 0.32.0"
    assert large["claims"] == ["chat", "stream"]


def test_what_nobody_told_is_no_pass() -> None:
    told = valid(grid([made(MUCH)]))
    large, later, tiny = (target["cells"] for target in told["targets"])
    assert large["stream"]["state"] == "inconclusive"
    assert large["stream"]["reason"] == "cut off"
    assert large["models"] == {"state": "absent", "reason": "acme does not claim it"}
    assert tiny["chat"] == later["chat"] == {"state": "untested"}
    assert later["stream"]["state"] == "absent"
    assert told["totals"]["must"] == {"held": 2, "told": 4}
    assert sum(told["totals"]["cells"].values()) == 3 * len(told["columns"])


def test_a_parameter_has_its_disposition_with_dropping_off_and_on() -> None:
    cells = valid(grid([made(MUCH)]))["targets"][0]["cells"]
    assert cells["params.stop"]["parameter"]["disposition"] == "ignored"
    assert cells["params.stop"]["parameter"]["documented"] is True
    assert cells["params.stop"]["checks"][0]["check"] == "params.stop_string_honoured"
    seed = cells["params.seed"]["parameter"]
    assert (seed["disposition"], seed["dropping"]) == ("lost", "dropped")


def test_older_runs_are_history_and_say_since_when() -> None:
    days = [f"2026-11-{day}T03:00:00+00:00" for day in (1, 2, 3)]
    outcomes = ("pass", "fail", "fail")
    runs = [
        made([verdict("chat.response_id", outcome)], day)
        for day, outcome in zip(days, outcomes, strict=True)
    ]
    told = valid(grid(reversed(runs)))
    row = told["targets"][0]
    assert [point["must"]["held"] for point in row["history"]] == [1, 0, 0]
    assert told["made_from"][row["run"]]["started"] == days[2]
    since = row["cells"]["chat"]["checks"][0]["since"]
    assert since == {"first": days[1], "broken": days[1], "last": days[2]}


def test_no_evidence_and_no_folder_is_in_it() -> None:
    run = made(MUCH)
    run.path = "/home/somebody/secret/results.jsonl"
    text = json.dumps(document(grid([run])))
    assert "authorization" not in text
    assert "somebody" not in text
    assert '"file": "results.jsonl"' in text


@pytest.mark.parametrize("text", WORST, ids=lambda text: repr(text[:12]))
def test_a_stranger_s_texts_are_short_and_on_one_line(text: str) -> None:
    names = [f"acme/{text}{i}" for i in range(3)]
    told = valid(grid([damaged(text, names)]))
    assert len(told["targets"]) == 3
    assert all(set(row["cells"]) == {c["key"] for c in told["columns"]} for row in told["targets"])
    assert len(json.dumps(told)) < 60_000
    assert all(value.isprintable() for value in texts(told))


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []


def test_nothing_is_a_document_too() -> None:
    told = valid(grid([]))
    assert told["targets"] == []
    assert told["totals"]["must"] == {"held": 0, "told": 0}
