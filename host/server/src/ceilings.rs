//! The most that a tenant's settings and releases may allow one compilation. What is above it is refused rather than lowered: whoever
//! asks for more learns that they do not get it, and what a module compiles to does not depend on a bound that nobody sees.
//!
//! A value is refused when it is set, a release when it is sent, and, since ceilings come down later and limits come from several
//! places, what is then in force whenever something is about to run.

use axum::http::StatusCode;
use prefab_model::{ConfigKey, Limit, Limits, LimitsPatch, Release};
use prefab_prepare::{Environment, ReleaseTarget, limits_in};

use crate::names::TenantName;
use crate::problem::Problem;
use crate::quotas::Ceilings;
use crate::server::Server;

const CAPPED: [Limit; 3] = [Limit::Fuel, Limit::Memory, Limit::Deadline];

/// What is wrong is in what was sent.
const SENT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// One of those that are capped.
fn value(limits: &Limits, limit: Limit) -> u64 {
    match limit {
        Limit::Fuel => limits.fuel.0,
        Limit::Memory => limits.memory.0,
        _ => limits.deadline.as_secs(),
    }
}

impl Ceilings {
    /// These, and where they say nothing, those.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            fuel: self.fuel.or(others.fuel),
            memory: self.memory.or(others.memory),
            deadline: self.deadline.or(others.deadline),
        }
    }

    fn of(self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Fuel => self.fuel,
            Limit::Memory => self.memory,
            Limit::Deadline => self.deadline,
            _ => None,
        }
    }

    /// Refuses a value above the ceiling, with this status. `whose` says where it is from.
    fn check(self, status: StatusCode, limit: Limit, value: u64, whose: &str) -> Result<(), Problem> {
        match self.of(limit).filter(|most| value > *most) {
            Some(most) => {
                let shown = |value: u64| {
                    let mut patch = LimitsPatch::default();
                    patch.set(limit, value);
                    Limits::default().with(&patch).show(limit)
                };
                let detail = format!(
                    "limits.{limit} is {} {whose}, and {} is the most that the operator of this server allows",
                    shown(value),
                    shown(most)
                );
                Err(Problem::new(status, "above-ceiling", detail))
            }
            None => Ok(()),
        }
    }

    fn check_all(self, limits: &Limits, whose: &str) -> Result<(), Problem> {
        for limit in CAPPED {
            // Nothing is wrong with the request: what it is about is not as it should be.
            self.check(StatusCode::CONFLICT, limit, value(limits, limit), whose)?;
        }
        Ok(())
    }
}

impl Server {
    /// The ceilings of a tenant. Blocks, as all here.
    fn ceilings_of(&self, tenant: &TenantName) -> Result<Ceilings, Problem> {
        Ok(self.quotas(tenant)?.ceilings.or(self.ceilings()))
    }

    /// Refuses a setting above a ceiling. A value that cannot be read is refused by whoever sets it.
    pub(crate) fn check_setting(
        &self,
        tenant: &TenantName,
        key: &ConfigKey,
        value: &str,
    ) -> Result<(), Problem> {
        let ConfigKey::Limit(limit) = key else { return Ok(()) };
        let Ok(value) = limit.parse_value(value) else { return Ok(()) };
        self.ceilings_of(tenant)?.check(SENT, *limit, value, "in this setting")
    }

    /// Refuses a release of the tenant's own that sets a limit above a ceiling.
    pub(crate) fn check_release(&self, tenant: &TenantName, release: &Release) -> Result<(), Problem> {
        let ceilings = self.ceilings_of(tenant)?;
        for entry in &release.compilers {
            let limits = Limits::default().with(&entry.limits);
            for limit in CAPPED.into_iter().filter(|limit| entry.limits.has(*limit)) {
                let whose = format!("for the {} compiler of this release", entry.name);
                ceilings.check(SENT, limit, value(&limits, limit), &whose)?;
            }
        }
        Ok(())
    }

    /// Refuses to run compilers in an environment whose limits are above a ceiling.
    pub(crate) fn check_limits(
        &self,
        tenant: &TenantName,
        env: &Environment,
        target: Option<&ReleaseTarget>,
    ) -> Result<(), Problem> {
        let ceilings = self.ceilings_of(tenant)?;
        if ceilings == Ceilings::default() {
            return Ok(());
        }
        for (compiler, limits) in limits_in(env, target)? {
            ceilings.check_all(&limits, &format!("for the {compiler} compiler in this environment"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_above_the_ceiling_is_refused_with_both_and_one_at_it_is_not() {
        let ceilings = Ceilings { memory: Some(512 << 20), ..Ceilings::default() };
        let ceilings = ceilings.or(Ceilings { fuel: Some(1_000_000_000), memory: Some(1), deadline: None });
        let limits = |fuel, memory| Limits {
            fuel: prefab_model::Fuel(fuel),
            memory: prefab_model::Bytes(memory),
            ..Limits::default()
        };
        assert!(ceilings.check_all(&limits(1_000_000_000, 512 << 20), "").is_ok());
        for (limits, told) in [
            (limits(2_000_000_000, 1), "limits.fuel is 2G here, and 1G is the most"),
            (limits(1, 1 << 30), "limits.memory is 1 GiB here, and 512 MiB is the most"),
        ] {
            let problem = ceilings.check_all(&limits, "here").unwrap_err();
            assert_eq!((problem.status().as_u16(), problem.code()), (409, "above-ceiling"));
            assert!(problem.detail().contains(told), "{}", problem.detail());
        }
        let deadline = Ceilings { deadline: Some(60), ..Ceilings::default() };
        let problem = deadline.check(SENT, Limit::Deadline, 61, "here").unwrap_err();
        assert!(problem.detail().contains("61 s here, and 60 s"), "{}", problem.detail());
        assert!(deadline.check(SENT, Limit::Output, u64::MAX, "here").is_ok());
    }
}
