//! Does a filter reject every packet, whatever is in it? libpcap's optimizer finds out and refuses such a filter.
//!
//! Always: ends after [`MOST_STEPS`]; a filter that is too intricate to tell counts as one that can match.
//! Differs from libpcap: tests for equality are followed along every way, as its optimizer does; ranges are not.
//! Source: libpcap 1.10.3, optimize.c (`opt_j`, `fold_edge`).

use super::expression::{Arith, Base, Compare, Expression};
use std::collections::BTreeMap;

const MOST_STEPS: u32 = 2_000;

/// What a test looks at: base, offset, size, mask.
type Place = (Option<Base>, u32, u8, u32);

#[derive(Clone, Debug, Default)]
struct Known {
    equal: BTreeMap<Place, u32>,
    unequal: BTreeMap<Place, Vec<u32>>,
    /// Other tests, by where they stand in memory.
    other: BTreeMap<usize, bool>,
}

/// A test whose outcome is not known yet.
enum Open {
    Equal(Place, u32),
    Other(usize),
}

impl Known {
    fn equality(&self, place: Place, value: u32) -> Result<bool, Open> {
        match (self.equal.get(&place), self.unequal.get(&place)) {
            (Some(known), _) => Ok(*known == value),
            (None, Some(not)) if not.contains(&value) => Ok(false),
            _ => Err(Open::Equal(place, value)),
        }
    }

    fn test(&self, expression: &Expression) -> Result<bool, Open> {
        match expression {
            Expression::Always(answer) => Ok(*answer),
            Expression::Not(inner) => Ok(!self.test(inner)?),
            Expression::Chain(first, rest) => {
                let mut so_far = self.test(first)?;
                for (and, next) in rest {
                    if so_far == *and {
                        so_far = self.test(next)?;
                    }
                }
                Ok(so_far)
            }
            Expression::LinkType { shift, value } if *value > 1500 => {
                self.equality((None, *shift, 2, u32::MAX), *value)
            }
            Expression::Bytes { base, at, size, mask, compare: Compare::Equal, value } => {
                self.equality((Some(*base), *at, *size, *mask), *value)
            }
            Expression::Relation {
                compare,
                reversed,
                left: Arith::Number(a),
                right: Arith::Number(b),
                ..
            } => {
                let holds = match compare {
                    Compare::Equal => a == b,
                    Compare::Greater => a > b,
                    Compare::AtLeast => a >= b,
                };
                Ok(holds != *reversed)
            }
            other => {
                let place = std::ptr::from_ref(other) as usize;
                self.other.get(&place).copied().ok_or(Open::Other(place))
            }
        }
    }
}

pub(super) fn rejects_all(expression: &Expression) -> bool {
    let mut ways = vec![Known::default()];
    for _ in 0..MOST_STEPS {
        let Some(known) = ways.pop() else { return true };
        match known.test(expression) {
            Ok(true) => return false,
            Ok(false) => {}
            Err(open) => {
                let (mut yes, mut no) = (known.clone(), known);
                match open {
                    Open::Equal(place, value) => {
                        yes.equal.insert(place, value);
                        no.unequal.entry(place).or_default().push(value);
                    }
                    Open::Other(place) => {
                        yes.other.insert(place, true);
                        no.other.insert(place, false);
                    }
                }
                ways.push(no);
                ways.push(yes);
            }
        }
    }
    false
}
