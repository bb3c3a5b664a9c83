#!/usr/bin/env bash
# Prepares a machine for vethlab: everything `make` needs, at pinned versions, and nothing twice.
#
#   scripts/setup.sh build    Rust with the wasm32 target, wasm-bindgen, trunk, the npm packages
#   scripts/setup.sh test     the same, cargo-nextest, Chromium with its driver, tshark, wrk and h2load
#
# What it makes stands in ~/.cache/vethlab (tools), ~/.local/share/vethlab (Rust's wasm32 std, only where
# rustup cannot fetch it), node_modules and www/vendor. Delete any of them and run it again.
# VETHLAB_NO_RUSTUP=1 (or RUSTUP_AUTO_INSTALL=0) keeps rustup from downloading; then, and without rustup,
# wasm32 comes from Debian's Rust.
set -euo pipefail
cd "$(dirname "$0")/.."

WASM_BINDGEN=0.2.130 # the same as in Cargo.toml and Trunk.toml
TRUNK=0.21.14
NEXTEST=0.9.143
RUST_OLDEST=90 # 1.90: the workspace uses what it brought
LLVM=22        # the LLVM of Debian's rustc-web

for_what=${1:-test}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vethlab
tools=$cache/tools
rust=${XDG_DATA_HOME:-$HOME/.local/share}/vethlab/rust
export PATH="$tools/bin:$PATH"
mkdir -p "$cache" "$tools"
# Even a bare `rustc` fetches what rust-toolchain.toml names, where rustup may.
[ "${VETHLAB_NO_RUSTUP:-}" != 1 ] || export RUSTUP_AUTO_INSTALL=0

