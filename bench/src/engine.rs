//! Calls of contracts, against Wasmtime alone with the same component.

use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use phat_engine::{Code, Entry, Limits, Outcome, Stack};
use wasmtime::{
    Config, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker},
};

use crate::report::{Row, Sample, Target};

/// The host in memory and the contract in text of the engine's own tests.
#[path = "../../contract/engine/tests/support/mod.rs"]
mod support;

use support::MemoryHost;

const ROUNDS: usize = 9;
const CALLS: usize = 2_000;
const GAS: u64 = 1 << 50;

/// Does nothing.
const NOTHING: &str = "(call $ok (i32.const 0) (i32.const 0))";

/// A million steps of a generator of random numbers, each with a write to memory.
const LOOP: &str = r#"
    (local $i i32) (local $x i64)
    (local.set $x (i64.const 88172645463325252))
    (local.set $i (i32.const 1000000))
    (loop $next
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
      (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
      (i64.store (i32.add (i32.and (i32.wrap_i64 (local.get $x)) (i32.const 0x3ff8)) (i32.const 32768)) (local.get $x))
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $next (local.get $i)))
    (call $ok (i32.const 32768) (i32.const 8))"#;

/// The 27th Fibonacci number, by the definition: 635,621 calls of a small function.
const CALLED: &str = r#"
    (func $fibonacci (param $n i32) (result i32)
      (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
        (then (local.get $n))
        (else (i32.add
          (call $fibonacci (i32.sub (local.get $n) (i32.const 1)))
          (call $fibonacci (i32.sub (local.get $n) (i32.const 2)))))))"#;
const CALL: &str = r#"
    (i32.store (i32.const 32768) (call $fibonacci (i32.const 27)))
    (call $ok (i32.const 32768) (i32.const 4))"#;

/// The contract's error, as the world has it.
#[derive(ComponentType, Lift)]
#[component(record)]
struct ContractError {
    #[component(name = "code")]
    _code: u32,
    #[component(name = "message")]
    _message: String,
    #[component(name = "data")]
    _data: Vec<u8>,
}

/// Wasmtime with its pool, without metering, deadlines or a host.
struct Raw {
    engine: wasmtime::Engine,
    pre: InstancePre<()>,
    command: ComponentExportIndex,
}

impl Raw {
    fn new(component: &[u8]) -> Result<Self> {
        let mut config = Config::new();
        let pool = PoolingAllocationConfig::new();
        config.wasm_component_model(true).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = wasmtime::Engine::new(&config)?;
        let component = Component::from_binary(&engine, component)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component)?;
        let command = component.get_export_index(None, "command").context("an export 'command'")?;
        Ok(Self { pre: linker.instantiate_pre(&component)?, engine, command })
    }

    fn call(&self) -> Result<Vec<u8>> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.pre.instantiate(&mut store)?;
        type Output = (Result<Vec<u8>, ContractError>,);
        let function = instance.get_typed_func::<(&[u8],), Output>(&mut store, self.command)?;
        let (output,) = function.call(&mut store, (b"",))?;
        function.post_return(&mut store)?;
        output.map_err(|_| anyhow!("the contract refused"))
    }
}

fn metered(stack: &Stack, code: &Code<MemoryHost>) -> Result<Vec<u8>> {
    let entry = Entry::Command { input: b"" };
    let (_, finished) = support::engine().call(stack, code, entry, GAS, Limits::default(), MemoryHost::default());
    match finished.map_err(|failure| anyhow!("{failure}"))?.outcome {
        Outcome::Ok(output) => Ok(output),
        other => bail!("{other:?}"),
    }
}

/// Microseconds of one call, ours and Wasmtime's.
fn compare(functions: &str, calls: usize) -> Result<(Sample, Sample)> {
    let component = support::component(functions);
    let code = support::compile(&component).map_err(|error| anyhow!("{error}"))?;
    let raw = Raw::new(&component)?;
    Stack::run(|stack| {
        anyhow::ensure!(metered(stack, &code)? == raw.call()?, "both give the same");
        let each = |work: &dyn Fn() -> Result<Vec<u8>>| -> Result<f64> {
            let start = Instant::now();
            for _ in 0..calls {
                std::hint::black_box(work()?);
            }
            Ok(start.elapsed().as_secs_f64() / calls as f64 * 1e6)
        };
        Sample::pair(ROUNDS, || each(&|| metered(stack, &code)), || each(&|| raw.call()))
    })?
}

/// See the [module's documentation](self).
pub fn rows() -> Result<Vec<Row>> {
    let (call, raw_call) = compare(&support::run(NOTHING), CALLS)?;
    let (looping, raw_looping) = compare(&support::run(LOOP), 5)?;
    let (calling, raw_calling) = compare(&format!("{CALLED}{}", support::run(CALL)), 5)?;
    Ok(vec![
        Row::new("contract call in a fresh instance, in process", "µs", call)
            .against("Wasmtime with its pool, same component", raw_call)
            .target(Target::RatioAtMost(1.2)),
        Row::new("metering: 1,000,000 turns of a loop of 10 operations with one store to memory", "µs", looping)
            .against("unmetered", raw_looping)
            .target(Target::RatioAtMost(1.15)),
        Row::new("metering: 635,621 calls of a small function (recursive Fibonacci)", "µs", calling)
            .against("unmetered", raw_calling)
            .target(Target::RatioAtMost(1.15))
            .limited_by("not profiled; each call saves and loads the fuel, and counts its frame into the global of the counted stack and out again"),
    ])
}
