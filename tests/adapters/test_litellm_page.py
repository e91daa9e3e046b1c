"""What docs/litellm-page.md says of LiteLLM, measured again."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from real_adapters import absent

ROOT: Final = Path(__file__).parents[2]
TOOL: Final = ROOT / "tools" / "adapters" / "litellm_page.py"
PAGE: Final = (ROOT / "docs" / "litellm-page.md").read_text("utf-8")
PATIENCE: Final = 600
ROW: Final = re.compile(r"\| [^|]+ \| `(?P<code>[^`]+)` \| (?P<told>`[^`]+`) \| (?P<holds>.+) \|")
ROWS: Final = {row["code"]: row for row in map(ROW.fullmatch, PAGE.splitlines()) if row}
OURS: Final = {
    'litellm.drop_params = True; litellm.api_base = "http://a.test"; 1 + 1': "2",
    "litellm.drop_params, litellm.api_base": "[False, None]",
    'litellm.OpenAIConfig(n=3); os.environ["LAMBDA_API_BASE"] = "http://a.test"; 0': "0",
    'litellm.OpenAIConfig.get_config(), "LAMBDA_API_BASE" in os.environ': "[{}, False]",
    'say("gpt-4o"); went()': "['https://api.openai.com/v1/chat/completions']",
    "went()": "[]",
    "1 +": "SyntaxError, nothing sent: invalid syntax (<unknown>, line 1)",
    "x = 1": "SyntaxError, nothing sent: a line ends with an expression",
    "raise_it": "NameError, nothing sent: name 'raise_it' is not defined",
    'litellm.suppress_debug_info, litellm.get_secret("OPENAI_API_KEY")': "[True, 'sk-openai']",
    "os.abort()": "no end, nothing sent: ",
}
"""Lines that show what a line can't do to the next, and what is told of it."""


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is measured now, by the line that tries it."""
    if not find_spec("litellm"):
        absent("litellm is not installed")
    version = metadata.version("litellm")
    if f"LiteLLM {version} " not in PAGE:
        absent(f"docs/litellm-page.md is of another LiteLLM than {version}: measure it again")
    page = tmp_path_factory.mktemp("page") / "page.md"
    ours = "".join(f"| ours | `{code}` | `not yet` | yes |\n" for code in OURS)
    page.write_text(PAGE + ours, "utf-8")
    command = [sys.executable, str(TOOL), "--document", str(page)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603  # our own tool
    assert ran.returncode == 0, ran.stderr
    rows = filter(None, map(ROW.fullmatch, ran.stdout.splitlines()))
    return {row["code"]: row["told"] for row in rows}


@pytest.mark.parametrize("code", ROWS)
def test_a_statement_is_measured_as_the_page_says(again: dict[str, str], code: str) -> None:
    assert again[code] == ROWS[code]["told"]


@pytest.mark.parametrize("code", OURS)
def test_every_line_is_a_fresh_start_and_told_as_it_ended(again: dict[str, str], code: str) -> None:
    assert again[code] == f"`{OURS[code]}`"


def test_the_page_counts_its_statements() -> None:
    words = ("yes", "not said", "no", "changed")
    count = Counter(
        next(word for word in words if row["holds"].startswith(word)) for row in ROWS.values()
    )
    assert (
        f"Of {count.total()} statements, {count['yes']} hold, {count['no']} don't, "
        f"{count['changed']} speak of something that is gone, and {count['not said']} fill a gap."
    ) in PAGE


def test_no_line_of_a_table_goes_unmeasured() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and " | `" in line]
    assert {line for line in lines if "try it" not in line} == {r[0] for r in ROWS.values()}
