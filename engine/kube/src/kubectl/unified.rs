//! Two texts as `diff -u` shows their difference.

/// Lines shown around a change.
const CONTEXT: usize = 3;

#[derive(Clone, Copy, PartialEq)]
enum Edit {
    Same,
    Gone,
    New,
}

/// The hunks, without the head that names the files.
pub fn unified(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let script = script(&old, &new);
    let mut out = String::new();
    let mut at = 0;
    while let Some(first) = (at..script.len()).find(|it| script[*it].0 != Edit::Same) {
        let from = first.saturating_sub(CONTEXT).max(at);
        let mut end = first;
        let mut last = first;
        while end < script.len() && end - last <= 2 * CONTEXT {
            if script[end].0 != Edit::Same {
                last = end;
            }
            end += 1;
        }
        let to = (last + 1 + CONTEXT).min(script.len());
        hunk(&mut out, &script, from, to);
        at = to;
    }
    out
}

fn hunk(out: &mut String, script: &[(Edit, &str)], from: usize, to: usize) {
    let count = |range: &[(Edit, &str)], not: Edit| range.iter().filter(|(it, _)| *it != not).count();
    let (part, before) = (&script[from..to], &script[..from]);
    let range = |not: Edit| {
        let (start, length) = (count(before, not), count(part, not));
        let start = if length == 0 { start } else { start + 1 };
        if length == 1 { start.to_string() } else { format!("{start},{length}") }
    };
    out.push_str(&format!("@@ -{} +{} @@\n", range(Edit::New), range(Edit::Gone)));
    for (edit, line) in part {
        let sign = match edit {
            Edit::Same => ' ',
            Edit::Gone => '-',
            Edit::New => '+',
        };
        out.push_str(&format!("{sign}{line}\n"));
    }
}

/// The longest common subsequence as a script of edits; texts far apart are replaced whole.
fn script<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Edit, &'a str)> {
    const MOST_CELLS: usize = 4_000_000;
    let head = old.iter().zip(new).take_while(|(one, two)| one == two).count();
    let tail =
        old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(one, two)| one == two).count();
    let (left, right) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut script: Vec<(Edit, &str)> = old[..head].iter().map(|it| (Edit::Same, *it)).collect();
    if left.len().saturating_mul(right.len()) > MOST_CELLS {
        script.extend(left.iter().map(|it| (Edit::Gone, *it)));
        script.extend(right.iter().map(|it| (Edit::New, *it)));
    } else {
        let mut longest = vec![vec![0u32; right.len() + 1]; left.len() + 1];
        for one in (0..left.len()).rev() {
            for two in (0..right.len()).rev() {
                longest[one][two] = if left[one] == right[two] {
                    longest[one + 1][two + 1] + 1
                } else {
                    longest[one + 1][two].max(longest[one][two + 1])
                };
            }
        }
        let (mut one, mut two) = (0, 0);
        while one < left.len() || two < right.len() {
            if one < left.len() && two < right.len() && left[one] == right[two] {
                script.push((Edit::Same, left[one]));
                (one, two) = (one + 1, two + 1);
            } else if one < left.len()
                && (two == right.len() || longest[one + 1][two] >= longest[one][two + 1])
            {
                script.push((Edit::Gone, left[one]));
                one += 1;
            } else {
                script.push((Edit::New, right[two]));
                two += 1;
            }
        }
    }
    script.extend(old[old.len() - tail..].iter().map(|it| (Edit::Same, *it)));
    script
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_change_is_shown_with_its_neighbours() {
        let (before, after) = ("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nX\nf\n");
        assert_eq!(super::unified(before, after), "@@ -2,5 +2,5 @@\n b\n c\n d\n-e\n+X\n f\n");
    }
}
