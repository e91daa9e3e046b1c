"""``conformance params``: through an adapter, and from what is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_adapter
import pytest
from click.testing import CliRunner, Result

from conformance.cli import main
from conformance.probes.forwarding import VALUES

ROOT = Path(__file__).parent.parent
Line = dict[str, Any]
Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command, in a folder with the adapter's file."""
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "fake.toml").write_text(fake_adapter.FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fake_adapter, "dropping", False)
    return lambda *words: CliRunner().invoke(main, ["params", *words])


def lines(path: str = "out.jsonl") -> list[Line]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def cell(found: list[Line], target: str, parameter: str, dropping: str = "off") -> Line:
    wanted = (target, parameter, dropping)
    cells = [line for line in found if line["type"] == "param"]
    return next(x for x in cells if (x["target"], x["param"], x["dropping"]) == wanted)


def test_every_cell_is_a_line(call: Call) -> None:
    assert call("--adapter", "fake", "--json", "out.jsonl").exit_code == 0
    found = lines()
    assert found[0]["type"] == "run"
    assert found[0]["mode"] == "params"
    assert found[-1]["type"] == "end"
    cells = [line for line in found if line["type"] == "param"]
    assert len(cells) == 3 * 2 * len(VALUES)
    assert cell(found, "fake:openai/big", "temperature") == {
        "type": "param",
        "target": "fake:openai/big",
        "param": "temperature",
        "dropping": "off",
        "documented": True,
        "declared": True,
        "disposition": "forwarded",
        "evidence": "temperature=0.37 -> temperature=0.37",
    }
    assert cell(found, "fake:openai/big", "seed", "on")["disposition"] == "dropped"


def test_nobody_says_what_nobody_says(call: Call) -> None:
    call("--adapter", "fake", "--json", "out.jsonl")
    found = lines()
    unsaid = cell(found, "fake:anthropic/wise", "temperature")
    assert (unsaid["documented"], unsaid["declared"]) == (None, None)
    assert cell(found, "fake:openai/big", "user")["documented"] is None
    assert cell(found, "fake:openai/big", "user")["declared"] is False
    assert cell(found, "fake:openai/big", "top_k")["declared"] is None
    assert cell(found, "fake:gone/lost", "n")["declared"] is None


def test_the_table_fits_and_says_who_is_who(call: Call) -> None:
    result = call("--adapter", "fake")
    rows = result.stdout.splitlines()
    assert max(map(len, rows[: len(VALUES) + 2])) <= 120
    assert next(row for row in rows if row.startswith("temperature ")).split() == [
        *("temperature", "f", "L", ".")
    ]
    assert "!L" in next(row for row in rows if row.startswith("n "))
    assert "  1 fake:openai/big" in rows
    assert "lost  n  fake:openai/big, fake:anthropic/wise" in result.stdout
    assert "dropped, though taken otherwise  top_p  fake:openai/big" in result.stdout
    assert "2 documented, and not delivered" in result.stdout
    assert "1 dropped on demand, though taken without" in result.stdout


def test_the_page_has_both_sides(call: Call) -> None:
    assert call("--adapter", "fake", "openai", "--md", "out.md").exit_code == 0
    page = Path("out.md").read_text()
    assert page.startswith("# Parameters: fake\n\n- 2 documented, and not delivered\n")
    assert "## fake:openai/big" in page
    assert "| `n` | yes | yes | lost | dropped | `n=2 -> nothing` |" in page
    assert "anthropic" not in page


@pytest.mark.parametrize("pattern", ["openai", "openai/big", "openai/*", "fake:openai/big"])
def test_targets_are_chosen_with_the_adapter_or_without(call: Call, pattern: str) -> None:
    call("--adapter", "fake", pattern, "--json", "out.jsonl")
    assert {x["target"] for x in lines() if x["type"] == "param"} == {"fake:openai/big"}


def test_told_once_for_all_it_drops_the_same(call: Call) -> None:
    call("--adapter", "fake", "openai", "--json", "each.jsonl")
    result = call("--adapter", "fake", "openai", "--globally", "--json", "all.jsonl")
    assert result.exit_code == 0
    each, at_once = lines("each.jsonl"), lines("all.jsonl")
    assert each[1:] == at_once[1:]
    assert cell(at_once, "fake:openai/big", "seed", "on")["disposition"] == "dropped"


def test_served_it_measures_the_same(call: Call) -> None:
    call("--adapter", "fake", "openai", "--json", "tapped.jsonl")
    call("--adapter", "fake", "openai", "--served", "--json", "served.jsonl")
    assert lines("tapped.jsonl")[1:] == lines("served.jsonl")[1:]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--adapter", "fak"], "no adapter is called fak; did you mean fake?"),
        (["--adapter", "fake", "opena"], "no target behind fake matches opena"),
        (["--globally"], "--globally is about an adapter: add --adapter NAME"),
        (["no_such_provider"], "no target matches no_such_provider"),
        ([], "nothing of these targets is recorded in cassettes"),
        (["openai"], "try conformance run openai/"),
        (["--adapter", "litellm", "--adapters", "nowhere"], "does not exist"),
    ],
)
def test_what_cannot_be_measured_is_exit_code_2(call: Call, words: list[str], said: str) -> None:
    result = call(*words)
    assert result.exit_code == 2
    assert said in result.output


def test_an_adapter_that_cannot_drop_is_measured_as_it_is(call: Call) -> None:
    head, _, rest = fake_adapter.FILE.partition("[dropping]")
    providers = rest[rest.index("[providers") :]
    Path("adapters/fake.toml").write_text(head + providers)
    assert call("--adapter", "fake", "openai", "--json", "out.jsonl").exit_code == 0
    assert {x["dropping"] for x in lines() if x["type"] == "param"} == {"off"}
    result = call("--adapter", "fake", "openai", "--globally")
    assert result.exit_code == 2
    assert "names no settings that make it drop" in result.output


def test_recordings_tell_what_was_honoured_and_what_ignored(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    out = str(tmp_path / "out.jsonl")
    result = call("llamacpp", "transformers_serve", "--json", out)
    assert result.exit_code == 0
    found = lines(out)
    assert {x["dropping"] for x in found if x["type"] == "param"} == {"off"}
    stop = cell(found, "llamacpp/tiny", "stop")
    assert stop["disposition"] == "honoured"
    assert stop["evidence"].startswith("params.stop_")
    assert stop["documented"] is True
    assert cell(found, "transformers_serve/tiny", "stop")["disposition"] == "ignored"
    assert cell(found, "transformers_serve/tiny", "logit_bias")["disposition"] == "rejected_badly"
    assert cell(found, "llamacpp/tiny", "user")["disposition"] == "accepted_unverified"
    assert cell(found, "llamacpp/tiny", "no_such_parameter")["disposition"] == "unknown"


def test_the_help_teaches() -> None:
    told = CliRunner().invoke(main, ["params", "--help"]).output
    for word in ("forwarded", "renamed", "dropped", "lost", "--globally", "Exit codes"):
        assert word in told
