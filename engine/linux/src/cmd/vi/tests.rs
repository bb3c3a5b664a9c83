//! Keys typed into `vi`, and the screen and file they leave.

use crate::System;
use api::TtyId;
use api::topology::Role;
use std::num::NonZeroU16;

/// A terminal whose screen is kept as xterm keeps it.
struct Terminal {
    system: System,
    screen: vt100::Parser,
}

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a screen has cells")
}

impl Terminal {
    fn new(columns: u16, rows: u16) -> Terminal {
        let mut system = System::new(1, crate::cmd::ALL.iter().copied());
        let host = system.machine_add("host", Role::Host);
        system.tty_open(host, TtyId(1), columns, rows);
        let mut terminal = Terminal { system, screen: vt100::Parser::new(size(rows), size(columns), 0) };
        terminal.type_in("PS1='$ '\r");
        terminal
    }

    fn type_in(&mut self, keys: &str) {
        self.system.tty_input(TtyId(1), keys.as_bytes());
        self.system.run_until_quiet();
        for (_, bytes) in self.system.take_tty_output() {
            self.screen.process(&bytes);
        }
    }

    fn row(&self, at: u16) -> String {
        let (_, columns) = self.screen.screen().size();
        self.screen
            .screen()
            .rows(0, columns.get())
            .nth(usize::from(at))
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    }

    fn rows(&self) -> Vec<String> {
        let (rows, _) = self.screen.screen().size();
        (0..rows.get()).map(|row| self.row(row)).collect()
    }

    fn last(&self) -> String {
        self.row(self.screen.screen().size().0.get() - 1)
    }

    fn cursor(&self) -> (u16, u16) {
        self.screen.screen().cursor_position()
    }

    /// What a command prints, on the shell's screen.
    fn ask(&mut self, command: &str) -> String {
        self.type_in(&format!("clear; {command}\r"));
        let rows = self.rows();
        let end = rows.iter().rposition(|row| !row.is_empty()).unwrap_or(0);
        rows[..end].join("\n")
    }
}

/// The text that keys make of a text, and the cursor's line and column, counted from 1.
fn edited(text: &str, keys: &str) -> (String, String) {
    let mut terminal = Terminal::new(80, 24);
    terminal.type_in(&format!("printf '{}\\n' > f\r", text.replace('\n', "\\n").replace('\t', "\\t")));
    terminal.type_in("touch .vimrc; vi f\r");
    terminal.type_in(keys);
    let at = terminal.row(23).chars().skip(62).collect::<String>();
    let place = at.split_whitespace().next().unwrap_or_default().to_owned();
    terminal.type_in("\u{1b}\u{1b}:wq!\r");
    let text = terminal.ask("cat f");
    (text, place)
}

/// Each: text, keys, text afterwards, place of the cursor.
pub(super) fn transcripts(all: &[(&str, &str, &str, &str)]) {
    for (text, keys, wanted, place) in all {
        let (left, at) = edited(text, keys);
        assert_eq!((left.as_str(), at.as_str()), (*wanted, *place), "{text:?} {keys:?}");
    }
}

#[test]
fn motions_go_where_vim_goes() {
    let text = "one two.three\n\n  four five\nsix (a [b] c) end";
    let places = [
        ("w", "1,5"),
        ("ww", "1,8"),
        ("www", "1,9"),
        ("wwww", "2,0-1"),
        ("5w", "3,3"),
        ("W", "1,5"),
        ("2W", "2,0-1"),
        ("e", "1,3"),
        ("ee", "1,7"),
        ("E2E", "3,6"),
        ("jjb", "2,0-1"),
        ("jjbb", "1,9"),
        ("Gb", "3,8"),
        ("$", "1,13"),
        ("G", "4,1"),
        ("Ggg", "1,1"),
        ("3G", "3,3"),
        ("jj$0", "3,1"),
        ("jj$^", "3,3"),
        ("fe", "1,3"),
        ("2fe", "1,12"),
        ("te;", "1,11"),
        ("$Fo", "1,7"),
        ("fe;,", "1,3"),
        ("}", "2,0-1"),
        ("G{", "2,0-1"),
        ("G%", "4,13"),
        ("Gfb%", "4,8"),
        ("/five\r", "3,8"),
        ("/o\r", "1,7"),
        ("/o\rn", "3,4"),
        ("G?o\r", "3,4"),
        ("*", "1,1"),
        ("$jj", "3,11"),
        ("jjlll", "3,4"),
        ("jjlllkk", "1,4"),
        ("10|", "1,10"),
        ("ge", "1,1"),
        ("G$ge", "4,13"),
        ("majjd'a", "1,1"),
        ("magg2l`a", "1,1"),
        ("jj\rk", "3,1"),
    ];
    for (keys, place) in places {
        assert_eq!(edited(text, keys).1, place, "{keys:?}");
    }
}

