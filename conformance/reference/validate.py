"""Parameter by parameter: the types and ranges the reference server insists on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.reference.errors import (
    invalid,
    unknown,
    unsupported,
    wrong_length,
    wrong_range,
    wrong_type,
    wrong_value,
)

Check = Callable[[str, object], None]
"""Raises ApiError when the named parameter's value, never null, is not acceptable."""

SEED_LIMIT = 2**63
STOPS = 4
ID_DIGITS = 9
STREAM_OPTIONS = ("include_usage", "include_obfuscation")


def accepted(body: Mapping[str, Any], table: Mapping[str, Check]) -> dict[str, Any]:
    """The members of ``body`` that are not null, all of them checked.

    An explicit null means the same as leaving the member out. Raises ApiError.
    """
    for name in body:
        if name not in table:
            raise unknown(name)
    given = {name: value for name, value in body.items() if value is not None}
    for name, value in given.items():
        table[name](name, value)
    if "stream_options" in given and not given.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise invalid(message, "stream_options")
    return given


def anything(_name: str, _value: object) -> None:
    """No check: somebody else looks at this one."""


def refused(name: str, _value: object) -> None:
    """Only other models have this parameter."""
    raise unsupported(name)


def boolean(name: str, value: object) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong_type(name, "a boolean", value)


def text(name: str, value: object) -> None:
    """A string."""
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value)


def one_of(*supported: str) -> Check:
    """One of these strings."""

    def check(name: str, value: object) -> None:
        text(name, value)
        if value not in supported:
            raise wrong_value(name, value, supported)

    return check


def integer(low: int, high: int | None = None) -> Check:
    """A whole number in this range, ends included."""

    def check(name: str, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(name, "an integer", value)
        _within(name, value, low, high)

    return check


def decimal(low: float, high: float) -> Check:
    """A number in this range, ends included; 1 is as good as 1.0."""

    def check(name: str, value: object) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong_type(name, "a decimal", value)
        _within(name, value, float(low), float(high))

    return check


def stop(name: str, value: object) -> None:
    """A string, or up to four of them, none of them empty."""
    many = value if isinstance(value, list) else [value]
    if len(many) > STOPS:
        raise wrong_length(name, "array", len(many), STOPS, above=True)
    for one in many:
        text(name, one)
        if not one:
            raise wrong_length(name, "string", 0, 1, above=False)


def stream_options(name: str, value: object) -> None:
    """An object of the two known switches."""
    for key, switch in mapping(name, value).items():
        if key not in STREAM_OPTIONS:
            raise unknown(f"{name}.{key}")
        if switch is not None:
            boolean(f"{name}.{key}", switch)


def metadata(name: str, value: object) -> None:
    """At most 16 pairs of strings, keys up to 64 and values up to 512 characters long."""
    pairs = mapping(name, value)
    if len(pairs) > 16:  # noqa: PLR2004  # the docstring says what it is
        raise wrong_length(name, "object", len(pairs), 16, above=True)
    for key, member in pairs.items():
        text(f"{name}.{key[:64]}", member)
        for part, limit in ((key, 64), (member, 512)):
            if len(part) > limit:
                raise wrong_length(f"{name}.{key[:64]}", "string", len(part), limit, above=True)


def logit_bias(name: str, value: object) -> None:
    """Token ids, as strings of digits, with a bias from -100 to 100."""
    for token, bias in mapping(name, value).items():
        if not (token.isascii() and token.isdigit() and len(token) <= ID_DIGITS):
            raise invalid(f"Invalid key in '{name}': should be a valid token id.", name)
        decimal(-100, 100)(f"{name}.{token[:20]}", bias)


def mapping(name: str, value: object) -> dict[str, Any]:
    """``value``, if it is an object."""
    if not isinstance(value, dict):
        raise wrong_type(name, "an object", value)
    return value


def items(name: str, value: object) -> list[Any]:
    """``value``, if it is an array."""
    if not isinstance(value, list):
        raise wrong_type(name, "an array", value)
    return value


def _within(name: str, value: float, low: float, high: float | None) -> None:
    if value < low:
        raise wrong_range(name, value, low, above=False)
    if high is not None and value > high:
        raise wrong_range(name, value, high, above=True)
