"""An adapter that is a function: called in process, with the far side of each answer kept."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import adapter_functions
import pytest
from through_adapters import BEHIND, ask, function, read, said, send

from conformance import adapter_file
from conformance.adapting import adapted
from conformance.model import RAISED, STRANGER, Evidence, Exchange, Request
from conformance.recognise import recognise
from conformance.replies import ChatCompletion, ChatStream, Raised
from conformance.routes import Call, Unanswered
from conformance.targets import BadProvider


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(adapter_functions, "quiet", False)


@pytest.mark.parametrize("name", ["whole", "whole_aside"])
def test_what_a_function_returns_is_the_answer(name: str) -> None:
    made = ask(function(name))
    reply = recognise(made)
    assert isinstance(reply, ChatCompletion)
    assert reply.answers[0].text == "1, 2, 3"
    assert made.provider == "mine:openai"
    assert made.provenance.lacks == frozenset(Evidence) - {Evidence.FRESH}
    (beyond,) = made.upstream
    assert (beyond.provider, beyond.request.method) == ("openai", "POST")
    assert beyond.request.url == "https://api.openai.com/v1/chat/completions"
    assert json.loads(beyond.request.body) == json.loads(made.request.body)


@pytest.mark.parametrize("name", ["streamed", "streamed_aside"])
def test_what_a_function_yields_is_a_stream(name: str) -> None:
    reply = recognise(ask(function(name), stream=True))
    assert isinstance(reply, ChatStream)
    assert reply.answers[0].text == "1, 2, 3"
    assert reply.exchange.response is not None
    assert reply.exchange.response.body.endswith(b"data: [DONE]\n\n")


def test_an_exception_is_the_error_it_stands_for() -> None:
    made = ask(function("raising"))
    assert isinstance(recognise(made), Raised)
    assert made.response is not None
    assert made.response.status == 429
    assert made.response.headers.get("retry-after") == "7"
    assert "x-trace" not in made.response.headers
    error = {"message": "come again", "type": "Busy", "param": None, "code": "busy"}
    assert said(made) == {"error": error}
    assert made.failure is not None
    assert (made.failure.kind, made.failure.message) == (RAISED, "Busy")


def test_an_exception_without_a_status_is_a_servers() -> None:
    made = ask(function("raising_oddly"))
    assert made.response is not None
    assert made.response.status == 500


def test_what_came_before_an_exception_stays() -> None:
    made = ask(function("raising_midway"), stream=True)
    assert made.response is not None
    assert len(made.response.chunks) == 3
    assert b"come" not in made.response.body
    assert b'"message": "enough"' in made.response.chunks[-1].data
    assert made.failure is not None


def test_none_is_null_where_it_may_be_and_absent_elsewhere() -> None:
    assert said(ask(function("thing"))) == {"content": None, "refusal": None, "odd": "{1}"}


def test_a_function_that_never_returns_is_left() -> None:
    adapter = replace(function("hanging"), timeout=0.2)
    made = ask(adapter)
    assert made.response is None
    assert made.failure is not None
    assert made.failure.kind == "deadline"
    assert "adapter_functions:hanging did not return within 0.2 seconds" in made.failure.message


def test_after_one_that_never_returned_the_next_is_asked() -> None:
    adapter = replace(function("hanging"), timeout=0.2)
    with adapted(adapter) as route:

        async def twice() -> list[Exchange]:
            return [await send(route), await send(route)]

        first, second = asyncio.run(twice())
    assert first.failure == second.failure is not None


def test_settings_are_put_back_between_conversations() -> None:
    with adapted(function("changing", "[settings]\n'adapter_functions.quiet' = false")) as route:

        async def twice() -> list[Any]:
            return [said(await send(route))["quiet"], said(await send(route))["quiet"]]

        assert asyncio.run(twice()) == [False, False]


def test_settings_are_set() -> None:
    adapter = function("changing", "[settings]\n'adapter_functions.quiet' = true")
    assert said(ask(adapter))["quiet"] is True


def test_it_is_told_to_drop_in_each_request_or_once_for_all() -> None:
    dropping = "[dropping]\nmembers = { drop = true }\n"
    adapter = function("changing", f"{dropping}settings = {{ 'adapter_functions.quiet' = true }}\n")
    target = replace(adapter.targets[0], dropping=True)
    each = ask(replace(adapter, targets=(target,)))
    assert "drop" in said(each)["given"]
    assert "drop" not in json.loads(each.request.body), "no client asked for it"
    assert said(each)["quiet"] is False
    assert (each.dropping, each.session.endswith("+dropping")) == (True, True)
    with adapted(adapter, dropping=True) as route:
        once = asyncio.run(send(route))
    assert "drop" not in said(once)["given"]
    assert said(once)["quiet"] is True


def test_nothing_leaves_this_machine() -> None:
    made = ask(function("straying"))
    assert said(made) == {"error": "ConnectionRefusedError"}
    (beyond,) = made.upstream
    assert (beyond.provider, beyond.request.url) == (STRANGER, "//192.0.2.1")


def test_a_host_it_has_no_reason_to_reach_is_a_stranger() -> None:
    made = ask(function("wandering"))
    assert said(made) == {"status": 404}
    assert [beyond.provider for beyond in made.upstream] == [STRANGER]


def test_a_host_beside_is_noted_apart() -> None:
    with adapted(function("strolling", 'side = ["*.test"]')) as route:
        made = asyncio.run(send(route))
        assert (said(made), made.upstream) == ({"status": 404}, ())
        assert route.stage.beside == {"tokens.test"}


def test_the_users_environment_leads_nothing_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    astray = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTPS_PROXY", "https_proxy", "AWS_PROFILE")
    for name in astray:
        monkeypatch.setenv(name, "astray")
    monkeypatch.setenv("MINE", "before")
    before = dict(os.environ)
    seen = said(ask(function("surroundings", "[environment]\nMINE = 'now'\nNEW = 'too'")))
    assert not set(astray) & seen.keys()
    assert (seen["MINE"], seen["NEW"]) == ("now", "too")
    assert dict(os.environ) == before


def test_a_function_takes_chat_completions_only() -> None:
    adapter = function("whole")
    with adapted(adapter) as route, pytest.raises(Unanswered, match="chat completions only"):
        asyncio.run(route.send(Call(adapter.targets[0], "x"), 1, Request("GET", "/models")))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.to.be:found", "install it, or start in its folder: no module named nowhere"),
        ("adapter_functions:none", "has no attribute 'none'"),
    ],
)
def test_a_function_that_is_not_there(name: str, words: str) -> None:
    with pytest.raises(BadProvider, match=words), adapted(read(f'call = "{name}"')):
        pass


def test_a_setting_of_a_module_that_is_not_there() -> None:
    adapter = function("whole", "[settings]\n'nowhere.quiet' = true")
    with pytest.raises(BadProvider, match=r"nowhere\.quiet can't be set"), adapted(adapter):
        pass


@pytest.mark.parametrize("stream", [False, True])
def test_both_bindings_see_the_same(
    monkeypatch: pytest.MonkeyPatch,
    stream: bool,  # noqa: FBT001  # a parameter
) -> None:
    monkeypatch.setattr("conformance.adapting.route.time.time", lambda: 1795857722.0)
    name = "streamed" if stream else "whole"
    tapped = ask(function(name), stream=stream)
    served = ask(function(name), served=True, stream=stream)
    assert tapped.response == served.response
    (near,), (far,) = tapped.upstream, served.upstream
    assert near.request.body == far.request.body
    assert near.response == far.response
    assert (near.provider, near.id) == (far.provider, far.id)
    assert far.request.url == "http://upstream.test/v1/chat/completions"


def test_the_documented_example_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parent.parent / "docs" / "adapters.md").read_text("utf-8")
    module = page.partition("```python\n")[2].partition("```")[0]
    first, second, *_ = (part.partition("```")[0] for part in page.split("```toml\n")[1:])
    (tmp_path / "our_gateway.py").write_text(module)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "our_gateway.toml").write_text(first)
    reply = recognise(ask(adapter_file.read(tmp_path / "our_gateway.toml")))
    assert isinstance(reply, ChatCompletion)
    assert reply.answers[0].text == "1, 2, 3"
    (tmp_path / "started.toml").write_text(second)
    assert adapter_file.read(tmp_path / "started.toml").program is not None


def test_every_member_is_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "adapters.md").read_text("utf-8")
    path = Path("odd.toml")
    for text, member in (("odd = 1", "title"), (BEHIND + "odd = 1", "models")):
        path.write_text(text)
        with pytest.raises(BadProvider, match="known are") as error:
            adapter_file.read(path)
        known = str(error.value).partition("known are ")[2].split(", ")
        assert member in known
        for name in known:
            assert re.search(rf"^\| `\[?{name}\]?` \|", page, re.MULTILINE) or name == "providers"
