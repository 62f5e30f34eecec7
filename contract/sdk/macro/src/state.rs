//! `#[derive(State)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

pub fn expand(item: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a contract's state is a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "a contract's state has named fields"));
    };
    let name = &input.ident;
    let idents: Vec<_> = fields.named.iter().filter_map(|field| field.ident.as_ref()).collect();
    let texts: Vec<_> = idents.iter().map(|ident| ident.to_string()).collect();
    Ok(quote! {
        impl #name {
            fn __load() -> ::phat::Result<Self> {
                Ok(Self { #( #idents: ::phat::Field::load(#texts)?, )* })
            }

            fn __store(&self) -> ::phat::Result<()> {
                #( ::phat::Field::store(&self.#idents, #texts)?; )*
                Ok(())
            }
        }
    })
}
