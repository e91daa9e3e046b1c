"""Genuine recorded exchanges: no false alarm on OpenAI, and the known departures found."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance import traffic
from conformance.engine import Audit, Checks
from conformance.model import Exchange, Level, Outcome, Verdict
from conformance.registry import checks


@pytest.fixture(scope="module")
def audit(corpus: Path) -> tuple[Audit, list[Verdict]]:
    """An audit of the whole corpus, done once for all tests here."""
    run, verdicts = Audit(Checks(checks().values())), list[Verdict]()
    for path in traffic.find([corpus / "recordings"]):
        for item in traffic.read(path):
            assert isinstance(item, Exchange), str(item)
            verdicts += run.add(item)
    verdicts += run.close()
    return run, verdicts


@pytest.fixture(scope="module")
def genuine(corpus: Path) -> set[str]:
    """Ids of exchanges with api.openai.com that nobody seems to have edited."""
    named = set((corpus / "genuine_openai_chat_ids.txt").read_text().split())
    return named | {
        line["id"]
        for line in lines(corpus)
        if line["host"] == "api.openai.com"
        and line["endpoint"] != "chat"
        and not line.get("suspect")
    }


def lines(corpus: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((corpus / "recordings").glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def test_everything_is_read(audit: tuple[Audit, list[Verdict]]) -> None:
    run, _ = audit
    assert run.read == 5316
    assert run.left_out == 960


def test_genuine_openai_traffic_is_never_accused(
    audit: tuple[Audit, list[Verdict]], genuine: set[str]
) -> None:
    _, verdicts = audit
    accused = [
        (v.check, v.exchange, v.findings[:2])
        for v in verdicts
        if v.findings and v.level is Level.MUST and v.exchange in genuine
    ]
    assert accused == []


def test_no_check_fails_itself(audit: tuple[Audit, list[Verdict]]) -> None:
    _, verdicts = audit
    assert [(v.check, v.reason) for v in verdicts if v.outcome is Outcome.ERROR] == []


@pytest.mark.parametrize(
    ("provider", "check"),
    [
        ("xai", "chat.usage_total_sum"),
        ("openrouter", "errors.status_not_200"),
        ("groq", "stream.chunk_id_constant"),
        ("perplexity", "stream.chunk_no_message"),
        ("mistral", "errors.envelope"),
        ("xai", "errors.not_string"),
        ("together", "chat.choices_finish_reason_enum"),
        ("huggingface_router", "chat.choices_finish_reason_enum"),
        ("zai", "chat.response_object"),
    ],
)
def test_known_departures_are_found(
    audit: tuple[Audit, list[Verdict]], provider: str, check: str
) -> None:
    _, verdicts = audit
    broken: dict[str, Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        if verdict.findings:
            broken[verdict.provider][verdict.check] += 1
    assert broken[provider][check]


def test_azures_first_chunk_is_the_legal_thing_it_is(
    audit: tuple[Audit, list[Verdict]], corpus: Path
) -> None:
    _, verdicts = audit
    filtered = {
        line["id"]
        for line in lines(corpus)
        if line["stream"] and "prompt_filter_results" in str(line["response_body"])
    }
    assert filtered
    named = {"stream.chunk_id", "stream.chunk_object", "stream.chunk_model", "stream.chunk_created"}
    accused = [v for v in verdicts if v.findings and v.exchange in filtered and v.check in named]
    assert accused == []
