"""What the helper that executes workflows knows of expressions; what it does not is an error."""

from __future__ import annotations

from typing import Final

import pytest
from recipe_expressions import UnknownExpression, condition, filled

FUNCTIONS: Final = {"success": lambda: False, "always": lambda: True, "cancelled": lambda: False}
CONTEXTS: Final = {"inputs": {"a": "x", "none": ""}, "steps": {"s": {"outputs": {"o": "it's"}}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a ${{ inputs.a }} b", "a x b"),
        ("${{ inputs.a == 'x' && '--quick' || '' }}", "--quick"),
        ("${{ inputs.a != 'x' && '--quick' || '' }}", ""),
        ("${{ steps.s.outputs.o == 'it''s' }}", "true"),
        ("${{ !(inputs.none || cancelled()) }}", "true"),
    ],
)
def test_expressions_come_to_what_github_says(text: str, value: str) -> None:
    assert filled(text, CONTEXTS, FUNCTIONS) == value


@pytest.mark.parametrize(
    "text",
    [
        "secrets.A",
        "inputs.b",
        "steps.t.outputs.o",
        "fromJSON('1')",
        "inputs.a == ",
        "a b",
        "#",
        "(1",
    ],
)
def test_expressions_that_are_unknown_are_errors(text: str) -> None:
    with pytest.raises(UnknownExpression):
        filled(f"${{{{ {text} }}}}", CONTEXTS, FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inputs.a == 'x'", False),
        ("${{ always() && inputs.a == 'x' }}", True),
        ("${{ !cancelled() && inputs.a == 'y' }}", False),
    ],
)
def test_steps_run_after_failures_only_if_they_say_so(text: str, value: bool) -> None:  # noqa: FBT001  # pytest's way
    assert condition(text, CONTEXTS, FUNCTIONS) is value
