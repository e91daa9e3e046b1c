"""Where a request may go, and what goes with it: keys stay with the targets they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from conformance.model import Request
from conformance.routes import Unanswered, addressed
from conformance.targets import LOOPBACK, Target


def ready(
    target: Target, request: Request, keys: Mapping[str, str], *, allow_http: bool
) -> Request:
    """``request`` with the target's address and key, if it may be sent at all.

    ``keys`` holds the values of environment variables. Raises Unanswered.
    """
    sent = addressed(target, request, _key(target, keys))
    base, url = _url(target.base_url), _url(sent.url)
    if _origin(url) != _origin(base):
        raise Unanswered(f"{request.url} leads away from {target.base_url}; start it with a slash")
    if base.userinfo:
        raise Unanswered(f"the base URL of {target.provider} holds a password; name it in key")
    if url.scheme == "http" and url.host not in LOOPBACK and not allow_http:
        raise Unanswered(f"{target.base_url} is not encrypted; --allow-http sends it all the same")
    return sent


def proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the environment names for HTTPS. Nothing on this machine needs one.

    Raises Unanswered for one that can't be used.
    """
    if url.scheme != "https" or url.host in LOOPBACK or proxy_bypass(url.host):
        return None
    named = getproxies().get("https")
    if not named:
        return None
    try:
        proxy = httpx.Proxy(named if "://" in named else f"http://{named}")
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        # Not quoted: it may hold a password.
        raise Unanswered("HTTPS_PROXY is no URL of an HTTP proxy; mend it, or set NO_PROXY")
    return proxy


def _key(target: Target, keys: Mapping[str, str]) -> str | None:
    if target.key is None:
        return None
    key = keys.get(target.key, "").strip()
    if not key:
        raise Unanswered(f"set {target.key} to a key of {target.provider}")
    if not (key.isascii() and key.isprintable() and " " not in key):
        # Said here, because the errors of HTTP libraries quote the header.
        raise Unanswered(f"{target.key} holds characters that no key has; set it again")
    return key


def _url(text: str) -> httpx.URL:
    try:
        urlsplit(text)  # which finds other faults
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise Unanswered(f"{text[:200]} is no URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Unanswered(f"{text[:200]} is no URL of a web server")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
