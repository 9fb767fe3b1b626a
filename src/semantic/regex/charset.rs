//! Sets of characters as sorted, disjoint, inclusive ranges. A character is a UTF-16 code unit, or
//! a code point under the flags `u` and `v`.

/// The largest code point.
pub(super) const LAST: u32 = 0x10_FFFF;

/// A set of characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct CharSet(Vec<(u32, u32)>);

impl CharSet {
    /// The set of all characters in any of `ranges`.
    pub fn new(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut ranges: Vec<(u32, u32)> = ranges.into_iter().filter(|(lo, hi)| lo <= hi).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (lo, hi) in ranges {
            match merged.last_mut() {
                Some(last) if lo <= last.1.saturating_add(1) => last.1 = last.1.max(hi),
                _ => merged.push((lo, hi)),
            }
        }
        CharSet(merged)
    }

    /// The set of one character.
    pub fn single(c: u32) -> Self {
        CharSet(vec![(c, c)])
    }

    /// All characters.
    pub fn all() -> Self {
        CharSet(vec![(0, LAST)])
    }

    /// `\d`
    pub fn digits() -> Self {
        CharSet(vec![(0x30, 0x39)])
    }

    /// `\w`
    pub fn words() -> Self {
        CharSet(vec![(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)])
    }

    /// `\s`
    pub fn spaces() -> Self {
        CharSet::new([
            (0x09, 0x0D),
            (0x20, 0x20),
            (0xA0, 0xA0),
            (0x1680, 0x1680),
            (0x2000, 0x200A),
            (0x2028, 0x2029),
            (0x202F, 0x202F),
            (0x205F, 0x205F),
            (0x3000, 0x3000),
            (0xFEFF, 0xFEFF),
        ])
    }

    /// The line terminators, which `.` does not match.
    pub fn newlines() -> Self {
        CharSet(vec![(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)])
    }

    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, c: u32) -> bool {
        let after = self.0.partition_point(|&(lo, _)| lo <= c);
        after > 0 && c <= self.0[after - 1].1
    }

    pub fn union(&self, other: &CharSet) -> CharSet {
        CharSet::new(self.0.iter().chain(&other.0).copied())
    }

    pub fn complement(&self) -> CharSet {
        let mut next = 0;
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        for &(lo, hi) in &self.0 {
            if next < lo {
                gaps.push((next, lo - 1));
            }
            next = hi + 1;
        }
        if next <= LAST {
            gaps.push((next, LAST));
        }
        CharSet(gaps)
    }

    pub fn intersection(&self, other: &CharSet) -> CharSet {
        self.complement().union(&other.complement()).complement()
    }

    pub fn difference(&self, other: &CharSet) -> CharSet {
        self.intersection(&other.complement())
    }

    /// Whether every character of `other` is in this set.
    pub fn includes(&self, other: &CharSet) -> bool {
        other.difference(self).is_empty()
    }

    /// The set with the other cases of its letters. Ranges too long to be a choice of letters are
    /// taken to be closed already.
    pub fn fold_case(&self) -> CharSet {
        const LONGEST: u32 = 0x500;
        let mut ranges = self.0.clone();
        for &(lo, hi) in &self.0 {
            if hi - lo > LONGEST {
                ranges.extend([(0x41, 0x5A), (0x61, 0x7A)].into_iter().filter(|&(a, b)| lo <= b && a <= hi));
                continue;
            }
            ranges.extend((lo..=hi).flat_map(other_cases).map(|c| (c, c)));
        }
        CharSet::new(ranges)
    }

    /// A character of the set, one that prints where there is one.
    pub fn sample(&self) -> Option<u32> {
        const LIKED: &[(u32, u32)] = &[(0x61, 0x7A), (0x30, 0x39), (0x41, 0x5A), (0x21, 0x7E), (0x20, 0x20), (0x09, 0x0A), (0, 0x7F)];
        for &(from, to) in LIKED {
            if let Some(&(lo, _)) = self.0.iter().find(|&&(lo, hi)| lo <= to && from <= hi) {
                return Some(lo.max(from));
            }
        }
        let usable = |&&(lo, hi): &&(u32, u32)| !(0xD800..=0xDFFF).contains(&lo) || hi > 0xDFFF;
        let &(lo, _) = self.0.iter().find(usable).or(self.0.first())?;
        Some(if (0xD800..=0xDFFF).contains(&lo) && self.contains(0xE000) { 0xE000 } else { lo })
    }
}

/// The upper- and lower-case forms of `c` that are one character long.
pub(super) fn other_cases(c: u32) -> impl Iterator<Item = u32> {
    let c = char::from_u32(c);
    let lower = c.into_iter().flat_map(|c| Some(c.to_lowercase()).filter(|l| l.len() == 1)).flatten();
    let upper = c.into_iter().flat_map(|c| Some(c.to_uppercase()).filter(|u| u.len() == 1)).flatten();
    // `ſ` and `K` (Kelvin) are not cases of ASCII letters without the flag u; leaving them out
    // with it changes no verdict on text that people type.
    let ascii = c.is_some_and(|c| c.is_ascii());
    lower.chain(upper).filter(move |d| ascii || !d.is_ascii()).map(|d| d as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_algebra() {
        let digits = CharSet::digits();
        assert!(CharSet::words().includes(&digits));
        assert!(!digits.includes(&CharSet::words()));
        assert_eq!(digits.complement().complement(), digits);
        assert!(digits.intersection(&CharSet::spaces()).is_empty());
        assert_eq!(CharSet::words().difference(&digits).sample(), Some('a' as u32));
    }

    #[test]
    fn case_folding_stays_within_one_character() {
        assert!(CharSet::single('a' as u32).fold_case().contains('A' as u32));
        assert!(CharSet::single('ß' as u32).fold_case().contains('ß' as u32));
        assert!(CharSet::single('é' as u32).fold_case().contains('É' as u32));
    }
}
