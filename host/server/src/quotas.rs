//! What a tenant may have: its share of the machine, and how much of what is kept. Plain data, and what follows from it.

use std::num::{NonZeroU32, NonZeroUsize};

use prefab_model::{Bytes, Fuel};
use prefab_prepare::Terms;
use serde::{Deserialize, Serialize};

use crate::document::words;
use crate::problem::Problem;

/// What a tenant may have. What is not said is without a bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Quotas {
    /// Its share of the compilation slots, relative to the weights of the other tenants that compile.
    #[serde(deserialize_with = "weight")]
    #[schema(value_type = u32, minimum = 1, maximum = 1000)]
    pub(crate) weight: NonZeroU32,
    /// Compilations at a time.
    #[serde(deserialize_with = "number")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub(crate) compilations: Option<NonZeroU32>,
    /// Fuel a day, in UTC.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = Option<words::Amount>)]
    pub(crate) fuel_a_day: Option<u64>,
    /// Memory in bytes that its compilations may have together: the sum of their limits.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = Option<words::Amount>)]
    pub(crate) memory: Option<u64>,
    /// Bytes of all that is kept for it: modules, releases of its own, what was prepared, ledgers.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = Option<words::Amount>)]
    pub(crate) storage: Option<u64>,
    /// Environments.
    #[serde(deserialize_with = "number")]
    #[schema(maximum = 1_000_000)]
    pub(crate) environments: Option<u32>,
    /// Modules of all its environments together.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = Option<words::Amount>)]
    pub(crate) modules: Option<u64>,
    /// The most that its own settings and releases may allow one compilation, instead of what the server has for everybody.
    pub(crate) ceilings: Ceilings,
}

/// The largest weight: a share of one in a thousand is small enough.
const HEAVIEST: u32 = 1000;

fn weight<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<NonZeroU32, D::Error> {
    let weight = NonZeroU32::deserialize(deserializer)?;
    if weight.get() <= HEAVIEST {
        return Ok(weight);
    }
    Err(serde::de::Error::custom(format!("a weight is 1 to {HEAVIEST}, not {weight}")))
}

/// The largest number of what is counted one by one.
const MANY: u32 = 1_000_000;

fn number<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Copy + Into<u32>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let number = Option::<T>::deserialize(deserializer)?;
    match number.map(Into::into).filter(|number| *number > MANY) {
        Some(number) => Err(serde::de::Error::custom(format!("{number} is more than {MANY}"))),
        None => Ok(number),
    }
}

/// Up to what can be kept.
fn amount<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let amount = Option::<u64>::deserialize(deserializer)?;
    match amount.filter(|amount| i64::try_from(*amount).is_err()) {
        Some(amount) => Err(serde::de::Error::custom(format!("{amount} is more than {}", i64::MAX))),
        None => Ok(amount),
    }
}

/// The most that one compilation may be allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ceilings {
    /// Fuel.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = Option<words::Amount>)]
    pub fuel: Option<u64>,
    /// Memory in bytes.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = Option<words::Amount>)]
    pub memory: Option<u64>,
    /// Time on the wall in seconds.
    #[serde(deserialize_with = "amount")]
    #[schema(value_type = Option<words::Amount>)]
    pub deadline: Option<u64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            weight: NonZeroU32::MIN,
            compilations: None,
            fuel_a_day: None,
            memory: None,
            storage: None,
            environments: None,
            modules: None,
            ceilings: Ceilings::default(),
        }
    }
}

impl Quotas {
    /// What the scheduler heeds of them.
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            weight: self.weight,
            slots: self.compilations.and_then(|most| NonZeroUsize::new(most.get() as usize)),
            memory: self.memory,
            fuel: self.fuel_a_day,
        }
    }

    /// Refuses one environment more if there are so many.
    pub(crate) fn environment_more(&self, there: u64) -> Result<(), Problem> {
        let over = |most: &u32| there >= u64::from(*most);
        match self.environments.filter(over) {
            Some(most) => {
                Err(Problem::over_quota(format!("there are {there} environments, and the quota is {most}")))
            }
            None => Ok(()),
        }
    }

    /// Refuses one module more if there are so many.
    pub(crate) fn module_more(&self, there: u64) -> Result<(), Problem> {
        match self.modules.filter(|most| there >= *most) {
            Some(most) => {
                Err(Problem::over_quota(format!("there are {there} modules, and the quota is {most}")))
            }
            None => Ok(()),
        }
    }

    /// Refuses so many bytes more if there are so many.
    pub(crate) fn bytes_more(&self, there: u64, more: u64) -> Result<(), Problem> {
        match self.storage.filter(|most| there.saturating_add(more) > *most) {
            Some(most) => Err(Problem::over_quota(format!(
                "this is {}, {} are stored, and the quota is {}",
                Bytes(more),
                Bytes(there),
                Bytes(most)
            ))),
            None => Ok(()),
        }
    }
}

/// What a tenant has now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Usage {
    /// Compilations that run.
    pub(crate) running: usize,
    /// Compilations that wait for a slot.
    pub(crate) waiting: usize,
    /// Memory in bytes that those that run may have together.
    pub(crate) memory: u64,
    /// The fuel used today, in UTC.
    #[schema(value_type = u64)]
    pub(crate) fuel_today: Fuel,
    /// Bytes that are kept for it, as they were counted some seconds ago.
    pub(crate) storage: u64,
    /// Environments.
    pub(crate) environments: u64,
    /// Modules of all of them.
    pub(crate) modules: u64,
    /// Why nothing new is compiled for it, if that is so.
    #[schema(value_type = Option<Object>)]
    pub(crate) held_back: Option<prefab_prepare::HeldBack>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_told_with_figures_and_what_just_fits_is_taken() {
        let quotas =
            Quotas { environments: Some(2), modules: Some(3), storage: Some(2048), ..Quotas::default() };
        assert!(quotas.environment_more(1).is_ok() && quotas.module_more(2).is_ok());
        assert!(quotas.bytes_more(1024, 1024).is_ok());
        let told = |refused: Result<(), Problem>| {
            let problem = refused.unwrap_err();
            (problem.status().as_u16(), problem.code(), problem.detail().to_owned())
        };
        for (refused, figures) in [
            (quotas.environment_more(2), "2 environments, and the quota is 2"),
            (quotas.module_more(5), "5 modules, and the quota is 3"),
            (quotas.bytes_more(1024, 1025), "1 KiB are stored, and the quota is 2 KiB"),
        ] {
            let (is, code, detail) = told(refused);
            assert_eq!((is, code), (409, "over-quota"));
            assert!(detail.contains(figures), "{detail}");
        }
        assert!(Quotas::default().bytes_more(u64::MAX, 1).is_ok());
    }

    #[test]
    fn a_weight_is_neither_nothing_nor_all() {
        for (text, fine) in [("0", false), ("1", true), ("1000", true), ("1001", false), ("-1", false)] {
            let read = serde_json::from_str::<Quotas>(&format!("{{\"weight\": {text}}}"));
            assert_eq!(read.is_ok(), fine, "{text}");
        }
        assert!(serde_json::from_str::<Quotas>("{\"wait\": 1}").is_err());
    }
}
