from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from html_grids import ATTACK, LINK, LONG, NEW, OLD, good, hostile, lines, unasked
from results_lines import evidence, made, passage, target, verdict

from conformance.compare.grid import Grid, grid
from conformance.report.html import page
from conformance.report.inert import name

SMALL = 400_000
"""Characters of a page of a few rows, whatever is in it."""


class Seen(HTMLParser):
    """What a parser makes of a page: elements with their attributes, and the texts in each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._in: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in.append(tag)
        if tag == "td":
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self._in[-1] if self._in else ""
        if inside == "td" and self.texts["td"]:
            self.texts["td"][-1] += data
        else:
            self.texts.setdefault(inside, []).append(data)

    def cells(self) -> list[tuple[str, str]]:
        """Class and text of each."""
        kinds = [attributes.get("class") or "" for tag, attributes in self.elements if tag == "td"]
        return list(zip(kinds, self.texts["td"], strict=True))


def unpacked(text: str) -> Any:
    found = re.search(r'id="evidence">([A-Za-z0-9+/=]+)</script>', text)
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def row(text: str, key: str) -> list[tuple[str, str]]:
    """Class and text of a row's cells."""
    found = re.search(
        rf'<tr role="row" data-row=[^>]*data-key="{re.escape(key)}".*?</tr>', text, re.DOTALL
    )
    assert found
    cells = Seen(found[0]).cells()
    return [cell for cell in cells if not cell[0].startswith("s")]


def test_the_same_runs_make_the_same_page_whenever(monkeypatch: pytest.MonkeyPatch) -> None:
    first = page(good())
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    assert page(good()) == first


def test_each_row_has_a_cell_a_column_in_state_count_and_letter() -> None:
    text, made_of = page(good()), good()
    titles = [column.title for column in made_of.columns]
    large = dict(zip(titles, row(text, "acme/large"), strict=True))
    assert large["Chat"] == ("b", "1/2")
    assert large["Streaming"] == ("k", "0/1")
    assert large["HTTP"] == ("w", "0/1")
    assert large["Models"] == ("i", "")
    assert large["stop"] == ("h p", "h")
    assert large["n"] == ("b p d", "I")
    small = dict(zip(titles, row(text, "acme/small"), strict=True))
    assert small["Chat"] == ("h", "1")
    assert small["Models"] == ("u", "")
    assert small["n"] == ("u", "")


def test_totals_have_their_denominators_and_say_what_is_not_in_them() -> None:
    text = page(good())
    assert "<b>3 of 6</b> 50 %" in text
    assert "<b>1 of 2</b> 50 %" in text
    untested = len(re.findall(r'<td class="u">', text))
    assert f"untested ({untested})" in text
    assert "absent (0)" in text
    assert "inconclusive (1)" in text


def test_what_is_not_whole_is_never_a_hundred_percent() -> None:
    lines = [verdict(f"chat.a{i}") for i in range(999)] + [verdict("chat.b", "fail")]
    assert "<b>999 of 1,000</b> 99 %" in page(grid([made([target(), *lines])]))


def test_a_percentage_is_rounded_down_and_no_further() -> None:
    lines = [verdict(f"chat.a{i}", "pass" if i < 29 else "fail") for i in range(50)]
    assert "<b>29 of 50</b> 58 %" in page(grid([made([target(), *lines])]))


def test_a_row_says_what_it_rests_on_and_how_old_that_is_against_the_newest_run() -> None:
    text = page(good())
    assert "local, vLLM 0.32.0 · " in text
    assert '<span title="2026-11-28 03:00">same day</span>' in text
    assert '<span title="2026-11-21 03:40">6 days ago</span>' in text


@pytest.mark.parametrize(
    ("recorded", "age"),
    [
        ("2026-11-27T02:00:00+00:00", "1 day ago"),
        ("2026-11-29T02:00:00+00:00", "same day"),
        ("2026-06-01T00:00:00", "6 months ago"),
        ("2023-06-01T00:00:00Z", "3 years ago"),
        ("", "undated"),
        ("0000-99-99", "undated"),
    ],
)
def test_ages(recorded: str, age: str) -> None:
    run = made([target(recorded=[recorded, recorded]), verdict()], NEW)
    run.mode = "replay"
    assert f">{age}</span>" in page(grid([run]))


def test_what_was_asked_live_and_bears_no_date_is_of_its_run() -> None:
    older = made([target("acme/old", recorded=["", ""]), verdict(name="acme/old")], OLD)
    text = page(grid([older, made([target(), verdict()], NEW)]))
    assert '<span title="2026-11-21 03:00">7 days ago</span>' in text
    documented = made([target(source="documented", recorded=["", ""]), verdict()], NEW)
    assert ">undated</span>" in page(grid([documented]))


