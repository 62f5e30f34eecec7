//! Compiling and calling.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use wasmtime::{
    Error, Store,
    component::{Component, Linker},
};

use crate::{
    CodeError, Host, HostFailure, Limits, Pool, Revision, Stack,
    host::{Caller, Id},
    limits::{ARGUMENT_BYTES, ERROR_DATA_BYTES, ERROR_MESSAGE_BYTES},
    link, metering,
    outcome::{Finished, Interruption, Outcome, Trap},
    price,
    revision::MAX_MEMORY_BYTES,
    run::{Run, charge},
    stack::COUNTED_SLOTS,
    structure,
    world::{CallMode, ContractError, PhatContractPre},
};

/// Compiles and runs contracts for hosts of one kind. Clones are the same engine.
pub struct Engine<H: Host>(Arc<Shared<H>>);

struct Shared<H: Host> {
    wasmtime: wasmtime::Engine,
    linker: Linker<Run<H>>,
    revision: Revision,
    memory_bytes: usize,
    /// Ticks so far. Wasmtime keeps the same count, but does not show it.
    ticks: AtomicU64,
}

impl<H: Host> Clone for Engine<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A contract's code, compiled and linked. Clones are cheap.
pub struct Code<H: Host>(Arc<Linked<H>>);

struct Linked<H: Host> {
    pre: PhatContractPre<Run<H>>,
    /// Gas for a fresh instance.
    start: u64,
}

impl<H: Host> Clone for Code<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Host> Code<H> {
    pub(crate) fn component(&self) -> &Component {
        self.0.pre.instance_pre().component()
    }

    pub(crate) fn start(&self) -> u64 {
        self.0.start
    }
}

/// What to run.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// The constructor.
    Init {
        /// Its arguments.
        args: &'a [u8],
    },
    /// A message.
    Command {
        /// Method and arguments.
        input: &'a [u8],
    },
    /// A question.
    Query {
        /// Method and arguments.
        input: &'a [u8],
        /// After how many ticks of [`Engine::tick`] it is stopped.
        ticks: u64,
    },
    /// The first run of new code.
    Migrate {
        /// Hash of the code before.
        from: &'a Id,
        /// Arguments of the upgrade.
        args: &'a [u8],
    },
}

impl Entry<'_> {
    fn mode(&self) -> CallMode {
        match self {
            Self::Init { .. } => CallMode::Init,
            Self::Command { .. } => CallMode::Command,
            Self::Query { .. } => CallMode::Query,
            Self::Migrate { .. } => CallMode::Migrate,
        }
    }

    fn input_bytes(&self) -> usize {
        match self {
            Self::Init { args } => args.len(),
            Self::Command { input } | Self::Query { input, .. } => input.len(),
            Self::Migrate { from, args } => args.len().saturating_add(from.len()),
        }
    }
}

impl<H: Host> Engine<H> {
    /// An engine of a revision. Fails if this machine cannot be what the revision asks for, or cannot reserve the pool.
    pub fn new(revision: Revision, pool: Pool) -> Result<Self, HostFailure> {
        let failure = |error: Error| HostFailure(format!("engine revision {}: {error:#}", revision.number()));
        let wasmtime = revision.config(pool).and_then(|config| wasmtime::Engine::new(&config)).map_err(failure)?;
        let mut linker = Linker::new(&wasmtime);
        link::world(&mut linker).map_err(failure)?;
        let ticks = AtomicU64::new(0);
        let memory_bytes = pool.memory_bytes.min(MAX_MEMORY_BYTES);
        Ok(Self(Arc::new(Shared { wasmtime, linker, revision, memory_bytes, ticks })))
    }

    /// The revision that it runs.
    pub fn revision(&self) -> Revision {
        self.0.revision
    }

    /// Moves time on for queries. The engine has no clock: somebody calls this at a steady pace. Safe in a signal handler, and from any thread.
    pub fn tick(&self) {
        self.0.ticks.fetch_add(1, Ordering::Relaxed);
        self.0.wasmtime.increment_epoch();
    }

    /// Checks, meters and compiles a component. The verdict depends on the bytes, `limits` and the revision alone, as long as the pool has the memory that
    /// `limits` allow.
    ///
    /// Takes time in proportion to the length, up to seconds for megabytes.
    pub fn compile(&self, component: &[u8], limits: &Limits) -> Result<Code<H>, CodeError> {
        let limit = limits.code_bytes.min(structure::MAX_CODE_BYTES);
        if component.len() > limit {
            return Err(CodeError::TooLong { bytes: component.len(), limit });
        }
        let survey = structure::survey(component)?;
        let metered = metering::meter(component, &survey, COUNTED_SLOTS)?;
        let mut start = price::INSTANCE;
        for index in &survey.instances {
            if let Some(module) = survey.modules.get(*index as usize) {
                let (bytes, limit) = (module.memory_pages.saturating_mul(65_536), limits.memory_bytes as u64);
                if bytes > limit {
                    return Err(CodeError::Structure { what: "bytes of memory to start with", found: bytes, limit });
                }
                let own = price::start(module.memory_pages, module.table_elements, module.segment_bytes);
                start = start.saturating_add(own);
            }
        }
        let compiled = Component::from_binary(&self.0.wasmtime, &metered);
        self.link(&compiled.map_err(|error| CodeError::Compile(format!("{error:#}")))?, start)
    }

