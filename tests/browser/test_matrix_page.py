from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from html_grids import ATTACK, NEW, good, hostile, lines, unasked
from results_lines import evidence, made, param, passage, target, verdict

from conformance.compare.grid import grid
from conformance.report.inert import name

Open = Callable[..., Any]
ALL = ["Chat", "Streaming", "Models", "HTTP", "stop", "n"]
AGAIN = (
    "conformance run --live --base-url https://api.acme.example/v1 --model large "
    "--api-key-env ACME_KEY"
)
CELL = "#cell=acme%2Flarge&column=chat"


def shown(page: Any) -> list[str]:
    """The keys of the rows that show, in their order."""
    keys: list[str] = page.locator("tbody > tr[data-row]:visible").evaluate_all(
        "rows => rows.map(row => row.dataset.key)"
    )
    return keys


def columns(page: Any) -> list[str]:
    """The headings that show."""
    titles: list[str] = page.locator("thead th.v:visible span").all_inner_texts()
    return titles


def cell(page: Any, key: str, title: str) -> Any:
    place = page.locator("thead th.v span").all_text_contents().index(title)
    fixed = int(page.locator("#matrix").get_attribute("data-fixed"))
    return page.locator(f'tr[data-key="{key}"] > :nth-child({fixed + place + 1})')


def title_of_panel(page: Any) -> str:
    page.wait_for_selector("dialog[open]")
    title: str = page.inner_text("#panel-title")
    return title


def is_open(page: Any) -> bool:
    found: bool = page.locator("dialog[open]").count() > 0
    return found


def focused(page: Any) -> str:
    text: str = page.evaluate("document.activeElement.textContent")
    return text


def until(page: Any, condition: str) -> None:
    """Waits for something to hold; the page's policy lets nobody evaluate text inside of it."""
    end = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def fragment(page: Any) -> str:
    return unquote(page.url.partition("#")[2])


def test_it_opens_from_a_file_with_every_row(opened: Open) -> None:
    page = opened(good())
    assert shown(page) == ["acme/large", "acme/small", "zeta/one"]
    assert page.inner_text("#shown") == "3 of 3 targets, 6 of 6 columns"


def test_a_click_opens_the_evidence_and_closing_returns_to_the_cell(opened: Open) -> None:
    page = opened(good())
    broken = cell(page, "acme/large", "Chat")
    broken.click()
    assert title_of_panel(page) == "acme/large — Chat"
    text = page.inner_text("dialog")
    for told in (
        *("broken: 1 of 2 rules held", "live · 6 days ago", "chat.response_id", "MUST"),
        "1 of 1 time",
        *("a non-empty string id", "missing", "First seen broken", "2026-11-28 03:00"),
        *("POST https://api.acme.example/v1/chat/completions", "Bearer [key]", "1 rule held"),
        *('"$ACME_KEY"', f"{AGAIN} --only chat.response_id --only chat.basic"),
    ):
        assert told in text or told in page.text_content("dialog"), told
    assert page.inner_text("dialog mark") == "null"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")
    assert broken.evaluate("cell => cell === document.activeElement")
    assert fragment(page) == ""


def test_a_parameters_cell_tells_both_of_its_dispositions(opened: Open) -> None:
    page = opened(good())
    cell(page, "acme/large", "n").click()
    assert title_of_panel(page) == "acme/large — n"
    text = page.inner_text("dialog")
    for told in ("Dropping off", "ignored (documented, and not delivered)", "Dropping on"):
        assert told in text
    assert "params.n_two failed" in text
    assert "dropped" in text


def test_a_cell_of_which_nothing_is_known_says_so(opened: Open) -> None:
    page = opened(good())
    cell(page, "zeta/one", "Models").click()
    assert title_of_panel(page) == "zeta/one — Models"
    assert "Nobody asked" in page.inner_text("dialog")


