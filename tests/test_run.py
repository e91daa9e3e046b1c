"""``conformance run`` and ``plan``: what is asked, kept and printed, and the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from counting_server import Counted, counting

from conformance import serve
from conformance.cli import main
from conformance.model import Chunk, Request, Response
from conformance.registry import checks

KEY = "qwertz-9876543210-0123456789"
FILE = """\
# What a test says of somebody.
title = "Somebody"
base_url = "https://api.somebody.example/v1"
key = "SOMEBODY_KEY"

[source]
url = "https://somebody.example"
read = 2026-11-21

[claims]
endpoints = ["chat", "embeddings", "models"]

[models.reference]
"""
TARGET = "somebody/reference"
FEW = ("--only", "chat.basic", "--only", "chat.bare")
OBJECT = "chat.response_object"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The base URL of a server that does everything right."""
    with serve.running() as there:
        yield there


@pytest.fixture(scope="module")
def broken_url() -> Iterator[str]:
    """The base URL of one whose chat completions call themselves something else."""
    with serve.running(breaking=checks()[OBJECT]) as there:
        yield there


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a provider's file, and its key in the environment."""
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "somebody.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOMEBODY_KEY", KEY)
    return tmp_path


def run(*words: object, code: int, command: str = "run") -> Result:
    result = CliRunner().invoke(main, [command, *map(str, words)])
    failed = result.exception
    assert failed is None or isinstance(failed, SystemExit), failed
    assert result.exit_code == code, result.output
    assert KEY not in result.output
    return result


def anywhere(url: str) -> tuple[object, ...]:
    return ("--live", "--base-url", url, "--model", "reference")


