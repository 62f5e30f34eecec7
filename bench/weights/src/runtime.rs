//! The runtime under measurement: its code in the node's executor, over the genesis of a development chain.

use anyhow::{Context as _, Result, anyhow};
use codec::{Decode, Encode};
use phala_primitives::{Hash256, storage_key};
use sc_chain_spec::GenesisConfigBuilderRuntimeCaller;
use sc_client_db::BenchmarkingState;
use sc_executor::WasmExecutor;
use sp_core::{
    storage::Storage,
    traits::{CallContext, RuntimeCode, WrappedRuntimeCode},
};
use sp_externalities::Extensions;
use sp_keystore::{KeystoreExt, testing::MemoryKeystore};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{OverlayedChanges, StateMachine};

use crate::{evidence, host::benchmarking, wire};

type State = BenchmarkingState<BlakeTwo256>;

/// The chain's time, in milliseconds since the Unix epoch.
const NOW_MS: u64 = 1_800_000_000_000;

/// Whether a state says what was read and written. Counting takes time, so what is timed does not count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// It counts.
    On,
    /// It does not.
    Off,
}

/// The runtime under measurement.
pub struct Runtime {
    wasm: Vec<u8>,
    executor: WasmExecutor<(sp_io::SubstrateHostFunctions, benchmarking::HostFunctions)>,
    counting: State,
    timed: State,
}

impl Runtime {
    /// This runtime.
    pub fn new(wasm: Vec<u8>) -> Result<Self> {
        let genesis = genesis(&wasm)?;
        let state =
            |counts| State::new(genesis.clone(), None, counts, counts).map_err(|error| anyhow!("the state: {error}"));
        Ok(Self { executor: WasmExecutor::builder().build(), counting: state(true)?, timed: state(false)?, wasm })
    }

    /// The benchmarks that it has.
    pub fn benchmarks(&self) -> Result<Vec<wire::List>> {
        // what follows the list describes all storage of the runtime
        let answer = self.call(Counting::On, "Benchmark_benchmark_metadata", &false)?;
        Vec::decode(&mut answer.as_slice()).context("the runtime's list of benchmarks")
    }

    /// Runs a benchmark.
    pub fn run(&self, counting: Counting, config: &wire::Config) -> Result<Vec<wire::Run>> {
        let answer = self.call(counting, "Benchmark_dispatch_benchmark", config)?;
        let batches: Result<Vec<wire::Batch>, String> =
            Decode::decode(&mut answer.as_slice()).context("the runtime's results")?;
        let batches = batches.map_err(|error| anyhow!("the benchmark stopped: {error}"))?;
        Ok(batches.into_iter().flat_map(|batch| batch.results).collect())
    }

    fn call(&self, counting: Counting, method: &str, argument: &impl Encode) -> Result<Vec<u8>> {
        let code = WrappedRuntimeCode(self.wasm.as_slice().into());
        let code = RuntimeCode { code_fetcher: &code, heap_pages: None, hash: b"the one that there is".to_vec() };
        let mut extensions = Extensions::new();
        // reports are signed with a key that the benchmark asks the host for
        extensions.register(KeystoreExt::new(MemoryKeystore::new()));
        let state = match counting {
            Counting::On => &self.counting,
            Counting::Off => &self.timed,
        };
        let mut overlay = OverlayedChanges::default();
        let argument = argument.encode();
        StateMachine::new(
            state,
            &mut overlay,
            &self.executor,
            method,
            &argument,
            &mut extensions,
            &code,
            CallContext::Offchain,
        )
        .execute()
        .map_err(|error| anyhow!("{method}: {error}"))
    }
}

/// A development chain before its first block, at a moment when the evidence is valid that benchmarks find in its state.
fn genesis(wasm: &[u8]) -> Result<Storage> {
    let builder = GenesisConfigBuilderRuntimeCaller::<benchmarking::HostFunctions>::new(wasm);
    let mut storage = builder.get_storage_for_named_preset(Some(&"dev".to_owned())).map_err(|error| anyhow!(error))?;
    let block = storage.top.get(&storage_key::block_hash(0)).context("the genesis has no hash of block 0")?;
    let genesis: Hash256 = Decode::decode(&mut block.as_slice()).context("the hash of block 0")?;
    storage.top.insert(storage_key::timestamp_now(), NOW_MS.encode());
    for n in 1..=2 {
        let key = format!(":phala:benchmark:evidence:{n}").into_bytes();
        storage.top.insert(key, evidence::make(n, genesis, NOW_MS / 1000)?.encode());
    }
    Ok(storage)
}
