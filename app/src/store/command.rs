//! Every control by name: what the palette lists, what `lab …` in a terminal understands, and the keys.
//!
//! Always: what has a button has a row here, so that the page can be used without a mouse.

use super::lab::{Act, Lab, Mode, Pace, Tab};
use crate::words;
use api::DeviceId;

/// One row of the palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub title: String,
    /// What `lab` understands for the same.
    pub typed: &'static str,
    pub keys: &'static str,
    pub run: Run,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Run {
    Act(Act),
    /// What the page itself does.
    Page(PageAct),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageAct {
    Home,
    Theme,
    ScreenReader,
    Import,
    FoldLesson,
    FoldDrawer,
    FoldTerminal,
    Fit,
    Palette,
    /// The keyboard goes to the next pane, or to the one before: the way out of a terminal.
    NextPane,
    PaneBefore,
}

/// All that can be done now.
pub fn entries(lab: &Lab) -> Vec<Entry> {
    let act = |title: &str, keys: &'static str, act: Act| Entry {
        title: title.into(),
        typed: typed(&act),
        keys,
        run: Run::Act(act),
    };
    let page = |title: &str, keys: &'static str, act: PageAct| Entry {
        title: title.into(),
        typed: "",
        keys,
        run: Run::Page(act),
    };
    let mut all = vec![
        act(words::PAUSE_OR_GO, "F8", Act::TogglePause),
        act(words::STEP_PACKET, "F10", Act::StepPacket),
        act(words::STEP_BACK, "F9", Act::StepBack),
        act(words::STEP_EVENT, "F7", Act::StepEvent),
        act(words::TO_THE_END, "", Act::ToTheEnd),
        act(words::UNDO, "Alt+Shift+Z", Act::Undo),
        act(words::REDO, "Alt+Shift+Y", Act::Redo),
        act(words::RESET, "", Act::Reset),
    ];
    all.extend(
        Pace::CHOICES
            .iter()
            .map(|pace| act(&format!("{} {}", words::SPEED, words::pace(*pace)), "", Act::Pace(*pace))),
    );
    if lab.lesson.as_ref().is_some_and(|lesson| !lesson.checks.is_empty()) {
        all.extend([
            act(words::CHECK, "Alt+Shift+C", Act::Check),
            act(words::HINT, "Alt+Shift+H", Act::Hint),
            act(words::SOLUTION, "", Act::Solution),
            act(words::LEARN_MODE, "", Act::Mode(Mode::Learn)),
            act(words::PRACTISE_MODE, "", Act::Mode(Mode::Practise)),
        ]);
    }
    all.extend([
        act(words::TAB_PACKETS, "Alt+1", Act::Tab(Tab::Packets)),
        act(words::TAB_JOURNEY, "Alt+2", Act::Tab(Tab::Journey)),
        act(words::TAB_OBJECTS, "Alt+3", Act::Tab(Tab::Objects)),
        act(words::TAB_RULES, "Alt+4", Act::Tab(Tab::Rules)),
        act(words::SHARE, "", Act::Share),
        act(words::EXPORT, "", Act::Export),
        page(words::IMPORT, "", PageAct::Import),
        act(words::CAPTURE, "", Act::Capture(None)),
        page(words::FIT, "Alt+0", PageAct::Fit),
        page(words::NEXT_PANE, "F6", PageAct::NextPane),
        page(words::FOLD_LESSON, "", PageAct::FoldLesson),
        page(words::FOLD_DRAWER, "", PageAct::FoldDrawer),
        page(words::FOLD_TERMINAL, "", PageAct::FoldTerminal),
        page(words::THEME, "", PageAct::Theme),
        page(words::SCREEN_READER, "", PageAct::ScreenReader),
        page(words::HOME, "", PageAct::Home),
    ]);
    let machines = lab.topology.machines.values();
    all.extend(
        machines
            .map(|it| act(&format!("{} {}", words::TERMINAL_ON, it.name), "", Act::OpenTty(it.name.clone()))),
    );
    all
}

