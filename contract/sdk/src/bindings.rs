//! The world's functions and types, made from the WIT.

#![allow(missing_docs, clippy::all, reason = "generated; documented in the WIT files")]

wit_bindgen::generate!({
    path: "../wit",
    world: "phat-contract",
    pub_export_macro: true,
    default_bindings_module: "phat::bindings",
    generate_all,
});