def test_it_is_one_stop_for_tab_and_arrows_move_in_it(opened: Open) -> None:
    page = opened(good())
    page.focus("#filters button[type=reset]")
    for _ in range(page.locator(".legend button").count()):
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert "acme/large" in focused(page)
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert focused(page) == "1/2"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == (
        "broken: 1 of 2 rules held"
    )
    page.keyboard.press("Enter")
    assert title_of_panel(page) == "acme/large — Chat"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.parentNode.dataset.key") == "acme/small"
    page.keyboard.press("Control+End")
    assert page.evaluate("document.activeElement.parentNode.dataset.key") == "zeta/one"
    page.keyboard.press("Control+Home")
    assert focused(page) == "Target"
    assert page.locator("#matrix [tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#matrix')") is None


def test_arrows_pass_over_what_does_not_show(opened: Open) -> None:
    page = opened(good(), "#provider=zeta&show=parameters")
    assert shown(page) == ["zeta/one"]
    page.keyboard.press("Tab")
    page.focus("#matrix [tabindex='0']")
    page.keyboard.press("Control+End")
    assert page.evaluate("document.activeElement.parentNode.dataset.key") == "zeta/one"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getClientRects().length") == 1
    assert page.evaluate("document.activeElement.cellIndex") == 8


def test_an_address_opens_its_cell(opened: Open) -> None:
    page = opened(good(), CELL)
    assert title_of_panel(page) == "acme/large — Chat"
    page.keyboard.press("Escape")
    until(page, "!location.hash.includes('cell')")
    assert not is_open(page)


def test_an_address_of_nothing_says_so(opened: Open) -> None:
    page = opened(good(), "#cell=acme%2Fgone&column=chat&sort=constructor&level=x&show=__proto__")
    assert "names a cell that is not here" in page.inner_text("#missing")
    assert len(shown(page)) == 3
    assert [page.input_value(f"[name={field}]") for field in ("sort", "level", "show")] == [""] * 3
    assert page.locator("[name=level]").evaluate("field => field.selectedIndex") == 0
    cell(page, "acme/large", "Chat").click()
    title_of_panel(page)
    assert not page.is_visible("#missing")


def test_who_moves_on_before_the_panel_has_closed_is_not_called_back(opened: Open) -> None:
    page = opened(good(), CELL)
    title_of_panel(page)
    page.evaluate(
        "document.querySelector('dialog').close();"
        "document.activeElement.blur();"
        "document.querySelector('#matrix [tabindex]').focus();"
        "const down = new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true});"
        "document.activeElement.dispatchEvent(down)"
    )
    until(page, "!location.hash.includes('cell')")
    assert page.evaluate("document.activeElement.parentNode.dataset.key") == "acme/small"


def test_back_and_forward_close_and_open(opened: Open) -> None:
    page = opened(good())
    cell(page, "acme/large", "Chat").click()
    title_of_panel(page)
    page.go_back()
    until(page, "!document.querySelector('dialog').open")
    page.go_forward()
    assert title_of_panel(page) == "acme/large — Chat"


def test_closing_what_was_opened_here_goes_back_to_where_it_was_opened(opened: Open) -> None:
    page = opened(good(), "#provider=acme")
    cell(page, "acme/large", "Chat").click()
    title_of_panel(page)
    page.click("dialog .close")
    until(page, "!location.hash.includes('cell')")
    assert fragment(page) == "provider=acme"
    page.go_forward()
    assert title_of_panel(page) == "acme/large — Chat"


def test_filters_are_in_the_address_and_come_back_with_it(opened: Open) -> None:
    page = opened(good())
    page.select_option("[name=provider]", "zeta")
    assert shown(page) == ["zeta/one"]
    page.select_option("[name=show]", "parameters")
    assert columns(page) == ["stop", "n"]
    assert page.locator("thead .top th:visible").all_inner_texts() == ["Parameters"]
    assert "1 of 3 targets, 2 of 6 columns" in page.inner_text("#shown")
    assert fragment(page) == "provider=zeta&show=parameters"
    page.go_back()
    assert columns(page) == ALL
    page.click("#filters button[type=reset]")
    assert len(shown(page)) == 3
    assert page.input_value("[name=provider]") == ""


