"""Which files are read, and how their form is told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import yaml
from recordings import body, exchanges, har, har_entry, interaction, jsonl, line, only, write

from conformance.model import Exchange, Source
from conformance.traffic import Unreadable, find, read


def test_one_file_may_mix_shapes(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", line(), interaction("a"), har_entry({"text": "x"}))
    assert [body(one) for one in exchanges(path)] == [b'{"a":1}', b"a", b"x"]


def test_the_form_is_told_by_content_and_suffix(tmp_path: Path) -> None:
    vcr_json = {"version": 1, "interactions": [interaction("a")]}
    yaml_text = yaml.safe_dump(vcr_json)
    exchange_line = json.dumps(line()) + "\n"
    contents = {
        "lines.jsonl": exchange_line,
        "lines.ndjson": "\ufeff" + exchange_line + "\n\r\n",
        "lines.txt": exchange_line,
        "cassette.yaml": yaml_text,
        "cassette.txt": yaml_text,
        "yaml.json": yaml_text,
        "json.yaml": json.dumps(vcr_json, indent=1),
        "json": json.dumps(vcr_json),
        "list.json": json.dumps([line()]),
        "bom.har": "\ufeff" + json.dumps(har(har_entry({"text": "x"}))),
    }
    for name, text in contents.items():
        assert only(write(tmp_path / name, text)), name
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress(text.encode()))
        assert only(packed), name


def test_find_takes_what_it_knows_in_order(tmp_path: Path) -> None:
    names = ["a.yaml", "b/a.HAR", "b/c.jsonl.gz", "b/d/e.yml", "c.json", "d.ndjson"]
    passed_over = ["a.txt", "b/.git/a.yaml", ".hidden/a.yaml", "e.gz", "yaml"]
    for name in names + passed_over:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "x.yaml").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert list(find([tmp_path])) == [tmp_path / name for name in names]


def test_find_gives_a_named_file_whatever_its_name(tmp_path: Path) -> None:
    odd = write(tmp_path / "recording.bin", "")
    assert list(find([odd, tmp_path])) == [odd]
    with pytest.raises(FileNotFoundError):
        list(find([tmp_path / "absent"]))


def test_the_corpus_reads_without_loss(corpus: Path) -> None:
    found = [one for path in find([corpus / "recordings"]) for one in read(path)]
    assert [str(one) for one in found if isinstance(one, Unreadable)] == []
    assert len(found) == 5316
    documented = exchanges(corpus / "documented_examples.jsonl")
    assert {one.provenance.source for one in documented} == {Source.DOCUMENTED}


def test_a_file_of_something_else_is_passed_over_as_a_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "toc.yml", "- title: one\n- title: two\n")
    (found,) = read(path)
    assert isinstance(found, Unreadable)
    assert found.foreign
    assert str(found) == f"{path}: holds no recorded exchange"


def test_something_else_among_exchanges_is_broken(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", {"a": 1}, {"b": 2}, line(), {"c": 3})
    first, exchange, last = read(path)
    assert isinstance(exchange, Exchange)
    for found, place in ((first, f"{path}:1: "), (last, f"{path}:4: ")):
        assert isinstance(found, Unreadable)
        assert not found.foreign
        assert str(found).startswith(place)
    assert "and 1 more before the first" in str(first)