def lines(path: Path | str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def cells(path: Path | str) -> set[tuple[Any, ...]]:
    found = [line for line in lines(path) if line["type"] == "verdict"]
    return {
        (v["target"], v["check"], v["outcome"], json.dumps(v["findings"]), v["repeat"]["k"])
        for v in found
    }


def cassette(name: str = "chat.basic") -> Path:
    return Path("cassettes/somebody/reference") / f"{name}.yaml"


@pytest.fixture
def recorded(here: Path, url: str) -> Path:
    run(TARGET, "--record", "--base-url", url, *FEW, code=0)
    return here / cassette()


class TestLive:
    def test_a_good_server_passes(self, url: str) -> None:
        result = run(*anywhere(url), *FEW, "--json", "r.jsonl", code=0)
        header, row, *_ = result.stdout.splitlines()
        assert header.split()[:2] == ["target", "chat"]
        assert row.split()[0] == url.removeprefix("http://").removesuffix("/v1") + "/reference"
        assert " /" not in row
        assert result.stderr == ""

    def test_everything_there_is_passes(self, url: str) -> None:
        run(*anywhere(url), "--concurrency", 64, "--level", "may", code=0)

    def test_a_broken_server_fails(self, broken_url: str) -> None:
        result = run(*anywhere(broken_url), *FEW, code=1)
        assert f"MUST   {OBJECT}  object: wanted" in result.stdout

    @pytest.mark.parametrize(
        ("fail_on", "code"), [("news", 1), ("must", 1), ("should", 1), ("never", 0)]
    )
    def test_the_exit_code_is_what_was_asked_for(
        self, broken_url: str, fail_on: str, code: int
    ) -> None:
        run(*anywhere(broken_url), *FEW, "--fail-on", fail_on, code=code)

    def test_a_probe_asks_and_a_check_judges(self) -> None:
        with counting() as server:
            words = (TARGET, "--live", "--base-url", server.url)
            run(*words, "--only", "chat.basic", "--json", "a.jsonl", code=0)
            assert len(server.asked) == 1
            run(*words, "--only", OBJECT, "--json", "b.jsonl", code=0)
            assert len(server.asked) > 70
        assert len({check for _, check, *_ in cells("a.jsonl")}) > 100
        assert {check for _, check, *_ in cells("b.jsonl")} == {OBJECT}

    def test_repeats_are_judged_together(self, url: str) -> None:
        run(*anywhere(url), *FEW, "--repeat", 3, "--json", "r.jsonl", code=0)
        verdicts = [v for v in lines("r.jsonl") if v["type"] == "verdict" and v["check"] == OBJECT]
        assert [v["repeat"] for v in verdicts] == [{"k": 2, "n": 2}]

    def test_nobody_is_there(self) -> None:
        result = run(*anywhere("http://127.0.0.1:9/v1"), *FEW, "--retries", 0, code=2)
        assert "no answer: connect_refused" in result.stdout

    def test_problems_of_one_cause_are_one_line(self) -> None:
        words = anywhere("http://127.0.0.1:9/v1")
        result = run(*words, "--only", "*.basic", "--retries", 0, code=2)
        assert result.stdout.count("incomplete: ") == 1
        assert " more: no answer: connect_refused" in result.stdout

    def test_the_budget_ends_a_run_in_good_order(self) -> None:
        with counting() as server:
            more = ("--only", "chat.*", "--json", "r.jsonl", "--max-requests", 3)
            result = run(*anywhere(server.url), *more, code=2)
            assert len(server.asked) == 3
        assert "all 3 requests of --max-requests are made; allow more to go on" in result.stdout
        assert lines("r.jsonl")[-1]["type"] == "end"
        assert lines("r.jsonl")[-1]["exchanges"] == 3
        assert "problem" in {line["type"] for line in lines("r.jsonl")}

    def test_an_area_that_is_not_there_is_passed_over(self) -> None:
        def without_chat(request: Request, response: Response) -> Response:
            if not request.url.endswith("/chat/completions"):
                return response
            error = {"message": "no chat", "type": "x", "param": None, "code": None}
            body = json.dumps({"error": error}).encode()
            return replace(response, status=404, chunks=(Chunk(body),))

        with counting(without_chat) as server:
            words = (TARGET, "--record", "--base-url", server.url)
            result = run(*words, "--json", "live.jsonl", code=0)
            assert sum(path.endswith("/chat/completions") for _, path, _ in server.asked) == 1
        assert 'not there: chat.basic: status 404: "{' in result.stdout
        skipped = [line for line in lines("live.jsonl") if line["type"] == "skipped"]
        assert len(skipped) > 50
        assert {line["target"] for line in skipped} == {TARGET}
        run("--json", "replay.jsonl", code=0)
        assert cells("live.jsonl") == cells("replay.jsonl")


class TestResults:
    def test_have_a_start_the_verdicts_and_an_end(self, url: str) -> None:
        run(*anywhere(url), *FEW, "--json", "r.jsonl", code=0)
        first, *others, last = lines("r.jsonl")
        verdicts = [line for line in others if line["type"] == "verdict"]
        assert {"type", "tool", "revision", "mode", "started", "argv"} == first.keys()
        assert (first["type"], first["mode"]) == ("run", "live")
        assert last["type"] == "end"
        assert (last["exchanges"], last["judged"], last["left_out"]) == (2, 2, 0)
        assert sum(last["outcomes"].values()) == sum(v["repeat"]["k"] for v in verdicts)
        wanted = (
            *("type", "target", "provider", "model", "probe", "check", "level", "outcome", "known"),
            *("findings", "exchange", "provenance", "recorded_at", "repeat"),
        )
        for verdict in verdicts:
            assert set(wanted) <= verdict.keys() <= {*wanted, "reason", "capabilities"}
            assert verdict["type"] == "verdict"
            assert verdict["target"] == f"{verdict['provider']}/{verdict['model']}"
            assert verdict["check"] in checks()
        assert {v["provenance"] for v in verdicts if v["probe"]} == {"local"}

    def test_findings_say_where_and_what(self, broken_url: str) -> None:
        run(*anywhere(broken_url), *FEW, "--json", "r.jsonl", code=1)
        (one, _) = [v for v in lines("r.jsonl") if v.get("findings")]
        assert (one["check"], one["level"], one["outcome"]) == (OBJECT, "must", "fail")
        assert one["findings"][0].keys() == {"at", "want", "got"}
        assert one["findings"][0]["at"] == "object"


class TestReplay:
    def test_gives_the_same_verdicts_as_the_run_it_was_recorded_in(self, url: str) -> None:
        words = (TARGET, "--record", "--base-url", url, "--concurrency", 64)
        result = run(*words, "--json", "live.jsonl", code=0)
        there = {path.stem for path in Path("cassettes/somebody/reference").glob("*.yaml")}
        assert f"recorded {len(there)} probes: cassettes/somebody/reference" in result.stdout
        assert len(there) > 50
        offline = run("--json", "replay.jsonl", code=0)
        assert cells("live.jsonl") == cells("replay.jsonl")
        assert "not recorded yet" not in offline.stdout
        assert lines("live.jsonl")[-1] == lines("replay.jsonl")[-1]
        assert lines("replay.jsonl")[0]["mode"] == "replay"
        assert offline.stdout.splitlines()[0].startswith("target")
        text = cassette().read_text()
        assert "https://api.somebody.example/v1/chat/completions" in text
        assert "127.0.0.1" not in text

    def test_learning_makes_a_failure_known_and_mending_it_is_news(
        self, url: str, broken_url: str
    ) -> None:
        file = Path("providers/somebody.toml")
        record = (TARGET, "--record", "--concurrency", 64, "--base-url")
        run(*record, broken_url, code=1)
        result = run("--learn", code=1)
        assert f"wrote known failures: {file}" in result.stdout
        assert file.read_text().startswith("# What a test says of somebody.")
        assert f'check = "{OBJECT}"' in file.read_text()
        known = run("--json", "r.jsonl", code=0)
        assert "1 known" not in known.stdout.splitlines()[0]
        assert "~1" in known.stdout
        assert {
            v["known"] for v in lines("r.jsonl") if v["type"] == "verdict" and v["check"] == OBJECT
        } != {None}
        assert "wrote" not in run("--learn", "--fail-on", "must", code=1).stdout
        fixed = run(*record, url, "--json", "fixed.jsonl", code=1)
        assert f"news: providers/somebody.toml:15: {OBJECT} is fixed for {TARGET}" in fixed.stdout
        assert [v["type"] for v in lines("fixed.jsonl")][-2:] == ["news", "end"]
        run("--learn", code=1)
        assert "[[known]]" not in file.read_text()
        run(code=0)

    @pytest.mark.usefixtures("recorded")
    def test_a_known_failure_that_makes_no_sense_is_news(self) -> None:
        known = '\n[[known]]\ncheck = "chat.nothing"\nmodels = ["gone"]\nreason = "x"\n'
        Path("providers/somebody.toml").write_text(FILE + known)
        result = run(*FEW, code=1)
        assert "providers/somebody.toml:15: a known failure names no check: chat.n" in result.stdout
        assert "providers/somebody.toml:15: a known failure names no model: gone" in result.stdout

    @pytest.mark.usefixtures("recorded")
    def test_a_known_failure_of_a_model_that_is_not_replayed_is_no_news(self) -> None:
        known = f'[models.b]\n[[known]]\ncheck = "{OBJECT}"\nmodels = ["b"]\nreason = "x"\n'
        Path("providers/somebody.toml").write_text(FILE + known)
        run(*FEW, code=0)
        run(TARGET, *FEW, code=0)

    def test_a_missing_recording_is_named(self, recorded: Path) -> None:
        recorded.unlink()
        result = run(*FEW, code=2)
        again = f"conformance run {TARGET} --record --only chat.basic"
        assert f"{cassette()} is missing; record it again: {again}" in result.stdout

    def test_a_request_that_is_another_now_is_named(self, recorded: Path) -> None:
        recorded.write_text(recorded.read_text().replace('"max_tokens":', '"max_tokens_":'))
        result = run(*FEW, code=2)
        assert f"{cassette()} has no answer to request 1: the nearest of 1" in result.stdout
        assert "max_tokens is 128, recorded missing" in result.stdout
        assert f"conformance run {TARGET} --record --only chat.basic" in result.stdout

    def test_an_answer_nobody_asks_for_is_named(self, recorded: Path) -> None:
        text = recorded.read_text()
        (one,) = text.removeprefix("interactions:\n").split("version: 1")[:1]
        recorded.write_text(f"interactions:\n{one}{one}version: 1\n")
        result = run(*FEW, code=2)
        assert f"{cassette()}: holds 1 recordings nobody asks for; record it" in result.stdout

    def test_who_was_never_recorded_keeps_a_place(self, recorded: Path) -> None:
        assert recorded.exists()
        Path("providers/another.toml").write_text(FILE)
        assert "not recorded yet (models): another (1)" in run(*FEW, code=0).stdout

    def test_recorded_repeats_are_not_left_unheard(self, url: str) -> None:
        run(TARGET, "--record", "--base-url", url, "--repeat", 2, "--concurrency", 64, code=0)
        result = run(code=2)
        assert "recorded 2 times, replayed 1: add --repeat 2" in result.stdout
        run("--repeat", 2, code=0)

    def test_a_recording_nobody_asks_for_is_named(self, url: str) -> None:
        file = Path("providers/somebody.toml")
        file.write_text(FILE.replace('"chat", ', ""))
        run(TARGET, "--record", "--base-url", url, code=0)
        run(code=0)
        file.write_text(FILE.replace('"chat", "embeddings", "models"', '"embeddings"'))
        result = run(code=2)
        assert f"{cassette('models.list')}: no probe asks for it; delete it, or" in result.stdout
        run("--only", "embeddings.*", code=0)

    def test_a_half_written_recording_is_named(self, recorded: Path) -> None:
        recorded.write_text(recorded.read_text()[:-300])
        result = run(*FEW, code=2)
        assert f"{cassette()}: breaks off before its end" in result.stdout
        assert "record it again" in result.stdout

    def test_what_was_never_recorded_is_named(self) -> None:
        result = run(TARGET, code=2)
        assert f"{TARGET} was never recorded" in result.stderr
        assert f"conformance run {TARGET} --record" in result.stderr
        assert "nothing is recorded in cassettes" in run(code=2).stderr


class TestRecording:
    def test_again_takes_the_place_of_what_was_there(self, recorded: Path, url: str) -> None:
        old = recorded.with_name("chat.gone.yaml")
        old.write_text("old")
        before = recorded.read_text()
        run(TARGET, "--record", "--base-url", url, *FEW, code=0)
        assert old.exists()
        assert recorded.read_text().count("- request:") == before.count("- request:") == 1
        run(TARGET, "--record", "--base-url", url, "--concurrency", 64, code=0)
        assert not old.exists()

    def test_an_incomplete_run_waits_for_the_rest(self, recorded: Path, url: str) -> None:
        before = recorded.read_bytes()
        words = (TARGET, "--record", "--base-url", url, *FEW)
        kept = run(*words, "--max-requests", 1, "--json", "r.jsonl", code=2)
        assert "what there is stays in r.jsonl.exchanges for --resume" in kept.stderr
        assert recorded.read_bytes() == before
        run(*words, "--resume", "r.jsonl", code=0)
        assert not Path("r.jsonl.exchanges").exists()

    def test_of_an_incomplete_run_what_is_whole_is_not_lost(self, url: str) -> None:
        words = (TARGET, "--record", "--base-url", url, *FEW)
        result = run(*words, "--max-requests", 1, code=2)
        assert "recorded 1 probes: cassettes/somebody/reference" in result.stdout
        assert "not recorded are those that are incomplete" in result.stderr
        assert len(list(Path("cassettes/somebody/reference").iterdir())) == 1

    def test_a_key_that_a_server_repeats_is_kept_nowhere(self, here: Path) -> None:
        def telling(request: Request, response: Response) -> Response:
            if request.url.endswith("/embeddings"):
                return response
            said = f"{request.headers.get('authorization')} is wrong: {KEY}"
            error = {"message": said, "type": KEY, "param": KEY, "code": 5, KEY: KEY}
            body = json.dumps({"error": error, "object": KEY, "id": KEY}).encode()
            return replace(response, status=401, chunks=(Chunk(body),))

        with counting(telling) as server:
            words = (TARGET, "--record", "--base-url", server.url, "--json", "r.jsonl")
            run(*words, "--fail-on", "never", code=0)
            assert len(server.asked) > 2
        run("--fail-on", "never", "--json", "s.jsonl", code=0)
        written = [path for path in here.rglob("*") if path.is_file()]
        assert len(written) > 4
        assert not [path for path in written if KEY.encode() in path.read_bytes()]
        assert "[key" in cassette().read_text()

    def test_nor_in_what_an_interrupted_run_leaves(self, here: Path) -> None:
        with counting() as server:
            words = (TARGET, "--live", "--base-url", server.url, *FEW, "--json", "r.jsonl")
            run(*words, "--max-requests", 1, code=2)
        kept = list(Path("r.jsonl.exchanges").rglob("*.yaml"))
        assert len(kept) == 1
        assert not [p for p in here.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]


PROGRAM = "from conformance.cli import main; main()"


def stopped(server: Counted, how: signal.Signals, *words: str) -> tuple[int, str]:
    """Run a command, and stop it where the server stalls; its exit code and standard error."""
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", PROGRAM, "run", *words]
    silent = subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603  # it is this program
        command, env=environment, stdout=silent, stderr=subprocess.PIPE, text=True
    ) as process:
        assert server.stalled.wait(20)
        process.send_signal(how)
        _, said = process.communicate(timeout=20)
    server.released.set()
    return process.returncode, said


