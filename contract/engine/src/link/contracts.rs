use wasmtime::{Error, component::Linker};

use crate::{
    Entry, Host, HostFailure, Outcome, Trap,
    engine::caller_of,
    host::{Ending, Id},
    outcome::Interruption,
    price,
    run::{Cx, Run, charge},
    stack::MAX_CALL_DEPTH,
    world::contracts::CallError,
};

pub(super) fn link<H: Host>(linker: &mut Linker<Run<H>>) -> Result<(), Error> {
    let mut to = linker.instance("phala:contract/contracts@0.1.0")?;
    type Call = (Vec<u8>, Vec<u8>, Option<u64>);
    to.func_wrap("call", |mut cx: Cx<'_, H>, (contract, input, limit): Call| {
        charge(&mut cx, price::HOST_CALL.saturating_add(price::copy(contract.len().saturating_add(input.len()))))?;
        let contract = match callee(&cx, &contract, &input) {
            Ok(contract) => contract,
            Err(refusal) => return Ok((Err(refusal),)),
        };
        charge(&mut cx, price::READ)?;
        Ok((call(&mut cx, contract, &input, limit)?,))
    })
}

fn callee<H: Host>(cx: &Cx<'_, H>, contract: &[u8], input: &[u8]) -> Result<Id, CallError> {
    let run = cx.data();
    let contract = Id::try_from(contract).map_err(|_| CallError::NoSuchContract)?;
    if run.chain.contains(&contract) {
        Err(CallError::ReEntry)
    } else if run.chain.len() >= MAX_CALL_DEPTH {
        Err(CallError::TooDeep)
    } else if input.len() > run.limits.payload_bytes {
        Err(CallError::InputTooLong)
    } else {
        Ok(contract)
    }
}

fn call<H: Host>(
    cx: &mut Cx<'_, H>,
    contract: Id,
    input: &[u8],
    limit: Option<u64>,
) -> Result<Result<Vec<u8>, CallError>, Error> {
    let Some(code) = cx.data_mut().host()?.enter(&contract).map_err(Interruption::from)? else {
        return Ok(Err(CallError::NoSuchContract));
    };
    let left = cx.get_fuel()?;
    // The caller keeps a little, so that it can deal with a callee that uses up all it gets.
    let most = left.saturating_sub(left / 64);
    let gas = limit.unwrap_or(most).min(most);

    let run = cx.data_mut();
    let mut chain = run.chain.clone();
    let caller = caller_of(&chain);
    chain.push(contract);
    let host = run.lend_host()?;
    let mut nested = Run::new(run.engine.clone(), run.limits, run.mode, caller, chain, host);
    nested.deadline = run.deadline;
    let engine = run.engine.clone();
    let entry = if run.is_query() { Entry::Query { input, ticks: 0 } } else { Entry::Command { input } };
    let (host, finished) = engine.execute(&code, entry, gas, nested);
    let host = host.ok_or_else(|| Interruption::from(HostFailure("a nested call has lost the host".into())))?;
    cx.data_mut().return_host(host);
    let finished = finished.map_err(Interruption::from)?;

    let ending = if matches!(finished.outcome, Outcome::Ok(_)) { Ending::Keep } else { Ending::Drop };
    cx.data_mut().host()?.leave(ending).map_err(Interruption::from)?;
    charge(cx, finished.gas_used)?;
    Ok(match finished.outcome {
        Outcome::Ok(output) => {
            charge(cx, price::copy(output.len()))?;
            Ok(output)
        }
        Outcome::Err(error) => {
            charge(cx, price::copy(error.message.len().saturating_add(error.data.len())))?;
            Err(CallError::Failed(error))
        }
        Outcome::Trap(Trap::OutOfGas) => Err(CallError::OutOfGas),
        // The deadline is that of the whole query.
        Outcome::Trap(Trap::TimedOut) => return Err(Interruption::Trap(Trap::TimedOut).into()),
        Outcome::Trap(trap) => Err(CallError::Trapped(trap.to_string())),
    })
}
