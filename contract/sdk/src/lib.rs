//! What authors of Phat Contracts use. A contract is a module:
//!
//! ```
//! #[phat::contract]
//! mod counter {
//!     use phat::prelude::*;
//!
//!     #[derive(State)]
//!     struct Counter { owner: Account, value: u64 }
//!
//!     #[init]
//!     fn new(_cx: &Init, owner: Account) -> Counter { Counter { owner, value: 0 } }
//!
//!     #[command]
//!     fn add(&mut self, cx: &mut Command, by: u64) -> Result<u64> {
//!         ensure!(cx.caller() == Caller::Account(self.owner), "only the owner counts");
//!         self.value = self.value.checked_add(by).ok_or("too many")?;
//!         Ok(self.value)
//!     }
//!
//!     #[query]
//!     fn value(&self, _cx: &Query) -> u64 { self.value }
//! }
//!
//! // unit tests run natively
//! use phat::testing::{Host, account};
//! let mut host = Host::<counter::Contract>::new();
//! host.init(r#"{"owner":"//Alice"}"#).unwrap();
//! host.caller(account("//Alice"));
//! assert_eq!(host.command("add", r#"{"by":2}"#).unwrap(), "2");
//! assert_eq!(host.query("value", "{}").unwrap(), "2");
//! ```
//!
//! What a method may do is in the type of its context. HTTP does not compile inside a command:
//!
//! ```compile_fail
//! # #[phat::contract]
//! # mod oracle {
//! #     use phat::prelude::*;
//! #     #[derive(State)]
//! #     struct Oracle { value: u64 }
//! #     #[init]
//! #     fn new(_cx: &Init) -> Oracle { Oracle { value: 0 } }
//! #[command]
//! fn refresh(&mut self, cx: &mut Command) -> Result<()> {
//!     cx.http().get("https://example.org")?;
//!     Ok(())
//! }
//! # }
//! ```
//!
//! The owner may give a contract new code. Its function that is marked `#[migrate]` takes over what the old code has
//! stored: by `&mut self` if the fields are the same, else by value, as a struct that has the fields of before; it then
//! makes the new state.
//!
//! ```
//! #[phat::contract]
//! mod counter {
//!     use phat::prelude::*;
//!
//!     #[derive(State)]
//!     struct Counter { owner: Account, value: i64, limit: i64, names: Map<Account, String> }
//!
//!     /// As the first version has stored it. Name all of its fields: those that the new state has not are removed.
//!     #[derive(State)]
//!     struct First { owner: Account, value: u64, names: Map<Account, String> }
//!
//!     #[migrate]
//!     fn migrate(old: First, cx: &mut Migrate, limit: i64) -> Result<Counter> {
//!         cx.log(Level::Info, &format!("takes over from {:02x?}", cx.old_code_hash()));
//!         let value = i64::try_from(old.value).map_err(|_| "the value is too large")?;
//!         // a map keeps its entries by the name of its field: none of them is written
//!         Ok(Counter { owner: old.owner, value, limit, names: old.names })
//!     }
//!
//!     #[init]
//!     fn new(_cx: &Init, owner: Account) -> Counter { Counter { owner, value: 0, limit: 10, names: Map::default() } }
//! }
//! ```
//!
//! What is no state is not taken for one:
//!
//! ```compile_fail,E0277
//! # #[phat::contract]
//! # mod counter {
//! #     use phat::prelude::*;
//! #     #[derive(State)]
//! #     struct Counter { value: u64 }
//! #     #[init]
//! #     fn new(_cx: &Init) -> Counter { Counter { value: 0 } }
//! #[migrate]
//! fn migrate(old: u64, _cx: &mut Migrate) -> Result<Counter> {
//!     Ok(Counter { value: old })
//! }
//! # }
//! ```

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
pub mod bindings;
mod context;
mod dispatch;
mod error;
mod field;
#[cfg(target_arch = "wasm32")]
mod guest;
#[cfg(target_arch = "wasm32")]
#[path = "host_wasm.rs"]
mod host;
#[cfg(not(target_arch = "wasm32"))]
#[path = "host_native.rs"]
mod host;
mod http;
mod map;
#[cfg(not(target_arch = "wasm32"))]
mod schema;
mod state;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod types;

pub use context::{Command, Init, Keys, Migrate, Query};
pub use error::{Error, Result, code};
pub use field::Field;
pub use http::{Http, HttpError, Options, Request, Response};
pub use map::{Map, MapKey};
pub use phat_sdk_macro::{State, contract, data};
pub use state::State;
pub use types::{Account, Bytes32, Caller, ContractId, Level, SigningKind};

/// What most contracts need in scope.
pub mod prelude {
    pub use alloc::{
        borrow::ToOwned,
        boxed::Box,
        collections::{BTreeMap, BTreeSet},
        format,
        string::{String, ToString},
        vec,
        vec::Vec,
    };

    pub use crate::{
        Account, Caller, Command, ContractId, Error, Init, Level, Map, Migrate, Query, Result, State, data, ensure,
    };
}

/// For the code that the macros write. Not for people.
#[doc(hidden)]
pub mod private {
    pub use alloc::{string::String, vec::Vec};
    #[cfg(not(target_arch = "wasm32"))]
    pub use schemars;
    pub use serde;
    pub use serde_json;

    pub use crate::dispatch::{Contract, arguments, output};
    #[cfg(target_arch = "wasm32")]
    pub use crate::guest::Exports;
    #[cfg(not(target_arch = "wasm32"))]
    pub use crate::schema::{Method, document, method};
    pub use crate::state::{load, load_old, load_unchanged, replace};
}

/// Makes a contract the exports of the component. Written by [`contract`].
#[doc(hidden)]
#[macro_export]
macro_rules! export {
    ($contract:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Exported = $crate::private::Exports<$contract>;
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}

/// Returns an [`Error`] unless a condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Error::new($crate::code::REFUSED, $crate::prelude::format!($($message)+)));
        }
    };
}