class TestResume:
    def test_a_killed_run_goes_on_where_it_was(self) -> None:
        with counting() as server:
            server.stalls_at = 30
            several = ("--only", "chat.*", "--only", "params.*")
            words = (TARGET, "--live", "--base-url", server.url, *several)
            options = ("--json", "r.jsonl", "--concurrency", "4")
            assert stopped(server, signal.SIGKILL, *words, *options) == (-signal.SIGKILL, "")
            before = lines("r.jsonl")
            assert before[0]["type"] == "run"
            assert before[-1]["type"] != "end"
            answered, server.stalls_at = server.answered.copy(), 1 << 30
            asked = len(server.asked)
            refused = run(*words, "--json", "r.jsonl", code=2).stderr
            assert "the answers of a run that was interrupted" in refused
            run(*words, "--resume", "r.jsonl", code=0)
            again = server.asked[asked:]
            run(*words, "--json", "whole.jsonl", code=0)
            everything = server.asked[asked + len(again) :]
        assert sum(answered.values()) == 29
        # What was on its way to the disk when the process died may be asked once more.
        assert len(everything) - 29 <= len(again) <= len(everything) - 29 + 4
        assert lines("r.jsonl")[-1]["type"] == "end"
        outcomes = [{cell[:3] for cell in cells(f"{name}.jsonl")} for name in ("r", "whole")]
        assert outcomes[0] == outcomes[1]

    def test_a_complete_run_gives_way_to_the_next(self, url: str) -> None:
        for _ in range(2):
            run(*anywhere(url), *FEW, "--json", "r.jsonl", code=0)
        assert lines("r.jsonl")[-1]["exchanges"] > 0

    def test_an_interrupted_run_says_how_to_go_on(self) -> None:
        with counting() as server:
            server.stalls_at = 2
            words = (*map(str, anywhere(server.url)), *FEW, "--json", "r.jsonl")
            code, said = stopped(server, signal.SIGINT, *words)
        assert code == 2
        assert said.startswith("conformance: interrupted: ")
        assert "go on with --resume r.jsonl" in said
        assert "Traceback" not in said
        assert lines("r.jsonl")[-1]["type"] != "end"

    def test_a_whole_run_is_not_asked_again(self) -> None:
        with counting() as server:
            words = (*anywhere(server.url), *FEW)
            run(*words, "--json", "r.jsonl", code=0)
            before = lines("r.jsonl")
            run(*words, "--resume", "r.jsonl", code=0)
            assert len(server.asked) == 2
        assert lines("r.jsonl")[1:] == before[1:]

    def test_what_is_not_there_cannot_be_resumed(self, url: str) -> None:
        result = run(*anywhere(url), "--resume", "gone.jsonl", code=2)
        assert "gone.jsonl is not there" in result.stderr
        assert not Path("gone.jsonl").exists()

    def test_a_damaged_answer_is_named(self, url: str) -> None:
        words = (*anywhere(url), *FEW)
        run(*words, "--json", "r.jsonl", code=0)
        (path,) = Path("r.jsonl.exchanges").rglob("chat.basic.yaml")
        path.write_text(path.read_text()[:-40])
        result = run(*words, "--resume", "r.jsonl", code=2)
        assert f"{path}: breaks off before its end" in result.stdout


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["opnai"], "no target matches opnai; did you mean openai"),
            (["openai/gpt-4o-mni"], "did you mean openai/gpt-4o-mini"),
            (["qqqqq"], "no target matches qqqqq; see: conformance plan"),
            (["--only", "chat.respons_object"], "did you mean chat.response_object"),
            (["--skip", "chat.basics"], "did you mean chat.basic"),
            (["--skip", "*"], "no check is left"),
            (["--live"], "say who is to be asked"),
            ([TARGET, "--model", "x"], "--model goes with --base-url"),
            (["--live", "--base-url", "http://h/v1"], "--base-url needs --model NAME"),
            (["--live", "--base-url", "http://[::1", "--model", "m"], "is no base URL"),
            ([TARGET, "--live", "--base-url", "h/v1"], "is no base URL"),
            ([TARGET, "--base-url", "http://h/v1"], "add --live or --record"),
            (["--record", "--base-url", "http://h/v1", "--model", "m"], "needs a TARGET"),
            (["--live", "--learn", "--base-url", "http://h/v1", "--model", "m"], "needs a TARGET"),
            (["--learn", *FEW], "--learn needs a whole run"),
            (["--learn", "--level", "must"], "--learn needs a whole run"),
            ([TARGET, "--resume", "a", "--json", "b"], "leave out --json"),
            ([TARGET, "--providers", "gone"], "does not exist"),
            ([TARGET, "--json", "gone/r.jsonl", "--live"], "there is no folder"),
            ([TARGET, "--level", "maybe"], "Invalid value"),
        ],
    )
    def test_are_2_and_say_what_to_do(self, words: list[str], said: str) -> None:
        assert said in run(*words, code=2).stderr

    def test_a_key_that_is_not_set_is_named_and_nothing_is_written(
        self, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        monkeypatch.delenv("SOMEBODY_KEY")
        result = run(TARGET, "--live", "--base-url", url, "--json", "r.jsonl", code=2)
        assert f"{TARGET} needs a key: set SOMEBODY_KEY" in result.stderr
        assert not Path("r.jsonl").exists()
        assert "set OTHER_KEY" in run(*anywhere(url), "--api-key-env", "OTHER_KEY", code=2).stderr

    def test_a_broken_file_is_named_with_its_line(self) -> None:
        Path("providers/somebody.toml").write_text(FILE.replace("key =", "kee ="))
        result = run(TARGET, code=2)
        assert "conformance: providers/somebody.toml:4: kee: unknown here" in result.stderr

    def test_no_check_of_a_level_is_nothing(self, url: str) -> None:
        may = next(check.id for check in checks().values() if check.level == "may")
        assert "no check is left" in run(*anywhere(url), "--only", may, code=2).stderr

    @pytest.mark.parametrize("status", [401, 404])
    def test_a_wrong_key_or_address_is_no_success(self, status: int) -> None:
        def refusing(request: Request, response: Response) -> Response:
            del request
            body = json.dumps({"error": {"message": "no", "type": "x", "param": None, "code": "y"}})
            return replace(response, status=status, chunks=(Chunk(body.encode()),))

        with counting(refusing) as server:
            live = anywhere(server.url)
            for who in ((TARGET, "--record", "--base-url", server.url), live, (*live, *FEW)):
                result = run(*who, code=2)
                told = f"refused every endpoint, which says nothing of any; look at {server.url}"
                wants_a_key = status == 401 and TARGET not in who
                why = ", it wants a key (--api-key-env VAR)" if wants_a_key else ", the key and the"
                assert f"{told}{why}" in result.stdout
                last = result.stdout.splitlines()[-1]
                assert last.startswith("incomplete: ")
                assert f": status {status}: " in last
                assert "MUST  " not in result.stdout
        assert not Path("cassettes").exists()

    def test_a_password_in_an_address_is_written_nowhere(self, here: Path) -> None:
        words = ("--live", "--model", "m", "--json", "r.jsonl", "--base-url")
        result = run(*words, f"http://user:{KEY}@127.0.0.1:9/v1", code=2)
        assert "a base URL holds no password" in result.stderr
        assert not (here / "r.jsonl").exists()

    def test_nothing_to_ask_is_nothing(self, url: str) -> None:
        words = (TARGET, "--live", "--base-url", url, "--only", "responses.*")
        assert "nothing was judged" in run(*words, code=2).stderr


class TestPlan:
    def test_says_what_would_be_sent_and_sends_nothing(self) -> None:
        with counting() as server:
            words = ("--base-url", server.url, "--model", "reference", "--only", "chat.*")
            result = run(*words, command="plan", code=0)
            (planned,) = json.loads(run(*words, "--json", command="plan", code=0).stdout)
            assert server.asked == []
            run("--live", *words, code=0)
            assert len(server.asked) == planned["requests"] > 10
        assert planned["target"].endswith("/reference")
        assert planned["tokens"] > planned["requests"]
        assert sum(one["requests"] for one in planned["probes"]) == planned["requests"]
        row = result.stdout.splitlines()[1].split()
        assert row[1:] == [
            str(len(planned["probes"])),
            f"{planned['requests']:,}",
            f"{planned['tokens']:,}",
        ]

    def test_is_the_same_wherever_an_api_is(self) -> None:
        words = ("--model", "m", "--only", "chat.*", "--only", "tools.*", "--json", "--base-url")
        plans = [
            json.loads(run(*words, url, command="plan", code=0).stdout)[0]
            for url in ("https://h/v1", "https://h/api/openai")
        ]
        assert plans[0] == plans[1]
        assert plans[0]["requests"] > len(plans[0]["probes"])

    def test_needs_no_key_and_counts_repeats(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SOMEBODY_KEY")
        words = (TARGET, "--only", "chat.basic", "--probes")
        once = run(*words, command="plan", code=0).stdout
        thrice = run(*words, "--repeat", 3, command="plan", code=0).stdout
        assert f"{TARGET}::chat.basic" in once
        assert [row.split()[-2] for row in once.splitlines()[1:]] == ["1", "1"]
        assert [row.split()[-2] for row in thrice.splitlines()[1:]] == ["3", "3"]

    def test_of_nothing_is_a_mistake(self) -> None:
        words = (TARGET, "--only", "responses.*")
        assert "nothing would be asked" in run(*words, command="plan", code=2).stderr
        assert "did you mean openai" in run("opnai", command="plan", code=2).stderr
