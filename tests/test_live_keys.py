"""Where a key goes, and where it never goes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from live_server import (
    KEY,
    Asked,
    Server,
    ask,
    at,
    pieces,
    raw,
    run,
    saying,
    serving,
    unused,
)

from conformance.model import Exchange, Headers, Request, Source
from conformance.routes import Unanswered
from conformance.routes.http import Http, Options
from conformance.targets import Target

KEYS = {"HERE_KEY": KEY, "OTHER_KEY": "sk-other-0123456789abcdef0123"}


async def refusal(target: Target, request: Request | None = None, **more: Any) -> str:
    """Why a request is not sent."""
    keys: Mapping[str, str] = more.pop("keys", KEYS)
    async with Http(keys, Options(**more)) as http:
        with pytest.raises(Unanswered) as refused:
            await ask(http, target, request)
    return str(refused.value)


async def sent(request: Request | None = None, **target: Any) -> Asked:
    """What arrives at the server."""
    async with serving(saying(raw(200))) as server, Http(KEYS) as http:
        await ask(http, server.target(**target), request)
        (asked,) = server.asked
        return asked


def test_a_key_is_in_the_one_header_named() -> None:
    asked = run(sent(key="HERE_KEY"))
    assert [name for name, value in asked.headers.items() if KEY in value] == ["authorization"]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in asked.line
    assert KEYS["OTHER_KEY"] not in str(asked.headers)


def test_the_header_may_be_another() -> None:
    asked = run(sent(key="HERE_KEY", key_header="api-key"))
    assert asked.headers["api-key"] == KEY
    assert "authorization" not in asked.headers


def test_no_key_is_sent_where_none_is_named() -> None:
    assert KEY not in str(run(sent()).headers)


def test_nothing_is_added_that_nobody_asked_for() -> None:
    headers = run(sent(headers=Headers([("x-portkey-provider", "openai")]))).headers
    assert set(headers) == {
        *("host", "content-length", "content-type", "accept", "accept-encoding", "user-agent"),
        "x-portkey-provider",
    }


@pytest.mark.parametrize("keys", [{}, {"HERE_KEY": ""}, {"HERE_KEY": " \n"}, {"OTHER_KEY": "x"}])
def test_without_its_key_nothing_is_sent(keys: dict[str, str]) -> None:
    target = Target("lambda", "m", unused(), key="HERE_KEY")
    assert run(refusal(target, keys=keys)) == "set HERE_KEY to a key of lambda"


@pytest.mark.parametrize("key", ["sk-a\nsk-b", "sk-ü-secret", "two words", "sk-\x00nul"])
def test_a_key_that_can_be_none_is_not_shown(key: str) -> None:
    told = run(refusal(Target("p", "m", unused(), key="HERE_KEY"), keys={"HERE_KEY": key}))
    assert "HERE_KEY" in told
    assert key not in told


def test_space_around_a_key_is_left_out() -> None:
    async def story() -> str:
        async with serving(saying(raw(200))) as server, Http({"HERE_KEY": f" {KEY}\n"}) as http:
            await ask(http, server.target(key="HERE_KEY"))
            return server.asked[0].headers["authorization"]

    assert run(story()) == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_the_answer_and_is_not_followed(status: int) -> None:
    async def story() -> tuple[Exchange, Server]:
        async with serving(saying(raw(200))) as elsewhere:
            answer = saying(raw(status, location=f"{elsewhere.url}/v1/steal"))
            async with serving(answer) as server, Http(KEYS) as http:
                (exchange,) = await ask(http, server.target(key="HERE_KEY"))
                assert len(server.asked) == 1
            return exchange, elsewhere

    exchange, elsewhere = run(story())
    assert exchange.response
    assert exchange.response.status == status
    assert not elsewhere.connections


def test_a_cookie_is_not_sent_back() -> None:
    async def story() -> list[Asked]:
        answer = saying(raw(200, set_cookie="session=1; path=/"))
        async with serving(answer) as server, Http(KEYS) as http:
            await ask(http, server.target())
            await ask(http, server.target())
            return server.asked

    assert all("cookie" not in asked.headers for asked in run(story()))


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("https://api.example.com", "@evil.example/v1"),
        ("https://api.example.com", ".evil.example/v1"),
        ("https://api.example.com", ":8443/v1"),
        ("https://api.example.com:1", "2/v1"),
    ],
)
def test_a_path_cannot_lead_a_key_elsewhere(base: str, path: str) -> None:
    target = Target("p", "m", base, key="HERE_KEY")
    told = run(refusal(target, Request("POST", path)))
    assert "leads away from https://api.example.com" in told


@pytest.mark.parametrize(
    "base",
    ["http://api.example.com/v1", "http://localhost.example.com", "http://127.0.0.1.example.com"],
)
def test_plain_http_does_not_leave_this_machine(base: str) -> None:
    told = run(refusal(Target("p", "m", base)))
    assert base in told
    assert "--allow-http" in told


def test_plain_http_may_be_allowed() -> None:
    async def story() -> list[Exchange]:
        options = Options(allow_http=True, retries=0, timeout=0.5)
        async with Http(KEYS, options) as http:
            return await ask(http, at("http://0.0.0.0:1"))

    assert run(story())[0].failure


@pytest.mark.parametrize("base", ["ftp://example.com", "example.com/v1", "https://[", "https://"])
def test_what_is_no_web_address_is_refused(base: str) -> None:
    assert "is no URL" in run(refusal(Target("p", "m", base)))


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    told = run(refusal(Target("p", "m", "https://me:hunter2@example.com/v1")))
    assert "password" in told
    assert "hunter2" not in told


def test_an_override_is_reached_while_the_recording_bears_the_base_url() -> None:
    async def story() -> tuple[Exchange, Asked]:
        async with serving(saying(raw(200))) as server, Http(KEYS) as http:
            target = Target("p", "m", "https://api.example.com/v1", at=f"{server.url}/other")
            (exchange,) = await ask(http, target)
            return exchange, server.asked[0]

    exchange, asked = run(story())
    assert asked.line == "POST /other/chat/completions HTTP/1.1"
    assert exchange.request.url == "https://api.example.com/v1/chat/completions"
    assert exchange.provenance.source == Source.LOCAL


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_https_goes_through_the_proxy_of_the_environment(
    no_proxies: pytest.MonkeyPatch,
) -> None:
    async def story() -> tuple[Asked, Exchange]:
        async with serving(pieces(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n")) as proxy:
            no_proxies.setenv("HTTPS_PROXY", proxy.url)
            async with Http(KEYS, Options(retries=0)) as http:
                target = Target("p", "m", "https://api.example.com/v1", key="HERE_KEY")
                (exchange,) = await ask(http, target)
            return proxy.asked[0], exchange

    asked, exchange = run(story())
    assert asked.line == "CONNECT api.example.com:443 HTTP/1.1"
    assert KEY not in str(asked)
    assert exchange.failure
    assert exchange.failure.kind == "proxy_error"


def test_this_machine_is_reached_without_a_proxy(no_proxies: pytest.MonkeyPatch) -> None:
    no_proxies.setenv("HTTPS_PROXY", unused())
    no_proxies.setenv("HTTP_PROXY", unused())
    no_proxies.setenv("ALL_PROXY", unused())
    assert run(sent()).line.startswith("POST /v1/chat/completions")


def test_tls_on_this_machine_needs_no_proxy_either(no_proxies: pytest.MonkeyPatch) -> None:
    async def story() -> Server:
        async with serving(saying(raw(200))) as proxy, serving(pieces(b"no TLS")) as server:
            no_proxies.setenv("HTTPS_PROXY", proxy.url)
            async with Http({}, Options(retries=0, timeout=0.5)) as http:
                await ask(http, at(server.url.replace("http:", "https:")))
            assert server.connections == 1
            return proxy

    assert run(story()).connections == 0


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://:3128", "what ever:x"])
def test_a_useless_proxy_is_named_before_anything_is_spent(
    no_proxies: pytest.MonkeyPatch, proxy: str
) -> None:
    no_proxies.setenv("HTTPS_PROXY", proxy)
    told = run(refusal(Target("p", "m", "https://api.example.com/v1")))
    assert "HTTPS_PROXY" in told
    assert proxy not in told


def test_two_targets_do_not_mix_their_keys() -> None:
    async def story() -> list[list[Asked]]:
        answer = saying(raw(200))
        async with serving(answer) as one, serving(answer) as two, Http(KEYS) as http:
            asking = [
                ask(http, server.target(provider=key, key=key))
                for server, key in ((one, "HERE_KEY"), (two, "OTHER_KEY"))
                for _ in range(3)
            ]
            await asyncio.gather(*asking)
            return [one.asked, two.asked]

    for asked, key in zip(run(story()), KEYS.values(), strict=True):
        assert {one.headers["authorization"] for one in asked} == {f"Bearer {key}"}
