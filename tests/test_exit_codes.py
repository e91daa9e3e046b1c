"""Whatever happens, 1 says that an API fails: mistakes, ours and the user's, are 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from results_lines import end, run, target, verdict

from conformance.cli import main
from conformance.cli.commands import DEBUG

PROGRAM = "from conformance.cli import main; main()"
ROOT = Path(__file__).parent.parent


@pytest.fixture
def results(tmp_path: Path) -> str:
    """A results file whose texts fit into no code page."""
    name = "acme/größer 漢字\u202e"
    found = verdict(outcome="fail", name=name, got='"naïve 🧪"')
    lines = [run(), target(name), found, end()]
    path = tmp_path / "results.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in lines), "utf-8")
    return str(path)


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(sys.modules["conformance.cli.matrix"], "grid", fail)


def test_an_error_of_ours_is_a_sentence(monkeypatch: pytest.MonkeyPatch, results: str) -> None:
    monkeypatch.delenv(DEBUG, raising=False)
    failing(monkeypatch, KeyError("odd\x1b[2J"))
    done = CliRunner().invoke(main, ["matrix", results])
    assert done.exit_code == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith("conformance: this should not happen: KeyError: ")
    assert said.endswith("for the traceback, set CONFORMANCE_DEBUG=1")
    assert "\x1b" not in said


def test_its_traceback_is_to_be_had(monkeypatch: pytest.MonkeyPatch, results: str) -> None:
    monkeypatch.setenv(DEBUG, "1")
    failing(monkeypatch, KeyError("odd"))
    done = CliRunner().invoke(main, ["matrix", results])
    assert done.exit_code == 2
    assert "Traceback" in done.stderr


def test_an_interruption_is_no_failure(monkeypatch: pytest.MonkeyPatch, results: str) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    done = CliRunner().invoke(main, ["matrix", results])
    assert done.exit_code == 2
    assert "conformance: interrupted" in done.stderr


@pytest.mark.parametrize("words", [[], ["nothing"], ["run", "--nothing"], ["diff"]])
def test_a_slip_is_2(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == 2


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_help_is_0(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == 0


def started(*words: str, encoding: str = "utf-8") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    return subprocess.Popen(  # noqa: S603  # it is this program
        [sys.executable, "-c", PROGRAM, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("kind", ["matrix", "report", "diff"])
def test_output_of_any_encoding_is_written(results: str, encoding: str, kind: str) -> None:
    before = Path(results).with_name("before.jsonl")
    before.write_text(Path(results).read_text("utf-8").replace('"fail"', '"pass"'), "utf-8")
    words = {
        "matrix": ["matrix", results],
        "report": ["report", "acme", results],
        "diff": ["diff", str(before), results, "--fail-on", "never"],
    }[kind]
    with started(*words, encoding=encoding) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert b"\\u" in out


@pytest.mark.parametrize("words", [["checks"], ["checks", "--json"]])
def test_a_reader_who_has_read_enough_is_no_failure(words: list[str]) -> None:
    with started(*words) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.wait(30) == 2
        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_is_not_written_is_no_success(results: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603  # it is this program
            [sys.executable, "-c", PROGRAM, "diff", results, results],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr
