//! Transcripts of Tab: what is typed, and what then stands on the line.

use crate::captured::ExecOptions;
use crate::system::System;
use api::TtyId;
use api::topology::Role;
use std::time::Duration;

const TTY: TtyId = TtyId(0);

fn machine() -> (System, api::MachineId) {
    let mut system = System::new(1, crate::cmd::ALL.iter().copied());
    let machine = system.machine_add("host", Role::Host);
    (system, machine)
}

/// What a shell shows once these keys were typed, after the lines in `before` were run.
fn typed(before: &[&str], keys: &str) -> String {
    let (mut system, machine) = machine();
    system.tty_open(machine, TTY, 80, 24);
    system.run_until_quiet();
    for line in before {
        system.tty_input(TTY, format!("{line}\r").as_bytes());
        system.run_until_quiet();
    }
    system.take_tty_output();
    system.tty_input(TTY, keys.as_bytes());
    system.run_until_quiet();
    system.take_tty_output().iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
}

/// The line after the last drawing of it.
fn line(before: &[&str], keys: &str) -> String {
    let shown = typed(before, keys);
    let last = shown.rsplit("# ").next().unwrap_or_default();
    last.split('\x1b').next().unwrap_or_default().trim_end_matches('\x07').to_owned()
}

fn says(script: &str) -> String {
    let (mut system, machine) = machine();
    let id = system.exec(machine, script, ExecOptions::default());
    system.run_until_exit(id, Duration::from_secs(60));
    let (out, err) = system.take_output(id);
    String::from_utf8_lossy(&[out, err].concat()).into_owned()
}

#[test]
fn tab_finishes_the_words_of_ip() {
    assert_eq!(line(&[], "ip li\t"), "ip link ");
    assert_eq!(line(&[], "ip link set l\t"), "ip link set lo ");
    assert_eq!(line(&["ip netns add red"], "ip netns exec r\t"), "ip netns exec red ");
    assert_eq!(line(&["ip netns add red"], "ip netns exec red tracep\t"), "ip netns exec red tracepath ");
    assert_eq!(line(&[], "ip link add vx type vxl\t"), "ip link add vx type vxlan ");
    assert_eq!(line(&[], "ip -br\t"), "ip -br");
    assert_eq!(line(&[], "ip route add default v\t"), "ip route add default via ");
}

#[test]
fn tab_finishes_options_of_tools() {
    assert_eq!(line(&[], "sort --rev\t"), "sort --reverse ");
    assert_eq!(line(&[], "head --byt\t"), "head --bytes=");
    assert_eq!(line(&[], "sudo ls --almos\t"), "sudo ls --almost-all ");
    assert_eq!(line(&[], "iptables --line\t"), "iptables --line-numbers ");
}

#[test]
fn tab_finishes_chains_and_targets() {
    assert_eq!(line(&["iptables -N WEB"], "iptables -A W\t"), "iptables -A WEB ");
    assert_eq!(
        line(&[], "iptables -t nat -A POSTROUTING -j MASQ\t"),
        "iptables -t nat -A POSTROUTING -j MASQUERADE "
    );
    assert_eq!(line(&[], "iptables -t na\t"), "iptables -t nat ");
}

#[test]
fn a_function_completes_its_command() {
    let function = "f() { [ $2 = x ] && compopt -o nospace; COMPREPLY=($(compgen -W \"$COMP_CWORD-$3 other\" -- \"$2\")); }";
    assert_eq!(line(&[function, "complete -F f tool"], "tool a o\t"), "tool a other ");
    let words = "complete -o default -W 'start stop' service";
    assert_eq!(line(&[words], "service sta\t"), "service start ");
    assert_eq!(line(&["complete -C 'echo given;:' tool"], "tool g\t"), "tool given ");
}

#[test]
fn compgen_and_complete_print_what_they_know() {
    assert_eq!(says("compgen -W 'one two only' o"), "one\nonly\n");
    assert_eq!(says("compgen -A function; echo $?"), "1\n");
    assert_eq!(says("f() { :; }; compgen -A function -P '<' -S '>'"), "<f>\n");
    assert_eq!(says("compgen -W 'a.o a.c' -X '*.o'; compgen -W 'a.o a.c' -X '!*.o'"), "a.c\na.o\n");
    assert_eq!(
        says("complete -o nospace -W 'a b' foo; complete -p foo"),
        "complete -o nospace -W 'a b' foo\n"
    );
    assert_eq!(
        says("complete -p foo; echo $?"),
        "1\n/bin/bash: line 1: complete: foo: no completion specification\n"
    );
    assert_eq!(
        says("compopt -o nospace"),
        "/bin/bash: line 1: compopt: not currently executing completion function\n"
    );
}

#[test]
fn letters_of_any_case_fit_where_that_is_set() {
    assert_eq!(line(&["cd /tmp", "touch Readme"], "cat rea\t"), "cat rea");
    let set = "bind 'set completion-ignore-case on'";
    assert_eq!(line(&["cd /tmp", "touch Readme", set], "cat rea\t"), "cat Readme ");
}

#[test]
fn fc_lists_and_runs_again() {
    assert!(typed(&["echo a"], "fc -l\r").contains("1\t echo a"), "{}", typed(&["echo a"], "fc -l\r"));
    assert!(typed(&["echo a"], "fc -s a=b\r").contains("echo b\r\nb\r\n"));
    assert_eq!(says("fc -s"), "/bin/bash: line 1: fc: no command found\n");
}

#[test]
fn a_command_run_by_another_is_found() {
    let of = |line: &str| {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        super::unwrapped(&words).join(" ")
    };
    assert_eq!(of("sudo ip netns exec red ping"), "ping");
    assert_eq!(of("ip netns exec"), "ip netns exec");
    assert_eq!(of("ip netns exec red"), "");
    assert_eq!(of("timeout 5 curl -s"), "curl -s");
    assert_eq!(of("env A=1 ip link"), "ip link");
}