    pub(crate) fn link(&self, component: &Component, start: u64) -> Result<Code<H>, CodeError> {
        let pre = self.0.linker.instantiate_pre(component).and_then(PhatContractPre::new);
        let pre = pre.map_err(|error| CodeError::WrongWorld(format!("{error:#}")))?;
        Ok(Code(Arc::new(Linked { pre, start })))
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    /// Runs code once, in a fresh instance, with at most `gas`. Gives the host back with the effects that it has buffered.
    ///
    /// On `Err` there is no outcome: the effects must be dropped and the call tried again.
    pub fn call(
        &self,
        _stack: &Stack,
        code: &Code<H>,
        entry: Entry<'_>,
        gas: u64,
        limits: Limits,
        host: H,
    ) -> (Option<H>, Result<Finished, HostFailure>) {
        let (caller, chain) = (host.caller(), vec![host.contract()]);
        let mut run = Run::new(self.clone(), limits, entry.mode(), caller, chain, host);
        if let Entry::Query { ticks, .. } = entry {
            run.deadline = Some(self.0.ticks.load(Ordering::Relaxed).saturating_add(ticks));
        }
        self.execute(code, entry, gas, run)
    }

    /// Runs code on the stack of whoever calls, be it [`Engine::call`] or another contract.
    pub(crate) fn execute(
        &self,
        code: &Code<H>,
        entry: Entry<'_>,
        gas: u64,
        run: Run<H>,
    ) -> (Option<H>, Result<Finished, HostFailure>) {
        let fits = run.limits.memory_bytes <= self.0.memory_bytes;
        let deadline = run.deadline;
        let mut store = Store::new(&self.0.wasmtime, run);
        let finished = if fits {
            self.enter(&mut store, code, entry, gas, deadline)
        } else {
            Err(HostFailure("the cluster allows more memory than the engine's pool has".into()))
        };
        (store.into_data().into_host(), finished)
    }

    fn enter(
        &self,
        store: &mut Store<Run<H>>,
        code: &Code<H>,
        entry: Entry<'_>,
        gas: u64,
        deadline: Option<u64>,
    ) -> Result<Finished, HostFailure> {
        let failure = |error: Error| HostFailure(format!("{error:#}"));
        store.limiter(|run| &mut run.memory);
        store.set_fuel(gas).map_err(failure)?;
        store.set_hostcall_fuel(ARGUMENT_BYTES);
        let now = self.0.ticks.load(Ordering::Relaxed);
        // Half of the range: the current epoch is added to it.
        store.set_epoch_deadline(deadline.map_or(u64::MAX / 2, |at| at.saturating_sub(now)));

        let mut linked = false;
        let result = invoke(store, code, entry, &mut linked);
        let left = store.get_fuel().map_err(failure)?;
        let outcome = match result {
            Ok(Ok(output)) => Outcome::Ok(output),
            Ok(Err(error)) => Outcome::Err(bounded(error)),
            Err(error) => Outcome::Trap(reason(error, linked, store.data().memory.refused)?),
        };
        let all = matches!(outcome, Outcome::Trap(trap) if trap.costs_all());
        let gas_used = if all { gas } else { gas.saturating_sub(left) };
        Ok(Finished { outcome, gas_used })
    }
}

fn invoke<H: Host>(
    store: &mut Store<Run<H>>,
    code: &Code<H>,
    entry: Entry<'_>,
    linked: &mut bool,
) -> Result<Result<Vec<u8>, ContractError>, Error> {
    use wasmtime::AsContextMut;
    let start = code.0.start.saturating_add(price::copy(entry.input_bytes()));
    charge(&mut store.as_context_mut(), start)?;
    let instance = code.0.pre.instantiate(&mut *store)?;
    *linked = true;
    let result = match entry {
        Entry::Init { args } => instance.call_init(&mut *store, args),
        Entry::Command { input } => instance.call_command(&mut *store, input),
        Entry::Query { input, .. } => instance.call_query(&mut *store, input),
        Entry::Migrate { from, args } => instance.call_migrate(&mut *store, from, args),
    }?;
    let bytes = match &result {
        Ok(output) => output.len(),
        Err(error) => error.message.len().saturating_add(error.data.len()),
    };
    charge(&mut store.as_context_mut(), price::copy(bytes))?;
    if result.is_ok() && bytes > store.data().limits.output_bytes {
        return Err(Interruption::Trap(Trap::OutputTooLong).into());
    }
    Ok(result)
}

/// Tells what a contract has done wrong from what has gone wrong with the host.
fn reason(error: Error, linked: bool, refused: bool) -> Result<Trap, HostFailure> {
    if let Some(interruption) = error.downcast_ref::<Interruption>() {
        return match interruption {
            Interruption::Trap(trap) => Ok(*trap),
            Interruption::Abort(failure) => Err(failure.clone()),
        };
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        return match Trap::of(*trap) {
            Some(Trap::Unreachable) if refused => Ok(Trap::OutOfMemory),
            Some(trap) => Ok(trap),
            None => Err(HostFailure(format!("a trap that no metered contract raises: {trap}"))),
        };
    }
    match (linked, refused) {
        // Refused by the limiter before any code ran.
        (false, true) => Ok(Trap::OutOfMemory),
        // No room in the pool, no address space: whatever it is, it is not the contract's.
        (false, false) => Err(HostFailure(format!("no instance: {error:#}"))),
        // All that is left in a running contract is the lifting and lowering of values.
        (true, _) => Ok(Trap::Boundary),
    }
}

fn bounded(mut error: ContractError) -> ContractError {
    let cut = (0..=ERROR_MESSAGE_BYTES.min(error.message.len())).rev().find(|at| error.message.is_char_boundary(*at));
    error.message.truncate(cut.unwrap_or(0));
    error.data.truncate(ERROR_DATA_BYTES);
    error
}

/// Which contract a nested call reports as its caller.
pub(crate) fn caller_of(chain: &[Id]) -> Caller {
    chain.last().map_or(Caller::Anonymous, |id| Caller::Contract(*id))
}