#[test]
fn operators_take_motions_counts_and_registers() {
    transcripts(&[
        ("one two three", "dw", "two three", "1,1"),
        ("one two three", "d2w", "three", "1,1"),
        ("one two three", "2dw", "three", "1,1"),
        ("one two", "wdw", "one", "1,4"),
        ("one two\nthree", "wdw", "one\nthree", "1,4"),
        ("one two", "cwx\u{1b}", "x two", "1,1"),
        ("a b c", "cwx\u{1b}", "x b c", "1,1"),
        ("one two", "cex\u{1b}w.", "x x", "1,3"),
        ("one two three", "wD", "one", "1,4"),
        ("one two three", "wCx\u{1b}", "one x", "1,5"),
        ("a\nb\nc", "dd", "b\nc", "1,1"),
        ("a\nb\nc", "2dd", "c", "1,1"),
        ("a\nb\nc", "Gdd", "a\nb", "2,1"),
        ("a\nb\nc", "dj", "c", "1,1"),
        ("a\nb\nc", "jdk", "c", "1,1"),
        ("a\nb\nc", "ddp", "b\na\nc", "2,1"),
        ("a\nb\nc", "yyGp", "a\nb\nc\na", "4,1"),
        ("a\nb", "yyjP", "a\na\nb", "2,1"),
        ("ab", "xp", "ba", "1,2"),
        ("abc", "ylp", "aabc", "1,2"),
        ("abc", "yl3p", "aaaabc", "1,4"),
        ("one two", "\"ayw$\"ap", "one twoone", "1,11"),
        ("a\nb\nc", "\"ayyj\"Ayy\"ap", "a\nb\na\nb\nc", "3,1"),
        ("a b", "dfb", "", "1,0-1"),
        ("a, b, c", "dt,", ", b, c", "1,1"),
        ("abc", "lX", "bc", "1,1"),
        ("abc", "sx\u{1b}", "xbc", "1,1"),
        ("  abc", "wSx\u{1b}", "x", "1,1"),
        ("a\n  b\nc", "jccx\u{1b}", "a\nx\nc", "2,1"),
        ("abc def", "wd0", "def", "1,1"),
        ("abc def", "$d^", "f", "1,1"),
        ("a (b c) d", "ffcib\u{1b}wci(x\u{1b}", "a (x) d", "1,4"),
        ("a \"b c\" d", "ci\"x\u{1b}", "a \"x\" d", "1,4"),
        ("one two three", "wdaw", "one three", "1,5"),
        ("one two three", "wciwx\u{1b}", "one x three", "1,5"),
        ("f {\n  a\n  b\n}\nc", "jdi{", "f {\n}\nc", "2,1"),
        ("a\nb\n\nc", "dap", "c", "1,1"),
        ("a\nb\nc\nd", "j:2,3d\r", "a\nd", "2,1"),
        ("ab cd", "g~iw", "AB cd", "1,1"),
        ("ab cd", "gUU", "AB CD", "1,1"),
        ("aB", "~~", "Ab", "1,2"),
        ("a\nb\nc", "dG", "", "0,0-1"),
        ("a\nb\nc", "jdgg", "c", "1,1"),
        ("foo(a, b)", "f(d%", "foo", "1,3"),
        ("a\nxb\nc", "d/x\r", "xb\nc", "1,1"),
        ("a\nb\nc", "J", "a b\nc", "1,2"),
        ("a\n  b\nc", "3J", "a b c", "1,4"),
        ("a1 b9", "\u{1}w10\u{1}", "a2 b19", "1,6"),
        ("abc", "rx", "xbc", "1,1"),
        ("abcd", "3rx", "xxxd", "1,3"),
    ]);
}

