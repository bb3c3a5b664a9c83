//! The house rules that a machine can check, over every file of the repository.
//!
//! Always: a test names the rule; its failure lists each place as `file:line: what`. Nothing is exempt but what is
//! listed here with its reason.
//! Differs from the rules: what needs judgement (names, comments that say why) is left to the reader.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const LINES_OF_A_FILE: usize = 500;
const LINES_OF_A_FUNCTION: usize = 70;
/// What is made or fetched, not written.
const NOT_OURS: &[&str] = &["target", "dist", "node_modules", "vendor", ".git", ".cache"];
const NAMES_OF_NOTHING: &[&str] = &["util", "common", "helper", "manager", "misc"];
const MARKS_OF_UNDONE_WORK: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Who may know whom, of the crates of this workspace.
const MAY_USE: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("sim", &["api"]),
    ("net", &["api", "sim"]),
    ("linux", &["api", "sim", "net"]),
    ("sidecar", &[]),
    ("sidecar-native", &["sidecar"]),
    ("container", &["api", "sim", "net", "linux", "sidecar"]),
    ("kube", &["api", "sim", "net", "linux", "sidecar", "container"]),
    ("world", &["api", "sim", "net", "linux", "sidecar", "container", "kube"]),
    ("lessons", &["api"]),
    ("app", &["api", "lessons"]),
    ("worker", &["api", "world"]),
    ("tests", &["api", "sim", "net", "linux", "sidecar", "container", "kube", "world", "lessons"]),
];

struct File {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("our own folder")
        .map(|it| it.expect("our own entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        if path.is_dir() && !NOT_OURS.contains(&name) {
            collect(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

/// Every file of ours with one of these endings, and not empty.
fn files(endings: &[&str]) -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root(), &mut paths);
    let is_wanted = |path: &&PathBuf| {
        path.extension().and_then(|it| it.to_str()).is_some_and(|ending| endings.contains(&ending))
    };
    let read = |path: &PathBuf| File {
        path: path.strip_prefix(root()).expect("under the root").display().to_string(),
        text: std::fs::read_to_string(path).expect("text in UTF-8"),
    };
    paths.iter().filter(is_wanted).map(read).filter(|file| !file.text.is_empty()).collect()
}

fn rust() -> Vec<File> {
    files(&["rs"])
}

impl File {
    fn is_engine(&self) -> bool {
        self.path.starts_with("engine/") || self.path.starts_with("sidecar/src")
    }

    fn parse(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }
}

fn assert_none(rule: &str, faults: Vec<String>) {
    let list = faults.iter().fold(String::new(), |mut list, fault| {
        writeln!(list, "  {fault}").expect("a String takes all");
        list
    });
    assert!(faults.is_empty(), "{rule}\n{list}");
}

/// One pass over a parsed file: what stands where, apart from what only tests see.
#[derive(Default)]
struct Seen {
    /// Depth of `#[cfg(test)]` and `#[test]` around here.
    tests: usize,
    functions: Vec<(usize, String, usize)>,
    /// Paths and identifiers as they stand in the source, joined by `::`.
    paths: Vec<(usize, String, bool)>,
    calls: Vec<(usize, String, bool)>,
    attributes: Vec<(usize, String)>,
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg_test = attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test"));
        is_cfg_test || attribute.path().segments.last().is_some_and(|last| last.ident == "test")
    })
}

fn line(spanned: &impl Spanned) -> usize {
    spanned.span().start().line
}

impl Seen {
    fn new(file: &File) -> Seen {
        let mut seen = Seen::default();
        seen.visit_file(&file.parse());
        seen
    }

    fn inside(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Seen)) {
        let test = usize::from(is_test(attributes));
        self.tests += test;
        visit(self);
        self.tests -= test;
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (start, end) = (line(signature), block.span().end().line);
        self.functions.push((start, signature.ident.to_string(), end + 1 - start));
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &str) {
        let join = |name: &syn::Ident| {
            if before.is_empty() { name.to_string() } else { format!("{before}::{name}") }
        };
        let name = match tree {
            syn::UseTree::Path(path) => return self.tree(&path.tree, &join(&path.ident)),
            syn::UseTree::Group(group) => return group.items.iter().for_each(|item| self.tree(item, before)),
            syn::UseTree::Name(name) => join(&name.ident),
            syn::UseTree::Rename(rename) => join(&rename.ident),
            syn::UseTree::Glob(_) => format!("{before}::*"),
        };
        self.paths.push((line(tree), name, self.tests > 0));
    }
}

