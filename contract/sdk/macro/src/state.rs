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
    let text = name.to_string();
    let idents: Vec<_> = fields.named.iter().filter_map(|field| field.ident.as_ref()).collect();
    let types: Vec<_> = fields.named.iter().map(|field| &field.ty).collect();
    let texts: Vec<_> = idents.iter().map(|ident| ident.to_string()).collect();
    Ok(quote! {
        // a state without fields uses none of the arguments
        #[allow(unused_variables)]
        impl ::phat::State for #name {
            const NAME: &'static str = #text;
            const FIELDS: &'static [&'static str] = &[ #( #texts, )* ];

            fn load() -> ::phat::Result<Self> {
                Ok(Self { #( #idents: ::phat::Field::load(#texts)?, )* })
            }

            fn store(&self) -> ::phat::Result<()> {
                #( ::phat::Field::store(&self.#idents, #texts)?; )*
                Ok(())
            }

            fn remove_all_but(kept: &[&str]) -> ::phat::Result<()> {
                #( if !kept.contains(&#texts) { <#types as ::phat::Field>::remove(#texts)?; } )*
                Ok(())
            }
        }
    })
}
