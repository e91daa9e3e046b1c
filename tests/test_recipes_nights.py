"""Nights in a shell that come to no end, or to none that can be compared.

What they saw is kept, nothing is accepted because of them, and each says what happened.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from recipe_repository import RECIPES, at, bash, counted


@dataclass
class Nights:
    """A folder in which nights are told what is broken."""

    folder: Path
    environment: dict[str, str]
    ended: list[tuple[int, str]] = field(default_factory=list)
    """The exit code and the word of each."""
    log: str = ""
    """What the last one printed."""

    def night(self, broken: str) -> subprocess.CompletedProcess[str]:
        Path(self.environment["BROKEN"]).write_text(broken, "utf-8")
        made = bash(f"{RECIPES}/nightly.sh them/theirs --live", self.folder, self.environment)
        self.ended.append((made.returncode, self.result("news").strip()))
        self.log = made.stdout
        return made

    def result(self, name: str) -> str:
        return (self.folder / "conformance-results" / name).read_text("utf-8")

    def history(self, name: str) -> str | None:
        file = self.folder / "conformance-history" / name
        return file.read_text("utf-8").strip() if file.exists() else None

    @property
    def kept(self) -> list[str]:
        return sorted(file.name for file in (self.folder / "conformance-history").glob("*.gz"))


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path, counted(tmp_path))


def test_a_night_that_was_killed_changes_nothing_but_is_kept(nights: Nights) -> None:
    for broken in ("", "a", "a"):
        nights.night(broken)
    stood = nights.history("news.md")
    nights.night("killed")
    assert "nightly: The run was cut off" in nights.log
    assert (nights.history("reference"), nights.history("news.md")) == (at(1), stood)
    nights.night("a")
    assert nights.ended[1:] == [(1, "new"), (0, "standing"), (2, "standing"), (0, "standing")]
    assert nights.kept == [at(night) for night in range(1, 6)]


def test_the_summary_of_a_night_that_was_killed_says_so(nights: Nights) -> None:
    nights.night("killed")
    assert nights.result("summary.md").startswith("The run was cut off")
    assert "ended with exit code 137 before it wrote one" in nights.result("summary.md")
    assert "The whole night" not in nights.result("summary.md"), "there is no matrix"


@pytest.mark.parametrize("fate", ["killed", "incomplete"])
def test_a_first_night_that_is_not_whole_is_no_reference(fate: str, nights: Nights) -> None:
    nights.night(fate)
    assert nights.history("reference") is None
    nights.night("a")
    assert "nightly: The first whole night" in nights.log
    assert nights.history("reference") == at(2)
    nights.night("a b")
    assert nights.ended == [(2, "none"), (0, "none"), (1, "new")]


def test_a_quiet_night_shows_the_matrix_as_something_else(nights: Nights) -> None:
    nights.night("a")
    nights.night("a")
    said, _, whole = nights.result("summary.md").partition("\n## The whole night\n")
    assert (said.splitlines()[0], "matrix.md" in said) == ("No news.", False)
    assert whole.strip().startswith("Not compared with other nights")
    assert "matrix.md: ['a']" in whole


def test_a_model_with_another_name_is_no_incomplete_run(nights: Nights) -> None:
    nights.night("")
    nights.night("elsewhere")
    assert f"nightly: Nothing of it was there in {at(1)}" in nights.log
    assert nights.ended[-1] == (2, "none")
    assert nights.history("reference") == at(2)


def test_an_incomplete_run_of_another_name_is_no_reference(nights: Nights) -> None:
    nights.night("")
    nights.night("elsewhere incomplete")
    assert f"The run is incomplete. It could not be compared with {at(1)}." in nights.log
    assert nights.history("reference") == at(1)


def test_a_server_that_is_down_is_said_and_is_no_night(nights: Nights) -> None:
    for broken in ("", "a", "silent"):
        nights.night(broken)
    assert "nightly: Nothing was judged" in nights.log
    assert nights.result("summary.md").startswith("Nothing was judged")
    assert "matrix.md: ['silent']" in nights.result("summary.md"), "it says why"
    assert nights.ended[-1] == (2, "standing")
    assert nights.kept == [at(1), at(2)]


def test_what_was_told_is_not_told_again_after_a_night_that_saw_less(nights: Nights) -> None:
    for broken in ("", "a b", "a incomplete"):
        nights.night(broken)
    assert "['a', 'b']" in str(nights.history("news.md")), "b was not seen fixed"
    nights.night("a b")
    assert nights.ended[1:] == [(1, "new"), (2, "standing"), (0, "standing")]


def test_news_are_accepted_though_the_last_night_saw_less(nights: Nights) -> None:
    for broken in ("", "a", "incomplete"):
        nights.night(broken)
    for name in ("news.md", "reference"):
        (nights.folder / "conformance-history" / name).unlink()
    nights.night("a")
    assert nights.ended[-1] == (0, "none")
    assert nights.history("reference") == at(4)


def test_a_comparison_that_crashes_is_no_news_and_accepts_none(nights: Nights) -> None:
    for broken in ("", "a"):
        nights.night(broken)
    stood = nights.history("news.md")
    nights.night("a unread")
    assert f"It could not be compared with {at(1)}." in nights.log
    assert nights.ended[-1] == (2, "standing")
    assert (nights.history("reference"), nights.history("news.md")) == (at(1), stood)


def test_nights_of_which_no_matrix_can_be_made_leave_the_one_of_before(nights: Nights) -> None:
    nights.night("unseen")
    assert nights.ended[-1] == (2, "none")
    assert "nightly: The first whole night: the next is compared with it. The matrix" in nights.log
    assert not (nights.folder / "conformance-results/matrix.html").exists()


def test_what_was_told_is_kept_as_long_as_it_stands(nights: Nights) -> None:
    nights.environment["CONFORMANCE_KEEP"] = "1"
    for broken in ("", "a", "incomplete", "incomplete"):
        nights.night(broken)
    assert nights.kept == [at(1), at(2), at(4)]


def test_a_history_that_cannot_be_written_is_no_news(nights: Nights) -> None:
    (nights.folder / "conformance-history").touch()
    made = bash(f"{RECIPES}/nightly.sh them/theirs --live", nights.folder, nights.environment)
    assert made.returncode == 2
