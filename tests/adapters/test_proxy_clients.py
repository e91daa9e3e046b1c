"""Three kinds of client in front of LiteLLM's Proxy, set up and asked as its documents show it."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from real_adapters import absent

from conformance import adapter_file
from conformance.adapting.function import environment
from conformance.adapting.program import running
from conformance.model import Request
from conformance.upstream.server import serving
from conformance.upstream.stage import Stage

pytestmark = pytest.mark.filterwarnings("ignore")  # what other people's packages warn of

KEY: Final = "your-proxy-api-key"
POEM: Final = "Write a short poem about AI."
TEXT: Final = "I am a reference model: my answers are short, plain and always the same."
KEYS: Final = {"LAMBDA_API_KEY": "sk-lambda", "LLAMA_API_KEY": "sk-llama"}
CONFIG: Final = """
model_list:
  - model_name: llama-8b
    litellm_params:
      model: lambda_ai/llama3.1-8b-instruct
      api_key: os.environ/LAMBDA_API_KEY
      api_base: {upstream}/lambda_ai/v1
  - model_name: deepseek-70b
    litellm_params:
      model: lambda_ai/deepseek-llama3.3-70b
      api_key: os.environ/LAMBDA_API_KEY
      api_base: {upstream}/lambda_ai/v1
  - model_name: hermes-405b
    litellm_params:
      model: lambda_ai/hermes3-405b
      api_key: os.environ/LAMBDA_API_KEY
      api_base: {upstream}/lambda_ai/v1
  - model_name: qwen-coder
    litellm_params:
      model: lambda_ai/qwen25-coder-32b-instruct
      api_key: os.environ/LAMBDA_API_KEY
      api_base: {upstream}/lambda_ai/v1
  - model_name: meta_llama/Llama-3.3-70B-Instruct
    litellm_params:
      model: meta_llama/Llama-3.3-70B-Instruct
      api_key: os.environ/LLAMA_API_KEY
      api_base: {upstream}/meta_llama/v1
  - model_name: meta_llama/Llama-3.3-8B-Instruct
    litellm_params:
      model: meta_llama/Llama-3.3-8B-Instruct
      api_key: os.environ/LLAMA_API_KEY
      api_base: {upstream}/meta_llama/v1
"""
"""Both documents' config.yaml, led to the stage."""
MODELS: Final = {
    "llama-8b": ("llama3.1-8b-instruct", "sk-lambda"),
    "qwen-coder": ("qwen25-coder-32b-instruct", "sk-lambda"),
    "meta_llama/Llama-3.3-70B-Instruct": ("Llama-3.3-70B-Instruct", "sk-llama"),
    "meta_llama/Llama-3.3-8B-Instruct": ("Llama-3.3-8B-Instruct", "sk-llama"),
}
"""What each is called upstream, and the key that is shown there."""
ONE: Final = "meta_llama/Llama-3.3-70B-Instruct"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy and what lies behind it."""

    origin: str
    stage: Stage

    def asked(self) -> Request:
        """The one request that was sent on."""
        (made,) = self.stage.taken()
        return made.request


@dataclass(frozen=True, slots=True)
class Told:
    """What a client made of an answer: its text, and what it calls the model."""

    text: str
    model: str


Client = Callable[..., Told]


def can_serve() -> bool:
    """Whether the litellm on the PATH has what its extra ``proxy`` installs."""
    if not shutil.which("litellm") or not shutil.which("python"):
        return False
    parts = (
        "import importlib.util as i; i.find_spec('apscheduler') and i.find_spec('fastapi') or 1/0"
    )
    ran = subprocess.run(["python", "-c", parts], check=False, capture_output=True)  # noqa: S603, S607  # that on the PATH
    return ran.returncode == 0


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """The proxy as the shipped file starts it, with the documents' config.yaml."""
    if not can_serve():
        absent("no litellm on the PATH that can serve")
    shipped = adapter_file.read(adapter_file.load()["litellm_proxy"])
    assert shipped.program
    program = replace(shipped.program, files={"config.yaml": CONFIG})
    stage = Stage()
    surroundings = {**shipped.environment, **KEYS, "LITELLM_MASTER_KEY": KEY}
    with (
        serving(stage) as upstream,
        environment(surroundings),
        running(program, {"upstream": upstream}) as base_url,
    ):
        yield Proxy(base_url.removesuffix("/v1"), stage)


@pytest.fixture(autouse=True)
def _fresh(proxy: Proxy) -> None:
    proxy.stage.begin("lambda_ai or meta_llama", None)


def by_openai(base_url: str, model: str, *, stream: bool = False, key: str = KEY) -> Told:
    client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0)
    messages: Any = [{"role": "user", "content": POEM}]
    if not stream:
        whole = client.chat.completions.create(model=model, messages=messages)
        return Told(whole.choices[0].message.content or "", whole.model)
    text, called = "", ""
    for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
        if chunk.choices[0].delta.content is not None:
            text, called = text + chunk.choices[0].delta.content, chunk.model
    return Told(text, called)


