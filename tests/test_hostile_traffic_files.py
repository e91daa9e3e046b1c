"""Files that are empty, cut off, damaged or no recordings: reading them says so, and ends."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import GOOD_LINE, GOOD_YAML, body, exchanges, outcome, write


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.har", "x.yaml", "x.jsonl.gz", "x"])
@pytest.mark.parametrize("content", [b"", b"\n \n", b"{}", b"[]", b"5"])
def test_a_file_that_holds_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    [shown] = outcome(write(tmp_path / name, content))
    assert "holds no recorded exchange" in shown or "neither an exchange line" in shown


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.json.gz", "x.yaml.gz"])
def test_half_a_gzip(tmp_path: Path, name: str) -> None:
    many = {
        "x.jsonl.gz": GOOD_LINE * 3000,
        "x.json.gz": b"[" + b",".join([GOOD_LINE] * 3000) + b"]",
        "x.yaml.gz": b"interactions:" + GOOD_YAML.encode() * 900,
    }[name]
    packed = gzip.compress(many)
    *read_before, last = outcome(write(tmp_path / name, packed[: len(packed) // 2]))
    assert set(read_before) == {"exchange"}
    assert last == f"{name}: ends in the middle of gzip data"


def test_a_damaged_gzip(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", b"\x1f\x8b" + b"junk" * 99)
    assert outcome(path)[0].startswith("x.jsonl: damaged gzip data")


def test_truncated_files(tmp_path: Path) -> None:
    cut = write(tmp_path / "x.jsonl", GOOD_LINE, GOOD_LINE[:30])
    whole, part = outcome(cut)
    assert whole == "exchange"
    assert part.startswith("x.jsonl:2: not JSON")
    cut = write(tmp_path / "x.json", b"[", GOOD_LINE, b",", GOOD_LINE[:30])
    assert outcome(cut) == ["exchange", "x.json:2: ends in the middle of the JSON text"]
    cut = write(tmp_path / "x.yaml", "interactions:", GOOD_YAML, "- request: {a: 'b")
    assert outcome(cut) == [
        "exchange",
        "x.yaml:4: not YAML: found unexpected end of stream",
    ]


def test_a_folder_named_like_a_cassette(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    assert outcome(tmp_path / "x.yaml") == ["x.yaml: Is a directory"]
    assert outcome(tmp_path / "absent.yaml") == ["absent.yaml: No such file or directory"]


@given(st.binary(max_size=200), st.sampled_from(["x.jsonl", "x.har", "x.yaml", "x", "x.json.gz"]))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    folder = tmp_path_factory.mktemp("junk")
    gzip_header = b"\x1f\x8b\x08\0\0\0\0\0\0\3"
    for start in (b"", b'{"log":{"entries":[{', b"interactions:\n- ", gzip_header):
        assert outcome(write(folder / name, start, data))


@given(st.data())
def test_blocks_may_fall_anywhere(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    texts = data.draw(
        st.lists(st.text(alphabet='a"\\{}[]é\n', max_size=12), min_size=1, max_size=4)
    )
    lines = [json.loads(GOOD_LINE) | {"response_body": text} for text in texts]
    text = json.dumps({"a": [{"b": texts}], "interactions": lines}, ensure_ascii=False)
    path = write(tmp_path_factory.mktemp("cut") / "x.json", text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("conformance.traffic.jsonstream.BLOCK", data.draw(st.integers(1, 40)))
        assert [body(exchange).decode() for exchange in exchanges(path)] == texts
