"""Tries a line of Python with LiteLLM, offline, in a process that nothing was tried in before.

The line is given `litellm`, `os`, and the few words of :class:`Words`. Providers are played by the
stage, which LiteLLM reaches by whatever address it was going to.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import parse_qsl

import httpx

from conformance.adapter_file import SHIPPED, read
from conformance.adapting.function import change, environment
from conformance.jsontext import parse
from conformance.model import Request
from conformance.reference import answer as reference
from conformance.targets import to_json
from conformance.upstream.scripts import Told, told
from conformance.upstream.server import serving
from conformance.upstream.stage import Stage
from conformance.upstream.standin import MODEL
from conformance.upstream.tap import tapped

ADAPTER: Final = read(SHIPPED / "litellm.toml")
HELLO: Final = "Hello, how are you?"
KEYED: Final = (
    "AI21 ANTHROPIC AZURE COHERE HUGGINGFACE LAMBDA LLAMA OPENAI PALM REPLICATE TOGETHERAI"
)
"""The providers whose keys the documents set."""
DEADLINE: Final = 60
"""Seconds that a line may take."""
NO_END: Final = '{"error": "no end", "requests": 0, "words": ""}'
LONGEST: Final = 90
"""Characters of an error's words that are kept."""
LATE: Final = (
    "import sys; say('openai/gpt-4o'); say('anthropic/claude-haiku-4-5'); list(sys.modules)"
)
"""Tells what LiteLLM imports only when it is first asked something."""


class Words:
    """What a line may say besides Python."""

    def __init__(self, stage: Stage, upstream: str) -> None:
        self._stage = stage
        self.f = {"name": "f", "parameters": {"type": "object"}}
        """A function that a model may call."""
        self.upstream = upstream
        """The address of a server that plays the provider as well."""

    def say(self, model: str, text: str = HELLO, **more: Any) -> Any:
        """Ask LiteLLM one thing; what `completion` returns."""
        litellm = importlib.import_module("litellm")
        messages = [{"role": "user", "content": text}]
        return litellm.completion(**{"model": model, "messages": messages} | more)

    def sent(self, model: str, text: str = HELLO, **more: Any) -> Any:
        """Ask LiteLLM one thing; the body of the last POST, whatever the provider made of it."""
        try:
            self.say(model, text, **more)
        except Exception:
            if not self._requests():
                raise
        return _value([one for one in self._requests() if one.method == "POST"][-1])

    def went(self) -> list[str]:
        """The addresses of all requests so far."""
        return [one.url for one in self._requests()]

    def field(self, name: str) -> str | None:
        """A header field of the last request."""
        return self._requests()[-1].headers.get(name)

    def patience(self, model: str, **more: Any) -> float:
        """Ask LiteLLM one thing; the seconds it would have waited for the last answer."""
        seen: list[float] = []
        transport = httpx.HTTPTransport
        answer = transport.handle_request

        def timed(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
            seen.append(request.extensions["timeout"]["read"])
            return answer(self, request)

        with patch.object(transport, "handle_request", timed):
            self.say(model, **more)
        return seen[-1]

    def _requests(self) -> list[Request]:
        return [made.request for made in self._stage.taken()]


@contextmanager
def ready() -> Iterator[None]:
    """LiteLLM imported, and no address or key in the environment but those of the documents.

    What it imports late is imported too, and nothing is called: this process stays one thread, so
    that a copy of it is a fresh start.
    """
    keys = {f"{name}_API_KEY": f"sk-{name.lower()}" for name in KEYED.split()}
    with environment({**ADAPTER.environment, **keys}):
        for name, value in ADAPTER.settings.items():
            change(name, value)
        for name in _tried(LATE)["value"]:
            with suppress(Exception):  # not everything can be imported by its name
                importlib.import_module(name)
        yield


def measured(code: str) -> str:
    """What came of a line, in the words of a table's cell."""
    made = _tried(code)
    if "error" not in made:
        said = repr(made["value"])
    else:
        number = made["requests"]
        sent = "nothing sent" if not number else f"after {number} request{'s' * (number > 1)}"
        said = f"{made['error']}, {sent}: {made['words']}"
    return "`" + said.replace("`", "'").replace("|", "¦") + "`"


def _tried(code: str) -> dict[str, Any]:
    """Run a line in a copy of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(DEADLINE)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.dup2(2, 1)
            with os.fdopen(writer, "w") as pipe:
                json.dump(_outcome(code), pipe, default=repr)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        heard = pipe.read()
    os.waitpid(child, 0)
    made: dict[str, Any] = json.loads(heard or NO_END)
    return made


def _outcome(code: str) -> dict[str, Any]:
    stage = Stage(ADAPTER.side)
    stage.begin("provider", None, _answer)
    with serving(stage) as upstream, tapped(stage, upstream):
        words = Words(stage, upstream)
        names = {name: getattr(words, name) for name in dir(words) if name[0] != "_"}
        names |= {"litellm": importlib.import_module("litellm"), "os": os}
        try:
            return {"value": _run(code, names)}
        except Exception as error:  # noqa: BLE001  # whatever it is, that is what came of it
            status = getattr(error, "status_code", None)
            kind = type(error).__name__ + (f" {status}" if status else "")
            said = " ".join(str(error).split()).removeprefix(f"litellm.{type(error).__name__}: ")
            return {"error": kind, "requests": len(stage.taken()), "words": said[:LONGEST].strip()}


def _run(code: str, names: dict[str, Any]) -> Any:
    """The value of the line's last expression."""
    tree = ast.parse(code)
    last = tree.body.pop()
    if not isinstance(last, ast.Expr):
        raise SyntaxError("a line ends with an expression")  # noqa: TRY004  # of the line, no value
    exec(compile(tree, "line", "exec"), names)  # noqa: S102  # lines of our own document
    return eval(compile(ast.Expression(last.value), "line", "eval"), names)  # noqa: S307  # likewise


def _answer(request: Request, nonce: int) -> Told:
    """A stand-in's answer; OpenAI's text completions are the reference's."""
    if request.url.endswith("/completions") and not request.url.endswith("/chat/completions"):
        body = to_json(_value(request) | {"model": MODEL})
        return Told(reference(replace(request, url="/v1/completions", body=body), nonce))
    return told(request, nonce)


def _value(request: Request) -> Any:
    """A JSON body's value, or a form's fields."""
    document = parse(request.body)
    return dict(parse_qsl(request.body.decode())) if document.error else document.value
