//! A cap that was hit, and the value to try next.

use prefab_model::{Limit, Limits};

/// The cap's value as a number, in the unit that `prefab config set` counts in without a suffix.
fn value(limits: &Limits, limit: Limit) -> u64 {
    match limit {
        Limit::Fuel => limits.fuel.0,
        Limit::Memory => limits.memory.0,
        Limit::TableElements => limits.table_elements,
        Limit::Deadline => limits.deadline.as_secs(),
        Limit::Output => limits.output.0,
        Limit::Artifacts => limits.artifacts,
        Limit::Diagnostics => limits.diagnostics,
        Limit::DiagnosticBytes => limits.diagnostic_bytes.0,
        Limit::Log => limits.log.0,
    }
}

/// Twice the cap, as text that `prefab config set` takes; none where the cap cannot be raised so far.
pub(crate) fn doubled(limits: &Limits, limit: Limit) -> Option<String> {
    let doubled = value(limits, limit).checked_mul(2)?;
    let units: &[(u64, &str)] = match limit {
        Limit::Fuel | Limit::TableElements | Limit::Artifacts | Limit::Diagnostics => {
            &[(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "K")]
        }
        Limit::Deadline => &[(3600, "h"), (60, "m")],
        _ => &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")],
    };
    let text = units
        .iter()
        .find(|(scale, _)| doubled >= *scale && doubled.is_multiple_of(*scale))
        .map_or_else(|| doubled.to_string(), |(scale, unit)| format!("{}{unit}", doubled / scale));
    limit.parse_value(&text).is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use prefab_model::{Bytes, Fuel};

    use super::*;

    #[test]
    fn what_is_proposed_can_be_set() {
        let limits = Limits::default();
        assert_eq!(doubled(&limits, Limit::Fuel).as_deref(), Some("100G"));
        assert_eq!(doubled(&limits, Limit::Memory).as_deref(), Some("2GiB"));
        assert_eq!(doubled(&limits, Limit::Deadline).as_deref(), Some("10m"));
        for limit in Limit::ALL {
            let text = doubled(&limits, limit).unwrap();
            assert_eq!(limit.parse_value(&text), Ok(value(&limits, limit) * 2), "{limit}");
        }
    }

    #[test]
    fn odd_values_keep_every_digit_and_the_end_of_the_range_is_known() {
        let limits = Limits { fuel: Fuel(1_500_000_001), memory: Bytes(64 << 30), ..Limits::default() };
        assert_eq!(doubled(&limits, Limit::Fuel).as_deref(), Some("3000000002"));
        assert_eq!(doubled(&limits, Limit::Memory), None);
    }
}
