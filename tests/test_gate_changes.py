"""Changes made on purpose in the example adapter: each turns the gate red, and it says why."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from conformance import baseline
from conformance.adapter_file import read
from conformance.adapting import adapted
from conformance.cli import main
from conformance.engine import Audit, Checks
from conformance.expect import Expectations
from conformance.gate import PARAMETERS, Gate, plan_of
from conformance.probe import probes
from conformance.session import Session

EXAMPLE: Final = Path(__file__).parent / "example_adapter"
TARGET: Final = "our_adapter:anthropic/claude-haiku-4-5"
Edits = dict[str, str]
"""What stands in the adapter's source once -> what is to stand there."""
_numbers: Final = itertools.count()

SAME: Final = "asked = {name: given[name] for name in SAME if name in given}"
POSTED: Final = 'response = posted(f"{base_url}/v1/messages", asked, api_key)'
BROKE_OFF: Final = 'raise AdapterError(f"Anthropic\'s stream broke off: {error}", 502) from error'
NO_END: Final = 'raise AdapterError("Anthropic\'s stream came to no end", 502)'
REFUSED: Final = 'raise AdapterError(told.get("message", ""), response.status_code, response)'
EMPTY: Final[dict[str, Any]] = {
    "id": "msg_1",
    "model": "claude-haiku-4-5",
    "content": [],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 0, "output_tokens": 0},
}
BROKEN_RULES: Final[dict[str, tuple[Edits, str, str]]] = {
    "cut is called an end": (
        {'"max_tokens": "length"': '"max_tokens": "stop"'},
        "adapter.finish_reason_preserved",
        "structured.cut",
    ),
    "call is called an end": (
        {'"tool_use": "tool_calls"': '"tool_use": "stop"'},
        "tools.finish_reason",
        "tools.round_trip",
    ),
    "error becomes an empty answer": (
        {REFUSED: f"return httpx.Response(200, json={EMPTY!r})"},
        "adapter.error_status_preserved",
        "adapter.refused",
    ),
    "refusal becomes a failure": (
        {REFUSED: REFUSED.replace("response.status_code", "500")},
        "adapter.error_status_preserved",
        "adapter.refused",
    ),
    "message of an error is lost": (
        {REFUSED: REFUSED.replace('told.get("message", "")', '"Anthropic refuses"')},
        "adapter.error_message_preserved",
        "adapter.refused",
    ),
    "Retry-After is lost": (
        {"self.response = response": "self.response = None"},
        "adapter.retry_after_preserved",
        "adapter.busy",
    ),
    "timeout is called a mistake": (
        {'in time", 504)': 'in time", 400)'},
        "adapter.timeout_reported",
        "adapter.timeout",
    ),
    "every answer has the same id": (
        {'"id": message["id"],\n        "object"': '"id": "chatcmpl-1",\n        "object"'},
        "chat.response_id_unique",
        "adapter.leak",
    ),
    "usage is lost": (
        {'"usage": spent(message["usage"]),': ""},
        "adapter.usage_preserved",
        "chat.basic",
    ),
    "counts of usage are swapped": (
        {
            'usage["input_tokens"], usage["output_tokens"]': (
                'usage["output_tokens"], usage["input_tokens"]'
            )
        },
        "adapter.usage_preserved",
        "chat.basic",
    ),
    "usage of a stream is lost": (
        {'"choices": [], "usage": spent(counted)}': '"choices": []}'},
        "adapter.stream_usage_preserved",
        "adapter.odd_streams",
    ),
    "second tool call is lost": (
        {"calls = [called(one) for": "calls = [called(one) for _ in '1' for"}
        | {'answer["tool_calls"] = calls': 'answer["tool_calls"] = calls[:1]'},
        "adapter.tool_calls_preserved",
        "tools.parallel",
    ),
    "arguments are no JSON": (
        {'json.dumps(use["input"])': 'str(use["input"])'},
        "adapter.tool_calls_preserved",
        "tools.named",
    ),
    "ids of calls are made up": (
        {'{"id": use["id"], "type": "function"': '{"id": "call_1", "type": "function"'},
        "adapter.tool_call_ids_preserved",
        "tools.named",
    ),
    "calls of a stream share an index": (
        {'| {"index": calls}': '| {"index": 0}', '"index": calls - 1,': '"index": 0,'},
        "adapter.tool_calls_preserved",
        "tools.parallel_streamed",
    ),
    "picture is lost": (
        {'return {"type": "image", "source": {"type": "base64"': 'return {"type": "text", "text": "a picture"} or {"source": {"type": "base64"'},
        "adapter.images_preserved",
        "vision.red",
    ),
    "system message is lost": (
        {'asked["system"] = rules': "pass"},
        "adapter.system_preserved",
        "adapter.history",
    ),
    "earlier turns are lost": (
        {"turns(one for one in messages if not is_rule(one))": (
            "turns(one for one in messages[-1:] if not is_rule(one))"
        )},
        "adapter.history_preserved",
        "adapter.history",
    ),
    "all turns are the user's": (
        {'{"role": message["role"], "content": said}': '{"role": "user", "content": said}'},
        "adapter.roles_preserved",
        "adapter.history",
    ),
    "result of a tool is lost": (
        {'message["tool_call_id"], "content": content}': 'message["tool_call_id"]}'},
        "adapter.tool_results_preserved",
        "tools.round_trip",
    ),
    "schema is lost": (
        {'if wanted.get("type") == "json_schema":': "if False:"},
        "adapter.response_format_preserved",
        "adapter.leak",
    ),
    "settings of one request stay for the next": (
        {
            "def asked_of(given: Json)": "def asked_of(given: Json, asked: Json = {})",
            SAME: SAME.replace("asked =", "asked |="),
        },
        "adapter.no_leak",
        "adapter.leak",
    ),
    "model is asked twice": (
        {POSTED: f"whole({POSTED.removeprefix('response = ')})\n    {POSTED}"},
        "adapter.one_upstream_call",
        "chat.basic",
    ),
    "somebody else is told": (
        {POSTED: f'CLIENT.post("https://telemetry.test/events", json=asked)\n    {POSTED}'},
        "adapter.known_hosts",
        "chat.basic",
    ),
    "stream that was cut is called finished": (
        {BROKE_OFF: "return", NO_END: 'yield chunk(head, {}, "stop")'},
        "adapter.cut_reported",
        "adapter.stream_cut",
    ),
    "error inside a stream is swallowed": (
        {'raise AdapterError(event["error"]["message"], 500)': "return"},
        "adapter.stream_error_reported",
        "adapter.stream_error",
    ),
    "blanks of a stream are lost": (
        {'{"content": event["delta"]["text"]}': '{"content": event["delta"]["text"].strip()}'},
        "adapter.text_preserved",
        "stream.basic",
    ),
    "stream is asked for without its temperature": (
        {SAME: f'{SAME}\n    if given.get("stream"):\n        asked.pop("temperature", None)'},
        "adapter.stream_asks_the_same",
        "s*.*",
    ),
}
"""What is changed, the rule that is broken by it, and the probe that shows it."""
OTHER_FATES: Final[dict[str, tuple[Edits, str, str]]] = {
    "temperature is lost": (
        {SAME: SAME.replace("in given}", 'in given and name != "temperature"}')},
        "temperature",
        "lost: temperature=0.37 -> nothing",
    ),
    "stop is lost": ({'if "stop" in given:': "if False:"}, "stop", 'lost: stop="probe-stop" ->'),
    "stop has a name nobody knows": (
        {'asked["stop_sequences"]': 'asked["stop"]'},
        "stop",
        "raised: raised AdapterError (400)",
    ),
    "tools are lost": ({'if given.get("tools"):': "if False:"}, "tools", "lost: tools -> nothing"),
    "tool_choice is lost": (
        {'choice(given.get("tool_choice", "auto"))': 'choice("auto")'},
        "tool_choice",
        "changed: tool_choice",
    ),
    "response_format is lost": (
        {'if wanted.get("type") == "json_schema":': "if False:"},
        "response_format",
        "json_schema",
    ),
    "max_tokens is one more": (
        {'given.get("max_tokens", MAX_TOKENS))': 'given.get("max_tokens", MAX_TOKENS - 1) + 1)'},
        "max_tokens",
        "changed: max_tokens=987 -> max_tokens=988",
    ),
    "top_p is always the same": (
        {SAME: f'{SAME} | {{"top_p": 1}}'},
        "top_p",
        "changed: top_p=0.73 -> top_p=1, whatever is asked",
    ),
    "stream is asked for whole": (
        {POSTED: POSTED.replace("asked,", '{n: v for n, v in asked.items() if n != "stream"},')},
        "stream",
        "lost",
    ),
    "what isn't taken is dropped unasked": (
        {"if untaken and not drop_params:": "if False:"},
        "seed",
        "lost: seed=987654 -> nothing",
    ),
    "what isn't taken is refused in spite of dropping": (
        {"if untaken and not drop_params:": "if untaken:"},
        "seed",
        "raised: raised AdapterError (400)",
    ),
}
"""What is changed, and what becomes of which parameter then."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the example with the baseline of it as it is; modules of changes come beside it."""
    copy = tmp_path_factory.mktemp("gate") / "example"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path, modules = sys.path[:], set(sys.modules)
    with chdir(copy):
        wrote = CliRunner().invoke(main, ["baseline", "update", "our_adapter"])
        assert wrote.exit_code == 0, wrote.output
        yield copy
    sys.path[:] = path
    for name in {name for name in sys.modules if name.startswith("our_adapter")} - modules:
        del sys.modules[name]


