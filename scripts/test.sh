#!/usr/bin/env bash
# Runs every check, shows each one's output, goes on after a failure, and sums up in one last line.
#
#   scripts/test.sh           all parts; make test calls it, with the tools of scripts/setup.sh in PATH
#   scripts/test.sh tidy e2e  only the parts named so
#
# A part's counts are read from its own last summary (nextest, cargo test, or "N passed, N failed");
# a part that prints none counts as one check.
set -uo pipefail
cd "$(dirname "$0")/.."

logs=target/test-logs
mkdir -p "$logs"
wanted=" $* "
passed=0
failed=0
report=()

# "passed failed" of a log, or nothing.
counts() {
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
        /^ *Summary \[/ { p = f = 0; for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p = $(i-1); if ($i ~ /^failed/ || $i ~ /^timed/) f += $(i-1) } seen = 1 }
        /^test result: / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) tp += $(i-1); if ($i ~ /^failed/) tf += $(i-1) } seen = 2 }
        /^[0-9]+ passed, [0-9]+ failed/ { p = $1; f = $3; seen = 1 }
        END { if (seen == 2) print tp, tf; else if (seen) print p, f }'
}

is_wanted() { [ "$wanted" = "  " ] || [[ "$wanted" == *" $1 "* ]]; }

part() {
    local name=$1 log="$logs/$1.log" started=$SECONDS status n
    shift
    is_wanted "$name" || return 0
    printf '\n== %s: %s\n' "$name" "$*"
    "$@" 2>&1 | tee "$log"
    status=$?
    read -r -a n <<<"$(counts "$log")"
    # One that stopped before it could count has failed once.
    if [ ${#n[@]} = 0 ]; then n=($((status == 0)) $((status != 0))); fi
    if [ $status != 0 ] && [ "${n[1]}" = 0 ]; then n[1]=1; fi
    passed=$((passed + n[0]))
    failed=$((failed + n[1]))
    report+=("$(printf '%-12s %6d passed %5d failed %5d s' "$name" "${n[0]}" "${n[1]}" $((SECONDS - started)))")
}

documentation() { RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items; }

# The site is optimised as one piece, which takes one core some minutes: it is built beside the parts before its own.
begin_site() {
    rm -f "$logs/site.status"
    trap 'trap - INT TERM; kill 0' INT TERM
    { scripts/site.sh; echo $? >"$logs/site.status"; } >"$logs/site-build.log" 2>&1 &
}

site() {
    until [ -e "$logs/site.status" ]; do sleep 1; done
    cat "$logs/site-build.log"
    return "$(cat "$logs/site.status")"
}

# Built with the features of the whole workspace, as the tests are: nothing is compiled a second time.
recordings() {
    cargo build -q --workspace --bin parity && target/debug/parity --known tests/parity/known-failures.txt tests/parity
}

WASM=(--target wasm32-unknown-unknown)
if is_wanted site; then begin_site; fi
part format cargo fmt --all --check
part clippy cargo clippy --workspace --all-targets -- -D warnings
part clippy-wasm cargo clippy "${WASM[@]}" -p app -p worker --all-features -- -D warnings
part native cargo nextest run --workspace
part doctests cargo test --doc --workspace
part docs documentation
part parity recordings
part parity-envoy scripts/parity-envoy.sh fast
part wasm env WASM_BINDGEN_TEST_TIMEOUT=120 cargo test "${WASM[@]}" -p app -p tests
part site site
part e2e node tests/browser/run.mjs dist

printf '\n'
printf '%s\n' "${report[@]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
