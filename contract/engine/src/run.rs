//! What the engine holds while a call runs.

use wasmtime::{Error, ResourceLimiter, StoreContextMut};

use crate::{
    Engine, Host, HostFailure,
    host::{Caller, Id},
    limits::Limits,
    outcome::{Interruption, Trap},
    revision::MAX_TABLE_ELEMENTS,
    world::CallMode,
};

/// The data of a store.
pub(crate) struct Run<H: Host> {
    /// Away while a nested call runs.
    host: Option<H>,
    pub engine: Engine<H>,
    pub limits: Limits,
    pub mode: CallMode,
    pub caller: Caller,
    /// The contracts that wait for this one, outermost first, and this one.
    pub chain: Vec<Id>,
    /// The engine's tick at which a query ends.
    pub deadline: Option<u64>,
    pub memory: MemoryLimit,
    pub fetches: u32,
    pub actions: u32,
    pub events: u32,
    pub lines: u32,
}

impl<H: Host> Run<H> {
    pub fn new(engine: Engine<H>, limits: Limits, mode: CallMode, caller: Caller, chain: Vec<Id>, host: H) -> Self {
        Self {
            host: Some(host),
            engine,
            limits,
            mode,
            caller,
            chain,
            deadline: None,
            memory: MemoryLimit { limit: limits.memory_bytes, used: 0, refused: false },
            fetches: 0,
            actions: 0,
            events: 0,
            lines: 0,
        }
    }

    pub fn is_query(&self) -> bool {
        self.mode == CallMode::Query
    }

    pub fn host(&mut self) -> Result<&mut H, Interruption> {
        self.host.as_mut().ok_or_else(absent)
    }

    pub fn lend_host(&mut self) -> Result<H, Interruption> {
        self.host.take().ok_or_else(absent)
    }

    pub fn return_host(&mut self, host: H) {
        self.host = Some(host);
    }

    pub fn into_host(self) -> Option<H> {
        self.host
    }
}

fn absent() -> Interruption {
    HostFailure("the host is lent to a nested call".into()).into()
}

/// A running contract as the functions of the world see it.
pub(crate) type Cx<'a, H> = StoreContextMut<'a, Run<H>>;

/// Takes gas, or ends the call.
pub(crate) fn charge<H: Host>(cx: &mut Cx<'_, H>, gas: u64) -> Result<(), Error> {
    match cx.get_fuel()?.checked_sub(gas) {
        Some(rest) => cx.set_fuel(rest),
        None => {
            cx.set_fuel(0)?;
            Err(Interruption::Trap(Trap::OutOfGas).into())
        }
    }
}

/// Lets memory grow up to the limit and never fail below it.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    limit: usize,
    used: usize,
    /// Whether the contract was refused memory.
    pub refused: bool,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool, Error> {
        // The contract's own maximum is checked here too, so that whatever fails afterwards is the host's.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            self.refused = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<(), Error> {
        Err(Interruption::from(HostFailure(format!("no memory for a contract: {error}"))).into())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool, Error> {
        let allowed = desired <= MAX_TABLE_ELEMENTS;
        self.refused |= !allowed;
        Ok(allowed)
    }
}
