//! Engine revisions: everything that decides what a call computes and costs.

use wasmtime::{Config, Error, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy};

use crate::{
    stack::{MAX_CALL_DEPTH, NATIVE_BYTES},
    structure::MAX_CORE_INSTANCES,
};

/// A fixed set of Wasmtime's version, the compiler's target, metering, price table and structural limits. All workers of a cluster run the revision that the
/// cluster's log names at that index. A worker that lacks it stops there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revision {
    /// Wasmtime 36 (an LTS release), Cranelift for x86-64 without extensions.
    ///
    /// The plain baseline (SSE2) is what every machine with a TEE has, so none of them can disagree about which instructions are there, and features of the
    /// host are never asked for. Wider baselines are faster for SIMD and bit counting; they belong to a later revision, with measurements.
    V1,
}

impl Revision {
    /// The newest one.
    pub const LATEST: Self = Self::V1;

    /// The revision of this number, as the log writes it.
    pub fn from_number(number: u32) -> Option<Self> {
        (number == 1).then_some(Self::V1)
    }

    /// Its number in the log.
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
        }
    }
}

/// How much the pool sets aside. Does not enter into results: a pool that is too small is a [`crate::HostFailure`].
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Calls from outside that may run at a time. Address space is reserved for each, memory is not.
    pub calls: u32,
    /// The largest memory limit that calls will be given, in bytes.
    pub memory_bytes: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Self { calls: 16, memory_bytes: 64 * 1024 * 1024 }
    }
}

/// Linear memory that a call may be given at most: 1 GiB, the 16,384 pages up to which metering charges for growth.
pub(crate) const MAX_MEMORY_BYTES: usize = 1024 * 1024 * 1024;
/// Elements of a table.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 65_536;
/// Of a contract's instance data in the pool.
const MAX_INSTANCE_BYTES: usize = 1024 * 1024;
const MEMORIES_PER_COMPONENT: u32 = 4;
/// Of a memory or a table this much is cleared by hand after a call, and only what is beyond it given back to the system: that takes
/// longer for the pages that an ordinary contract has, on every core of the machine.
const RESIDENT_BYTES: usize = 256 * 1024;

impl Revision {
    pub(crate) fn config(self, pool: Pool) -> Result<Config, Error> {
        let Self::V1 = self;
        let mut config = Config::new();
        // A named target switches the detection of host features off.
        config.target("x86_64-unknown-linux-gnu")?;
        config
            .strategy(Strategy::Cranelift)
            .cranelift_opt_level(OptLevel::Speed)
            .cranelift_nan_canonicalization(true)
            .consume_fuel(true)
            .epoch_interruption(true)
            .max_wasm_stack(NATIVE_BYTES)
            .wasm_backtrace(false)
            .wasm_component_model(true)
            .wasm_bulk_memory(true)
            .wasm_multi_value(true)
            .wasm_simd(true)
            .wasm_relaxed_simd(false)
            .wasm_tail_call(false)
            .wasm_multi_memory(false)
            .wasm_memory64(false)
            .memory_init_cow(true)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool.config()));
        Ok(config)
    }
}

impl Pool {
    fn config(self) -> PoolingAllocationConfig {
        let depth = u32::try_from(MAX_CALL_DEPTH).unwrap_or(u32::MAX);
        let components = self.calls.max(1).saturating_mul(depth);
        let cores = u32::try_from(MAX_CORE_INSTANCES).unwrap_or(u32::MAX);
        let mut config = PoolingAllocationConfig::new();
        config
            .total_component_instances(components)
            .total_core_instances(components.saturating_mul(cores))
            // as many as all calls at once can ask for: else some could keep the others waiting
            .total_memories(components.saturating_mul(MEMORIES_PER_COMPONENT))
            .total_tables(components.saturating_mul(cores))
            .max_core_instances_per_component(cores)
            .max_memories_per_component(MEMORIES_PER_COMPONENT)
            .max_tables_per_component(cores)
            .max_memories_per_module(1)
            .max_tables_per_module(4)
            .table_elements(MAX_TABLE_ELEMENTS)
            .linear_memory_keep_resident(RESIDENT_BYTES)
            .table_keep_resident(RESIDENT_BYTES)
            .max_core_instance_size(MAX_INSTANCE_BYTES)
            .max_component_instance_size(MAX_INSTANCE_BYTES)
            .max_memory_size(self.memory_bytes);
        config
    }
}
