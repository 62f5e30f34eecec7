//! A node that lies: it passes on what a true node says, but for one thing.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    accept_async_with_config, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use crate::{from_hex, metadata::swapped, to_hex};

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
    /// The numbers of two calls, in the metadata that transactions are encoded by. Their hash shows it.
    CallNumbers,
    /// The same where the hash does not cover it: the pallet's calls are of a type that is none of the runtime's.
    ForeignCalls,
    /// The numbers of two calls, in the metadata of every other version.
    OtherMetadata,
}

#[derive(Default)]
struct Told {
    lie: Option<Lie>,
    times: u64,
    /// What stays as it was.
    kept: Option<Value>,
    /// What the true node answered last that was an error.
    refusal: Option<Value>,
}

/// See the [module's documentation](self). It speaks JSON-RPC over WebSocket, subscriptions included.
pub struct Liar {
    address: SocketAddr,
    told: Arc<Mutex<Told>>,
    _runtime: tokio::runtime::Runtime,
}

impl Liar {
    /// Stands before the node at this port.
    pub fn start(port: u16) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let told = Arc::<Mutex<Told>>::default();
        let shared = told.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, port, shared.clone()));
            }
        });
        Ok(Self { address, told, _runtime: runtime })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Lies about this from now on.
    pub fn lie(&self, lie: Lie) {
        *lock(&self.told) = Told { lie: Some(lie), ..Told::default() };
    }

    /// How often it has told the lie.
    pub fn times(&self) -> u64 {
        lock(&self.told).times
    }

    /// What the true node has refused last since the lie began, and why.
    pub fn refusal(&self) -> String {
        lock(&self.told).refusal.as_ref().map(Value::to_string).unwrap_or_default()
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one client until one of both sides goes away.
async fn pass_on(client: TcpStream, port: u16, told: Arc<Mutex<Told>>) -> Result<()> {
    // a true node's answers may be long
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let mut client = accept_async_with_config(client, Some(config)).await?;
    let (mut node, _) = connect_async_with_config(format!("ws://127.0.0.1:{port}"), Some(config), true).await?;
    // method and arguments of what is to be answered still, by the request's id
    let mut asked = HashMap::new();
    loop {
        tokio::select! {
            frame = client.next() => match frame.transpose()? {
                Some(Message::Text(text)) => {
                    note(&text, &mut asked);
                    node.send(Message::Text(text)).await?;
                }
                Some(Message::Close(_)) | None => return Ok(()),
                // pings are answered by the library
                Some(_) => {}
            },
            frame = node.next() => match frame.transpose()? {
                Some(Message::Text(text)) => {
                    let said = untrue(&text, &mut asked, &told);
                    client.send(said.map_or(Message::Text(text), Message::text)).await?;
                }
                Some(Message::Close(_)) | None => return Ok(()),
                Some(_) => {}
            },
        }
    }
}

type Asked = HashMap<String, (String, Value)>;

fn note(request: &str, asked: &mut Asked) {
    let Ok(request) = serde_json::from_str::<Value>(request) else { return };
    let (id, method, params) = (&request["id"], &request["method"], &request["params"]);
    if let Some(method) = method.as_str() {
        asked.insert(id.to_string(), (method.to_owned(), params.clone()));
    }
}

/// What is said in place of an answer; nothing if it is passed on as it is.
fn untrue(answer: &str, asked: &mut Asked, told: &Mutex<Told>) -> Option<String> {
    let mut answer: Value = serde_json::from_str(answer).ok()?;
    let (method, params) = asked.remove(&answer.get("id")?.to_string())?;
    let mut told = lock(told);
    if let Some(error) = answer.get("error") {
        told.refusal = Some(error.clone());
        return None;
    }
    let truth = answer.get("result")?;
    let lie = told.lie?;
    let said = if lie == Lie::OldHead && method == "phat_handoffs" {
        told.kept.get_or_insert_with(|| truth.clone()).clone()
    } else {
        twist(lie, &method, &params, truth)?
    };
    told.times += 1;
    *answer.get_mut("result")? = said;
    Some(answer.to_string())
}

/// The lie, if this is what it is about.
fn twist(lie: Lie, method: &str, params: &Value, truth: &Value) -> Option<Value> {
    match (lie, method) {
        (Lie::OtherGenesis, "chain_getBlockHash") => Some(format!("0x{}", "00".repeat(32)).into()),
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
        (Lie::CallNumbers | Lie::ForeignCalls | Lie::OtherMetadata, "state_call") => {
            const HASHED: &str = "0x0f000000";
            let asked = (params.get(0)?.as_str()?, params.get(1)?.as_str()?);
            let ("Metadata_metadata_at_version", version) = asked else { return None };
            if (version == HASHED) == (lie == Lie::OtherMetadata) {
                return None;
            }
            let opaque = from_hex(truth.as_str()?).ok()?;
            Some(to_hex(swapped(&opaque, lie != Lie::ForeignCalls)?).into())
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
