//! Builds the runtime for `wasm32v1-none`, twice: once to compute the metadata's hash, once with it built in, so that
//! `CheckMetadataHash` can be answered without asking a node.

fn main() {
    #[cfg(feature = "std")]
    substrate_wasm_builder::WasmBuilder::init_with_defaults().enable_metadata_hash("PHA", 12).build();
}
