"""The providers shipped: every file says where its claims are from and claims only what exists."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from conformance import provider_file, targets

FILES: Final = sorted(provider_file.SHIPPED.glob("*.toml"))
SHIPPED_HERE: Final = """
anthropic azure_openai cerebras cohere dashscope deepinfra deepseek fireworks gemini groq
huggingface lambda_ai lambda_chat lmstudio localai meta_llama minimax mistral moonshot nvidia
ollama openai openrouter perplexity sambanova sglang tgi together xai zai
"""
# What OpenAI's specification of 2026-08-21 lets a request have, less what makes the request itself:
# model, messages, prompt and input.
PARAMETERS: Final = {
    "chat": """
        audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens
        max_tokens metadata modalities moderation n parallel_tool_calls prediction presence_penalty
        prompt_cache_key prompt_cache_options prompt_cache_retention reasoning_effort
        response_format safety_identifier seed service_tier stop store stream stream_options
        temperature tool_choice tools top_logprobs top_p user verbosity web_search_options
        """,
    "completions": """
        best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop
        stream stream_options suffix temperature top_p user
        """,
    "embeddings": "dimensions encoding_format user",
    "models": "",
    "responses": """
        background context_management conversation include instructions max_output_tokens
        max_tool_calls metadata moderation parallel_tool_calls previous_response_id
        prompt_cache_key prompt_cache_options prompt_cache_retention reasoning safety_identifier
        service_tier store stream stream_options temperature text tool_choice tools top_logprobs
        top_p truncation user
        """,
}
ENDPOINTS: Final = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/models": "models",
    "/responses": "responses",
}


@cache
def table(provider: str) -> dict[str, Any]:
    text = (provider_file.SHIPPED / f"{provider}.toml").read_text("utf-8")
    return tomllib.loads(text)


def target(provider: str, model: str) -> targets.Target:
    found = provider_file.read(provider_file.SHIPPED / f"{provider}.toml")
    return next(t for t in found if t.model == model)


def document(seeds: Path, phrase: str) -> str:
    """The one document that has this phrase."""
    texts = [path.read_text("utf-8") for path in sorted(seeds.glob("*.txt"))]
    (found,) = [text for text in texts if phrase in text]
    return found


def test_all_are_there() -> None:
    assert set(SHIPPED_HERE.split()) <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestFile:
    def test_the_loader_reads_every_model(self, path: Path) -> None:
        models = table(path.stem)["models"]
        assert [t.model for t in provider_file.read(path)] == list(models)

    def test_it_says_where_its_claims_are_from(self, path: Path) -> None:
        source = table(path.stem)["source"]
        assert urlsplit(source["url"]).scheme == "https"
        assert date(2024, 1, 1) <= source["read"] <= date.today()  # noqa: DTZ011  # as the file does
        assert isinstance(source["verified"], bool)
        assert table(path.stem)["title"]

    def test_only_this_machine_is_asked_in_the_clear(self, path: Path) -> None:
        url = urlsplit(table(path.stem)["base_url"])
        assert url.scheme == "https" or url.hostname in targets.LOOPBACK
        assert not url.path.endswith("/")
        assert not url.username

    def test_a_key_is_only_ever_named(self, path: Path) -> None:
        provider = table(path.stem)
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", provider.get("key", "A"))
        assert not {"authorization", "api-key", "x-api-key"} & {
            name.lower() for name in provider.get("headers", {})
        }

    def test_claims_are_of_known_names_each_once(self, path: Path) -> None:
        known = {"endpoints": targets.ENDPOINTS, "capabilities": targets.CAPABILITIES}
        known["parameters"] = frozenset(" ".join(PARAMETERS.values()).split())
        provider = table(path.stem)
        assert set(provider["claims"]) == set(known)
        for owner in (provider["claims"], *provider["models"].values()):
            for kind in known.keys() & owner.keys():
                assert set(owner[kind]) <= known[kind]
                assert len(set(owner[kind])) == len(owner[kind])

    def test_a_model_claims_no_parameter_that_none_of_its_endpoints_has(self, path: Path) -> None:
        for each in provider_file.read(path):
            assert each.endpoints
            possible = {name for e in each.endpoints for name in PARAMETERS[e].split()}
            assert each.parameters <= possible, each.model

    def test_an_embedding_model_neither_talks_nor_sees(self, path: Path) -> None:
        for each in provider_file.read(path):
            if not each.endpoints & {"chat", "completions", "responses"}:
                assert not each.capabilities


class TestLambdaAI:
    """What LiteLLM's page says of it, word for word."""

    def test_models_and_how_much_they_read(self, seeds: Path) -> None:
        text = document(seeds, "url: https://docs.litellm.ai/docs/providers/lambda_ai\n")
        rows = re.findall(r"`lambda_ai/([^`]+)`[^`]*?(8,192|16,384|131,072) tokens", text)
        said = {name: int(context.replace(",", "")) for name, context in rows}
        assert len(said) == 19
        models = table("lambda_ai")["models"]
        assert {name: model["context"] for name, model in models.items()} == said

    def test_no_model_is_missed(self, seeds: Path) -> None:
        text = document(seeds, "url: https://docs.litellm.ai/docs/providers/lambda_ai\n")
        used = set(re.findall(r"\blambda_ai/([\w.-]+)", text))
        assert used == set(table("lambda_ai")["models"])

    def test_parameters(self, seeds: Path) -> None:
        text = document(seeds, "url: https://docs.litellm.ai/docs/providers/lambda_ai\n")
        _, _, section = text.partition("## Supported OpenAI Parameters")
        said = re.findall(r"^- `(\w+)`$", section, re.MULTILINE)
        assert len(said) == 14
        assert table("lambda_ai")["claims"]["parameters"] == said

    def test_address_and_key(self, seeds: Path) -> None:
        text = document(seeds, "url: https://docs.litellm.ai/docs/providers/lambda_ai\n")
        assert f"Base URL`{table('lambda_ai')['base_url']}`" in text
        assert f'os.environ["{table("lambda_ai")["key"]}"]' in text

    def test_every_model_has_tools_and_one_sees(self, seeds: Path) -> None:
        text = document(seeds, "url: https://docs.litellm.ai/docs/providers/lambda_ai\n")
        assert "Lambda AI models support function calling" in text
        _, _, section = text.partition("### Vision Models")
        sees = set(re.findall(r"`lambda_ai/([^`]+)`", section.partition("###")[0]))
        for name in table("lambda_ai")["models"]:
            capabilities = target("lambda_ai", name).capabilities
            assert {"stream", "tools"} <= capabilities
            assert ("vision" in capabilities) == (name in sees)


