//! The reader of lessons under bad input: what is wrong is told with file and line, and nothing makes it panic.

use api::Lab;
use lessons::author::{Fault, read_lesson};
use proptest::prelude::*;

const GOOD: &str = include_str!("../course/01-links-and-routes/10-switch.md");

fn lab(_: &str) -> Result<Lab, String> {
    let machines = ["a", "b", "c", "switch"].map(|name| api::lab::MachineSpec {
        name: name.to_owned(),
        role: api::topology::Role::Host,
        at: None,
    });
    Ok(Lab { machines: machines.into(), ..Lab::default() })
}

fn fault_of(text: &str) -> Fault {
    read_lesson("t.md", text, lab).expect_err("a fault")
}

/// The good lesson with one part replaced; the part must be there.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "the lesson has no `{from}`");
    GOOD.replacen(from, to, 1)
}

#[test]
fn the_lesson_as_it_stands_is_read_whole() {
    let authored = read_lesson("t.md", GOOD, lab).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(authored.lesson.id, "links-switch");
    assert_eq!(authored.lesson.checks.len(), 4);
    assert_eq!(authored.lesson.lab.setup.len(), 1, "the Setup section joins the lab's");
    assert_eq!(authored.wrong.len(), 2);
    assert!(
        authored.lesson.sections[1]
            .html
            .contains("data-run=\"bridge fdb show br br0 dynamic\" data-on=\"switch\"")
    );
}

#[test]
fn a_fault_names_its_line_and_what_was_expected() {
    for (text, line, words) in [
        (with("weight: 6", "weight: 7"), 9, "weight is 7, but the checks' points add up to 6"),
        (with("host: a", "host: z"), 13, "host `z` is no machine of the lab"),
        (with("seed: 7", "sead: 7"), 14, "unknown field `sead`"),
        (with("## Goal", "## Goals"), 37, "`## Goals`: expected Setup"),
        (with("fails: a-reaches-c", "fails: nobody"), 0, "names no check of the lesson: `nobody`"),
        (with("expect: answered}", "expect: maybe}"), 0, "`maybe` is no expectation"),
        (
            with("```sh switch\nip link set port3 master br0", "```sh swich\nip link set port3 master br0"),
            0,
            "`swich`",
        ),
        (with("  used: bridge", "  used: bridge\n  x: 1"), 0, "unknown field `x`"),
        (with("  used: bridge", "  used: bridge\n  file: {on: a, path: /x, expect: y}"), 0, "has two kinds"),
        (
            with("used: bridge", "resource: {of: svc/web, path: .spec, is: x}"),
            0,
            "`{svc/web .spec}`: expected {KIND/NAMESPACE/NAME",
        ),
        (
            with("used: bridge", "file: {on: a, path: /x, expect: \"{veth a}\"}"),
            0,
            "or {veth pod/NAMESPACE/NAME}",
        ),
        (
            with("used: bridge", "reach: {from: pod/shop/cli, to: \"ping:1.1.1.1\", expect: answered}"),
            0,
            "`pod/shop/cli`, which is no machine",
        ),
        (
            with("used: bridge", "reach: {from: a, to: \"ping:1.1.1.1\", expect: answered, times: 0}"),
            0,
            "could not fail",
        ),
        ("no head".to_owned(), 1, "expected `---`"),
    ] {
        let fault = fault_of(&text);
        assert!(fault.words.contains(words), "{fault}");
        assert!(line == 0 || fault.line == line, "expected line {line}: {fault}");
        assert!(fault.line > 0, "no line: {fault}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is cut out of a lesson or put into it, the reader answers.
    #[test]
    fn no_text_makes_the_reader_panic(at in 0..GOOD.len(), cut in 0..400usize, put in "\\PC{0,12}|[-`#:\\[{}\n ]{0,12}") {
        let start = GOOD.floor_char_boundary(at);
        let end = GOOD.floor_char_boundary((at + cut).min(GOOD.len()));
        let text = [&GOOD[..start], &put, &GOOD[end..]].concat();
        if let Err(fault) = read_lesson("t.md", &text, lab) {
            prop_assert!(fault.to_string().starts_with("t.md"), "{}", fault);
            prop_assert!(fault.line <= text.lines().count() + 1, "{}", fault);
        }
    }
}
