//! Scripts and keys that nobody would write: none makes the shell panic or hang.
//!
//! Always: a run is bounded in virtual time and in steps, so a script that loops for ever passes too.

use crate::captured::ExecOptions;
use crate::system::System;
use api::topology::Role;
use api::{MachineId, TtyId};
use proptest::prelude::*;
use std::time::Duration;

/// What one script may take of the world's time.
const TIME: Duration = Duration::from_millis(15);
const STEPS: usize = 2_000;

const PIECES: &[&str] = &[
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "for",
    "x",
    "in",
    "do",
    "done",
    "while",
    "until",
    "case",
    "esac",
    "select",
    "function",
    "f",
    "()",
    "{",
    "}",
    "(",
    ")",
    "((",
    "))",
    "[[",
    "]]",
    "[",
    "]",
    "$(",
    "`",
    "${",
    "${x",
    "${#",
    "${!",
    "$((",
    "'",
    "\"",
    "\\",
    "$",
    "$x",
    "$@",
    "<<E",
    "\nE\n",
    "<<<",
    "<(",
    ">(",
    ">",
    "<",
    ">>",
    "2>&1",
    "|",
    "|&",
    "&",
    "&&",
    "||",
    ";",
    ";;",
    ";&",
    "\n",
    " ",
    " ",
    " ",
    "echo",
    "eval",
    "trap",
    "set -x",
    "set -e",
    "set -u",
    "exit",
    "return",
    "break 9",
    "continue",
    "local",
    "declare -A",
    "declare -n",
    "x=",
    "x=(1 2)",
    "x[",
    "+=",
    "==",
    "=~",
    "*",
    "?",
    "~",
    "!",
    "#",
    "@(",
    "+(",
    "//",
    "%%",
    "##",
    ":-",
    ":=",
    ":?",
    "^^",
    "@Q",
    ":1:-1",
    "1",
    "0",
    "-1",
    "+",
    "/",
    "**",
    "08",
    "99999999999999999999",
    "read x",
    "printf %*d",
    "shift",
    "unset x",
    "wait",
    "jobs",
    "kill %1",
    "sleep 1",
    "exec 3>&1",
    "/dev/fd/3",
    "time",
    "{1..9}",
    "{a,b}",
    "é",
    "\u{1}",
    "pushd",
    "mapfile",
    "getopts a: x",
];

fn machine() -> (System, MachineId) {
    let mut system = System::new(1, crate::cmd::ALL.iter().copied());
    let machine = system.machine_add("host", Role::Host);
    (system, machine)
}

fn step(system: &mut System) {
    let until = system.now() + TIME;
    for _ in 0..STEPS {
        if !system.step(until) {
            break;
        }
    }
}

fn run(script: &str) {
    let (mut system, machine) = machine();
    system.exec(machine, script, ExecOptions::default());
    step(&mut system);
}

#[test]
fn what_calls_itself_ends() {
    run("f() { f; }; f");
    run("f() { echo $(f); }; f");
    run("x='eval \"$x\"'; eval \"$x\"");
    run("f() { f | f & }; f");
    run(&"(".repeat(10_000));
    run(&"$(".repeat(10_000));
    run(&"${x:-".repeat(10_000));
    run(&"if ".repeat(10_000));
    run(&"{a,".repeat(10_000));
    run(&format!("[[ {}", "! ( ".repeat(10_000)));
    run(&format!("echo $(({}1))", "-".repeat(10_000)));
    run("x=x[x]; echo $((x))");
    run("declare -n a=b; declare -n b=a; a=1; echo $a ${!a}");
    run("trap 'false' ERR; set -E; f() { false; }; f");
    run("trap : DEBUG; set -T; f() { :; }; f; trap 'f' DEBUG; :");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_script_panics(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24)) {
        run(&pieces.concat());
        run(&pieces.join(" "));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        run(&text);
    }

    #[test]
    fn no_keys_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), columns in 0_u16..12) {
        let (mut system, machine) = machine();
        system.tty_open(machine, TtyId(0), columns, 5);
        step(&mut system);
        system.tty_input(TtyId(0), &bytes);
        step(&mut system);
        system.tty_resize(TtyId(0), 80, 24);
        system.tty_input(TtyId(0), b"\x12x\x12\t\t\x1b[A\x1b[B\r");
        step(&mut system);
    }
}
