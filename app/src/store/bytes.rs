//! Bytes in lines, and which field a byte belongs to.
//!
//! Always: every byte stands in exactly one line; of nested fields the innermost answers.

use api::inspect::Field;

pub struct Line<'a> {
    pub start: usize,
    pub bytes: &'a [u8],
    /// The same as characters; what cannot be printed is a dot.
    pub text: String,
}

pub fn lines(bytes: &[u8], width: usize) -> Vec<Line<'_>> {
    let printable = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
    bytes
        .chunks(width.max(1))
        .enumerate()
        .map(|(index, bytes)| Line {
            start: index * width,
            bytes,
            text: bytes.iter().map(printable).collect(),
        })
        .collect()
}

/// Start and length of the shortest field that holds this byte.
pub fn field_at(layers: &[Field], at: u32) -> Option<(u32, u32)> {
    let holds = |field: &&Field| at >= field.start && at - field.start < field.length;
    let mut best: Option<&Field> = None;
    let mut open: Vec<&Field> = layers.iter().collect();
    while let Some(field) = open.pop() {
        if holds(&field) && best.is_none_or(|it| field.length <= it.length) {
            best = Some(field);
        }
        open.extend(&field.fields);
    }
    best.map(|field| (field.start, field.length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(start: u32, length: u32, fields: Vec<Field>) -> Field {
        Field { name: String::new(), text: String::new(), value: String::new(), start, length, fields }
    }

    #[test]
    fn lines_hold_all_bytes() {
        let bytes: Vec<u8> = (0..37).collect();
        let lines = lines(&bytes, 16);
        assert_eq!(lines.iter().map(|line| line.bytes.len()).collect::<Vec<_>>(), [16, 16, 5]);
        assert_eq!((lines[2].start, lines[2].text.as_str()), (32, " !\"#$"));
    }

    #[test]
    fn the_innermost_field_answers() {
        let layers = [field(0, 14, vec![field(0, 6, vec![]), field(6, 6, vec![])]), field(14, 20, vec![])];
        assert_eq!(field_at(&layers, 7), Some((6, 6)));
        assert_eq!(field_at(&layers, 13), Some((0, 14)));
        assert_eq!(field_at(&layers, 34), None);
    }
}
