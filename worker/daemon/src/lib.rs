//! The worker's daemon: everything around [`phala_worker_core`] that touches the machine. The program is `phala-worker`.

mod backoff;
pub mod config;
pub mod daemon;
pub mod disk;
mod egress;
mod errors;
mod follow;
mod listen;
mod metrics;
mod node;
mod operator;
mod platform;
mod pool;
mod server;
mod serving;
