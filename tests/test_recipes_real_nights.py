"""Seven nights from end to end: the workflow, the command, and a provider that changes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from counting_server import Change, Counted, counting
from recipe_repository import KEY, Repository, commands, put

from conformance.model import Chunk, Request, Response

DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z\.jsonl\.gz")
LIVE: Final = {
    "openai/gpt-4o-mini": "openai/reference-1",
    "--rpm 60": "--rpm 60000 --retries 0 --only chat.basic --only models.list",
}
PROVIDER: Final = """
title = "OpenAI"
base_url = "{url}"
key = "OPENAI_API_KEY"

[source]
url = "https://provider.example/docs"
read = 2026-11-21
verified = false

[claims]
endpoints = ["chat", "models"]
capabilities = []
parameters = []

[models."reference-1"]
"""


def without(*members: str) -> Change:
    """Answers to chat lack these members."""

    def change(request: Request, response: Response) -> Response:
        if not request.url.endswith("/chat/completions") or response.status != 200:
            return response
        said = json.loads(response.body)
        left = {name: value for name, value in said.items() if name not in members}
        return replace(response, chunks=(Chunk(json.dumps(left).encode()),))

    return change


def down(request: Request, response: Response) -> Response:
    del request
    return replace(response, status=503)


@pytest.fixture(scope="module")
def asked() -> Iterator[Counted]:
    with counting() as counted:
        yield counted


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, asked: Counted) -> Repository:
    """One night after the other."""
    folder = tmp_path_factory.mktemp("real")
    made = Repository(folder, commands(folder / "runner"))
    made.begin({"providers/openai.toml": PROVIDER.format(url=asked.url)})
    stopped = folder / "runner/stopped"
    killable(stopped, folder / "runner/bin")
    whole, broken = asked.change, without("id")
    for name, change, budget in (
        ("the first", whole, 500),
        ("with news", broken, 500),
        ("cut off", broken, 500),
        ("too dear", whole, 1),
        ("as before", broken, 500),
        ("fixed", whole, 500),
        ("silent", down, 9),
    ):
        asked.change = change
        stopped.write_text("now" if name == "cut off" else "", "utf-8")
        made.night(LIVE | {"--max-requests 500": f"--max-requests {budget}"})
    return made


def killable(stopped: Path, commands_of: Path) -> None:
    """Have a run leave what one leaves that is killed in a line, if this file is not empty."""
    (commands_of / "conformance").rename(commands_of / "really")
    script = f"""
        [ "$1" = run ] && [ -s "{stopped}" ] || exec really "$@"
        really "$@"
        cd conformance-results
        head -c 9000 results.jsonl >begun && mv begun results.jsonl
        rm matrix.*
        kill -9 $$"""
    put(commands_of / "conformance", script)


def test_real_nights_come_to_their_words(real: Repository) -> None:
    assert [(one.code, one.news, one.calls) for one in real.nights] == [
        (0, "none", []),
        (1, "new", ["label create", "issue create"]),
        (2, "standing", ["issue edit"]),
        (2, "standing", ["issue edit"]),
        (0, "standing", ["issue edit"]),
        (0, "fixed", ["issue close"]),
        (2, "none", []),
    ]


def test_real_news_name_the_rule(real: Repository) -> None:
    new = real.nights[1]
    for text in (new.job.summary, new.issues[0]["body"], new.history["news.md"].decode()):
        assert "chat.response_id" in text
    uploaded = new.job.step("actions/upload-artifact@v7").files
    assert {"conformance-results/changes.md", "conformance-results/matrix.html"} <= uploaded


def test_a_run_that_was_cut_off_is_kept_and_read_again(real: Repository) -> None:
    cut = real.nights[2]
    assert cut.job.summary.startswith("The run was cut off")
    assert not gzip.decompress(cut.history[cut.nights[2]]).endswith(b"\n")
    assert cut.reference == cut.nights[0]
    assert f"{cut.nights[2]} has no end" in cut.job.output, "the matrix is made with it"
    assert cut.history["index.html"] != real.nights[1].history["index.html"]


def test_a_budget_that_ends_is_said_and_no_failure(real: Repository) -> None:
    short = real.nights[3].job
    assert short.summary.startswith("The run is incomplete. No news as far as can be told.")
    assert "max-requests" in short.output
    assert "chat.response_id`" not in short.summary


def test_news_that_stand_are_not_said_to_be_none_and_new(real: Repository) -> None:
    changes, _, whole = real.nights[4].job.summary.partition("## The whole night")
    assert changes.startswith("No more news; what was told before still stands.")
    assert "1 new failure at 1 target" not in changes
    assert "new is here every failure that nobody noted as known" in whole
    assert "1 new failure at 1 target" in whole


def test_a_provider_that_is_down_is_no_failure(real: Repository) -> None:
    silent = real.nights[6]
    assert silent.job.summary.startswith("Nothing was judged, so there is no night to keep.")
    assert "**Nothing could be told** of 1 target." in silent.job.summary
    assert "status 503" in silent.job.summary
    assert silent.history == real.nights[5].history


def test_the_history_is_read_and_holds_no_key(real: Repository) -> None:
    kept = real.nights[5]
    assert len(kept.nights) == 6
    assert all(DATE.fullmatch(name) for name in kept.nights)
    assert KEY not in kept.job.output + kept.job.summary
    for name, data in kept.history.items():
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        assert KEY not in text, name
    assert b"<svg" in kept.history["badge.svg"]
    assert b"<html" in kept.history["index.html"]
