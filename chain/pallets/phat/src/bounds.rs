//! What clusters of this chain may configure, as data.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use phala_primitives::{
    cluster::{ClusterConfig, Limits, MAX_MEMBERS, SealingMode},
    message::{Balance, MAX_PAYLOAD},
};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Bounds of every cluster's configuration. The default admits no cluster.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// The highest limits.
    pub limits: Limits,
    /// The highest price of gas: planck for [`GAS_PRICE_UNIT`](phala_primitives::cluster::GAS_PRICE_UNIT) gas.
    pub gas_price: Balance,
    /// The highest deposit for a byte, in planck.
    pub deposit_per_byte: Balance,
    /// The newest engine revision that workers are known to have. The oldest is 1.
    pub engine_revision: u32,
    /// Whether a policy may open loopback addresses, add roots, or allow `http://`. For development networks.
    pub allow_local_http: bool,
    /// Whether a lone worker may seal the roots to its own platform.
    pub allow_self_seal: bool,
    /// Messages of a cluster that may wait for a report.
    pub backlog: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        let limits = Limits {
            code_bytes: 0,
            memory_bytes: 0,
            key_bytes: 0,
            value_bytes: 0,
            output_bytes: 0,
            payload_bytes: 0,
            gas_per_message: 0,
            timeout_blocks: 0,
        };
        Self {
            limits,
            gas_price: 0,
            deposit_per_byte: 0,
            engine_revision: 0,
            allow_local_http: false,
            allow_self_seal: false,
            backlog: 0,
        }
    }
}

impl Bounds {
    /// Whether a cluster may be configured like this.
    pub fn admit(&self, config: &ClusterConfig) -> bool {
        let config = config.latest();
        let (asked, most) = (&config.limits, &self.limits);
        let within = |asked: u32, most: u32| asked > 0 && asked <= most;
        let limits = within(asked.code_bytes, most.code_bytes)
            && within(asked.memory_bytes, most.memory_bytes)
            && within(asked.key_bytes, most.key_bytes)
            && within(asked.value_bytes, most.value_bytes)
            && within(asked.output_bytes, most.output_bytes)
            && within(asked.payload_bytes, most.payload_bytes.min(MAX_PAYLOAD))
            && within(asked.timeout_blocks, most.timeout_blocks)
            && asked.gas_per_message > 0
            && asked.gas_per_message <= most.gas_per_message;
        let local = config.http.allow_http || config.http.allow_loopback || !config.http.extra_roots.is_empty();
        limits
            && within(config.quorum.into(), MAX_MEMBERS)
            && within(config.engine_revision, self.engine_revision)
            && config.gas_price <= self.gas_price
            && config.deposit_per_byte <= self.deposit_per_byte
            && (self.allow_local_http || !local)
            && (self.allow_self_seal || config.sealing == SealingMode::Peers)
    }
}
