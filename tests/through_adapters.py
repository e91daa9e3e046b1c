"""Asking through an adapter whose file is written here."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from conformance import adapter_file
from conformance.adapter_file import Adapter
from conformance.adapting import Adapted, adapted
from conformance.model import Exchange
from conformance.routes import Call

PROGRAM = Path(__file__).parent / "adapter_program.py"
BEHIND = """
[providers.openai]
models = ["gpt-4o"]
host = "api.openai.com"
moved = { base = "{upstream}/v1/chat/completions" }
headers = { x-led = "{upstream}" }
"""


def read(text: str) -> Adapter:
    """The adapter ``mine``; its file is in the current folder."""
    path = Path("mine.toml")
    path.write_text(text + BEHIND)
    return adapter_file.read(path)


def function(name: str, more: str = "") -> Adapter:
    """One of ``adapter_functions``."""
    return read(f'call = "adapter_functions:{name}"\n{more}')


def server(more: str = "", ready: int = 200) -> Adapter:
    """The program ``adapter_program``; asked whether it is ready, it answers with that status."""
    config = f'{{"base": "{{upstream}}/openai", "ready": {ready}}}'
    return read(
        f"""
        start = "{sys.executable} {PROGRAM} {{port}}"
        {more}
        [files]
        "config.json" = '{config}'
        """
    )


async def send(route: Adapted, prompt: str = "Count to 3.", **more: Any) -> Exchange:
    """One conversation of one request."""
    (target,) = route.adapter.targets
    call = Call(target, "chat.basic")
    (made,) = await route.send(call, 1, target.chat(prompt, **more))
    assert route.close(call) == []
    return made


def ask(adapter: Adapter, *, served: bool = False, **more: Any) -> Exchange:
    """The same, through an adapter that is there for this alone."""
    with adapted(adapter, served=served) as route:
        return asyncio.run(send(route, **more))


def said(exchange: Exchange) -> Any:
    """The JSON that came back."""
    assert exchange.response is not None
    return json.loads(exchange.response.body)