/// What to type after `lab` for the same; nothing where a terminal has no word for it.
fn typed(act: &Act) -> &'static str {
    match act {
        Act::Check => "check",
        Act::Hint => "hint",
        Act::Solution => "solution",
        Act::Reset => "reset",
        Act::Undo => "undo",
        Act::Redo => "redo",
        Act::StepPacket => "step",
        Act::StepEvent => "step event",
        Act::StepBack => "step back",
        Act::ToTheEnd => "end",
        Act::TogglePause => "pause",
        Act::Pace(Pace::Live) => "live",
        Act::Capture(None) => "capture",
        Act::Share => "share",
        Act::Export => "export",
        _ => "",
    }
}

/// Rows whose title, or word to type, has all letters of `typed` in order; the closest together first.
pub fn search(entries: &[Entry], typed: &str) -> Vec<Entry> {
    let typed: Vec<char> = typed.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let mut found: Vec<(usize, &Entry)> = entries
        .iter()
        .filter_map(|entry| {
            let by_title = distance(&entry.title.to_lowercase(), &typed);
            let by_typed = distance(entry.typed, &typed);
            Some((by_title.into_iter().chain(by_typed).min()?, entry))
        })
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, entry)| entry.clone()).collect()
}

fn distance(title: &str, typed: &[char]) -> Option<usize> {
    let mut places = Vec::with_capacity(typed.len());
    let mut letters = title.chars().enumerate();
    for wanted in typed {
        places.push(letters.find(|(_, c)| c == wanted)?.0);
    }
    let span = places.last().zip(places.first()).map_or(0, |(last, first)| last - first + 1 - places.len());
    Some(span * 4 + places.first().copied().unwrap_or(0))
}

/// Reads the words after `lab`.
pub fn parse(typed: &[String], lab: &Lab) -> Result<Act, String> {
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    Ok(match typed.as_slice() {
        ["check"] => Act::Check,
        ["hint"] => Act::Hint,
        ["solution"] => Act::Solution,
        ["reset"] => Act::Reset,
        ["undo"] => Act::Undo,
        ["redo"] => Act::Redo,
        ["step"] => Act::StepPacket,
        ["step", "event"] => Act::StepEvent,
        ["step", "back"] => Act::StepBack,
        ["end"] => Act::ToTheEnd,
        ["pause"] => Act::Pace(Pace::Paused),
        ["live" | "go"] => Act::Pace(Pace::Live),
        ["speed", speed] => Act::Pace(pace(speed).ok_or_else(|| words::speed_expected(speed))?),
        ["capture"] => Act::Capture(None),
        ["capture", device] => Act::Capture(Some(find(lab, device).ok_or_else(|| words::no_device(device))?)),
        ["share"] => Act::Share,
        ["export"] => Act::Export,
        _ => return Err(words::no_lab_command(&typed.join(" "))),
    })
}

/// `live`, a factor such as `0.01` or `1/100`, or `2/s` for packets a second.
fn pace(text: &str) -> Option<Pace> {
    let positive = |text: &str| text.parse::<f64>().ok().filter(|it| it.is_finite() && *it > 0.0);
    if text == "live" {
        return Some(Pace::Live);
    }
    if let Some(packets) = text.strip_suffix("/s") {
        return positive(packets).map(|it| Pace::Packets(it.min(30.0)));
    }
    let factor = match text.split_once('/') {
        Some((over, under)) => positive(over)? / positive(under)?,
        None => positive(text)?,
    };
    Some(if factor >= 1.0 { Pace::Live } else { Pace::Slow(factor.max(1e-6)) })
}

/// `eth0` on the machine of the open terminal, or `machine:eth0`.
fn find(lab: &Lab, text: &str) -> Option<DeviceId> {
    let here = lab.ttys.iter().find(|tty| Some(tty.id) == lab.active).map(|tty| tty.machine.clone());
    let (machine, name) = match text.split_once(':') {
        Some((machine, name)) => (machine.to_string(), name),
        None => (here?, text),
    };
    let is_there = |id| {
        let netns: Option<&api::topology::Netns> = lab.topology.netns.get(&id);
        netns.and_then(|it| lab.topology.machines.get(&it.machine)).is_some_and(|it| it.name == machine)
    };
    lab.topology.devices.iter().find(|(_, it)| it.name == name && is_there(it.netns)).map(|(id, _)| *id)
}

