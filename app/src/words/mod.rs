//! Every string the page shows, in one place, ready to be translated.
//!
//! Always: British spelling; short, plain, exact; no string of the page stands anywhere else.
//! Words of the field (MASQUERADE, veth, …) and those of real tools are not here: they are not ours to translate.

use crate::store::lab::Pace;

// The page as a whole.
pub const NAME: &str = "vethlab";
pub const BRAND: &str = "vethlab, to the course";
pub const SKIP: &str = "Skip to the lab";
pub const HOME: &str = "Course";
pub const THEME: &str = "Light or dark";
pub const THEME_SYSTEM: &str = "Theme: as the system";
pub const THEME_LIGHT: &str = "Theme: light";
pub const THEME_DARK: &str = "Theme: dark";
pub const PALETTE: &str = "Commands";
pub const PALETTE_KEY: &str = "Ctrl K";
pub const PALETTE_TYPE: &str = "Type a command";
pub const PALETTE_NONE: &str = "No such command";
pub const MISSING: &str = "There is nothing at this address.";
pub const MISSING_MORE: &str = "The address may be mistyped, or from another version of vethlab.";
pub const TO_COURSE: &str = "To the course";
pub const CLOSE: &str = "Close";
pub const UPDATE: &str = "A new version of vethlab is ready.";
pub const UPDATE_NOW: &str = "Reload";
pub const UPDATE_LATER: &str = "Later";

// Home.
pub const LEAD: &str =
    "Type real network commands on simulated machines, and see where every packet goes and why.";
pub const LEAD_MORE: &str =
    "Everything runs in this tab: no account, no installation, nothing leaves your browser.";
pub const START: &str = "Start";
pub const GO_ON: &str = "Go on";
pub const SANDBOX: &str = "Sandbox";
pub const CLUSTER: &str = "Cluster";
pub const COURSE: &str = "Course";
pub const NO_COURSE: &str = "The course could not be loaded. Are you offline?";
pub const LOADING_COURSE: &str = "Loading the course …";
pub const NEW: &str = "not begun";
pub const BEGUN: &str = "begun";
pub const DONE: &str = "solved";
pub const DONE_CLEAN: &str = "solved without help";
pub const NEXT_UP: &str = "next";

// The lab.
pub const LESSON: &str = "Lesson";
pub const PICTURE: &str = "Picture";
pub const TERMINAL: &str = "Terminal";
pub const PACKETS: &str = "Packets";
pub const LOADING_LESSON: &str = "Loading the lesson …";
pub const LESSON_FAILED: &str = "This lab could not be loaded.";
pub const LESSON_FAILED_MORE: &str = "Are you offline? What was open before works without a network.";
pub const RETRY: &str = "Try again";
pub const ENGINE_LOADING: &str = "Starting the machines …";
pub const FOLD_LESSON: &str = "Show or hide the lesson";
pub const FOLD_DRAWER: &str = "Show or hide the drawer";
pub const FOLD_TERMINAL: &str = "Show or hide the terminals";
pub const NEXT_PANE: &str = "To the next pane";
pub const LEAVES: &str = "F6 leaves it";
pub const RESIZE: &str = "Resize";
pub const SANDBOX_TITLE: &str = "Sandbox";
pub const SANDBOX_TEXT: &str = "A small network with no task. Try what you like: everything can be undone.";

// Lesson pane.
pub const CHECKS: &str = "Checks";
pub const CHECK: &str = "Check now";
pub const HINT: &str = "Hint";
pub const NEXT_HINT: &str = "Next hint";
pub const SOLUTION: &str = "Solution";
pub const HIDE_SOLUTION: &str = "Hide the solution";
pub const RESET: &str = "Reset";
pub const LEARN: &str = "Learn";
pub const PRACTISE: &str = "Practise";
pub const MODE: &str = "Mode";
pub const LEARN_MODE: &str = "Mode: learn (judged after each command)";
pub const PRACTISE_MODE: &str = "Mode: practise (judged when you ask)";
pub const WANT: &str = "want";
pub const GOT: &str = "got";
pub const WHY: &str = "why";
pub const SHOW_ME: &str = "Show me the packet";
pub const PASSED: &str = "Passed:";
pub const STATE_PASS: &str = "passed";
pub const STATE_FAIL: &str = "not yet";
pub const STATE_ERROR: &str = "cannot be asked";
pub const STATE_TODO: &str = "open";
pub const SOLVED: &str = "Solved.";
pub const SOLVED_CLEAN: &str = "Solved without help.";
pub const NEXT_LESSON: &str = "Next:";
pub const WHAT_HAPPENED: &str = "What happened";
pub const GOAL: &str = "Goal";
pub const READ_MORE: &str = "Read more";
pub const NO_HINTS: &str = "This lesson has no hints.";
pub const NO_PACKET: &str = "No packet was sent.";
pub const RUNS: &str = "Types this in the terminal";
pub const COPIES: &str = "Copies this";
pub const COPIED: &str = "Copied.";
pub const NOT_COPIED: &str = "The browser does not let this page copy.";
pub const POINTS: &str = "points";
pub const ANSWER: &str = "Answer";

