//! What the HTTP and network filters decide: pure functions of a request and its connection.
//!
//! The connection manager calls them in the order of the configuration; what a route says instead stands in `PerRoute`.

pub mod cors;
pub mod fault;
pub mod health_check;
pub mod jwt;
pub mod ratelimit;
pub mod rbac;
#[cfg(test)]
mod tests;

use crate::config::extension::PerFilterConfig;

/// A filter's compiled configuration for one route.
#[derive(Debug)]
pub enum PerRoute {
    /// The filter does not run.
    Disabled,
    /// The filter runs, with the listener's configuration.
    Enabled,
    Rbac(Option<rbac::Rbac>),
    Fault(fault::Fault),
    Jwt(jwt::PerRoute),
    RateLimit(ratelimit::RateLimit),
    Cors(cors::CorsPolicy),
}

impl PerRoute {
    /// Compiles what stands in `typed_per_filter_config` under `name`.
    pub fn new(name: &str, config: &PerFilterConfig) -> Result<PerRoute, String> {
        Ok(match config {
            PerFilterConfig::Rbac(it) => PerRoute::Rbac(it.rbac.as_ref().map(rbac::Rbac::new).transpose()?),
            PerFilterConfig::Fault(it) => PerRoute::Fault(fault::Fault::new(it)?),
            PerFilterConfig::JwtAuthn(it) => PerRoute::Jwt(jwt::PerRoute::new(it)),
            PerFilterConfig::LocalRateLimit(it) => PerRoute::RateLimit(ratelimit::RateLimit::new(it)?),
            PerFilterConfig::Cors(it) => PerRoute::Cors(cors::CorsPolicy::new(it)?),
            PerFilterConfig::Filter(it) if it.disabled => PerRoute::Disabled,
            PerFilterConfig::Filter(it) if *it.config == PerFilterConfig::Unset => PerRoute::Enabled,
            PerFilterConfig::Filter(it) => PerRoute::new(name, &it.config)?,
            PerFilterConfig::Other(_) | PerFilterConfig::Unset => {
                return Err(format!(
                    "The filter {name} doesn't support virtual host or route specific configurations"
                ));
            }
        })
    }
}