def test_a_state_is_a_filter(opened: Open) -> None:
    page = opened(good())
    page.click(".legend button[data-state=k]")
    assert shown(page) == ["acme/large"]
    assert "x" in cell(page, "acme/large", "Chat").get_attribute("class").split()
    assert "x" not in cell(page, "acme/large", "Streaming").get_attribute("class").split()
    assert page.get_attribute(".legend button[data-state=k]", "aria-pressed") == "true"
    page.click(".legend button[data-state=k]")
    assert len(shown(page)) == 3
    assert page.locator("td.x").count() == 0


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ZETA", ["zeta/one"]),
        ("vllm", ["zeta/one"]),
        ("chat.response_object", ["zeta/one"]),
        ("sends none", ["acme/large"]),
        ("an odd list", ["acme/large"]),
        ("params.n_two", ["acme/large"]),
        ("no such words", []),
    ],
)
def test_words_are_found_in_names_and_in_what_is_behind_cells(
    opened: Open, words: str, found: list[str]
) -> None:
    page = opened(good())
    page.fill("[name=q]", words)
    counted = f"{len(found)} of 3"
    until(page, f"document.querySelector('#shown').textContent.startsWith('{counted}')")
    assert shown(page) == found


def test_only_must_counts_where_only_must_is_asked_for(opened: Open) -> None:
    page = opened(good(), "#level=must")
    known = cell(page, "acme/large", "HTTP")
    assert known.get_attribute("class") == "u"
    assert known.inner_text() == ""
    assert cell(page, "acme/large", "Chat").inner_text() == "1/2"
    page.select_option("[name=level]", "should")
    assert known.get_attribute("class") == "w"
    assert cell(page, "acme/large", "Chat").get_attribute("class") == "u"
    assert cell(page, "acme/small", "HTTP").get_attribute("class") == "h"
    assert cell(page, "acme/large", "n").inner_text() == "I"
    page.select_option("[name=level]", "")
    assert cell(page, "acme/large", "Chat").get_attribute("class") == "b"
    assert known.inner_text() == "0/1"


def test_rows_with_news_are_those_with_failures_that_nobody_knew_of(opened: Open) -> None:
    known = [verdict(outcome="fail", name="acme/small", known="So it is.")]
    page = opened(grid([made(lines() + known, NEW)]), "#news=1")
    assert shown(page) == ["acme/large", "zeta/one"]


def test_it_sorts_across_providers_and_back(opened: Open) -> None:
    page = opened(good())
    page.select_option("[name=sort]", "must")
    assert shown(page) == ["acme/large", "zeta/one", "acme/small"]
    assert page.get_attribute("th[data-key=must]", "aria-sort") == "ascending"
    assert page.inner_text("tr[data-key='zeta/one'] bdi") == "zeta/one"
    page.check("[name=down]")
    assert shown(page) == ["acme/small", "zeta/one", "acme/large"]
    page.select_option("[name=sort]", "age")
    assert shown(page) == ["acme/large", "acme/small", "zeta/one"]
    page.click("#filters button[type=reset]")
    assert shown(page) == ["acme/large", "acme/small", "zeta/one"]
    assert page.inner_text("tr[data-key='zeta/one'] bdi") == "one"


def test_a_heading_sorts_by_its_column_the_worst_first(opened: Open) -> None:
    page = opened(good())
    heading = page.locator("th[data-key=http]")
    heading.click()
    assert shown(page) == ["acme/large", "acme/small", "zeta/one"]
    heading.click()
    assert shown(page) == ["acme/small", "acme/large", "zeta/one"]
    assert heading.get_attribute("aria-sort") == "descending"
    heading.click()
    assert fragment(page) == ""


def test_providers_have_no_heading_of_their_own_while_it_is_sorted_across_them(
    opened: Open,
) -> None:
    page = opened(good(), "#sort=must")
    assert page.locator("tr.group:visible").count() == 0
    page.select_option("[name=provider]", "acme")
    page.select_option("[name=sort]", "")
    assert page.locator("tr.group:visible").count() == 1
    assert shown(page) == ["acme/large", "acme/small"]