// Time.
pub const TIME: &str = "Time";
pub const PAUSE_OR_GO: &str = "Pause or go on";
pub const PAUSE: &str = "Pause";
pub const GO: &str = "Go on";
pub const STEP_PACKET: &str = "One packet on";
pub const STEP_EVENT: &str = "One event on";
pub const STEP_BACK: &str = "One packet back";
pub const TO_THE_END: &str = "On until nothing happens";
pub const SPEED: &str = "Speed:";
pub const SCRUB: &str = "Point in time";
pub const CLOCK: &str = "Virtual time since boot";

// History and sharing.
pub const UNDO: &str = "Undo";
pub const REDO: &str = "Redo";
pub const UNDONE: &str = "The last command is undone.";
pub const REDONE: &str = "The command is done again.";
pub const RESET_DONE: &str = "The lab is as it began. Undo brings your work back.";
pub const NOTHING_TO_UNDO: &str = "There is nothing to undo.";
pub const NOTHING_TO_REDO: &str = "There is nothing to redo.";
pub const SHARE: &str = "Share";
pub const SHARED: &str = "A link to this very state is copied.";
pub const SHARE_FAILED: &str = "The link is in the address bar.";
pub const OPENED_SHARED: &str = "This is a shared lab. Your own work on this lesson is kept.";
pub const BEGINS_ANEW: &str = "The lab is as it begins instead.";
pub const LINK_NOT_OURS: &str = "This link or file is damaged.";
pub const LINK_OTHER_VERSION: &str = "This was saved by another version of vethlab.";
pub const KEPT_UNREADABLE: &str = "Your earlier work was saved by another version. The lab begins anew.";
pub const EXPORT: &str = "Save the lab as a file";
pub const IMPORT: &str = "Open a lab file";
pub const IMPORTED: &str = "The lab file is open.";
pub const CAPTURE: &str = "Save all packets as pcapng";
pub const GONE: &str = "That is not there any more.";

// Picture.
pub const ZOOM_IN: &str = "Zoom in";
pub const ZOOM_OUT: &str = "Zoom out";
pub const FIT: &str = "Fit the picture";
pub const AS_LIST: &str = "The same as a list";
pub const SERVICES: &str = "Services";
pub const FOLD: &str = "Fold";
pub const UNFOLD: &str = "Unfold";
pub const EMPTY: &str = "No machines yet.";

// Terminals.
pub const TERMINALS: &str = "Terminals";
pub const NEW_TERMINAL: &str = "New terminal";
pub const TERMINAL_ON: &str = "Terminal on";
pub const CLOSE_TERMINAL: &str = "Close this terminal";
pub const TOO_MANY_TERMINALS: &str = "There are too many terminals open.";
pub const SPLIT: &str = "Two terminals side by side";
pub const SCREEN_READER: &str = "Screen reader mode of the terminals";
pub const SCREEN_READER_ON: &str = "Screen reader mode is on.";
pub const SCREEN_READER_OFF: &str = "Screen reader mode is off.";
pub const KEYS: &str = "Keys";

// Drawer.
pub const DRAWER: &str = "Details";
pub const TAB_PACKETS: &str = "Packets";
pub const TAB_JOURNEY: &str = "Journey";
pub const TAB_OBJECTS: &str = "Objects";
pub const TAB_RULES: &str = "Rules";
pub const FILTER: &str = "Filter: arp, tcp.port == 80, any word";
pub const FILTER_LABEL: &str = "Display filter";
pub const ALL_DEVICES: &str = "all devices";
pub const DEVICE: &str = "Device";
pub const SAVE_PCAPNG: &str = "pcapng";
pub const HOUSEKEEPING: &str = "Show IPv6’s own housekeeping";
pub const CHORES_HIDDEN: &str = "Show the cluster’s own traffic";
pub const CHORES_SHOWN: &str = "Hide the cluster’s own traffic";
pub const CHORES_RULE: &str = "What kubelet (its probes, too), the API server, the controllers, the scheduler, etcd,      kube-proxy and flannel open for themselves, CoreDNS’s watch of the API server, and the ARP of the kernel’s timers:      ports 6443, 2379, 10250, 10256 and the like. Whatever a command of yours opens is always shown, on any port.";
pub const NO_PACKETS: &str = "No packets yet. Type a command that sends one, such as ping or curl.";
pub const NO_MATCH: &str = "No packet matches.";
pub const COLUMN_TIME: &str = "time";
pub const COLUMN_ON: &str = "on";
pub const COLUMN_FROM: &str = "from";
pub const COLUMN_TO: &str = "to";
pub const COLUMN_WHAT: &str = "what";
pub const LAYERS: &str = "Layers";
pub const BYTES: &str = "Bytes";
pub const PICK_PACKET: &str = "Choose a packet to see its layers and bytes.";
pub const PICK_JOURNEY: &str = "Choose a packet, in the list or in the picture, to see its whole way.";
pub const PLAY: &str = "Play";
pub const UNDER_WAY: &str = "still under way";
pub const DELIVERED: &str = "Delivered.";
pub const CONSUMED: &str = "Taken by the kernel.";
pub const ENDED: &str = "Ended:";
pub const FORKED: &str = "From the check: this packet was sent in a copy of your lab.";
pub const CAUSED_BY: &str = "Caused by an earlier packet";
pub const KIND: &str = "Kind";
pub const NAMESPACE: &str = "Namespace";
pub const ALL_NAMESPACES: &str = "all namespaces";
pub const COLUMN_NAMESPACE: &str = "NAMESPACE";
pub const EVENTS: &str = "Events";
pub const NO_EVENTS: &str = "No events.";
pub const YAML: &str = "YAML";
pub const CLUSTER_OBJECTS: &str = "Cluster";
pub const SUBJECT: &str = "What is shown";
pub const TAKEN: &str = "taken by the packet that is shown";
pub const PICK_PLACE: &str = "Choose another place in the picture.";
pub const NO_TABLES: &str = "Nothing here.";
pub const NO_RULES: &str = "No rules here.";
pub const LOADING: &str = "Loading …";
pub const SAME_AS: &str = "Types the command that prints this";
pub const ALL_OF: &str = "of";

