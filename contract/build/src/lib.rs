//! Builds contracts: compiles for WebAssembly, makes the component, appends its schema, names its code hash; and makes new projects.
//!
//! ```text
//! Cargo project ── cargo, wasm32v1-none ─▶ core module ── wit-component ─▶ component ── + phala:schema ─▶ target/<name>.wasm
//!               └─ cargo, native, run ──▶ schema (JSON) ──────────────────────────────────┘
//! ```

mod build;
mod fits;
mod project;
mod schema;
mod target;

pub use build::{Built, build};
pub use project::new_project;
pub use schema::{Method, Mode, Schema, SchemaError, schema_of};