def by_litellm(base_url: str, model: str, *, stream: bool = False, key: str = KEY) -> Told:
    try:
        litellm = importlib.import_module("litellm")
    except ModuleNotFoundError:
        absent("litellm is not installed")
    asked = {"model": f"litellm_proxy/{model}", "messages": [{"role": "user", "content": POEM}]}
    reached = {"api_base": base_url, "api_key": key}
    if not stream:
        whole = litellm.completion(**asked, **reached)
        return Told(whole.choices[0].message.content, whole.model)
    text, called = "", ""
    for chunk in litellm.completion(**asked, **reached, stream=True):
        if hasattr(chunk.choices[0], "delta") and chunk.choices[0].delta.content is not None:
            text, called = text + chunk.choices[0].delta.content, chunk.model
    return Told(text, called)


def by_http(base_url: str, model: str, *, stream: bool = False, key: str = KEY) -> Told:
    asked = {"model": model, "messages": [{"role": "user", "content": POEM}]}
    answer = httpx.post(
        f"{base_url}/chat/completions",
        headers={"Authorization": f"Bearer {key}"},
        json=asked | ({"stream": True} if stream else {}),
        trust_env=False,
        timeout=30,
    )
    answer.raise_for_status()
    if not stream:
        whole = answer.json()
        return Told(whole["choices"][0]["message"]["content"], whole["model"])
    *events, done = [line for line in answer.text.splitlines() if line]
    assert done == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    return Told(
        "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks),
        chunks[0]["model"],
    )


CLIENTS: Final = {"OpenAI SDK": by_openai, "LiteLLM SDK": by_litellm, "HTTP": by_http}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", ["", "/v1"], ids=["bare", "v1"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_every_client_gets_the_text(
    proxy: Proxy, client: Client, model: str, path: str, *, stream: bool
) -> None:
    assert client(proxy.origin + path, model, stream=stream).text == TEXT
    asked, (known_as, key) = proxy.asked(), MODELS[model]
    body = json.loads(asked.body)
    assert urlsplit(asked.url).path == "/v1/chat/completions"
    assert asked.headers.get("authorization") == f"Bearer {key}"
    assert body["model"] == known_as
    assert body["messages"] == [{"role": "user", "content": POEM}]
    assert body.get("stream", False) is stream


@pytest.mark.parametrize(
    ("client", "stream", "called"),
    [
        (by_openai, False, ONE),
        (by_openai, True, ONE),
        (by_http, False, ONE),
        (by_http, True, ONE),
        (by_litellm, False, f"litellm_proxy/{ONE}"),
        (by_litellm, True, ONE),
    ],
)
def test_the_model_is_called_as_the_client_called_it(
    proxy: Proxy, client: Client, called: str, *, stream: bool
) -> None:
    assert client(proxy.origin, ONE, stream=stream).model == called


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_provider_is_asked_for_usage_that_only_a_stream_lacks(
    proxy: Proxy, *, stream: bool
) -> None:
    by_http(proxy.origin, ONE, stream=stream)
    options = json.loads(proxy.asked().body).get("stream_options")
    assert options == ({"include_usage": True} if stream else None)


def posted(proxy: Proxy, **body: Any) -> httpx.Response:
    """What comes of a request that asks as the documents' cURL does."""
    asked = {"messages": [{"role": "user", "content": POEM}]} | body
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{proxy.origin}/v1/chat/completions"
    return httpx.post(url, headers=headers, json=asked, trust_env=False, timeout=60)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize(
    ("model", "key", "said"),
    [("nobody/knows-it", KEY, "Invalid model name"), (ONE, "sk-another", "No connected db.")],
    ids=["model", "key"],
)
def test_an_unknown_key_is_as_bad_a_request_as_an_unknown_model(
    proxy: Proxy, client: Client, model: str, key: str, said: str
) -> None:
    with pytest.raises((openai.APIStatusError, httpx.HTTPStatusError)) as caught:
        client(proxy.origin, model, key=key)
    error: Any = caught.value
    response: httpx.Response = error.response
    assert response.status_code == 400
    if client is not by_litellm:  # whose errors don't keep the body
        assert said in response.text
    assert proxy.stage.taken() == ()


def test_only_a_missing_key_is_unauthorised(proxy: Proxy) -> None:
    answer = httpx.post(f"{proxy.origin}/v1/chat/completions", json={"model": ONE}, trust_env=False)
    assert answer.status_code == 401


def test_what_the_sdk_loses_the_proxy_loses(proxy: Proxy) -> None:
    form = {"type": "json_object"}
    assert posted(proxy, model=ONE, user="u-1", response_format=form).is_success
    assert json.loads(proxy.asked().body).keys() == {"model", "messages"}


def test_a_rate_limit_is_asked_three_times_and_its_wait_is_not_told(proxy: Proxy) -> None:
    script = [{"role": "user", "content": "[[upstream: status 429, retry-after 1]]"}]
    answer = posted(proxy, model="hermes-405b", messages=script)
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
    assert len(proxy.stage.taken()) == 3


def test_a_key_refused_upstream_takes_the_model_from_everybody_for_a_while(proxy: Proxy) -> None:
    script = [{"role": "user", "content": "[[upstream: status 401]]"}]
    assert posted(proxy, model="deepseek-70b", messages=script).status_code == 401
    answer = posted(proxy, model="deepseek-70b")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert answer.json()["error"]["type"] == "all_deployments_in_cooldown"
    assert len(proxy.stage.taken()) == 1
