#!/usr/bin/env bash
# Builds the site into dist/, smaller than a bare `trunk build --release`: a panic there does not tell its line.
# Tens of thousands of such places would be downloaded. RUSTC_BOOTSTRAP lets a stable rustc take that one option; the
# replay that a crash leaves, run natively, tells the line.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTC_BOOTSTRAP=1
# Cargo may take this in place of what .cargo/config.toml says, so the stack's size stands here too.
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-Clink-arg=-zstack-size=8388608 -Zlocation-detail=none"
exec trunk build --release "$@"
