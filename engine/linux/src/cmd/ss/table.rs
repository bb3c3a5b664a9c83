//! The columns of `ss`.
//!
//! Source: iproute2 6.1.0 misc/ss.c (`render`, `render_calc_width`).

use super::options::Options;

/// Headers, what stands before the cell unless it begins the line, and whether it is right-aligned.
const COLUMNS: [(&str, &str, bool); 9] = [
    ("Netid", "", false),
    ("State", " ", false),
    ("Recv-Q", " ", false),
    ("Send-Q", " ", false),
    ("Local Address:", " ", true),
    ("Port", "", false),
    ("Peer Address:", " ", true),
    ("Port", "", false),
    ("Process", "", false),
];

pub type Row = [String; 9];

pub struct Table {
    disabled: [bool; 9],
    rows: Vec<Row>,
}

impl Table {
    pub fn new(options: &Options) -> Table {
        let mut disabled = [false; 9];
        disabled[0] = options.databases.len() == 1;
        disabled[1] = options.states.len() == 1;
        let header = COLUMNS.map(|(name, _, _)| name.to_owned());
        Table { disabled, rows: if options.no_header { Vec::new() } else { vec![header] } }
    }

    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    fn shown(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..COLUMNS.len()).filter(|at| !self.disabled[*at])
    }

    /// On a terminal of that many columns, or where there is none.
    pub fn render(&self, screen: Option<usize>) -> String {
        let widths = self.widths(screen);
        let mut out = String::new();
        for row in &self.rows {
            let mut started = false;
            for at in self.shown() {
                let (_, before, right) = COLUMNS[at];
                let cell = &row[at];
                let before = if started { before } else { "" };
                started = true;
                let blanks = widths[at].saturating_sub(before.len() + cell.chars().count());
                out += before;
                if right {
                    out.extend(std::iter::repeat_n(' ', blanks));
                }
                out += cell;
                if !right {
                    out.extend(std::iter::repeat_n(' ', blanks));
                }
            }
            out.push('\n');
        }
        out
    }

    fn widths(&self, screen: Option<usize>) -> [usize; 9] {
        let mut widths = [0; 9];
        let mut first = true;
        for at in self.shown() {
            let most = self.rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
            widths[at] = if !first && most > 0 { most + COLUMNS[at].1.len() } else { most };
            widths[at] = widths[at].min(screen.unwrap_or(usize::MAX));
            first &= widths[at] == 0;
        }
        if let Some(screen) = screen {
            spread(&mut widths, screen);
        }
        widths
    }
}

/// Gives what is left of each line of the screen to the columns on it, the last ones first.
fn spread(widths: &mut [usize; 9], screen: usize) {
    let used: Vec<usize> = (0..widths.len()).filter(|at| widths[*at] > 0).collect();
    let mut begin = 0;
    while begin < used.len() {
        let mut end = begin;
        let mut length = 0;
        while end < used.len() && (length + widths[used[end]] <= screen || end == begin) {
            length += widths[used[end]];
            end += 1;
            if length >= screen {
                break;
            }
        }
        let (space, count) = (screen.saturating_sub(length), end - begin);
        let mut left = space % count;
        for at in used[begin..end].iter().rev() {
            widths[*at] += space / count + usize::from(left > 0);
            left = left.saturating_sub(1);
        }
        begin = end;
    }
}
