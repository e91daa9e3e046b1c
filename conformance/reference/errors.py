"""What the reference server says when it refuses a request, in OpenAI's words and codes."""

from __future__ import annotations

from typing import Any

from conformance.model import show

SHOWN = 80
"""How much of a refused value an error message repeats."""


class ApiError(Exception):
    """A refusal: an HTTP status and the members of OpenAI's error object."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.headers = headers

    @property
    def body(self) -> dict[str, Any]:
        """The error envelope (schema ErrorResponse)."""
        return {
            "error": {
                "message": str(self),
                "type": "invalid_request_error",
                "param": self.param,
                "code": self.code,
            }
        }


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A 400 in words of its own."""
    return ApiError(400, message, param, code)


def missing(param: str) -> ApiError:
    """A required member is absent."""
    return invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def unknown(param: str) -> ApiError:
    """A member that no request of this endpoint has."""
    name = param[:SHOWN]
    return invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")


def unsupported(param: str) -> ApiError:
    """A member that other models know."""
    message = f"Unsupported parameter: '{param}' is not supported with this model."
    return invalid(message, param, "unsupported_parameter")


def wrong_type(param: str, expected: str, value: object) -> ApiError:
    """A value of another JSON type than ``expected`` (with its article, as in "an integer")."""
    message = f"Invalid type for '{param}': expected {expected}, but got {_kind(value)} instead."
    return invalid(message, param, "invalid_type")


def wrong_value(param: str, value: object, supported: tuple[str, ...]) -> ApiError:
    """A string that is none of the ``supported`` ones."""
    got = value[:SHOWN] if isinstance(value, str) else show(value, SHOWN)
    names = [f"'{name}'" for name in supported]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, and {names[-1]}"
    message = f"Invalid value: '{got}'. Supported values are: {listed}."
    return invalid(message, param, "invalid_value")


def wrong_range(param: str, value: float, bound: float, *, above: bool) -> ApiError:
    """A number outside its range."""
    kind = "integer" if isinstance(bound, int) else "decimal"
    side, sign, code = ("above maximum", "<=", "max") if above else ("below minimum", ">=", "min")
    message = (
        f"Invalid '{param}': {kind} {side} value. "
        f"Expected a value {sign} {bound:g}, but got {show(value, SHOWN)} instead."
    )
    return invalid(message, param, f"{kind}_{side.split()[0]}_{code}_value")


def wrong_length(param: str, kind: str, length: int, bound: int, *, above: bool) -> ApiError:
    """An array or string (``kind``) that is too long or too short."""
    side, word, code = (
        ("long", "maximum", "above_max") if above else ("short", "minimum", "below_min")
    )
    message = (
        f"Invalid '{param}': {kind} too {side}. Expected {_article(kind)} with {word} length "
        f"{bound}, but got {_article(kind)} with length {length} instead."
    )
    return invalid(message, param, f"{kind}_{code}_length")


def empty_array(param: str) -> ApiError:
    """An array that needs an item has none."""
    message = (
        f"Invalid '{param}': empty array. Expected an array with minimum length 1, "
        "but got an empty array instead."
    )
    return invalid(message, param, "empty_array")


def context_length(limit: int, tokens: int, param: str) -> ApiError:
    """A prompt of more tokens than the model can read."""
    message = (
        f"This model's maximum context length is {limit} tokens. However, your {param} resulted "
        f"in {tokens} tokens. Please reduce the length of the {param}."
    )
    return invalid(message, param, "context_length_exceeded")


def no_model(name: str) -> ApiError:
    """A model that nobody offers here."""
    message = f"The model `{name[:SHOWN]}` does not exist or you do not have access to it."
    return ApiError(404, message, "model", "model_not_found")


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _kind(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "decimal", str: "string", list: "array"}
    if value is None:
        return "null"
    return _article(names.get(type(value), "object"))