#[test]
fn insert_mode_types_erases_and_repeats() {
    transcripts(&[
        ("b", "ia\u{1b}", "ab", "1,1"),
        ("a", "ab\u{1b}", "ab", "1,2"),
        ("  b", "Ia\u{1b}", "  ab", "1,3"),
        ("a", "Ab\u{1b}.", "abb", "1,3"),
        ("a", "ob\u{1b}", "a\nb", "2,1"),
        ("a", "Ob\u{1b}", "b\na", "1,1"),
        ("a", "3ix\u{1b}", "xxxa", "1,3"),
        ("a", "2ox\u{1b}", "a\nx\nx", "3,1"),
        ("ab", "li\r\u{1b}", "a\nb", "2,1"),
        ("a\nb", "ji\u{7f}\u{1b}", "ab", "1,1"),
        ("abc def", "A\u{17}\u{1b}", "abc", "1,4"),
        ("ab", "A\u{15}x\u{1b}", "x", "1,1"),
        ("abc", "Rxy\u{1b}", "xyc", "1,2"),
        ("abc", "Rxy\u{7f}\u{1b}", "xbc", "1,1"),
        ("ab", "i\u{1b}[C\u{1b}[Cx\u{1b}", "abx", "1,3"),
        ("ab", "i\u{1b}[3~\u{1b}", "b", "1,1"),
        ("ab", "A\u{1b}[Hx\u{1b}[Fy\u{1b}", "xaby", "1,4"),
        ("ab cd", "A\u{f}bx\u{1b}", "ab xcd", "1,4"),
        ("ab", "yiwA \u{12}\"\u{1b}", "ab ab", "1,5"),
        ("a", ":set et sw=2 ts=2\r>>", "  a", "1,3"),
        ("a", ":set et sw=2 ts=4\ri\t\u{1b}", "    a", "1,4"),
        ("a", ":set et sts=2\ri\t\tx\u{7f}\u{7f}\u{1b}", "  a", "1,2"),
        ("  a", ":set ai\rob\u{1b}", "  a\n  b", "2,3"),
        ("  a", ":set ai\ro\u{1b}ox\u{1b}", "  a\n\nx", "3,1"),
        ("  a", ":set ai paste\rob\u{1b}", "  a\nb", "2,1"),
        ("  a", ":set ai\ro\u{1b}[200~b:\r  c\u{1b}[201~\u{1b}", "  a\n  b:\n  c", "3,3"),
        ("a", "\u{1b}[200~x\ry\u{1b}[201~", "x\nya", "2,1"),
        ("a\n    b", ":set sw=2\rj<<", "a\n  b", "2,3"),
        ("a", "i\u{16}\u{9}\u{1b}", "        a", "1,1-8"),
        ("é", "xié\u{1b}ax\u{1b}", "éx", "1,3-2"),
        ("  a", ":set sw=5000 sr\r<<", "a", "1,1"),
    ]);
}

#[test]
fn visual_mode_selects_letters_lines_and_blocks() {
    transcripts(&[
        ("abcd", "lvld", "ad", "1,2"),
        ("a\nb\nc\nd", "Vjd", "c\nd", "1,1"),
        ("ab\ncd", "\u{16}jd", "b\nd", "1,1"),
        ("ab\ncd\nef", "\u{16}jj$y", "ab\ncd\nef", "1,1"),
        ("ab\ncd\nef", "\u{16}GI# \u{1b}", "# ab\n# cd\n# ef", "1,1"),
        ("ab\ncd", "\u{16}jAx\u{1b}", "axb\ncxd", "1,1"),
        ("ab\ncd", "\u{16}jcx\u{1b}", "xb\nxd", "1,1"),
        ("a\nb\nc", ":set sw=2 et\rVj>", "  a\n  b\nc", "1,3"),
        ("a\nb\nc", ":set sw=2 et\rVj>.", "    a\n    b\nc", "1,5"),
        ("a b c", "vey$p", "a b ca b", "1,8"),
        ("a b", "yiwwviwp", "a a", "1,3"),
        ("abc", "vlU", "ABc", "1,1"),
        ("a\nb\nc", "VjJ", "a b\nc", "1,2"),
        ("a\na\na", "Vj:s/a/x/\r", "x\nx\na", "2,1"),
        ("abc abc", "vld.", "abc", "1,1"),
        ("a\nb\nc", "Vy2p", "a\na\na\nb\nc", "2,1"),
        ("abcd", "lvlrx", "axxd", "1,2"),
        ("a (b c) d", "fbvi(d", "a () d", "1,4"),
        ("abcd", "vlov\u{1b}x", "bcd", "1,1"),
        ("abcd\nx", "vl\u{1b}gvd", "cd\nx", "1,1"),
    ]);
}

