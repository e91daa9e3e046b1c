"""Texts of the worst kind, and what a reader of Markdown makes of a page that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token
from results_lines import Line, evidence, made, param, passage, skipped, target, verdict

from conformance.results.reading import Run

WORST = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "@octocat, see #1 and https://evil.example www.evil.example",
    "a|b \\| c \\\\| d ||",
    "`` ` ``` ````",
    "```\n# heading\n```\n\n| a |\n| --- |\n- [ ] task",
    "\u202egnp.exe\u202c \u200f\u2066\u2069 \ufeff",
    "\x1b[31mred\x1b[0m \x00 \x07 \r\n \u2028 \ud800",
    "**bold** __under__ ~~gone~~ &lt; &#64;octocat <!-- c -->",
    "{{ 7 * 7 }} {% raw %}",
    "x" * 1_000_000,
    "|" * 5000,
    " ",
    "",
)
ACTIVE = {"html_inline", "html_block", "link_open", "image", "s_open"}
"""The kinds of things that do something."""
SIGNS = ("@", "#1", "://", "www.", "<", "javascript", "heading")
"""What must not stand in the prose of a page that holds these texts."""


def hostile(text: str, name: str = "acme/large") -> list[Line]:
    """What a results file may hold where every text in it is this one."""
    provider, _, model = name.partition("/")
    texts = dict.fromkeys(("title", "source", "software", "base_url", "key"), text)
    about = {"name": name, "want": text, "got": text, "probe": text, "exchange": text}
    return [
        target(name, **texts, claims=["chat", text], recorded=[text, text]),
        verdict(f"chat.{text}", "fail", text, **about, blame=text),
        verdict("chat.response_id", "fail", text, **about, capabilities={text: 3, "chat": 1}),
        verdict("chat.response_object", "fail", text, **about, known=text or "known"),
        verdict("stream.done_present", "inconclusive", name=name, reason=text),
        evidence("chat.response_id", name)
        | {"method": text, "url": text, "request": passage(text), "response": passage(text, (0, 9))}
        | {"status": text, "headers": [[text, text]], "exchange": text},
        param(text or "stop", "ignored", target=f"{provider}/{model}", evidence=text),
        skipped("models.list", text, name),
    ]


def damaged(text: str, names: Iterable[str] = ("acme/large",)) -> Run:
    """A run of which all texts are this one."""
    run = made(line for name in names for line in hostile(text, name))
    run.mode = run.tool = run.revision = run.path = text
    run.news, run.problems = [text], [text] * 20
    return run


def tokens(page: str) -> Iterator[Token]:
    """What a page is made of."""
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page):
        yield token
        yield from token.children or ()


def prose(page: str) -> str:
    """What stands outside of code: in it a name calls, a URL is a link, and a tag a tag."""
    return "\n".join(token.content for token in tokens(page) if token.type == "text")


def kinds(page: str) -> set[str]:
    """The kinds of things that are on a page."""
    return {token.type for token in tokens(page)}


def rows(page: str) -> list[int]:
    """How many cells each row of each table has."""
    found: list[int] = []
    for token in tokens(page):
        if token.type == "tr_open":
            found.append(0)
        elif token.type in {"th_open", "td_open"}:
            found[-1] += 1
    return found
