"""The pytest plugin's door: its options, and nothing else until somebody asks for it.

It is loaded wherever the package is installed, so it imports nothing of ours before an option or
``--pyargs conformance`` says that conformance is to be tested. Every option has a prefix: names
like ``--live`` and ``--record`` are other plugins' and people's own, and two owners of a name
would end every one of their runs.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

_SWITCH: Final = {"action": "store_true", "default": False}
_NUMBER: Final = {"type": int, "metavar": "N"}
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "cassettes": {
        "metavar": "DIR",
        "default": "cassettes",
        "help": "Where recordings are.  [default: cassettes]",
    },
    "providers": {
        "metavar": "DIR",
        "help": "Your own provider files (TOML).  [default: providers, if it is there]",
    },
    "level": {
        "choices": ["must", "should", "may"],
        "default": "should",
        "help": "The lowest level to judge.  [default: should]",
    },
    "fail-on": {
        "choices": ["must", "should", "news", "never"],
        "default": "news",
        "help": "What fails: MUST failures nobody knew of (news), or what is known as well "
        "(must, should).  [default: news]",
    },
    "json": {"metavar": "FILE", "help": "Write results as JSON lines, as `conformance run` does."},
    "live": {**_SWITCH, "help": "Ask the providers now; keys come from the environment."},
    "record": {**_SWITCH, "help": "Like live, and write the cassettes."},
    "adapter": {
        "metavar": "NAME",
        "help": "Go through this adapter, offline; a TARGET is one behind it.",
    },
    "adapters": {
        "metavar": "DIR",
        "help": "Your own adapter files (TOML).  [default: adapters, if it is there]",
    },
    "baseline": {
        "metavar": "FILE",
        "help": "What is known of the adapter.  [default: baselines/NAME.toml, if it is there]",
    },
    "base-url": {"metavar": "URL", "help": "Ask this endpoint, without a file for it."},
    "model": {"metavar": "NAME", "help": "The model to ask for there."},
    "api-key-env": {"metavar": "VAR", "help": "The environment variable with its key."},
    "software": {"metavar": "NAME", "help": "What answers, for the record: 'vLLM 0.32.0'."},
    "max-requests": {**_NUMBER, "help": "Live: send no more than N requests."},
    "max-tokens": {**_NUMBER, "help": "Live: spend no more than N tokens."},
    "concurrency": {**_NUMBER, "help": "Live: requests in flight, to each provider."},
    "rpm": {**_NUMBER, "help": "Live: requests a minute, to each provider."},
    "timeout": {"type": float, "metavar": "S", "help": "Live: seconds a request may take."},
    "allow-http": {**_SWITCH, "help": "Live: send keys over plain http, off loopback."},
}
"""Each as ``--conformance-<name>``; they say what those of ``conformance run`` say."""
PACKAGE: Final = "conformance"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; as pytest has it."""
    group = parser.getgroup("conformance", "conformance of OpenAI-compatible LLM APIs")
    group.addoption(
        "--conformance",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="TARGET",
        help="Test what is recorded of TARGET: a provider, provider/model or a glob of it, and "
        "::PROBE if need be; of all targets without one. As often as you like; paths go before it.",
    )
    for name, settings in OPTIONS.items():
        dest = f"conformance_{name.replace('-', '_')}"
        group.addoption(f"--conformance-{name}", dest=dest, **settings)


def pytest_configure(config: pytest.Config) -> None:
    """Start, if this run asks for it."""
    if not _is_asked_for(config):
        return
    from conformance.pytest_plugin import start  # noqa: PLC0415  # only who asks shall pay for it

    start(config)


def _is_asked_for(config: pytest.Config) -> bool:
    options = config.option
    asking = (options.conformance_live, options.conformance_record, options.conformance_adapter)
    return bool(options.conformance or any(asking) or (options.pyargs and PACKAGE in config.args))
