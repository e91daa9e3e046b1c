"""Night after night: what is news, what is said of it and to whom, and what is kept.

The nights are those of a stand-in for the command, so that every turn can be tried.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from recipe_repository import Night, Repository, at, counted


class Told(Repository):
    """A repository whose nights are told what is broken."""

    def night_with(self, broken: str) -> Night:
        Path(self.environment["BROKEN"]).write_text(broken, "utf-8")
        return self.night()


@pytest.fixture
def told(tmp_path: Path) -> Told:
    made = Told(tmp_path, counted(tmp_path))
    made.begin({"README": "Ours\n"})
    return made


def test_the_first_night_is_what_the_others_are_compared_with(told: Told) -> None:
    first = told.night_with("a")
    assert (first.worked, first.code, first.news, first.calls) == (True, 0, "none", [])
    assert first.history.keys() == {at(1), "reference", "told", "index.html", "badge.svg"}
    assert first.reference == at(1)
    assert first.job.summary.startswith("The first whole night")
    assert gzip.decompress(first.history[at(1)]).splitlines()[1] == b"a"


def test_a_quiet_night_says_nothing(told: Told) -> None:
    told.night_with("a")
    quiet = told.night_with("a")
    assert (quiet.worked, quiet.news, quiet.calls) == (True, "none", [])
    assert quiet.reference == at(2)
    assert quiet.job.summary.startswith("No news.")
    assert quiet.history["index.html"] == b"2 nights\n"


def test_news_open_an_issue_once(told: Told) -> None:
    told.night_with("")
    new = told.night_with("a")
    assert (new.worked, new.code, new.news) == (False, 1, "new")
    assert new.calls == ["label create", "issue create"]
    assert "::error title=conformance::There are failures" in new.job.output
    (issue,) = new.issues
    assert issue["open"]
    assert "['a']" in issue["body"]
    assert "(https://github.com/them/theirs/actions/runs/1)" in issue["body"]
    assert (new.reference, "news.md" in new.history) == (at(1), True)
    standing = told.night_with("a")
    assert (standing.worked, standing.news) == (True, "standing")
    assert standing.calls == ["issue edit"]
    assert standing.issues[0]["comments"] == []
    assert standing.reference == at(1)


def test_more_news_go_to_the_same_issue(told: Told) -> None:
    told.night_with("")
    told.night_with("a")
    more = told.night_with("a b")
    assert (more.code, more.news) == (1, "new")
    assert more.calls == ["issue edit", "issue comment"]
    (issue,) = more.issues
    assert "['a', 'b']" in issue["body"], "all that stands"
    assert "['b']" in issue["comments"][0], "what is new tonight"
    less = told.night_with("b")
    assert (less.news, "['b']" in less.issues[0]["body"]) == ("standing", True)


def test_the_issue_is_closed_when_all_is_fixed(told: Told) -> None:
    for broken in ("", "a"):
        told.night_with(broken)
    fixed = told.night_with("")
    assert (fixed.worked, fixed.news, fixed.calls) == (True, "fixed", ["issue close"])
    assert not fixed.issues[0]["open"]
    assert (fixed.reference, "news.md" in fixed.history) == (at(3), False)
    assert told.night_with("").calls == []
    again = told.night_with("a")
    assert [one["open"] for one in again.issues] == [False, True]


def test_whoever_closes_the_issue_accepts_the_news(told: Told) -> None:
    for broken in ("", "a"):
        told.night_with(broken)
    tracker = told.tracker()
    tracker["issues"][0]["open"] = False
    told.say(tracker)
    accepted = told.night_with("a")
    assert (accepted.worked, accepted.news, accepted.calls) == (True, "none", [])
    assert accepted.reference == at(3)


def test_an_incomplete_night_says_so_and_accuses_nobody(told: Told) -> None:
    told.night_with("")
    limping = told.night_with("incomplete")
    assert (limping.worked, limping.code, limping.news, limping.calls) == (False, 2, "none", [])
    assert limping.job.summary.startswith("The run is incomplete. No news as far as")
    assert "::error title=conformance::There is no whole result" in limping.job.output
    assert limping.nights == [at(1), at(2)]
    assert limping.reference == at(1), "a night that told little is no reference"


def test_an_incomplete_night_does_not_close_the_issue(told: Told) -> None:
    for broken in ("", "a"):
        told.night_with(broken)
    limping = told.night_with("incomplete")
    assert (limping.code, limping.news, limping.issues[0]["open"]) == (2, "standing", True)
    assert told.night_with("").news == "fixed"


def test_news_of_an_incomplete_night_are_told_once(told: Told) -> None:
    told.night_with("")
    new = told.night_with("a incomplete")
    assert (new.code, new.news) == (1, "new")
    assert new.job.summary.startswith("The run is incomplete. There is news.")
    still = told.night_with("a incomplete")
    assert (still.code, still.news, still.calls) == (2, "standing", ["issue edit"])


def test_a_night_that_crashes_is_not_kept(told: Told) -> None:
    first = told.night_with("")
    crashed = told.night_with("crash")
    assert (crashed.code, crashed.news, crashed.calls) == (2, "none", [])
    assert "There is no report" in crashed.job.summary
    assert crashed.history == first.history
    assert told.night_with("").worked


def test_what_cannot_be_compared_is_said_once(told: Told) -> None:
    told.night_with("")
    moved = told.night_with("elsewhere")
    assert (moved.code, moved.news, moved.calls) == (2, "none", [])
    assert moved.job.summary.startswith(f"Nothing of it was there in {at(1)}")
    assert told.night_with("elsewhere").worked


def test_the_oldest_nights_go_but_not_the_one_to_compare_with(told: Told) -> None:
    for broken in ("", "a", "a", "a"):
        last = told.night_with(broken)
    assert last.nights == [at(night) for night in range(1, 5)]
    given = "history: conformance-history"
    pruned = told.night({given: f"{given}\n          keep: 2"})
    assert pruned.nights == [at(1), at(4), at(5)]
    assert pruned.news == "standing"


def test_the_branch_has_one_commit(told: Told) -> None:
    told.night_with("")
    second = told.night_with("")
    commits = told.git("rev-list", "conformance-history", cwd=told.folder / "origin.git").split()
    assert len(commits) == 1
    assert told.git("ls-tree", "--name-only", "main", cwd=told.folder / "origin.git") == b"README\n"
    assert told.git("diff", "--cached", cwd=second.job.checkout) == b""