def changed(folder: Path, edits: Edits) -> Path:
    """The file of an adapter that differs from the example's in ``edits``, and nothing else."""
    module = f"our_adapter_{next(_numbers)}"
    source = (EXAMPLE / "our_adapter.py").read_text("utf-8")
    for before, after in edits.items():
        assert source.count(before) == 1, before
        source = source.replace(before, after)
    (folder / f"{module}.py").write_text(source, "utf-8")
    importlib.invalidate_caches()
    given = (EXAMPLE / "adapters/our_adapter.toml").read_text("utf-8")
    file = folder / module / "our_adapter.toml"
    file.parent.mkdir()
    file.write_text(given.replace("our_adapter:chat", f"{module}:chat"), "utf-8")
    return file


def run(file: Path, *options: str) -> tuple[Result, list[dict[str, Any]]]:
    """``conformance run`` through the adapter of ``file``, and its results."""
    lines = file.parent / "results.jsonl"
    told = ["--adapters", str(file.parent), "--json", str(lines), *options]
    result = CliRunner().invoke(main, ["run", "--adapter", "our_adapter", *told])
    return result, [json.loads(line) for line in lines.read_text("utf-8").splitlines()]


def news_of(file: Path) -> list[str]:
    """What is news of parameters alone, through the adapter of ``file``."""
    adapter = read(file)
    gate = Gate(
        baseline.read(Path("baselines/our_adapter.toml")),
        Session(Audit(Checks(())), Expectations(adapter.targets), None),
    )
    asking = [one for one in probes().values() if one.suite == PARAMETERS]
    with adapted(adapter) as route:
        asyncio.run(gate.run(route, plan_of(adapter.targets, asking, drops=True), lambda _: None))
    assert not gate.session.problems
    return list(gate.news(adapter.targets, date(2026, 11, 28)))


