//! Names that somebody may have meant.

/// The longest name and the most names that are looked at, so that a hostile signature costs little.
const LONGEST: usize = 64;
const MOST: usize = 2_000;

/// The name most like the given one, if any is alike enough to be worth asking about.
pub(crate) fn nearest<'n>(name: &str, among: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > LONGEST {
        return None;
    }
    let length = name.chars().count();
    let alike = length.div_ceil(3).min(length.saturating_sub(1));
    among
        .take(MOST)
        .filter(|other| other.len() <= LONGEST)
        .map(|other| (strsim::damerau_levenshtein(name, other), other))
        .filter(|(distance, other)| *distance <= alike || name.eq_ignore_ascii_case(other))
        .min()
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keys_is_recognised() {
        let names = ["formatMoney", "parseMoney", "Currency"];
        assert_eq!(nearest("fromatMoney", names.into_iter()), Some("formatMoney"));
        assert_eq!(nearest("currency", names.into_iter()), Some("Currency"));
        assert_eq!(nearest("x", ["y"].into_iter()), None);
    }
}
