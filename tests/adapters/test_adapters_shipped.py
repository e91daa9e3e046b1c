"""The adapters shipped: what their files claim, and that they lead the real ones to the stage."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from real_adapters import absent

from conformance import adapter_file
from conformance.adapter_file import Adapter
from conformance.adapting import Adapted, adapted, identity
from conformance.dialects import meaning
from conformance.model import Exchange
from conformance.recognise import recognise
from conformance.replies import ChatReply, Raised
from conformance.routes import Call
from conformance.targets import BadProvider, Target
from conformance.upstream.stage import HOST

pytestmark = pytest.mark.filterwarnings("ignore")  # what other people's packages warn of

FILES: Final = adapter_file.load()
COLUMNS: Final = frozenset(
    {
        *("temperature", "max_tokens", "top_p", "stream", "stop", "n", "presence_penalty"),
        *("frequency_penalty", "functions", "function_call", "logit_bias", "user"),
        *("response_format", "seed", "tools", "tool_choice", "logprobs", "top_logprobs"),
    }
)
ROWS: Final = {
    "Anthropic": "anthropic",
    "OpenAI": "openai",
    "Azure OpenAI": "azure",
    "Replicate": "replicate",
    "Anyscale": "anyscale",
    "Cohere": "cohere",
    "Huggingface": "huggingface",
    "Openrouter": "openrouter",
    "AI21": "ai21",
    "VertexAI": "vertex_ai",
    "Bedrock": "bedrock",
    "Sagemaker": "sagemaker",
    "TogetherAI": "together_ai",
    "AlephAlpha": "aleph_alpha",
    "Palm": "palm",
    "NLP Cloud": "nlp_cloud",
    "Petals": "petals",
    "Ollama": "ollama",
}
"""The rows of LiteLLM's table, and the providers of its file that they became."""
GONE: Final = {"anyscale", "aleph_alpha", "palm"}
"""Those that LiteLLM no longer knows."""
NO_STREAM: Final = {"nlp_cloud"}
"""Those whose streams LiteLLM 1.110.2 cannot read."""


def shipped(name: str) -> Adapter:
    return adapter_file.read(FILES[name])


LITELLM: Final = shipped("litellm")


def behind(target: Target) -> str:
    return target.provider.partition(":")[2]


@pytest.mark.parametrize("name", FILES)
class TestFile:
    def test_it_says_what_it_reaches(self, name: str) -> None:
        adapter = shipped(name)
        assert adapter.targets
        for target in adapter.targets:
            assert target.parameters <= COLUMNS
            upstream = adapter.upstream_of(target)
            assert bool(upstream.host) is bool(adapter.call)

    def test_it_names_no_place_of_anybodys_machine(self, name: str) -> None:
        assert not re.search(r"/(?:home|root|tmp|work|Users)/", FILES[name].read_text())


def test_every_row_of_the_table_is_there_with_as_many_parameters(seeds: Path) -> None:
    (page,) = (t for t in (p.read_text() for p in seeds.glob("*.txt")) if "| Anyscale |" in t)
    rows = re.findall(r"^\| ([^|]+) \|((?: ✅ \|)+)", page, re.MULTILINE)
    assert [name for name, _ in rows] == list(ROWS)
    documented = {behind(target): target.parameters for target in LITELLM.targets}
    for name, ticks in rows:
        assert len(documented[ROWS[name]]) == ticks.count("✅"), name


def test_the_parameters_of_lambdas_page_are_there(seeds: Path) -> None:
    (page,) = (t for t in (p.read_text() for p in seeds.glob("*.txt")) if "LAMBDA_API_KEY" in t)
    for name in ("litellm", "litellm_proxy", "portkey"):
        target = next(t for t in shipped(name).targets if behind(t) == "lambda_ai")
        assert len(target.parameters) == 14
        assert all(re.search(rf"`{parameter}`", page) for parameter in target.parameters)


def ask(route: Adapted, target: Target, *, stream: bool = False) -> Exchange:
    asked = target.chat("Count from 1 to 3.", **({"stream": True} if stream else {}))
    (made,) = asyncio.run(route.send(Call(target, "chat.basic"), 1, asked))
    return made


def host(beyond: Exchange) -> str:
    return urlsplit(beyond.request.url).hostname or ""


def text(made: Exchange) -> str:
    reply = recognise(made)
    assert isinstance(reply, ChatReply), made.response
    return reply.answers[0].text


@dataclass(frozen=True)
class Asked:
    """What came of one prompt: answered where the adapter speaks to, and led to a server."""

    near: Exchange
    far: Exchange
    stream: Exchange