def test_without_a_change_it_is_green_and_always_says_the_same(folder: Path) -> None:
    (first, before), (second, after) = run(changed(folder, {})), run(changed(folder, {}))
    assert first.exit_code == second.exit_code == 0, first.output
    assert before[1:] == after[1:]
    assert first.output == second.output
    assert not news_of(changed(folder, {}))


@pytest.mark.parametrize("name", BROKEN_RULES)
def test_a_rule_that_is_broken_is_news(folder: Path, name: str) -> None:
    edits, check, probe = BROKEN_RULES[name]
    result, lines = run(changed(folder, edits), "--only", check, "--only", probe)
    found = [one for one in lines if one.get("check") == check and one.get("findings")]
    assert found, f"{check} does not notice"
    assert {(one["target"], one["blame"], one["known"]) for one in found} == {
        (TARGET, "adapter", None)
    }
    assert f"{TARGET} {check}: the adapter's fault" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("name", OTHER_FATES)
def test_another_fate_of_a_parameter_is_news(folder: Path, name: str) -> None:
    edits, parameter, fate = OTHER_FATES[name]
    news = news_of(changed(folder, edits))
    about = f"anthropic/claude-haiku-4-5, {parameter}: was "
    told = [one.partition("; is ")[2] for one in news if one.startswith(about)]
    assert told, news
    assert fate in told[0]