#[test]
fn changes_are_taken_back_and_made_again() {
    transcripts(&[
        ("a\nb", "ddu", "a\nb", "1,1"),
        ("abc", "xxu", "bc", "1,1"),
        ("abc", "xxuu", "abc", "1,1"),
        ("abc", "xxuu\u{12}", "bc", "1,1"),
        ("abc", "xxU", "abc", "1,1"),
        ("a", "ox\ry\u{1b}u", "a", "1,1"),
        ("a", "ix\u{1b}[Dy\u{1b}u", "xa", "1,1"),
        ("a a a", ":s/a/b/g\ru", "a a a", "1,1"),
        ("abc", "x.u.", "c", "1,1"),
        ("ab cd", "qaxwq@a", "b d", "1,3"),
        ("1\n2\n3\n4", "qqA;\u{1b}jq2@q", "1;\n2;\n3;\n4", "4,1"),
    ]);
}

#[test]
fn ex_commands_work_on_ranges() {
    transcripts(&[
        ("a a\na", ":%s/a/b/\r", "b a\nb", "2,1"),
        ("a a\na", ":%s/a/b/g\r", "b b\nb", "2,1"),
        ("a/b", ":s#/#:#\r", "a:b", "1,1"),
        ("foo bar", ":s/\\(foo\\) \\(bar\\)/\\2 \\1/\r", "bar foo", "1,1"),
        ("foo", ":s/o/&x/g\r", "foxox", "1,1"),
        ("foo bar", ":s/\\<b/\\u&/\r", "foo Bar", "1,1"),
        ("a,b", ":s/,/\\r/\r", "a\nb", "2,1"),
        ("abc", ":s/\\v(a)(b)/\\2\\1/\r", "bac", "1,1"),
        ("a1b22", ":s/\\d\\+/N/g\r", "aNbN", "1,1"),
        ("a\na", ":%s/a/b/c\rny", "a\nb", "2,1"),
        ("a a a", ":s/a/b/gc\ryny", "b a b", "1,1"),
        ("a a a", ":s/a/b/gc\rna", "a b b", "1,1"),
        ("a\nb\nab", ":g/a/d\r", "b", "1,1"),
        ("a\nb\nab", ":v/a/d\r", "a\nab", "2,1"),
        ("a\nb\nab", ":g/a/s/a/x/\r", "x\nb\nxb", "3,1"),
        ("a\nb\nc", ":2d\r", "a\nc", "2,1"),
        ("a\nb\nc", ":1,2d|$d\r", "", "0,0-1"),
        ("a\nb\nc", ":1t$\r", "a\nb\nc\na", "4,1"),
        ("a\nb\nc", ":1m$\r", "b\nc\na", "3,1"),
        ("a\nb\nc", ":3m0\r", "c\na\nb", "1,1"),
        ("a\nb", ":r !echo x\r", "a\nx\nb", "2,1"),
        ("c\na\nb", ":%!sort\r", "a\nb\nc", "1,1"),
        ("a\nb", ":/b/s/b/x/\r", "a\nx", "2,1"),
        ("a\nb\nc", ":.,+1j\r", "a b\nc", "1,2"),
        ("a\nb", ":2\rix\u{1b}", "a\nxb", "2,1"),
        ("\ta", ":set et ts=4\r:retab\r", "    a", "1,1"),
        ("a", ":s/a/b/|s/b/c/\r", "c", "1,1"),
        ("a", ":set sw=2 et\r:>\r", "  a", "1,3"),
        ("abc", ":s/b//\ru", "abc", "1,1"),
        ("a\nb", ":0r !echo x\r", "x\na\nb", "1,1"),
        ("a\nb", ":w|2d\r", "a", "1,1"),
        ("b\na", ":$r !sort %\r", "b\na\na\nb", "3,1"),
        ("b\na", ":w !sort > g\r\r:$r g\r", "b\na\na\nb", "3,1"),
        ("a\tb", ":set et ts=4\r:retab\r", "a   b", "1,1"),
        ("a1]", ":s/[[:digit:]\\]]/X/g\r", "aXX", "1,1"),
        ("ab", ":g/a/%g/b/s/a/x/\r", "ab", "1,1"),
        ("a\nb", ":1m9\r", "a\nb", "1,1"),
    ]);
}

