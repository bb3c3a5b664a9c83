#!/usr/bin/env bash
# Builds the site into dist/, smaller than a bare `trunk build --release`: a panic there ends the engine without a word.
# The words, their places and the code that formats them would be part of every download; the replay that a crash
# leaves brings whoever looks for them to the same place in a native build. For that, std is built with the site from
# its sources, and RUSTC_BOOTSTRAP lets a stable rustc take the options. Where the sources or an option are missing the
# site is larger and works the same.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTC_BOOTSTRAP=1
# Cargo may take this in place of what .cargo/config.toml says, so the stack's size stands here too.
flags="-Clink-arg=-zstack-size=8388608 -Zlocation-detail=none"
wordless="-Zunstable-options -Cpanic=immediate-abort"
target=wasm32-unknown-unknown
# These two are Cargo's -Zbuild-std and -Zbuild-std-features.
export CARGO_UNSTABLE_BUILD_STD=std,panic_abort CARGO_UNSTABLE_BUILD_STD_FEATURES=optimize_for_size
# shellcheck disable=SC2086
if rustc $wordless --target $target --print cfg >/dev/null 2>&1 && why=$(cargo fetch -q --locked --target $target 2>&1); then
    flags+=" $wordless"
else
    unset CARGO_UNSTABLE_BUILD_STD CARGO_UNSTABLE_BUILD_STD_FEATURES
    echo "site: std cannot be built with the site, which is larger so (rustup component add rust-src): ${why:-$(rustc --version) has no immediate abort}"
fi
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags
exec trunk build --release "$@"
