"""The pytest plugin: asking live, which is fetching first and judging then."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from plugin_project import TARGET, lines, outcomes, provider

from conformance.registry import checks
from conformance.serve import running


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def live(project: pytest.Pytester, server: str) -> pytest.Pytester:
    """The same project with nothing recorded, and a server to ask."""
    shutil.rmtree(project.path / "cassettes")
    (project.path / "providers/ref.toml").write_text(provider(server))
    return project


def asked(project: pytest.Pytester) -> set[str]:
    return {path.stem for path in project.path.glob("out.jsonl.exchanges/ref/*/*.yaml")}


def test_a_live_run_asks_only_for_what_is_chosen(live: pytest.Pytester) -> None:
    result = live.runpytest(
        *(f"--conformance={TARGET}", "--conformance-live", "-k", "models"),
        "--conformance-json=out.jsonl",
    )
    assert outcomes(result)["passed"] == 3
    assert asked(live) == {"models.list", "models.retrieve", "models.unknown"}
    assert not (live.path / "cassettes").exists()


def test_a_live_run_over_two_processes_asks_once(live: pytest.Pytester) -> None:
    words = [f"--conformance={TARGET}", "--conformance-live", "-p", "xdist.plugin", "-n2"]
    result = live.runpytest(*words, "--conformance-json=out.jsonl")
    assert set(outcomes(result)) == {"passed"}
    assert len(asked(live)) == outcomes(result)["passed"] - 1
    end = lines(live.path / "out.jsonl")[-1]
    assert end["exchanges"] == end["judged"]


def test_what_the_budget_did_not_allow_is_an_error(live: pytest.Pytester) -> None:
    result = live.runpytest(
        *(f"--conformance={TARGET}::models.*", "--conformance-live"),
        "--conformance-max-requests=1",
    )
    assert outcomes(result)["errors"] == 2
    result.stdout.fnmatch_lines(["*requests of --max-requests are made*"])


def test_a_live_run_can_be_recorded_and_replayed(live: pytest.Pytester) -> None:
    result = live.runpytest(f"--conformance={TARGET}", "--conformance-record")
    result.stdout.fnmatch_lines(["recorded * probes: *cassettes/ref/reference"])
    again = live.runpytest(f"--conformance={TARGET}")
    assert outcomes(again) == outcomes(result) == {"passed": outcomes(result)["passed"]}


def test_an_endpoint_needs_no_file(live: pytest.Pytester, server: str) -> None:
    result = live.runpytest(
        *("--conformance", "--conformance-live", f"--conformance-base-url={server}"),
        *("--conformance-model=reference", "-k", "models"),
    )
    assert outcomes(result)["passed"] == 3


def test_a_run_that_stops_asks_nothing_more(live: pytest.Pytester) -> None:
    with running(checks()["chat.choices_finish_reason_enum"]) as url:
        (live.path / "providers/ref.toml").write_text(provider(url))
        result = live.runpytest(
            *(f"--conformance={TARGET}", "--conformance-live", "-x", "-k", "chat.basic or params"),
            *("--conformance-rpm=60", "--conformance-json=out.jsonl"),
        )
    assert outcomes(result)["failed"] == 1
    assert "passed" not in outcomes(result)
    assert 1 <= len(asked(live)) < 20


def test_a_target_that_refuses_everything_is_no_success(
    live: pytest.Pytester, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REF_KEY", "sk-wrong-key-of-nobody")
    (live.path / "providers/ref.toml").write_text(f'key = "REF_KEY"\n{provider(server)}')
    result = live.runpytest(f"--conformance={TARGET}", "--conformance-live")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*refused every endpoint*"])