def test_what_asks_again_is_the_probe_whose_exchange_is_shown() -> None:
    probes = ("stream.basic", "chat.basic")
    broken = [verdict(outcome="fail", probe=p, exchange=f"acme/large::{p}#1") for p in probes]
    for shown, asked in ([evidence()], "chat.basic"), ([], "stream.basic"):
        data = unpacked(page(grid([made([target(), *broken, *shown])])))
        (result,) = data["rows"][0]["cells"][0]["results"]
        assert result["again"].endswith(f"--only chat.response_id --only {asked}")


def test_targets_that_nobody_asked_are_in_no_number() -> None:
    text, without = page(unasked()), page(grid([made(lines(), NEW)]))
    lede = "How far 3 targets of 2 providers keep to the OpenAI API"
    assert lede in text
    assert lede in without
    assert "Of 4 more nothing is known yet." in text
    assert "nothing is known yet" not in without
    for start, end in (('<dl class="totals">', "</dl>"), ('<ul class="legend"', "</ul>")):
        parts = [found.partition(start)[2].partition(end)[0] for found in (text, without)]
        assert parts[0] == parts[1] != ""
    assert "live, conformance 0.1.0, 3 targets" in text
    assert "<title>Compatibility matrix: 3 targets</title>" in text
    assert "2 targets, MUST 2/4, 2 more that nobody asked yet" in text
    assert "<small>1 target that nobody asked yet</small>" in text


def test_targets_that_nobody_asked_keep_their_rows_hidden_at_first() -> None:
    text = page(unasked())
    hidden = re.findall(r'data-key="([^"]+)"[^>]* data-unasked hidden', text)
    assert hidden == ["acme/new", "acme/newer", "beta/one", "omega/one"]
    assert re.findall(r'<tbody role="rowgroup" data-key="(\w+)" hidden>', text) == ["beta", "omega"]
    assert text.count("<small>nothing is recorded yet</small>") == 4
    assert "with targets nobody asked yet (4)" in text
    assert row(text, "beta/one")[0] == ("u", "")


def test_a_target_that_nobody_asked_can_be_asked() -> None:
    rows = unpacked(page(unasked()))["rows"]
    assert [row_["ask"] is not None for row_ in rows] == [
        False,
        True,
        True,
        False,
        True,
        True,
        False,
    ]
    assert rows[4]["ask"] == (
        "conformance run --live --base-url https://api.beta.example/v1 --model one "
        "--api-key-env ACME_KEY"
    )


def test_a_reply_that_names_no_model_is_of_none() -> None:
    text = page(grid([made([verdict(name="acme/-")])]))
    assert '<bdi title="acme/-"><span class="of">acme/</span>(no model)</bdi>' in text


def test_history_is_drawn_and_told_where_there_is_one() -> None:
    told = "MUST held: 2026-11-21 2/2, 2026-11-28 1/3"
    assert f'aria-label="{told}"' in page(good())
    assert "<svg" not in page(grid([made([target(), verdict()])]))


def test_the_evidence_of_a_cell_is_whole() -> None:
    data, made_of = unpacked(page(good())), good()
    place = [column.key for column in made_of.columns].index("chat")
    cell = data["rows"][0]["cells"][place]
    assert [data["checks"][i]["id"] for i in cell["held"]] == ["chat.response_object"]
    (broken,) = cell["results"]
    check = data["checks"][broken["check"]]
    assert check["id"] == "chat.response_id"
    assert check["rule"]
    assert check["spec"]
    assert broken["times"] == [1, 1]
    assert broken["findings"] == [["id", "a non-empty string id", "missing"]]
    assert broken["since"] == ["2026-11-28 03:00"] * 3
    exchange = data["exchanges"][broken["exchange"]]
    before, mark, after, whole = exchange["response"]
    assert [data["texts"][i] for i in (before, mark, after)] == ['{\n  "id": ', "null", "\n}"]
    assert whole
    assert '"$ACME_KEY"' in data["texts"][exchange["curl"]]
    assert broken["again"] == (
        "conformance run --live --base-url https://api.acme.example/v1 --model large "
        "--api-key-env ACME_KEY --only chat.response_id --only chat.basic"
    )


def test_what_was_broken_before_says_since_when() -> None:
    broken = [target(), verdict(outcome="fail")]
    data = unpacked(page(grid([made(broken, OLD), made(broken, NEW)])))
    (result,) = data["rows"][0]["cells"][0]["results"]
    assert result["since"] == ["2026-11-21 03:00", "2026-11-21 03:00", "2026-11-28 03:00"]


def test_many_findings_are_counted_and_some_shown() -> None:
    many = verdict(outcome="fail")
    many["findings"] = many["findings"] * 900
    data = unpacked(page(grid([made([target(), many])])))
    (result,) = data["rows"][0]["cells"][0]["results"]
    assert len(result["findings"]) == 5
    assert result["more"] == 895


