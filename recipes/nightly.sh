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
#   news          one word: new, standing (told before, and not seen fixed), fixed, or none
#   changes.md    what changed since the reference; where news stand, since they were told
#
# matrix.html and badge.svg there are those of the whole history. Written into the history:
#
#   <date>.jsonl.gz    the night
#   reference          the night to compare with: the last that was complete and without news
#   told               the last night that was complete or brought news
#   news.md            the news that stand since the reference; where none do, it is not there
#
# To accept what is news, remove news.md and reference: the night that is told is the reference then.
#
# Exit codes: 0 nothing new, 1 news, 2 wrong usage, or nothing new as far as an incomplete run tells.
set -Eeuo pipefail
trap 'exit 2' ERR # what fails in here is no news

results=${CONFORMANCE_RESULTS:-conformance-results}
history=${CONFORMANCE_HISTORY:-conformance-history}
keep=${CONFORMANCE_KEEP:-90}
night=$(date -u +%Y-%m-%dT%H%M%SZ).jsonl.gz

named() { # FILE: the night that it names, where that is still there
  local name
  name=$(cat "$history/$1" 2>/dev/null) && [ -f "$history/$name" ] && echo "$name"
}

was_judged() {
  grep -q '^{"type":"verdict"' "$results/results.jsonl" 2>/dev/null
}

was_cut_off() {
  ! tail -n 1 "$results/results.jsonl" | grep -q '^{"type":"end"'
}

changes_since() { # NIGHT: with the exit code of `conformance diff`, 3 where it came to no end
  local changed=0
  echo "nightly: since $1"
  conformance diff "$history/$1" "$results/results.jsonl" \
    --md "$results/changes.md" --fail-on "${CONFORMANCE_FAIL_ON:-news}" || changed=$?
  [ -s "$results/changes.md" ] || changed=3
  return "$changed"
}

compare() { # this night with the reference
  local changed=nothing run=whole
  [ "$code" -eq 0 ] || run=incomplete
  if [ -n "$reference" ]; then
    changed=0
    changes_since "$reference" || changed=$?
  fi
  case $changed,$run,$news in
    nothing,whole,*) accept none "The first whole night: the next is compared with it." ;;
    nothing,*) said="There is no night to compare it with." ;;
    0,whole,none) accept none "No news." ;;
    0,whole,standing) accept fixed "What was news is fixed." ;;
    0,*) said="No news as far as can be told." ;;
    1,*) tell ;;
    2,whole,*)
      accept none "Nothing of it was there in $reference, so the next is compared with it."
      code=2
      ;;
    *)
      said="It could not be compared with $reference."
      code=2
      ;;
  esac
  [ "$run" = whole ] || said="The run is incomplete. $said"
}

tell() { # the news that there are since the reference, once
  local since=$results/changes-since-reference.md
  cp "$results/changes.md" "$since"
  if [ "$news" = standing ] && changes_since "$told"; then
    said="No more news; what was told before still stands."
  else
    news=new
    said="There is news."
  fi
  if [ "$news" = new ] || [ "$code" -eq 0 ]; then # else not all that stands may have been seen
    told=$night
    cp "$since" "$history/news.md"
  fi
  rm "$since"
}

accept() { # NEWS SAID: this night is what the next is compared with
  news=$1 said=$2
  reference=$night told=$night
  rm -f "$history/news.md"
}

keep_it() {
  gzip -c "$results/results.jsonl" >"$history/$night"
  [ -z "$told" ] || echo "$told" >"$history/told"
  [ -z "$reference" ] || echo "$reference" >"$history/reference"
  find "$history" -maxdepth 1 -name '*.jsonl.gz' -exec basename {} \; | sort -r |
    tail -n "+$((keep + 1))" | while read -r old; do
    [ "$old" = "$reference" ] || [ "$old" = "$told" ] || rm "$history/$old"
  done
}

draw_all() {
  if ! conformance matrix "$history" --html "$results/matrix.html" --badge "$results/badge.svg"; then
    said="$said The matrix of all nights could not be made."
    code=2
  fi
}

summarise() { # what gate.sh wrote goes below what is said of this night
  local whole
  whole=$(cat "$results/summary.md")
  printf '%s\n\n' "$said"
  cat "$results/changes.md" 2>/dev/null || true
  if [ -s "$results/matrix.md" ]; then
    printf '\n## The whole night\n\n'
    echo "Not compared with other nights: new is here every failure that nobody noted as known."
  fi
  printf '\n%s\n' "$whole"
}

mkdir -p "$results" "$history"
rm -f "$results/changes.md"
news=none
[ ! -e "$history/news.md" ] || news=standing
echo "$news" >"$results/news"
told=$(named told || true)
reference=$(named reference || echo "$told")
told=${told:-$reference}

code=0
bash "$(dirname "${BASH_SOURCE[0]}")/gate.sh" "$@" --fail-on never || code=$?
if ! was_judged; then
  said="Nothing was judged, so there is no night to keep."
  code=2
elif was_cut_off; then
  said="The run was cut off, so it is compared with no other."
  code=2
else
  compare
fi

rm -f "$results/matrix.html" "$results/badge.svg" # they are of tonight alone
if was_judged; then
  keep_it
  draw_all
fi
echo "$news" >"$results/news"
summarise >"$results/summary.new"
mv "$results/summary.new" "$results/summary.md"
echo "nightly: $said"

[ "$news" != new ] || exit 1
[ "$code" -eq 0 ] || exit 2