ASKED = ["acme/large", "acme/small", "zeta/one"]
UNASKED = [
    "acme/large",
    "acme/new",
    "acme/newer",
    "acme/small",
    "beta/one",
    "omega/one",
    "zeta/one",
]


def test_targets_that_nobody_asked_are_shown_where_that_is_asked_for(opened: Open) -> None:
    page = opened(unasked())
    assert shown(page) == ASKED
    assert page.locator("tr.group:visible").count() == 2
    counted = "3 of 3 targets, 6 of 6 columns; 4 that nobody asked yet not shown"
    assert page.inner_text("#shown") == counted
    page.check("[name=unasked]")
    assert shown(page) == UNASKED
    assert page.inner_text("#shown") == "7 of 7 targets, 6 of 6 columns"
    assert fragment(page) == "unasked=1"
    assert "nothing is recorded yet" in page.inner_text("tr[data-key='beta/one'] th")
    page.select_option("[name=sort]", "must")
    assert shown(page)[:3] == ["acme/large", "zeta/one", "acme/small"]
    page.click("#filters button[type=reset]")
    assert shown(page) == ASKED
    assert page.inner_text("#shown") == counted


def test_filters_say_how_many_fit_of_those_that_nobody_asked(opened: Open) -> None:
    page = opened(unasked(), "#provider=beta")
    assert shown(page) == []
    assert "0 of 3 targets" in page.inner_text("#shown")
    assert "1 that nobody asked yet not shown" in page.inner_text("#shown")
    page.check("[name=unasked]")
    assert shown(page) == ["beta/one"]
    assert page.inner_text("#shown").startswith("1 of 7 targets")
    page.click(".legend button[data-state=b]")
    assert shown(page) == []


def test_a_linked_cell_of_a_target_that_nobody_asked_shows_it(opened: Open) -> None:
    page = opened(unasked(), "#cell=omega%2Fone&column=models")
    assert title_of_panel(page) == "omega/one — Models"
    text = page.inner_text("dialog")
    assert "omega does not claim it" in text
    assert "nothing is recorded yet" in text
    assert "--base-url https://api.omega.example/v1 --model one" in text
    page.keyboard.press("Escape")
    until(page, "!location.hash.includes('cell')")
    assert "omega/one" in shown(page)
    assert page.is_checked("[name=unasked]")
    assert page.evaluate("document.activeElement.parentNode.dataset.key") == "omega/one"


@pytest.mark.parametrize("many", [3, 7])
def test_print_follows_what_is_shown(opened: Open, many: int) -> None:
    page = opened(unasked(), "" if many == 3 else "#unasked=1")
    page.emulate_media(media="print")
    assert len(shown(page)) == many


def test_a_page_on_which_all_were_asked_does_not_offer_others(opened: Open) -> None:
    page = opened(good())
    assert not page.is_visible("[name=unasked]")
    assert page.locator("optgroup").count() == 0


def test_why_a_cell_is_what_it_is_comes_first(opened: Open) -> None:
    asked = {"models": {"answered": 0, "asked": 2, "refusal": "answered 500: no list"}}
    given = [
        target(asked=asked),
        verdict("models.list_object", "rejected"),
        verdict("chat.a", "inconclusive", reason="cut off", capabilities={"chat": 1}),
        verdict("chat.b", capabilities={"chat": 1}),
    ]
    page = opened(grid([made(given, NEW)]))
    cell(page, "acme/large", "Models").click()
    title_of_panel(page)
    assert page.inner_text("dialog .body section >> nth=0").strip() == "answered 500: no list"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")
    cell(page, "acme/large", "Chat").click()
    title_of_panel(page)
    first = page.inner_text("dialog .body section >> nth=0").strip()
    assert first == "Why some could not be told: cut off"