// Failure.
pub const CRASHED: &str = "The engine stopped. That is our mistake, not yours.";
pub const CRASHED_MORE: &str = "A restart brings the lab back as it was before the last command.";
pub const RESTART: &str = "Restart from replay";
pub const CRASH_SAVE: &str = "Save the replay";
pub const ENGINE_FAILED: &str = "The engine could not be loaded.";

pub fn pace(pace: Pace) -> String {
    match pace {
        Pace::Live => "live".into(),
        Pace::Slow(factor) => format!("1 : {:.0}", 1.0 / factor),
        Pace::Packets(1.0) => "1 packet/s".into(),
        Pace::Packets(count) => format!("{count:.0} packets/s"),
        Pace::Paused => "paused".into(),
    }
}

pub fn minutes(seconds: u32) -> String {
    format!("{} min", seconds.div_ceil(60))
}

pub fn of(won: usize, all: usize) -> String {
    format!("{won} of {all}")
}

pub fn speed_expected(got: &str) -> String {
    format!("lab speed {got}: expected live, a factor such as 1/100, or packets such as 2/s.")
}

pub fn no_device(name: &str) -> String {
    format!("There is no device {name} here; try MACHINE:DEVICE.")
}

pub fn no_lab_command(typed: &str) -> String {
    format!(
        "lab {typed}: not a command; there are check, hint, solution, reset, undo, redo, step, step back, end, pause, \
         live, speed, capture, share and export."
    )
}

pub fn hint(number: usize) -> String {
    format!("{HINT} {number}")
}

pub fn times(count: u32) -> String {
    if count > 1 { format!(" × {count}") } else { String::new() }
}

pub fn rules_walked(walked: u32) -> String {
    match walked {
        0 => String::new(),
        1 => "1 rule walked".into(),
        _ => format!("{walked} rules walked"),
    }
}

pub fn filter_error(at: usize, expected: &str) -> String {
    format!("Expected {expected} at character {}.", at + 1)
}

pub fn no_field(name: &str) -> String {
    format!("No packet here has a field {name}.")
}

pub fn no_lab(id: &str) -> String {
    format!("There is no lab “{id}”.")
}

/// Lessons and exam tasks, each as how many are solved of how many.
pub fn solved((solved, lessons): (usize, usize), (done, tasks): (usize, usize)) -> String {
    let lessons = format!("{} lessons", of(solved, lessons));
    if tasks == 0 {
        format!("{lessons} {DONE}")
    } else {
        format!("{lessons} and {} exam tasks {DONE}", of(done, tasks))
    }
}

/// From one address to another, in one line.
pub fn way(from: &str, to: &str) -> String {
    format!("{from} → {to}")
}

/// A destination rewritten.
pub fn dnat(before: &str, after: &str) -> String {
    format!("DNAT {before} → {after}")
}

/// A kind, and how many there are.
pub fn kind_count(kind: &str, count: usize) -> String {
    format!("{kind} ({count})")
}

pub fn object(kind: &str, name: &str) -> String {
    format!("{kind} {name}")
}

/// Netns that the picture has no room for, beside a machine's name.
pub fn more_netns(count: usize) -> String {
    format!("  and {count} more netns")
}

/// Services that the picture has no room for.
pub fn more_services(count: usize) -> String {
    format!("and {count} more Services")
}

pub fn waited(seconds: &str) -> String {
    format!("{seconds} later")
}

pub mod kube;
pub mod proxy;
pub mod stop;

/// `03-namespaces` as a heading: `Namespaces`.
pub fn track(id: &str) -> String {
    let name = id.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').replace('-', " ");
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

pub fn kind(kind: lessons::Kind) -> &'static str {
    match kind {
        lessons::Kind::Lesson => "",
        lessons::Kind::Exercise => "exercise",
        lessons::Kind::ExamTask => "exam task",
        lessons::Kind::Playground => "playground",
    }
}
