//! A node that lies: it passes on what a true node says, but for one thing.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use jsonrpsee::{
    RpcModule,
    server::{Server, ServerHandle},
    types::ErrorObjectOwned,
};
use serde_json::{Value, json};

use crate::Rpc;

/// What is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nothing.
    None,
    /// The chain is another one.
    OtherGenesis,
    /// A digit of the votes, or of the header that they are for.
    ForgedFinality,
    /// A digit of a trie node.
    ForgedProof,
    /// A digit of a message.
    ForgedMessage,
    /// There are no messages where the chain has some.
    NoMessages,
    /// What was finalised when it was first asked is the newest that there is. All that it says is true.
    OldHead,
}

#[derive(Default)]
struct Told {
    lie: Option<Lie>,
    times: u64,
    /// What stays as it was.
    kept: Option<Value>,
}

/// See the [module's documentation](self).
pub struct Liar {
    address: SocketAddr,
    told: Arc<Mutex<Told>>,
    server: ServerHandle,
    _runtime: tokio::runtime::Runtime,
}

/// What a worker asks a node for.
const METHODS: [&str; 5] = ["chain_getBlockHash", "phat_handoffs", "phat_messages", "phat_code", "state_getReadProof"];

impl Liar {
    /// Stands before the node at this port.
    pub fn start(port: u16) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let told = Arc::<Mutex<Told>>::default();
        let mut module = RpcModule::new((Rpc::new(port), told.clone()));
        for method in METHODS {
            module.register_blocking_method(method, move |params, context, _| {
                let (node, told) = &*context;
                let refused = |error: String| ErrorObjectOwned::owned(-32_000, error, None::<()>);
                let params = params.parse::<Value>()?;
                let truth = node.call(method, params).map_err(|error| refused(format!("{error:#}")))?;
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                let said = match told.lie {
                    Some(Lie::OldHead) if method == "phat_handoffs" => {
                        Some(told.kept.get_or_insert(truth.clone()).clone())
                    }
                    Some(lie) => twist(lie, method, &truth),
                    None => None,
                };
                told.times += u64::from(said.is_some());
                Ok::<_, ErrorObjectOwned>(said.unwrap_or(truth))
            })?;
        }
        let server = runtime.block_on(Server::builder().build("127.0.0.1:0"))?;
        let address = server.local_addr()?;
        let server = runtime.block_on(async { server.start(module) });
        Ok(Self { address, told, server, _runtime: runtime })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Lies about this from now on.
    pub fn lie(&self, lie: Lie) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Told { lie: Some(lie), ..Told::default() };
    }

    /// How often it has told the lie.
    pub fn times(&self) -> u64 {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).times
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        let _stopped = self.server.stop();
    }
}

/// The lie, if this is what it is about.
fn twist(lie: Lie, method: &str, truth: &Value) -> Option<Value> {
    match (lie, method) {
        (Lie::OtherGenesis, "chain_getBlockHash") => Some(json!(format!("0x{}", "00".repeat(32)))),
        (Lie::ForgedFinality, "phat_handoffs") => changed(truth),
        (Lie::ForgedProof, "state_getReadProof") => {
            let mut proof = truth.clone();
            let first = proof.pointer_mut("/proof/0")?;
            *first = changed(first)?;
            Some(proof)
        }
        (Lie::ForgedMessage, "phat_messages") => {
            let mut page = truth.clone();
            let first = page.pointer_mut("/messages/0")?;
            *first = changed(first)?;
            Some(page)
        }
        (Lie::NoMessages, "phat_messages") => {
            Some(json!({ "before": format!("0x{}", "00".repeat(32)), "messages": [] }))
        }
        _ => None,
    }
}

/// Hex with another digit in its middle.
fn changed(hex: &Value) -> Option<Value> {
    let mut digits = hex.as_str()?.to_owned().into_bytes();
    let middle = digits.len() / 2;
    let digit = digits.get_mut(middle)?;
    *digit = if *digit == b'0' { b'1' } else { b'0' };
    String::from_utf8(digits).ok().map(Value::from)
}