#[test]
fn the_last_row_says_what_vim_says() {
    let mut terminal = Terminal::new(80, 24);
    let ruler = |text: &str, place: &str| format!("{text:<62}{place}");
    terminal.type_in("vi pod.yaml\r");
    assert_eq!(terminal.last(), ruler("\"pod.yaml\" [New]", "0,0-1         All"));
    assert_eq!(terminal.row(1), "~");
    terminal.type_in("i");
    assert_eq!(terminal.last(), ruler("-- INSERT --", "0,1           All"));
    terminal.type_in("kind: Pod\u{1b}");
    assert_eq!(terminal.last(), ruler("", "1,9           All"));
    terminal.type_in(":q\r");
    assert!(
        terminal.last().starts_with("E37: No write since last change (add ! to override)"),
        "{}",
        terminal.last()
    );
    terminal.type_in(":frob\r");
    assert!(terminal.last().starts_with("E492: Not an editor command: frob"));
    terminal.type_in(":w\r");
    assert_eq!(terminal.last(), ruler("\"pod.yaml\" [New] 1L, 10B written", "1,9           All"));
    terminal.type_in("yyp:w\r");
    assert_eq!(terminal.last(), ruler("\"pod.yaml\" 2L, 20B written", "2,1           All"));
    terminal.type_in("3yy");
    assert_eq!(terminal.last(), ruler("\"pod.yaml\" 2L, 20B written", "2,1           All"));
    terminal.type_in("3p");
    assert_eq!(terminal.last(), ruler("3 more lines", "3,1           All"));
    terminal.type_in("u");
    assert_eq!(terminal.last(), ruler("3 fewer lines; before #3  0 seconds ago", "2,1           All"));
    terminal.type_in("/nothing\r");
    assert!(terminal.last().starts_with("E486: Pattern not found: nothing"));
    terminal.type_in("v");
    assert!(terminal.last().starts_with("-- VISUAL --"));
    terminal.type_in("\u{1b}:w /nowhere/x\r");
    assert!(
        terminal.last().starts_with("\"/nowhere/x\" E212: Can't open file for writing"),
        "{}",
        terminal.last()
    );
    terminal.type_in(":1w\r");
    assert!(terminal.last().starts_with("E140: Use ! to write partial buffer"));
    terminal.type_in(":set ts?\r");
    assert!(terminal.last().starts_with("  tabstop=8"));
    terminal.type_in(":set frob\r");
    assert!(terminal.last().starts_with("E518: Unknown option: frob"));
    terminal.type_in(":set mouse=a\r");
    assert!(terminal.last().starts_with("mouse: not simulated in vethlab"));
    terminal.type_in(":wq\r");
    assert_eq!(terminal.ask("cat pod.yaml"), "kind: Pod\nkind: Pod");
}

#[test]
fn the_window_follows_the_cursor() {
    let mut terminal = Terminal::new(80, 24);
    terminal.type_in("touch .vimrc; seq 100 > n; vi n\r");
    assert_eq!((terminal.row(0), terminal.row(22)), ("1".to_owned(), "23".to_owned()));
    terminal.type_in("23j");
    assert_eq!((terminal.row(0), terminal.cursor()), ("2".to_owned(), (22, 0)));
    terminal.type_in("50G");
    assert_eq!((terminal.row(0), terminal.cursor()), ("39".to_owned(), (11, 0)));
    terminal.type_in("G");
    assert_eq!((terminal.row(0), terminal.row(22)), ("78".to_owned(), "100".to_owned()));
    assert!(terminal.last().ends_with("100,1         Bot"), "{}", terminal.last());
    terminal.type_in("gg\u{6}");
    assert_eq!((terminal.row(0), terminal.cursor()), ("22".to_owned(), (0, 0)));
    terminal.type_in("\u{4}");
    assert_eq!((terminal.row(0), terminal.cursor()), ("33".to_owned(), (0, 0)));
    terminal.type_in("zz");
    assert_eq!((terminal.row(0), terminal.cursor()), ("22".to_owned(), (11, 0)));
    assert!(terminal.last().ends_with("27%"), "{}", terminal.last());
    terminal.system.tty_resize(TtyId(1), 40, 10);
    terminal.screen.screen_mut().set_size(size(10), size(40));
    terminal.type_in(":set nu\r");
    assert_eq!(terminal.cursor().1, 4);
    assert!(terminal.rows().iter().any(|row| row == " 33 33"), "{:?}", terminal.rows());
}

