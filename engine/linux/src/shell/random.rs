//! `$RANDOM`: the generator of bash, which a seed repeats, begun by the world's own chance.
//!
//! Always: the same world and the same seed give the same numbers.
//! Source: bash 5.2, `random.c` (the minimal standard generator of Park and Miller).

use sim::Rng;

#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u32,
    last: u32,
    world: Rng,
}

impl Random {
    pub fn new(mut world: Rng) -> Random {
        Random { state: world.next_u32(), last: 0, world }
    }

    /// `RANDOM=seed`
    pub fn seed(&mut self, seed: u32) {
        (self.state, self.last) = (seed, 0);
    }

    /// A subshell goes on with numbers of its own.
    pub fn branch(&mut self) -> Random {
        Random { state: self.world.next_u32(), last: 0, world: self.world.clone() }
    }

    /// 0 to 32767, never the same twice in a row.
    pub fn next(&mut self) -> u32 {
        // From a state of 32 bits the same number comes at most a few times in a row.
        for _ in 0..8 {
            let state = i64::from(if self.state == 0 { 123_459_876 } else { self.state });
            let next = 16_807 * (state % 127_773) - 2_836 * (state / 127_773);
            let next = if next < 0 { next + 0x7fff_ffff } else { next };
            self.state = next as u32;
            let number = ((self.state >> 16) ^ (self.state & 0xffff)) & 0x7fff;
            if number != self.last {
                self.last = number;
                break;
            }
        }
        self.last
    }

    /// `$SRANDOM`
    pub fn next_u32(&mut self) -> u32 {
        self.world.next_u32()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_numbers_of_bash() {
        let mut random = Random::new(Rng::stream(1, "RANDOM"));
        random.seed(42);
        assert_eq!([random.next(), random.next()], [17_772, 26_794]);
    }
}
