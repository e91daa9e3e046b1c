"""A stand-in for ``gh``: one file holds the issues, and what was said of them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

PLACE = Path(os.environ["RECIPE_ISSUES"])


def body(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    kinds = parser.add_subparsers(dest="kind", required=True)
    label = (
        kinds.add_parser("label").add_subparsers(dest="verb", required=True).add_parser("create")
    )
    label.add_argument("name")
    label.add_argument("--force", action="store_true", required=True)
    label.add_argument("--description")
    verbs = kinds.add_parser("issue").add_subparsers(dest="verb", required=True)
    found = verbs.add_parser("list")
    for option in ("--label", "--state", "--limit", "--json", "--jq"):
        found.add_argument(option, required=True)
    create = verbs.add_parser("create")
    for option in ("--title", "--label", "--body-file"):
        create.add_argument(option, required=True)
    for verb in ("edit", "comment"):
        change = verbs.add_parser(verb)
        change.add_argument("number", type=int)
        change.add_argument("--body-file", required=True)
    close = verbs.add_parser("close")
    close.add_argument("number", type=int)
    close.add_argument("--comment", required=True)
    pulls = kinds.add_parser("pr").add_subparsers(dest="verb", required=True)
    comment = pulls.add_parser("comment")
    comment.add_argument("number", type=int)
    comment.add_argument("--body-file", required=True)
    for option in ("--edit-last", "--create-if-none"):
        comment.add_argument(option, action="store_true", required=True)
    return parser.parse_args()


def main() -> None:
    assert os.environ["GH_TOKEN"], "gh needs a token"
    said = arguments()
    kept = json.loads(PLACE.read_text("utf-8"))
    labels, issues = kept["labels"], kept["issues"]
    kept["calls"].append(f"{said.kind} {said.verb}")
    match said.kind, said.verb:
        case "label", "create":
            labels.append(said.name)
        case "issue", "list":
            assert (said.state, said.json, said.jq) == ("open", "number", ".[].number")
            there = [
                n for n, one in enumerate(issues, 1) if one["label"] == said.label and one["open"]
            ]
            print("\n".join(map(str, there[: int(said.limit)])))  # noqa: T201  # as gh does
        case "issue", "create":
            assert said.label in labels, "no such label"
            issue = {"label": said.label, "open": True, "title": said.title}
            issues.append({**issue, "body": body(said.body_file), "comments": []})
        case "issue", "edit":
            issues[said.number - 1]["body"] = body(said.body_file)
        case "issue", "comment":
            issues[said.number - 1]["comments"].append(body(said.body_file))
        case "pr", "comment":
            issues.append({"number": said.number, "body": body(said.body_file)})
        case "issue", "close":
            issues[said.number - 1]["open"] = False
            issues[said.number - 1]["comments"].append(said.comment)
    PLACE.write_text(json.dumps(kept), "utf-8")


if __name__ == "__main__":
    main()