#[test]
fn long_lines_wrap_and_are_found_again() {
    let mut terminal = Terminal::new(20, 6);
    terminal.type_in("touch .vimrc; printf '%050d\\nb\\nc\\nd\\n' 7 > n; vi n\r");
    assert_eq!(terminal.rows()[2..5], ["0000000007", "b", "c"]);
    terminal.type_in("$");
    assert_eq!(terminal.cursor(), (2, 9));
    terminal.type_in("jjj");
    assert_eq!(terminal.rows()[..3], ["b", "c", "d"]);
    terminal.type_in(":set nowrap\rgg");
    assert_eq!(terminal.rows()[..2], ["0".repeat(20), "b".to_owned()]);
}

#[test]
fn without_a_vimrc_yaml_is_indented() {
    let mut terminal = Terminal::new(80, 24);
    terminal.type_in("vi p.yaml\r");
    terminal.type_in("ispec:\rcontainers:\r- name: a\rimage: nginx\rports:\r- containerPort: 80\u{1b}:wq\r");
    let text =
        "spec:\n  containers:\n    - name: a\n      image: nginx\n      ports:\n        - containerPort: 80";
    assert_eq!(terminal.ask("cat p.yaml"), text);
}

#[test]
fn a_vimrc_is_read_and_its_mistakes_are_told() {
    let mut terminal = Terminal::new(80, 24);
    terminal.type_in("printf 'set et ts=2 sw=2 ai nu\\nfrob\\n' > .vimrc; vi f\r");
    assert!(
        terminal.rows().contains(&"E492: Not an editor command: frob".to_owned()),
        "{:?}",
        terminal.rows()
    );
    assert_eq!(terminal.last(), "Press ENTER or type command to continue");
    terminal.type_in("\r");
    terminal.type_in("i\ta\rb\u{1b}");
    assert_eq!(terminal.rows()[..2], ["  1   a", "  2   b"]);
}

#[test]
fn shell_commands_and_stopping_leave_the_screen() {
    let mut terminal = Terminal::new(80, 24);
    terminal.type_in("vi f\r");
    terminal.type_in("ia\u{1b}:!echo hello\r");
    assert!(terminal.rows().contains(&"hello".to_owned()), "{:?}", terminal.rows());
    assert!(terminal.rows().contains(&"Press ENTER or type command to continue".to_owned()));
    terminal.type_in("\r");
    assert_eq!(terminal.row(0), "a");
    terminal.type_in("\u{1a}");
    assert!(
        terminal.rows().iter().any(|row| row.contains("Stopped") && row.contains("vi f")),
        "{:?}",
        terminal.rows()
    );
    terminal.type_in("fg\r");
    assert_eq!(terminal.row(0), "a");
    terminal.type_in(":wq\recho over\r");
    assert!(terminal.rows().contains(&"over".to_owned()), "{:?}", terminal.rows());
}

#[test]
fn who_may_not_write_is_told() {
    let mut terminal = Terminal::new(80, 24);
    terminal.type_in("echo a > /tmp/f; setpriv --reuid=65534 vi /tmp/f\r");
    assert!(terminal.last().starts_with("\"/tmp/f\" [readonly] 1L, 2B"), "{}", terminal.last());
    terminal.type_in("x:w\r");
    assert!(
        terminal.last().starts_with("E45: 'readonly' option is set (add ! to override)"),
        "{}",
        terminal.last()
    );
    terminal.type_in(":w!\r");
    assert!(
        terminal.last().starts_with("\"/tmp/f\" E212: Can't open file for writing"),
        "{}",
        terminal.last()
    );
    terminal.type_in(":q!\r");
    assert_eq!(terminal.ask("cat /tmp/f"), "a");
}

#[test]
fn only_what_has_changed_is_drawn() {
    let mut terminal = Terminal::new(80, 24);
    terminal.type_in("seq 100 > n; vi n\r");
    terminal.system.tty_input(TtyId(1), b"j");
    terminal.system.run_until_quiet();
    let bytes: usize = terminal.system.take_tty_output().iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes < 40, "{bytes}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_keys_break_it(keys in "[a-zA-Z0-9\\[\\]{}()/:?.,;'\"$%^&*<>=~@!\\-_+|\u{1b}\r\t \u{1}-\u{19}é]{0,80}") {
        let mut terminal = Terminal::new(20, 5);
        terminal.type_in("vi f\r");
        // What ends or leaves it.
        let keys = keys.replace(['\u{1a}', '!', 'q', 'x', 'Z'], "");
        terminal.type_in(&format!("ione two\r(three)\r\u{1b}{keys}"));
        proptest::prop_assert!(terminal.cursor().0 < 5);
    }
}
