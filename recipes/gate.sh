#!/usr/bin/env bash
# The gate: one run, and every report that a CI system can show.
#
#   gate.sh --adapter our_gateway --quick
#   gate.sh 'our_provider/*' --live --max-requests 500
#
# The words are those of `conformance run`. The environment:
#
#   CONFORMANCE_RESULTS   the folder that is written into   [conformance-results]
#   CONFORMANCE_FAIL_ON   what makes the exit code 1: must, should, news or never   [news]
#
# Written are results.jsonl, matrix.html, matrix.md, junit.xml, results.sarif and badge.svg, and
# summary.md for whoever looks first, which also says why where nothing could be judged. Nothing of
# an earlier run is left.
#
# Exit codes: 0 nothing to report, 1 a failure, 2 wrong usage or an incomplete run.
set -euo pipefail
trap 'exit 2' ERR # what fails in here is no failure of whom it is about

results=${CONFORMANCE_RESULTS:-conformance-results}
mkdir -p "$results"
for report in results.jsonl matrix.html matrix.md junit.xml results.sarif badge.svg summary.md; do
  rm -f "$results/$report"
done
rm -rf "$results/results.jsonl.exchanges"

code=0
conformance run --fail-on "${CONFORMANCE_FAIL_ON:-news}" "$@" \
  --json "$results/results.jsonl" \
  --html "$results/matrix.html" \
  --md "$results/matrix.md" \
  --junit "$results/junit.xml" \
  --sarif "$results/results.sarif" \
  --badge "$results/badge.svg" || code=$?

if [ -s "$results/matrix.md" ]; then
  cp "$results/matrix.md" "$results/summary.md"
else
  echo "There is no report: \`conformance run\` ended with exit code $code before it wrote one." \
    "The log has what it said." >"$results/summary.md"
  code=2 # even if it was 1: that is how a program ends that crashed
fi
[ "$code" -le 2 ] || code=2 # it was killed
exit "$code"