step=0
steps=$([ "$for_what" = test ] && echo 7 || echo 5)
say() { printf '  %s\n' "$*"; }
begin() { step=$((step + 1)); printf '[%d/%d] %s\n' "$step" "$steps" "$*"; }
stop() { printf '\nsetup: %s\n' "$1" >&2; shift; for line in "$@"; do printf '  %s\n' "$line" >&2; done; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a slow command with its output in a log, and says every 20 seconds how far it is.
slowly() {
    local name=$1 log="$cache/$1.log" started=$SECONDS pid
    shift
    "$@" >"$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 2; kill -0 "$pid" 2>/dev/null || break 2; done
        say "… $((SECONDS - started)) s, $(grep -c '^ *Compiling' "$log" || true) crates: $(tail -n 1 "$log" | cut -c -80)"
    done
    wait "$pid" && return
    tail -n 20 "$log" >&2
    stop "$name failed (whole log: $log); the command was" "$*"
}

# debian "why" package…: installs what is missing, or says how.
debian() {
    local why=$1 as=()
    shift
    have apt-get || stop "$why is missing, and this is not Debian or Ubuntu. Install it with your package manager:" "$*"
    if [ "$(id -u)" != 0 ]; then
        have sudo || stop "$why is missing. Install it as root:" "apt-get install --no-install-recommends $*"
        as=(sudo)
    fi
    say "apt-get install $*"
    { "${as[@]}" apt-get update && "${as[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@"; } >"$cache/apt.log" 2>&1 ||
        stop "$why could not be installed (log: $cache/apt.log). By hand:" "apt-get install --no-install-recommends $*"
}

# Is std for wasm32 there, for the rustc that would be run?
has_wasm() { [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/wasm32-unknown-unknown/lib" ]; }
is_own_rust() { [ "$(rustc --print sysroot 2>/dev/null)" = "$rust" ]; }
minor() { rustc --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p'; }
use_own_rust() {
    if ! have rustup; then
        export PATH="$rust/bin:$PATH"
    else
        rustup toolchain link vethlab "$rust"
        rustup override set vethlab --path "$PWD" 2>/dev/null # so that a bare `cargo` or `trunk` works here too
        export RUSTUP_TOOLCHAIN=vethlab
    fi
}

rust_stamp() {
    /usr/bin/rustc -vV
    dpkg-query -W -f '${Package} ${Version}\n' rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web "lld-$LLVM" |
        LC_ALL=C sort
}

wrapper() { printf '#!/bin/sh\n%s\n' "$2" >"$rust/bin/$1" && chmod +x "$rust/bin/$1"; }

# Debian packages rustc without std for wasm32: build that once from its sources, and put a toolchain around it.
build_own_rust() {
    local host work lib
    host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')
    work=$(mktemp -d)
    printf '[package]\nname = "empty"\nedition = "2024"\n[profile.release]\nopt-level = 3\ncodegen-units = 1\n' >"$work/Cargo.toml"
    mkdir "$work/src" && echo '#![no_std]' >"$work/src/lib.rs"
    (cd "$work" && unset RUSTUP_TOOLCHAIN && RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTFLAGS=-Cembed-bitcode=yes \
        CARGO_TARGET_DIR="$work/target" slowly wasm32-std /usr/bin/cargo build --release \
        --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort,test)
    rm -rf "$rust"
    lib="$rust/lib/rustlib"
    mkdir -p "$rust/bin" "$lib/wasm32-unknown-unknown/lib" "$lib/$host/bin"
    find "$work/target/wasm32-unknown-unknown/release/deps" -name '*.rlib' ! -name 'libempty*' \
        -exec cp {} "$lib/wasm32-unknown-unknown/lib/" \;
    ln -s "/usr/lib/rustlib/$host/lib" "$lib/$host/lib"
    ln -s /usr/lib/rustlib/src /usr/lib/rustlib/etc "$lib/"
    ln -s "/usr/lib/llvm-$LLVM/bin/lld" "$lib/$host/bin/rust-lld"
    # Wrappers, because rustc takes its sysroot from where its file really stands.
    for it in rustc rustdoc; do wrapper $it "exec /usr/bin/$it --sysroot '$rust' \"\$@\""; done
    for it in cargo-clippy clippy-driver; do wrapper $it "SYSROOT='$rust' exec /usr/bin/$it \"\$@\""; done
    for it in cargo cargo-fmt rustfmt; do ln -s /usr/bin/$it "$rust/bin/$it"; done
    rm -rf "$work"
    rust_stamp >"$rust/stamp"
}

may_rustup() { have rustup && [ "${VETHLAB_NO_RUSTUP:-}" != 1 ] && [ "${RUSTUP_AUTO_INSTALL:-}" != 0 ]; }

# scripts/site.sh builds std with the site, where its sources are.
std_sources() {
    [ ! -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library/std" ] || return 0
    may_rustup && rustup component add rust-src || say "the sources of std are missing: the site will be a little larger"
}

wasm_target() {
    begin "Rust with the wasm32-unknown-unknown target"
    if have cargo && ! is_own_rust && has_wasm && [ "$(minor)" -ge "$RUST_OLDEST" ]; then
        say "$(rustc --version)"
        return
    fi
    if [ -f "$rust/stamp" ] && [ "$(cat "$rust/stamp")" = "$(rust_stamp 2>/dev/null)" ]; then
        use_own_rust
        say "$(rustc --version), with wasm32 in $rust"
        return
    fi
    if may_rustup; then
        say "rustup target add wasm32-unknown-unknown"
        if rustup target add wasm32-unknown-unknown && has_wasm; then return; fi
        say "rustup could not; trying Debian's Rust"
    fi
    have apt-get || stop "Rust (1.$RUST_OLDEST or newer) with the wasm32-unknown-unknown target is missing. Get it with rustup:" \
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" "rustup target add wasm32-unknown-unknown"
    rust_stamp >/dev/null 2>&1 || debian "Rust for wasm32" rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web "lld-$LLVM" gcc libc6-dev
    say "building std for wasm32 from Debian's sources (once, about a minute)"
    build_own_rust
    use_own_rust
    has_wasm || stop "std for wasm32 was built, but rustc does not see it; remove this folder and try again:" "rm -rf $rust"
}

# crate binary version [--locked]: through cargo, into our own folder, once.
cargo_tool() {
    local crate=$1 binary=$2 version=$3
    if "$binary" --version 2>/dev/null | grep -qF " $version"; then
        say "$crate $version"
        return
    fi
    say "building $crate $version (once, some minutes)"
    # Built to be used at once, not to be the fastest: these tools wait for rustc most of their time.
    slowly "$crate" env CARGO_TARGET_DIR="$cache/tools-target" CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        cargo install "$crate" --version "$version" --root "$tools" "${@:4}"
}

# A rustup machine has ~/.cargo/bin in its PATH: a bare `trunk serve` finds trunk and wasm-bindgen there.
link_tools() {
    local bin=${CARGO_HOME:-$HOME/.cargo}/bin
    [ -d "$bin" ] || return 0
    for it in trunk wasm-bindgen; do [ -e "$bin/$it" ] || ln -sf "$tools/bin/$it" "$bin/$it"; done
}

npm_packages() {
    begin "npm packages (terminal, wasm-opt, browser tests)"
    have npm || debian "npm" nodejs npm
    [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ] ||
        stop "Node $(node --version) is too old; 18 or newer is needed:" "https://nodejs.org/en/download"
    local stamp=node_modules/.vethlab want
    want=$(cksum <package-lock.json)
    if [ "$(cat $stamp 2>/dev/null)" != "$want" ]; then
        say "npm ci"
        npm ci --ignore-scripts --no-audit --no-fund >"$cache/npm.log" 2>&1 ||
            stop "npm ci failed (log: $cache/npm.log)" "$(tail -n 3 "$cache/npm.log")"
        echo "$want" >$stamp
    fi
    mkdir -p www/vendor
    local from=node_modules/@xterm
    for it in xterm/lib/xterm.mjs xterm/css/xterm.css addon-fit/lib/addon-fit.mjs; do
        cmp -s $from/$it www/vendor/"${it##*/}" || cp $from/$it www/vendor/
    done
}

test_tools() {
    begin "cargo-nextest"
    cargo nextest --version 2>/dev/null | grep -q . && say "$(cargo nextest --version | head -n 1)" ||
        cargo_tool cargo-nextest cargo-nextest "$NEXTEST" --locked
    begin "Chromium, chromedriver, tshark, wrk, h2load"
    local missing=()
    have chromium || have google-chrome || have chromium-browser || missing+=(chromium)
    have chromedriver || missing+=(chromium-driver)
    have tshark || missing+=(tshark)
    have wrk || missing+=(wrk)
    have h2load || missing+=(nghttp2-client)
    [ ${#missing[@]} = 0 ] || debian "${missing[*]}" "${missing[@]}"
}

# What the Makefile reads before it runs anything.
write_env() {
    {
        echo "export PATH=\"\$PWD/node_modules/.bin:$tools/bin:\$PATH\""
        if [ -n "${RUSTUP_TOOLCHAIN:-}" ]; then
            echo "export RUSTUP_TOOLCHAIN=$RUSTUP_TOOLCHAIN"
        elif [ "$(command -v rustc)" = "$rust/bin/rustc" ]; then
            echo "export PATH=\"$rust/bin:\$PATH\""
        fi
    } >"$cache/env"
}

have cc || have gcc || have clang || debian "a C linker" gcc libc6-dev
wasm_target
std_sources
begin "wasm-bindgen"
cargo_tool wasm-bindgen-cli wasm-bindgen "$WASM_BINDGEN" # its own lock names a crate that is not served
begin "trunk"
cargo_tool trunk trunk "$TRUNK" --locked
link_tools
npm_packages
if [ "$for_what" = test ]; then test_tools; fi
begin "done"
write_env
rm -rf "$cache/tools-target"