impl<'ast> Visit<'ast> for Seen {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.inside(&item.attrs, |seen| visit::visit_item_mod(seen, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        self.inside(&item.attrs, |seen| visit::visit_item_fn(seen, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        self.inside(&item.attrs, |seen| visit::visit_impl_item_fn(seen, item));
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.inside(&item.attrs, |seen| seen.tree(&item.tree, ""));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<_> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        self.paths.push((line(path), words.join("::"), self.tests > 0));
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.calls.push((line(&call.method), call.method.to_string(), self.tests > 0));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, it: &'ast syn::Macro) {
        let name = it.path.segments.last().expect("a macro has a name").ident.to_string();
        self.calls.push((line(it), format!("{name}!"), self.tests > 0));
        visit::visit_macro(self, it);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let Some(name) = attribute.path().get_ident() {
            self.attributes.push((line(attribute), name.to_string()));
        }
        visit::visit_attribute(self, attribute);
    }
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let is_mute = |file: &File| !file.text.starts_with("//! ");
    let faults = rust().into_iter().filter(is_mute).map(|file| format!("{}:1: no `//!` header", file.path));
    assert_none("The first line of a file says what it is.", faults.collect());
}

#[test]
fn a_file_has_at_most_500_lines() {
    let long = |file: File| {
        let lines = file.text.lines().count();
        (lines > LINES_OF_A_FILE).then(|| format!("{}: {lines} lines", file.path))
    };
    let ours = files(&["rs", "mjs", "css", "sh"]).into_iter();
    assert_none("A file holds one noun of the field.", ours.filter_map(long).collect());
}

#[test]
fn a_function_has_at_most_70_lines() {
    let long = |file: File| {
        let functions = Seen::new(&file).functions.into_iter();
        let long = functions.filter(|(_, _, lines)| *lines > LINES_OF_A_FUNCTION);
        long.map(move |(at, name, lines)| format!("{}:{at}: {name}: {lines} lines", file.path))
            .collect::<Vec<_>>()
    };
    assert_none("A function fits on a screen.", rust().into_iter().flat_map(long).collect());
}

#[test]
fn no_file_is_named_after_nothing() {
    let is_nothing = |file: &File| {
        let words = file.path.split(['/', '.', '_', '-']).map(|word| word.trim_end_matches('s'));
        words.into_iter().any(|word| NAMES_OF_NOTHING.contains(&word))
    };
    let faults = rust().into_iter().filter(is_nothing).map(|file| file.path);
    assert_none("A file is named after what it holds.", faults.collect());
}

#[test]
fn nothing_undone_is_left_behind() {
    let mut faults = Vec::new();
    for file in rust().iter().filter(|file| !file.path.ends_with("tidy.rs")) {
        for (number, text) in file.text.lines().enumerate() {
            let words = text.split(|it: char| !it.is_alphanumeric() && it != '_');
            let marks = words.filter(|word| MARKS_OF_UNDONE_WORK.contains(word));
            faults.extend(marks.map(|mark| format!("{}:{}: {mark}", file.path, number + 1)));
        }
        let seen = Seen::new(file);
        let calls = seen
            .calls
            .iter()
            .filter(|(_, call, _)| ["todo!", "unimplemented!", "dbg!"].contains(&call.as_str()));
        faults.extend(calls.map(|(at, call, _)| format!("{}:{at}: {call}", file.path)));
        let ignored = seen.attributes.iter().filter(|(_, name)| name == "ignore");
        faults.extend(ignored.map(|(at, _)| format!("{}:{at}: an ignored test", file.path)));
        let examples = file.text.lines().enumerate().filter(|(_, text)| text.contains("```ignore"));
        faults.extend(
            examples.map(|(at, _)| format!("{}:{}: an example that is not compiled", file.path, at + 1)),
        );
    }
    assert_none("What is in the repository is done.", faults);
}

#[test]
fn nothing_of_ours_is_unwrapped() {
    let mut faults = Vec::new();
    for file in rust().iter().filter(|file| !file.path.starts_with("tests/")) {
        let calls = Seen::new(file).calls.into_iter().filter(|(_, call, test)| call == "unwrap" && !test);
        faults.extend(calls.map(|(at, ..)| format!("{}:{at}: unwrap", file.path)));
    }
    assert_none("A person's mistake is a value; ours is an `expect` that names the invariant.", faults);
}

#[test]
fn the_engine_knows_no_clock_thread_chance_or_browser() {
    const FOREIGN: &[&str] = &[
        "std::time::Instant",
        "std::time::SystemTime",
        "std::thread",
        "std::fs",
        "std::net::TcpStream",
        "std::net::UdpSocket",
        "std::net::TcpListener",
        "std::env",
        "std::process",
        "std::sync::Mutex",
        "std::sync::RwLock",
        "std::sync::mpsc",
        "std::sync::atomic",
        "rand",
        "getrandom",
        "web_sys",
        "js_sys",
        "gloo",
        "wasm_bindgen",
        "web_time",
    ];
    // What std and rustls want to share between threads: a clock, which is set from the proxy's time, and a waker's flag.
    const SHARED: &[(&str, &str)] = &[
        ("sidecar/src/tls/mod.rs", "std::sync::atomic"),
        ("engine/linux/src/daemon/crew.rs", "std::sync::atomic"),
    ];
    let foreign = |path: &str| FOREIGN.iter().any(|it| path == *it || path.starts_with(&format!("{it}::")));
    let mut faults = Vec::new();
    for file in rust().iter().filter(|file| file.is_engine()) {
        let is_shared =
            |path: &str| SHARED.iter().any(|(home, it)| file.path == *home && path.starts_with(it));
        let paths = Seen::new(file).paths.into_iter();
        let paths = paths.filter(|(_, path, test)| foreign(path) && !is_shared(path) && !test);
        faults.extend(paths.map(|(at, path, _)| format!("{}:{at}: {path}", file.path)));
    }
    assert_none("Same seed and requests, same events.", faults);
}

#[test]
fn the_engine_iterates_only_what_is_ordered() {
    // The one map with a fixed hasher, for look-ups.
    const ITS_HOME: &str = "engine/net/src/hash.rs";
    let is_map =
        |path: &str| path.split("::").any(|word| ["HashMap", "HashSet", "RandomState"].contains(&word));
    let mut faults = Vec::new();
    for file in rust().iter().filter(|file| file.is_engine() && file.path != ITS_HOME) {
        let paths = Seen::new(file).paths.into_iter().filter(|(_, path, _)| is_map(path));
        faults.extend(paths.map(|(at, path, _)| format!("{}:{at}: {path}", file.path)));
    }
    assert_none("What is iterated is a BTreeMap or an index.", faults);
}

#[test]
fn sockets_of_smoltcp_stand_in_one_place() {
    let is_socket = |path: &str| path.starts_with("smoltcp::socket") || path.starts_with("smoltcp::iface");
    let mut faults = Vec::new();
    for file in rust().iter().filter(|file| !file.path.starts_with("engine/net/src/socket")) {
        for (at, path, _) in Seen::new(file).paths {
            if is_socket(&path) || path.starts_with("smoltcp") && !file.path.starts_with("engine/net/") {
                faults.push(format!("{}:{at}: {path}", file.path));
            }
        }
    }
    assert_none("smoltcp's sockets are used in net/socket, its wire formats in net.", faults);
}

#[test]
fn the_browser_is_called_in_one_place() {
    const CALLS: &[&str] = &["web_sys::window", "js_sys", "wasm_bindgen_futures", "gloo"];
    let is_call = |path: &str| CALLS.iter().any(|it| path == *it || path.starts_with(&format!("{it}::")));
    let mut faults = Vec::new();
    for file in
        rust().iter().filter(|it| it.path.starts_with("app/src/") && !it.path.starts_with("app/src/platform"))
    {
        let paths = Seen::new(file).paths.into_iter().filter(|(_, path, _)| is_call(path));
        faults.extend(paths.map(|(at, path, _)| format!("{}:{at}: {path}", file.path)));
    }
    assert_none("Browser calls live in app/src/platform.", faults);
}

#[test]
fn crates_know_only_those_below_them() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut faults = Vec::new();
    for file in files(&["toml"]).iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let manifest: toml::Table =
            file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let name = manifest["package"]["name"].as_str().expect("a package has a name");
        let Some(below) = allowed.get(name) else {
            faults.push(format!("{}: a crate that the architecture does not name", file.path));
            continue;
        };
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let used = manifest.get(kind).and_then(toml::Value::as_table).into_iter().flatten();
            let wrong =
                used.filter(|(it, _)| allowed.contains_key(it.as_str()) && !below.contains(&it.as_str()));
            faults.extend(wrong.map(|(it, _)| format!("{}: {name} must not know {it}", file.path)));
        }
    }
    assert_none("Call downwards; upwards only return values and events.", faults);
}

#[test]
fn every_link_in_the_docs_leads_somewhere() {
    let mut faults = Vec::new();
    for file in files(&["md"]).iter().filter(|file| !file.path.starts_with("lessons/course")) {
        let folder = root().join(&file.path).parent().expect("a file is in a folder").to_owned();
        for (number, text) in file.text.lines().enumerate() {
            for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split('#').next().unwrap_or_default();
                let is_ours = !target.is_empty() && !target.contains(':');
                if is_ours && !folder.join(target).exists() {
                    faults.push(format!("{}:{}: {target} is not there", file.path, number + 1));
                }
            }
        }
    }
    assert_none("A reader who follows a link arrives.", faults);
}