def test_one_exchange_is_there_once_whatever_it_is_evidence_for() -> None:
    broken = verdict(outcome="fail", capabilities={"chat": 1, "usage": 1})
    data = unpacked(page(grid([made([target(), broken, evidence()])])))
    assert len(data["exchanges"]) == 1
    cells = data["rows"][0]["cells"]
    assert [cell["results"][0]["exchange"] for cell in cells] == [0, 0]


def test_an_adapters_two_sides_are_there_and_its_target_is_asked_through_it() -> None:
    name = "litellm:groq/tiny"
    side = {
        "method": "POST",
        "url": "https://groq.example",
        "request": passage("north"),
        "status": 200,
        "response": passage("south"),
    }
    through = made(
        [
            target(name),
            verdict(outcome="fail", name=name, blame="adapter"),
            evidence(name=name, beyond=[side]),
        ]
    )
    through.mode = "adapter"
    data = unpacked(page(grid([through])))
    (beyond,) = data["exchanges"][0]["beyond"]
    told = ["".join(data["texts"][i] for i in beyond[side][:3]) for side in ("request", "response")]
    assert told == ["north", "south"]
    assert data["rows"][0]["cells"][0]["results"][0]["again"] == (
        "conformance run --adapter litellm groq/tiny --only chat.response_id --only chat.basic"
    )


def test_nothing_but_its_own_script_can_run_and_nothing_is_loaded() -> None:
    text = page(good())
    seen = Seen(text)
    policy = next(
        a["content"] for tag, a in seen.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    script = seen.texts["script"][-1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    attributes = [(tag, a) for tag, found in seen.elements for a in found]
    assert not [a for _, a in attributes if a in {"src", "srcset", "style"} or a.startswith("on")]
    assert [a["href"] for _, a in seen.elements if "href" in a] == ["#matrix"]


def test_hostile_texts_stay_text() -> None:
    text = page(hostile())
    seen = Seen(text)
    text.encode()
    scripts = [attributes.get("type") for tag, attributes in seen.elements if tag == "script"]
    assert scripts == ["application/octet-stream", "module"]
    assert {tag for tag, _ in seen.elements} <= {tag for tag, _ in Seen(page(good())).elements}
    assert not re.search("[\x00\x1b\u202e\u2066\u2028]", text)
    assert LINK not in text
    assert ATTACK[:30] in "".join(text for texts in seen.texts.values() for text in texts)


def test_hostile_evidence_is_inert_and_short() -> None:
    text = page(hostile())
    data = json.dumps(unpacked(text), ensure_ascii=False)
    data.encode()
    assert not re.search("[\x00\x1b\u202e\u2066\u2028]", data)
    assert r"\\u202e" in data
    assert len(data) < SMALL
    assert len(text) < SMALL
    exchange = unpacked(text)["exchanges"][0]
    assert "curl" not in exchange or exchange["curl"] is None
    assert not exchange["response"][3]


def test_two_names_that_differ_at_their_ends_stay_two_rows() -> None:
    names = [f"acme/{LONG}{end}" for end in "ab"]
    text = page(grid([made([line for n in names for line in (target(n), verdict(name=n))])]))
    keys = re.findall(r'data-row="\d+" data-key="([^"]+)"', text)
    assert keys == [name(n) for n in names]
    assert len(set(keys)) == 2


def test_only_an_https_source_is_a_link() -> None:
    checks = unpacked(page(good()))["checks"]
    assert all(not check.get("link") or check["link"].startswith("https://") for check in checks)


def test_a_cell_costs_little() -> None:
    columns = {f"c{i}": 1 for i in range(100)}
    lines = [
        line
        for i in range(20)
        for line in (
            target(f"acme/m{i}"),
            verdict(name=f"acme/m{i}", capabilities=columns),
        )
    ]
    text = page(grid([made(lines)]))
    start = text.index('<tbody role="rowgroup"')
    table = text[start : text.index("</table>", start)]
    assert len(table) / 2000 < 40


def test_a_grid_of_nothing_is_a_page_too() -> None:
    assert "of 0 providers" in page(Grid([], []))
    assert "of 1 provider " in page(grid([made([target(), verdict(outcome="not_applicable")])]))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_text_can_be_read_on_every_ground() -> None:
    style = page(good()).partition("<style>")[2].partition("@media print")[0]
    found: dict[str, list[str]] = {}
    for name_, colour in re.findall(r"--([\w-]+): (#[0-9a-f]{6});", style):
        found.setdefault(name_, []).append(colour)
    texts = ("ink", "soft", "faint", "accent", "broken", "flaky", "flawed", "held", "refused")
    for scheme in (0, 1):
        colours = {name_: both[scheme] for name_, both in found.items()}
        for text in texts:
            for ground in ("paper", "panel", f"{text}-fill"):
                if ground in colours:
                    ratio = _contrast(colours[text], colours[ground])
                    assert ratio >= 4.5, (scheme, text, ground, ratio)  # WCAG 1.4.3
