"""Targets: what a provider's file says, what a mistake in one is told, and what a target asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model import Request
from conformance.provider_file import load, read
from conformance.targets import (
    CAPABILITIES,
    OMIT,
    ROOM,
    THINKING,
    BadProvider,
    Known,
    Target,
    endpoint,
    select,
)

SOURCE = """
[source]
url = "https://example.com/docs"
read = 2026-11-21
"""
GOOD = f"""\
title = "Somebody"
base_url = "https://example.com/v1"
key = "SOMEBODY_KEY"
{SOURCE}
[claims]
endpoints = ["chat", "models"]
capabilities = ["stream", "tools"]
parameters = ["temperature"]

[models."small"]

[models."big/thinker"]
capabilities = ["stream"]
limit = "max_completion_tokens"
reasoning = true

[[known]]
check = "chat.response_object"
models = ["sm*", "gone"]
reason = "They say it is so."
since = 2026-11-20
"""
HERE = endpoint("https://example.com/v1", "model", None)


def written(folder: Path, text: str, name: str = "somebody") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


def body(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.body))


class TestFile:
    def test_says_what_each_model_can_do(self, tmp_path: Path) -> None:
        small, big = read(written(tmp_path, GOOD))
        assert (small.name, small.base_url, small.key) == (
            "somebody/small",
            "https://example.com/v1",
            "SOMEBODY_KEY",
        )
        assert small.endpoints == big.endpoints == {"chat", "models"}
        assert small.capabilities == {"stream", "tools"}
        assert big.capabilities == {"stream", "reasoning"}
        assert (small.limit, big.limit) == ("max_tokens", "max_completion_tokens")
        assert (small.concurrency, small.rpm, small.timeout) == (8, None, 60.0)
        assert small.claimed
        assert small.abilities == {"stream", "tools", "key", "wire"}

    def test_keeps_known_failures_with_their_place(self, tmp_path: Path) -> None:
        path = written(tmp_path, GOOD)
        assert read(path)[0].known == read(path)[1].known
        assert read(path)[0].known == (
            Known(
                check="chat.response_object",
                reason="They say it is so.",
                models=("sm*", "gone"),
                since="2026-11-20",
                where=f"{path}:{GOOD[: GOOD.index('[[known]]')].count(chr(10)) + 1}",
                strangers=("gone",),
            ),
        )

    @pytest.mark.parametrize(
        ("before", "after", "at", "said"),
        [
            ('base_url = "https://example.com/v1"\n', "", 'title = "Somebody"', "base_url: give"),
            ("https://example.com/v1", "example.com", "base_url =", "https://api.example.com/v1"),
            ("https://example.com/v1", "https://[::1", "base_url =", "https://api.example.com/v1"),
            ("https://example.com/v1", "http://h:99999/", "base_url =", "base_url: give one"),
            ("com/v1", "com/v1?a=1", "base_url =", "base_url: give one"),
            ("title =", "titel =", "titel =", "titel: unknown here; known are title, base_url, "),
            ("title =", 'capabilities = ["x"]\ntitle =', "capabilities = [", "unknown here"),
            ('"models"]', '"model"]', "endpoints = [", "choose from chat, completions"),
            ('= ["stream"]', '= ["streams"]', 'capabilities = ["streams"]', "choose from json_ob"),
            ('= ["stream"]', '= "stream"', 'capabilities = "stream"', "a list of strings"),
            ('= ["temperature"]', "= 5", "parameters = 5", "a list of strings"),
            ('= ["temperature"]', "= [[1]]", "parameters = [[1]]", "a list of strings"),
            ('[models."small"]', "[models]\nsmall = 1", "small = 1", "make it a table"),
            ("reasoning = true", 'reasoning = "yes"', "reasoning =", "true or false"),
            ("reasoning = true", "thinks = true", "thinks = true", "unknown here"),
            ('key = "SOMEBODY_KEY"', "key = 1", "key = 1", "make it a string"),
            ("[claims]", "[limits]\nrpm = 0\n[claims]", "rpm = 0", "a whole number from 1"),
            ("[claims]", '[limits]\nkey = "a"\n[claims]', 'key = "a"', "unknown here"),
            ("[claims]", "[headers]\nx-a = 1\n[claims]", "x-a = 1", "make it a string"),
            (SOURCE, "", 'title = "Somebody"', "read = 2026-01-31"),
            ("read = 2026-11-21", 'read = "May"', "[source]", "read = 2026-01-31"),
            ('check = "chat.response_object"\n', "", "[[known]]", "needs check = "),
            ('reason = "They say it is so."\n', "", "[[known]]", "needs reason = "),
            ("They say it is so.", "", "reason =", "needs reason = "),
            ('["sm*", "gone"]', '"small"', 'models = "small"', "a list of strings"),
            ("since = 2026-11-20", 'since = "May"', "since =", "since = 2026-01-31"),
            ("since =", 'outcome = "fial"\nsince =', "outcome =", "choose from pass, fail"),
            ("[[known]]", "[known]", "[known]", "[[known]]"),
            ("since =", "sinse =", "sinse =", "unknown here"),
        ],
    )
    def test_a_mistake_is_told_with_file_line_and_fix(
        self, tmp_path: Path, before: str, after: str, at: str, said: str
    ) -> None:
        assert GOOD.count(before) >= 1
        text = GOOD.replace(before, after, 1)
        path = written(tmp_path, text)
        lines = [n for n, line in enumerate(text.splitlines(), 1) if line.startswith(at)]
        with pytest.raises(BadProvider) as told:
            read(path)
        assert str(told.value).startswith(f"{path}:{lines[0]}: ")
        assert said in str(told.value)

    def test_a_mistake_is_looked_for_in_its_own_table(self, tmp_path: Path) -> None:
        text = GOOD + '\n[[known]]\ncheck = "chat.x"\nreason = "y"\noutcome = "bad"\n'
        with pytest.raises(BadProvider, match=rf":{len(text.splitlines())}: outcome: "):
            read(written(tmp_path, text))

    def test_no_models_are_a_mistake(self, tmp_path: Path) -> None:
        with pytest.raises(BadProvider, match=r'name at least one model: \[models\."its-name"\]'):
            read(written(tmp_path, GOOD[: GOOD.index("[models")]))

    @pytest.mark.parametrize(
        ("data", "line", "said"),
        [
            (b"title = 'a'\nbase_url = \n", 2, "this is not TOML"),
            (b"{}", 1, "this is not TOML"),
            (b'title = "a"\n"', 2, "this is not TOML"),
            (b"title = 'a'\n# \xff\n", 2, "save it as UTF-8"),
            (b"a = " + b"[" * 5000, 1, "this is not TOML"),
        ],
    )
    def test_what_is_no_toml_is_told_with_its_line(
        self, tmp_path: Path, data: bytes, line: int, said: str
    ) -> None:
        path = tmp_path / "somebody.toml"
        path.write_bytes(data)
        with pytest.raises(BadProvider) as told:
            read(path)
        assert str(told.value).startswith(f"{path}:{line}: {said}")

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        (tmp_path / "somebody.toml").mkdir()
        with pytest.raises(BadProvider, match=r"somebody\.toml: Is a directory"):
            load([tmp_path])


class TestChoosing:
    def test_a_users_own_file_wins(self, tmp_path: Path) -> None:
        written(tmp_path, GOOD, "openai")
        written(tmp_path, GOOD, "mine")
        found = load([tmp_path])
        assert [t.name for t in found["openai"]] == ["openai/small", "openai/big/thinker"]
        assert "mine/small" in [t.name for t in found["mine"]]
        assert set(load()) | {"mine"} == set(found)
        assert load()["openai"] != found["openai"]

    def test_without_a_folder_there_are_those_shipped(self, tmp_path: Path) -> None:
        assert load([tmp_path / "nowhere"]) == load()

    @pytest.mark.parametrize(
        ("patterns", "chosen"),
        [
            ([], ["a/x", "a/y/z", "b/x", "b/q[1]"]),
            (["a"], ["a/x", "a/y/z"]),
            (["a/x"], ["a/x"]),
            (["*/x"], ["a/x", "b/x"]),
            (["a/y*"], ["a/y/z"]),
            (["b", "a/x", "a"], ["a/x", "a/y/z", "b/x", "b/q[1]"]),
            (["b/q[1]"], ["b/q[1]"]),
        ],
    )
    def test_a_pattern_is_a_provider_a_target_or_a_glob(
        self, patterns: list[str], chosen: list[str]
    ) -> None:
        names = [("a", "x"), ("a", "y/z"), ("b", "x"), ("b", "q[1]")]
        there: dict[str, list[Target]] = {"a": [], "b": []}
        for provider, model in names:
            there[provider].append(Target(provider, model, "https://example.com/v1"))
        assert [target.name for target in select(there, patterns)] == chosen

    def test_a_pattern_that_matches_nothing_is_named(self) -> None:
        with pytest.raises(LookupError) as told:
            select(load(), ["openai", "opnai"])
        assert told.value.args == ("opnai",)


NAMES = st.text(st.characters(codec="utf-8"), max_size=300) | st.text("aA.-_/~ 1", max_size=6)
PLAIN = st.from_regex(r"[a-z0-9][a-z0-9_.~-]{0,100}", fullmatch=True)
RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


def slug(model: str) -> str:
    return Target("p", model, "https://example.com/v1").slug


class TestSlug:
    @given(NAMES | PLAIN)
    def test_is_a_safe_name_on_every_file_system(self, model: str) -> None:
        name = slug(model)
        assert 0 < len(name) <= 100
        assert name == name.lower()
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>|\0 ')
        assert name.isprintable()
        assert name[0] not in ".-~"
        assert name[-1] not in ". "
        assert name.partition(".")[0] not in RESERVED

    @given(NAMES | PLAIN, NAMES | PLAIN)
    def test_differs_where_models_differ(self, one: str, other: str) -> None:
        assert (slug(one) == slug(other)) == (one == other)

    @given(NAMES)
    def test_no_model_has_the_name_that_another_ones_folder_has(self, model: str) -> None:
        assert slug(slug(model)) != slug(model) or slug(model) == model

    @given(st.text("abcABC/:. ", min_size=1, max_size=12))
    def test_upper_and_lower_case_never_meet(self, model: str) -> None:
        others = {model.upper(), model.lower(), model.swapcase(), model.replace("/", "_")}
        assert len({slug(one) for one in others | {model}}) == len(others | {model})

    @pytest.mark.parametrize("model", ["con", "nul.txt", "com1", "NUL", "con.", "aux.x/y", ".."])
    def test_devices_are_no_folders(self, model: str) -> None:
        assert slug(model).partition(".")[0] not in RESERVED
        assert "~" in slug(model)

    @pytest.mark.parametrize("model", ["gpt-4o-mini", "llama3.1-8b", "a", "qwen_2", "v3-250324"])
    def test_a_plain_name_stays(self, model: str) -> None:
        assert slug(model) == model

    def test_no_two_targets_shipped_share_a_folder(self) -> None:
        everything = [t for members in load().values() for t in members]
        folders = [(t.provider.lower(), t.slug) for t in everything]
        assert len(set(folders)) == len(folders)


class TestEndpoint:
    def test_needs_no_file_and_is_asked_everything(self) -> None:
        made = endpoint("http://localhost:8000/v1", "some/model", "KEY")
        assert made.name == "localhost:8000/some/model"
        assert made.capabilities == CAPABILITIES - {"reasoning"}
        assert not made.claimed
        assert made.is_local
        assert "key" in made.abilities
        assert "key" not in endpoint("https://example.com/v1", "m", None).abilities
        assert not endpoint("https://example.com/v1", "m", None).is_local

    @pytest.mark.parametrize(
        "url",
        ["", "example.com/v1", "ftp://h", "http://", "http://[::1", "http://h:99999", "http://h?a"],
    )
    def test_what_is_no_url_is_refused(self, url: str) -> None:
        with pytest.raises(BadProvider, match="is no base URL; give one like https://host/v1"):
            endpoint(url, "m", None)


class TestRequests:
    def test_a_prompt_gets_a_limit_and_temperature_0(self) -> None:
        asked = HERE.chat("Hi.", n=2)
        assert (asked.method, asked.url) == ("POST", "/chat/completions")
        assert body(asked) == {
            "model": "model",
            "messages": [{"role": "user", "content": "Hi."}],
            "max_tokens": ROOM,
            "temperature": 0,
            "n": 2,
        }

    def test_what_is_given_wins_and_what_is_omitted_is_not_sent(self) -> None:
        assert body(HERE.chat("Hi.", max_tokens=5))["max_tokens"] == 5
        assert "max_tokens" not in body(HERE.chat("Hi.", max_completion_tokens=5))
        bare = HERE.chat(messages=[], temperature=OMIT, max_tokens=OMIT)
        assert body(bare) == {"model": "model", "messages": []}
        assert body(HERE.chat("Hi.", temperature=None))["temperature"] is None

    def test_a_model_that_reasons_gets_headroom_and_no_temperature(self) -> None:
        thinks = Target(
            "p",
            "m",
            "https://example.com/v1",
            capabilities=frozenset({"reasoning"}),
            limit="max_completion_tokens",
        )
        assert thinks.room(10) == {"max_completion_tokens": 10 + THINKING}
        asked = body(thinks.chat("Hi."))
        assert asked["max_completion_tokens"] == ROOM + THINKING
        assert not {"temperature", "max_tokens"} & asked.keys()
        assert body(thinks.response("Hi."))["max_output_tokens"] == ROOM + THINKING
        plain = endpoint("https://example.com/v1", "m", None)
        assert plain.room(10) == {"max_tokens": 10}
        assert body(plain.response("Hi."))["max_output_tokens"] == ROOM

    def test_each_endpoint_has_its_own_prompt(self) -> None:
        made = [HERE.completion("a", n=1), HERE.embedding(["a"]), HERE.response("a", store=False)]
        assert [one.url for one in made] == ["/completions", "/embeddings", "/responses"]
        assert body(made[0]) == {
            "model": "model",
            "prompt": "a",
            "temperature": 0,
            "max_tokens": ROOM,
            "n": 1,
        }
        assert body(made[1]) == {"model": "model", "input": ["a"]}
        assert body(made[2])["store"] is False

    def test_bytes_and_headers_go_as_they_are(self) -> None:
        asked = HERE.post("/x", b"{", content_type="text/plain", authorization="")
        assert asked.body == b"{"
        assert list(asked.headers) == [("content-type", "text/plain"), ("authorization", "")]
        assert HERE.get("/models").method == "GET"
        assert HERE.get("/models").body == b""

    @given(st.text(), st.recursive(st.none() | st.text() | st.integers(), st.lists))
    def test_any_value_makes_the_same_utf_8_every_time(self, text: str, value: object) -> None:
        asked = HERE.chat(text, user=value)
        assert asked.body == HERE.chat(text, user=value).body
        assert json.loads(asked.body.decode())["user"] == value

    def test_half_a_surrogate_pair_is_sent_as_an_escape(self) -> None:
        assert rb'"content":"\ud800"' in HERE.chat("\ud800").body


@pytest.mark.parametrize("key", ["sk-abcdef1234567890abcdef", "not a name", "9KEY"])
def test_what_is_no_name_of_a_variable_may_be_a_key_and_is_not_shown(key: str) -> None:
    with pytest.raises(BadProvider, match="never the key itself") as caught:
        endpoint("https://example.com/v1", "m", key)
    assert key not in str(caught.value)