def test_a_reply_that_names_no_model_is_of_none(opened: Open) -> None:
    page = opened(grid([made([verdict(outcome="fail", name="acme/-")], NEW)]))
    page.locator("td.b").first.click()
    assert title_of_panel(page) == "acme/(no model) — Chat"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_renders_dark_in_print_and_without_motion(opened: Open, scheme: str) -> None:
    page = opened(good(), CELL, color_scheme=scheme, reduced_motion="reduce")
    title_of_panel(page)
    page.emulate_media(media="print")
    assert not page.is_visible("dialog")
    assert not page.is_visible("#filters")
    assert page.is_visible("#matrix")
    mark = "cell => getComputedStyle(cell, '::before').content"
    assert cell(page, "acme/large", "Chat").evaluate(mark) == '"✕" / "broken"'


def test_states_differ_by_their_marks_alone(opened: Open) -> None:
    page = opened(good())
    marks = page.locator(".legend i").evaluate_all(
        "all => all.map(one => getComputedStyle(one, '::before').content)"
    )
    assert len(set(marks)) == 8


def test_a_parameters_letter_differs_by_its_line_where_a_rule_about_it_is_broken(
    opened: Open,
) -> None:
    lines = [
        *(param(name) for name in ("held", "flawed", "broken")),
        verdict("params.flawed_echoed", "fail", level="should"),
        verdict("params.broken_taken", "fail"),
    ]
    page = opened(grid([made([target(), *lines], NEW)]))
    line = "cell => getComputedStyle(cell).textDecoration.replace(/ ?rgb.*| solid/, '')"
    told = {name: cell(page, "acme/large", name) for name in ("held", "flawed", "broken")}
    assert {name: found.inner_text() for name, found in told.items()} == dict.fromkeys(told, "h")
    assert {name: found.evaluate(line) for name, found in told.items()} == {
        "held": "none",
        "flawed": "underline",
        "broken": "underline double",
    }


def test_a_button_of_the_legend_is_announced_by_its_word_and_count_alone(opened: Open) -> None:
    snapshot = opened(good()).locator(".legend").aria_snapshot()
    assert re.search(r'button "broken \d+"', snapshot)
    assert "broken broken" not in snapshot


def test_both_sides_of_an_adapter_are_told(opened: Open) -> None:
    name = "litellm:groq/tiny"
    side = {
        "method": "POST",
        "url": "https://groq.example/v1",
        "request": passage('{"sent": "on"}'),
        "status": 502,
        "response": passage('{"came": "back"}', (9, 15)),
    }
    exchange = evidence(name=name, beyond=[side, side])
    page = opened(grid([made([target(name), verdict(outcome="fail", name=name), exchange], NEW)]))
    page.locator("td.b").first.click()
    title_of_panel(page)
    text = page.inner_text("dialog")
    for told in (
        *("The adapter sent on: POST https://groq.example/v1", '{"sent": "on"}'),
        *("The adapter got: 502", '{"came": "back"}'),
    ):
        assert text.count(told) == 2, told
    assert "[object" not in text
    assert page.locator("dialog mark").all_inner_texts() == ['"back"', '"back"', "null"]


def test_of_very_many_rules_the_first_are_told_and_the_rest_counted(opened: Open) -> None:
    many = [verdict(f"chat.c{i}", "fail", capabilities={"chat": 1}) for i in range(1503)]
    page = opened(grid([made([target(), *many], NEW)]), CELL)
    title_of_panel(page)
    assert page.locator("dialog section h3").count() == 500
    assert "and 1,003 more rules" in page.inner_text("dialog")


def test_on_a_phone_the_table_scrolls_and_the_page_does_not(opened: Open) -> None:
    page = opened(good(), viewport={"width": 390, "height": 844})
    width = "document.scrollingElement.scrollWidth"
    assert page.evaluate(width) <= 390
    assert page.evaluate(
        "(box => box.scrollWidth > box.clientWidth)(document.querySelector('.scroll'))"
    )
    assert not page.is_visible("[name=q]")
    page.click("#filters summary")
    assert page.is_visible("[name=q]")
    cell(page, "acme/large", "Chat").click()
    title_of_panel(page)
    until(page, "document.querySelector('dialog').getBoundingClientRect().left === 0")
    assert page.evaluate("document.querySelector('dialog').getBoundingClientRect().width") == 390
    assert page.evaluate(width) <= 390