@pytest.fixture(scope="module")
def sdk() -> dict[str, Asked]:
    """What the LiteLLM SDK made of one prompt, by target."""
    if not (importlib.util.find_spec("litellm") is not None):
        absent("LiteLLM is not installed")
    with adapted(LITELLM) as route:
        near = [ask(route, target) for target in LITELLM.targets]
        streams = [ask(route, target, stream=True) for target in LITELLM.targets]
    with adapted(LITELLM, served=True) as route:
        far = [ask(route, target) for target in LITELLM.targets]
    asked = map(Asked, near, far, streams)
    return dict(zip([target.name for target in LITELLM.targets], asked, strict=True))


ALIVE: Final = [target for target in LITELLM.targets if behind(target) not in GONE]
DEAD: Final = [target for target in LITELLM.targets if behind(target) in GONE]
every = partial(pytest.mark.parametrize, "target", ids=lambda target: target.name)


class TestSdk:
    @every(ALIVE)
    def test_it_reaches_its_provider_and_nobody_else(
        self, sdk: dict[str, Asked], target: Target
    ) -> None:
        made = sdk[target.name].near
        assert text(made) == "1, 2, 3"
        upstream = LITELLM.upstream_of(target)
        assert made.upstream
        for beyond in made.upstream:
            assert beyond.provider == upstream.provider
            assert fnmatchcase(host(beyond), upstream.host or "")

    @every(ALIVE)
    def test_led_to_the_stage_it_sends_the_same(
        self, sdk: dict[str, Asked], target: Target
    ) -> None:
        near, far = sdk[target.name].near, sdk[target.name].far
        assert text(far) == "1, 2, 3"
        assert [x.request.body for x in far.upstream] == [x.request.body for x in near.upstream]
        moved = LITELLM.upstream_of(target).moved is not None
        assert ({host(beyond) for beyond in far.upstream} == {HOST}) is moved

    @every(ALIVE)
    def test_it_streams(self, sdk: dict[str, Asked], target: Target) -> None:
        made = sdk[target.name].stream
        broken = behind(target) in NO_STREAM
        assert (made.failure is not None) is broken
        # SageMaker's stream tells the token that ends a text as well.
        assert broken or text(made).removesuffix("</s>") == "1, 2, 3"

    @every(DEAD)
    def test_what_is_gone_says_so_and_sends_nothing(
        self, sdk: dict[str, Asked], target: Target
    ) -> None:
        made = sdk[target.name].near
        assert isinstance(recognise(made), Raised)
        assert made.response is not None
        assert b"LLM Provider NOT provided" in made.response.body
        assert made.upstream == ()

    def test_it_says_which_it_is(self, sdk: dict[str, Asked]) -> None:
        software = sdk[ALIVE[0].name].near.provenance.software
        assert re.fullmatch(r"LiteLLM SDK \d+\.\d+\.\d+\S*", software or "")
        assert re.fullmatch(r"[0-9a-f]{64}", identity.fingerprint(LITELLM) or "")


def proxy_is_there() -> bool:
    """Whether ``litellm`` is on the PATH, and can serve."""
    if not shutil.which("litellm") or not shutil.which("python"):
        return False
    parts = (
        "import importlib.util as i; i.find_spec('apscheduler') and i.find_spec('fastapi') or 1/0"
    )
    run = subprocess.run(["python", "-c", parts], check=False, capture_output=True)  # noqa: S603, S607  # that on the PATH
    return run.returncode == 0


@pytest.fixture(scope="module", params=["litellm_proxy", "portkey"])
def server(request: pytest.FixtureRequest) -> Iterator[Adapted]:
    """A gateway that was started."""
    if request.param == "portkey":
        if "CONFORMANCE_PORTKEY" not in os.environ:
            absent("CONFORMANCE_PORTKEY names no gateway")
    elif not (proxy_is_there()):
        absent("no litellm on the PATH that can serve")
    with adapted(shipped(request.param)) as route:
        yield route


class TestServers:
    def test_it_passes_on_what_it_is_asked_and_told(self, server: Adapted) -> None:
        for target in server.adapter.targets:
            for stream in (False, True):
                made = ask(server, target, stream=stream)
                assert text(made) == "1, 2, 3"
                (beyond,) = made.upstream
                assert beyond.provider == behind(target)
                told = meaning(beyond)
                assert told is not None
                assert told.text == "1, 2, 3"

    def test_it_says_which_it_is(self, server: Adapted) -> None:
        software = identity.software(server.adapter)
        assert re.fullmatch(rf"{server.adapter.title} \d+\.\d+\.\d+\S*", software)


def test_a_gateway_that_is_nowhere_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONFORMANCE_PORTKEY", raising=False)
    with pytest.raises(BadProvider, match="set CONFORMANCE_PORTKEY"), adapted(shipped("portkey")):
        pass