class TestLambdaChat:
    """What Lambda's own two pages say."""

    def test_models(self, seeds: Path) -> None:
        page = document(seeds, "description: Using the Lambda Chat Completions API\n")
        older = document(seeds, "description: Using the Lambda Chat API\n")
        said = set(re.findall(r"^- `([^`/]+)`$", page, re.MULTILINE))
        assert len(said) == 12
        said |= set(re.findall(r"Model\(id='([^']+)'", page))
        listed = r'"id": "([^"]+)",\s+"object": "model",'
        said |= set(re.findall(listed, page)) | set(re.findall(listed, older))
        said |= set(re.findall(r'"model": "([^"<]+)"', page + older))
        assert set(table("lambda_chat")["models"]) == said

    def test_how_much_the_older_page_s_model_reads(self, seeds: Path) -> None:
        older = document(seeds, "description: Using the Lambda Chat API\n")
        (length,) = re.findall(r'"max_model_len": (\d+)', older)
        models = table("lambda_chat")["models"]
        assert models["meta-llama/Meta-Llama-3.1-8B-Instruct"]["context"] == int(length)

    def test_endpoints_and_address(self, seeds: Path) -> None:
        page = document(seeds, "description: Using the Lambda Chat Completions API\n")
        said = re.findall(r"^- \[.*\]\(#.*\) \(`(/[\w/]+)`\)$", page, re.MULTILINE)
        assert table("lambda_chat")["claims"]["endpoints"] == [ENDPOINTS[path] for path in said]
        assert f'openai_api_base = "{table("lambda_chat")["base_url"]}"' in page

    def test_parameters_shown(self, seeds: Path) -> None:
        page = document(seeds, "description: Using the Lambda Chat Completions API\n")
        shown = set(re.findall(r"^ {6}(\w+)=", page, re.MULTILINE)) - {"prompt", "model"}
        assert set(table("lambda_chat")["claims"]["parameters"]) == shown


class TestMetaLlama:
    """What LiteLLM's page says of it."""

    def test_models_how_much_they_read_and_which_see(self, seeds: Path) -> None:
        text = document(seeds, "# Meta Llama\n")
        row = re.compile(r"^\| `([^`]+)` \| (\d+)k \| \d+ \| ([^|]+) \| Text \|$", re.MULTILINE)
        said = {name: (int(k) * 1000, "Image" in kinds) for name, k, kinds in row.findall(text)}
        assert len(said) == 4
        models = table("meta_llama")["models"]
        assert said == {
            name: (model["context"], "vision" in target("meta_llama", name).capabilities)
            for name, model in models.items()
        }

    def test_endpoints_and_key(self, seeds: Path) -> None:
        text = document(seeds, "# Meta Llama\n")
        (row,) = re.findall(r"^\| Supported Endpoints \| (.+) \|$", text, re.MULTILINE)
        said = [ENDPOINTS[path] for path in re.findall(r"`([^`]+)`", row)]
        assert table("meta_llama")["claims"]["endpoints"] == said
        assert f'os.environ["{table("meta_llama")["key"]}"]' in text

    def test_parameters_shown(self, seeds: Path) -> None:
        text = document(seeds, "# Meta Llama\n")
        shown = set(re.findall(r"\b(\w+)=(?:True|[\d.]+)\b", text))
        assert set(table("meta_llama")["claims"]["parameters"]) == shown