def test_without_its_script_the_table_is_whole(opened: Open, browser: Any) -> None:
    address = opened(good()).url
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    assert page.locator("noscript p").is_visible()
    assert cell(page, "acme/large", "Chat").inner_text() == "1/2"
    assert not page.is_visible("#filters")
    page.context.close()


def test_without_its_script_targets_that_nobody_asked_are_there(opened: Open, browser: Any) -> None:
    address = opened(unasked()).url
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    assert shown(page) == UNASKED
    assert page.locator("tr.group:visible").count() == 4
    page.context.close()


def test_a_browser_that_cannot_unpack_says_so_and_shows_the_rest(opened: Open) -> None:
    page = opened(good(), CELL, before="delete globalThis.DecompressionStream")
    page.wait_for_selector("dialog[open]")
    assert "cannot be unpacked" in page.inner_text("dialog")
    page.keyboard.press("Escape")
    assert len(shown(page)) == 3


def test_a_body_is_scrolled_to_its_mark(opened: Open) -> None:
    text = "line\n" * 200
    far = evidence(response=passage(f"{text}here{text}", (len(text), len(text) + 4)))
    page = opened(grid([made([target(), verdict(outcome="fail"), far], NEW)]), CELL)
    title_of_panel(page)
    until(page, "document.querySelector('dialog mark').parentNode.scrollTop > 0")
    inside = (
        "(mark => (m => (b => b.top < m.top && m.bottom < b.bottom)"
        "(mark.parentNode.getBoundingClientRect()))(mark.getBoundingClientRect()))"
        "(document.querySelector('dialog mark'))"
    )
    assert page.evaluate(inside)


def test_a_command_is_copied(opened: Open) -> None:
    page = opened(good(), CELL, permissions=["clipboard-read", "clipboard-write"])
    title_of_panel(page)
    page.locator("dialog section h4:has-text('Run this check') button").first.click()
    page.wait_for_selector("dialog button:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == (
        f"{AGAIN} --only chat.response_id --only chat.basic"
    )


def test_hostile_texts_stay_text(opened: Open) -> None:
    page = opened(hostile())
    scripts = page.locator("script").count()
    broken = page.locator("td.b, td.w").first
    broken.click()
    page.wait_for_selector("dialog[open] section")
    text = page.inner_text("dialog")
    assert "<script>alert(1)</script></script>" in text
    assert r"\u202e" in text
    assert r"\ud800" in text
    assert page.locator("script").count() == scripts == 2
    assert page.locator("img, iframe, object, embed, link, base").count() == 0
    assert page.locator("dialog a").count() == 0
    assert page.inner_text("dialog mark").startswith("<script>alert(1)")
    page.keyboard.press("Escape")
    page.fill("[name=q]", "<script>alert(1)")
    page.wait_for_timeout(200)
    assert len(shown(page)) == 1
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_a_hostile_target_can_be_linked(opened: Open) -> None:
    page = opened(hostile())
    page.locator("td.b, td.w").first.click()
    title = title_of_panel(page)
    assert title.startswith("<script>alert(1)")
    page.reload()
    assert title_of_panel(page) == title
    assert name(ATTACK)[:20] in title


def test_right_to_left_text_leaves_the_page_in_order(opened: Open) -> None:
    arabic = "\u0645\u0631\u062d\u0628\u0627"
    page = opened(grid([made([verdict(name=f"acme/{arabic} 123"), verdict(name="acme/b")], NEW)]))
    left = "rows => rows.map(row => row.cells[1].getBoundingClientRect().left)"
    places = page.locator("tbody > tr[data-row]").evaluate_all(left)
    assert places[0] == places[1]
    assert page.evaluate("getComputedStyle(document.querySelector('bdi')).unicodeBidi") == "isolate"