/// What a key does. `code` is `KeyboardEvent.code`; keys that a shell's line editor reads are left to it.
pub fn by_key(code: &str, alt: bool, shift: bool, control: bool) -> Option<Run> {
    let act = match (code, control, alt, shift) {
        ("KeyK", true, false, false) | ("F1", false, false, false) => {
            return Some(Run::Page(PageAct::Palette));
        }
        ("F6", false, false, false) => return Some(Run::Page(PageAct::NextPane)),
        ("F6", false, false, true) => return Some(Run::Page(PageAct::PaneBefore)),
        ("F7", false, false, false) => Act::StepEvent,
        ("F8", false, false, false) => Act::TogglePause,
        ("F9", false, false, false) => Act::StepBack,
        ("F10", false, false, false) => Act::StepPacket,
        ("KeyZ", false, true, true) => Act::Undo,
        ("KeyY", false, true, true) => Act::Redo,
        ("KeyC", false, true, true) => Act::Check,
        ("KeyH", false, true, true) => Act::Hint,
        ("Digit1", false, true, false) => Act::Tab(Tab::Packets),
        ("Digit2", false, true, false) => Act::Tab(Tab::Journey),
        ("Digit3", false, true, false) => Act::Tab(Tab::Objects),
        ("Digit4", false, true, false) => Act::Tab(Tab::Rules),
        ("Digit0", false, true, false) => return Some(Run::Page(PageAct::Fit)),
        _ => return None,
    };
    Some(Run::Act(act))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Act, String> {
        let words: Vec<String> = line.split(' ').map(str::to_string).collect();
        parse(&words, &Lab::default())
    }

    #[test]
    fn lab_commands_are_the_controls() {
        assert_eq!(read("undo"), Ok(Act::Undo));
        assert_eq!(read("step back"), Ok(Act::StepBack));
        assert_eq!(read("speed 1/s"), Ok(Act::Pace(Pace::Packets(1.0))));
        assert_eq!(read("speed 1/1000"), Ok(Act::Pace(Pace::Slow(0.001))));
        assert_eq!(read("speed live"), Ok(Act::Pace(Pace::Live)));
        assert_eq!(read("speed 7"), Ok(Act::Pace(Pace::Live)));
    }

    #[test]
    fn what_the_palette_says_can_be_typed_is_understood() {
        for entry in entries(&Lab::default()) {
            if let (Run::Act(act), false) = (&entry.run, entry.typed.is_empty()) {
                let paused = if *act == Act::TogglePause { Act::Pace(Pace::Paused) } else { act.clone() };
                assert_eq!(read(entry.typed), Ok(paused));
            }
        }
    }

    #[test]
    fn a_wrong_lab_command_says_what_there_is() {
        assert!(read("dance").expect_err("no such command").contains("check"));
        assert!(read("speed fast").is_err());
        assert!(read("speed -1").is_err());
        assert!(read("speed nan").is_err());
        assert!(read("capture eth9").is_err());
    }

    #[test]
    fn the_palette_finds_by_letters_in_order() {
        let all = entries(&Lab::default());
        assert_eq!(search(&all, "undo").first().map(|it| it.title.as_str()), Some(words::UNDO));
        assert!(search(&all, "zzzz").is_empty());
        assert_eq!(search(&all, "").len(), all.len());
    }

    #[test]
    fn plain_keys_are_left_to_the_terminal() {
        assert_eq!(by_key("KeyZ", false, false, false), None);
        assert_eq!(by_key("KeyC", false, false, true), None);
        assert_eq!(by_key("Period", true, false, false), None);
        assert_eq!(by_key("KeyZ", true, true, false), Some(Run::Act(Act::Undo)));
        assert_eq!(by_key("F10", false, false, false), Some(Run::Act(Act::StepPacket)));
        assert_eq!(by_key("KeyK", false, false, true), Some(Run::Page(PageAct::Palette)));
    }
}
