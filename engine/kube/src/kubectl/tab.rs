//! Columns of text, as Go's tabwriter lays them out.
//!
//! Always: a cell that ends with a tab belongs to a column; a column is as wide as its widest cell on neighbouring lines.
//! Source: Go's text/tabwriter (Nick Gravgaard's elastic tabstops).

/// For tables: a column is at least 6 wide, 3 blanks between.
pub fn table(text: &str) -> String {
    lay_out(text, 6, 3)
}

/// For `describe`: 2 blanks between.
pub fn describe(text: &str) -> String {
    lay_out(text, 0, 2)
}

pub fn lay_out(text: &str, least: usize, padding: usize) -> String {
    let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
    let mut writer = Writer { lines, least, padding, widths: Vec::new(), out: String::new() };
    writer.format(0, writer.lines.len());
    // The text's last newline made an empty line more.
    writer.out.pop();
    writer.out
}

struct Writer<'a> {
    lines: Vec<Vec<&'a str>>,
    least: usize,
    padding: usize,
    widths: Vec<usize>,
    out: String,
}

impl Writer<'_> {
    fn format(&mut self, from: usize, to: usize) {
        let column = self.widths.len();
        let (mut at, mut written) = (from, from);
        while at < to {
            if column + 1 >= self.lines[at].len() {
                at += 1;
                continue;
            }
            self.write(written, at);
            let begin = at;
            let mut width = self.least;
            while at < to && column + 1 < self.lines[at].len() {
                width = width.max(self.lines[at][column].chars().count() + self.padding);
                at += 1;
            }
            self.widths.push(width);
            self.format(begin, at);
            self.widths.pop();
            written = at;
        }
        self.write(written, to);
    }

    fn write(&mut self, from: usize, to: usize) {
        for line in &self.lines[from..to] {
            for (at, cell) in line.iter().enumerate() {
                self.out.push_str(cell);
                if let Some(width) = self.widths.get(at) {
                    self.out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
                }
            }
            self.out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_without_tabs_parts_two_blocks() {
        assert_eq!(super::describe("a:\tb\nlong:\tc\nx\n  y:\tz\n"), "a:     b\nlong:  c\nx\n  y:  z\n");
        assert_eq!(super::table("X\tY\n1\t\n"), "X     Y\n1     \n");
    }
}
