//! The macros of phat-sdk. They are documented where they are used: in `phat`.

mod contract;
mod method;
mod state;

use proc_macro::TokenStream;

/// Makes a module a contract: its functions that are marked `#[init]`, `#[command]`, `#[query]` or `#[migrate]` become methods.
#[proc_macro_attribute]
pub fn contract(attribute: TokenStream, item: TokenStream) -> TokenStream {
    contract::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct the state of a contract: each field is a `phat::Field`.
#[proc_macro_derive(State)]
pub fn state(item: TokenStream) -> TokenStream {
    state::expand(item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Derives what arguments, outputs and stored values need.
#[proc_macro_attribute]
pub fn data(_: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    quote::quote! {
        #[derive(
            Clone, Debug, PartialEq, ::phat::private::serde::Serialize, ::phat::private::serde::Deserialize,
        )]
        #[cfg_attr(not(target_arch = "wasm32"), derive(::phat::private::schemars::JsonSchema))]
        #[serde(crate = "::phat::private::serde")]
        #[cfg_attr(not(target_arch = "wasm32"), schemars(crate = "::phat::private::schemars"))]
        #item
    }
    .into()
}
