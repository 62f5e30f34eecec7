//! A client of the network that trusts nobody it talks to: nodes are checked by a light client of its own, workers by their
//! registration on the chain, answers by the boot key that the chain has admitted.
//!
//! ```text
//! Node ── sync(), read() ─▶ proven state        Asker ── ask() ─▶ Checked answer ── Evidence of it ─▶ answer.json ─▶ verify
//! ```

pub mod answer;
pub mod ask;
pub mod demands;
pub mod failure;
pub mod node;
pub mod request;

pub use answer::{AnswerFile, Check};
pub use ask::{Asker, Checked};
pub use demands::Demands;
pub use failure::{Because, Class, Code, Failure, Fault, Result};
pub use node::Node;
pub use request::RequestId;
