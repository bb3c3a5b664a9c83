//! `chmod`: change the mode of files. Source: chmod(1), coreutils.
//! ```transcript
//! host# touch f; chmod u+x,go-r f; ls -l f | cut -c1-10
//! -rwx------
//! ```

/// What a symbolic mode (`u+x,go=r`) makes of `mode`; `None` where it is none. `directory` counts for `X`.
pub fn symbolic(text: &str, mode: u16, umask: u16, directory: bool) -> Option<u16> {
    let mut mode = mode;
    for clause in text.split(',') {
        let split = clause.find(['+', '-', '='])?;
        let (who, mut rest) = clause.split_at(split);
        let mut classes = 0;
        for letter in who.chars() {
            classes |= match letter {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            };
        }
        let limit = if who.is_empty() { !umask } else { 0o7777 };
        let classes = if who.is_empty() { 0o7777 } else { classes };
        while let Some(operator) = rest.chars().next() {
            if !"+-=".contains(operator) {
                return None;
            }
            let end = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |at| at + 1);
            let mut bits = 0;
            for letter in rest[1..end].chars() {
                bits |= match letter {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if directory || mode & 0o111 != 0 => 0o111,
                    'X' => 0,
                    's' => 0o6000,
                    't' => 0o1000,
                    'u' => (mode >> 6 & 7) * 0o111,
                    'g' => (mode >> 3 & 7) * 0o111,
                    'o' => (mode & 7) * 0o111,
                    _ => return None,
                };
            }
            let bits = bits & (classes | 0o1000 & bits) & limit;
            mode = match operator {
                '+' => mode | bits,
                '-' => mode & !bits,
                _ => mode & !(classes & 0o777) | bits,
            };
            rest = &rest[end..];
        }
    }
    Some(mode & 0o7777)
}
