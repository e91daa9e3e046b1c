#!/usr/bin/env bash
# A night: ask the providers, keep what came of it, and say only what changed.
#
#   nightly.sh 'our_provider/*' --live --max-requests 500 --max-tokens 200000 --rpm 30
#
# The words are those of `conformance run`. The environment:
#
#   CONFORMANCE_RESULTS   tonight's folder, as in gate.sh, which must stand beside this file
#   CONFORMANCE_HISTORY   the folder of all nights, to be kept until the next   [conformance-history]
#   CONFORMANCE_KEEP      how many nights are kept   [90]
#   CONFORMANCE_FAIL_ON   what is news, as for `conformance diff`: news, must or should   [news]
#
# Written into tonight's folder, besides what gate.sh writes:
#
#   news          one word: new, standing (told before, and still so), fixed, or none
#   changes.md    what changed since the reference; where news stand, since last night
#
# matrix.html and badge.svg there are those of the whole history. Written into the history:
#
#   <date>.jsonl.gz    the night
#   reference          the night to compare with: the last that was complete and without news
#   news.md            the news that stand since the reference; where none do, it is not there
#
# To accept what is news, remove news.md and reference: last night is the reference then.
#
# Exit codes: 0 nothing new, 1 news, 2 wrong usage, or nothing new as far as an incomplete run tells.
set -euo pipefail

results=${CONFORMANCE_RESULTS:-conformance-results}
history=${CONFORMANCE_HISTORY:-conformance-history}
keep=${CONFORMANCE_KEEP:-90}
night=$(date -u +%Y-%m-%dT%H%M%SZ).jsonl.gz

nights() {
  find "$history" -maxdepth 1 -name '*.jsonl.gz' -exec basename {} \; | sort
}

changes_since() {
  echo "nightly: since $1"
  conformance diff "$history/$1" "$results/results.jsonl" \
    --md "$results/changes.md" --fail-on "${CONFORMANCE_FAIL_ON:-news}"
}

mkdir -p "$results" "$history"
rm -f "$results/changes.md"
echo none >"$results/news"

code=0
bash "$(dirname "${BASH_SOURCE[0]}")/gate.sh" "$@" --fail-on never || code=$?
if ! grep -q '^{"type":"verdict"' "$results/results.jsonl" 2>/dev/null; then
  rm -f "$results/matrix.html" "$results/badge.svg" # those of the nights before stay
  exit 2 # nothing was judged, so there is no night to keep
fi

last=$(nights | tail -n 1)
reference=$(cat "$history/reference" 2>/dev/null || true)
[ -f "$history/$reference" ] || reference=$last
changed=0
[ -z "$reference" ] || changes_since "$reference" || changed=$?

news=none
if [ -z "$reference" ]; then
  said="The first night: there is nothing to compare it with."
  reference=$night
elif [ "$changed" -eq 1 ]; then
  news=new
  said="There is news."
  since=changes-since-reference.md
  cp "$results/changes.md" "$results/$since"
  if [ -e "$history/news.md" ] && changes_since "$last"; then
    news=standing
    said="No news since last night; what was news before still is."
  fi
  mv "$results/$since" "$history/news.md"
elif [ "$changed" -ne 0 ]; then
  said="It could not be compared with $reference, so the next night is compared with this one."
  code=2
  reference=$night
  rm -f "$history/news.md"
elif [ "$code" -ne 0 ]; then
  said="No news as far as can be told."
  [ ! -e "$history/news.md" ] || news=standing
elif [ -e "$history/news.md" ]; then
  news=fixed
  said="What was news is fixed."
  reference=$night
  rm "$history/news.md"
else
  said="No news."
  reference=$night
fi
[ "$code" -eq 0 ] || said="The run is incomplete. $said"

echo "$news" >"$results/news"
echo "$reference" >"$history/reference"
gzip -c "$results/results.jsonl" >"$history/$night"
nights | sort -r | tail -n "+$((keep + 1))" | while read -r old; do
  [ "$old" = "$reference" ] || rm "$history/$old"
done

conformance matrix "$history" --html "$results/matrix.html" --badge "$results/badge.svg" || code=2
{
  printf '%s\n\n' "$said"
  cat "$results/changes.md" 2>/dev/null || true
  echo
  cat "$results/matrix.md"
} >"$results/summary.md"
echo "nightly: $said"

[ "$news" != new ] || exit 1
[ "$code" -eq 0 ] || exit 2
