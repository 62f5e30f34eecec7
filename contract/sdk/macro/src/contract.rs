//! `#[contract]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error, Ident, Item, ItemMod, ItemStruct, Result, Type, parse_quote};

use crate::method::{Method, Mode, Subject};

pub fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(Error::new_spanned(attribute, "#[contract] takes no arguments"));
    }
    let mut module: ItemMod = syn::parse2(item)?;
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new_spanned(&module, "#[contract] needs the module's body"));
    };
    let mut methods = Vec::new();
    let mut rest = Vec::new();
    let mut states = Vec::new();
    for item in items.drain(..) {
        match item {
            Item::Fn(mut function) => match take_mode(&mut function.attrs)? {
                Some(mode) => methods.push(Method::new(mode, function)?),
                None => rest.push(Item::Fn(function)),
            },
            Item::Struct(item) => {
                if derives_state(&item) {
                    states.push(item.ident.clone());
                }
                rest.push(Item::Struct(item));
            }
            other => rest.push(other),
        }
    }
    let name = module.ident.clone();
    let state = the_state(&name, &states, &methods)?;
    let generated = generate(&name, &state, &methods)?;
    let generated: syn::File = syn::parse2(generated)?;
    rest.extend(generated.items);
    *items = rest;
    // methods that the state's visibility would otherwise warn about are reached through the exports
    module.attrs.push(parse_quote!(#[allow(dead_code, private_interfaces)]));
    Ok(quote! {
        #module

        #[doc(hidden)]
        #[allow(dead_code)]
        #[cfg(not(target_arch = "wasm32"))]
        pub fn __phat_schema() -> ::phat::private::String {
            #name::__schema()
        }

        ::phat::export!(#name::Contract);
    })
}

fn take_mode(attributes: &mut Vec<Attribute>) -> Result<Option<Mode>> {
    let mut found = None;
    let mut error = None;
    attributes.retain(|attribute| {
        let mode = Mode::ALL.iter().find(|(_, name)| attribute.path().is_ident(name)).map(|(mode, _)| *mode);
        if mode.is_some() && found.is_some() {
            error = Some(Error::new_spanned(attribute, "a method has one mode"));
        }
        found = found.or(mode);
        mode.is_none()
    });
    error.map_or(Ok(found), Err)
}

fn derives_state(item: &ItemStruct) -> bool {
    item.attrs.iter().any(|attribute| {
        let mut derives = false;
        if attribute.path().is_ident("derive") {
            // what does not parse here, the compiler reports
            let _ = attribute.parse_nested_meta(|meta| {
                derives |= meta.path.segments.last().is_some_and(|last| last.ident == "State");
                Ok(())
            });
        }
        derives
    })
}

/// The state among the structs that derive it. Another one is what `#[migrate]` takes: the layout of before.
fn the_state(module: &Ident, states: &[Ident], methods: &[Method]) -> Result<Ident> {
    let of = |mode: Mode| methods.iter().filter(move |method| method.mode == mode);
    let (Some(init), None) = (of(Mode::Init).next(), of(Mode::Init).nth(1)) else {
        return Err(Error::new_spanned(module, "a contract has one function that is marked #[init]"));
    };
    if let Some(second) = of(Mode::Migrate).nth(1) {
        let expected = "a contract has at most one function that is marked #[migrate]";
        return Err(Error::new_spanned(&second.function.sig.ident, expected));
    }
    let state = match states {
        [] => return Err(Error::new_spanned(module, "a contract has a struct with #[derive(State)]")),
        [only] => only,
        several => {
            let made = init.output();
            several.iter().find(|state| names(&made, state)).ok_or_else(|| {
                let expected =
                    "which of the structs with #[derive(State)] is it? Return the contract's state by its name";
                Error::new_spanned(&init.function.sig, expected)
            })?
        }
    };
    let old = of(Mode::Migrate).find_map(|method| match &method.subject {
        Subject::Old(old) => Some(&**old),
        _ => None,
    });
    if let Some(old) = old.filter(|old| names(old, state)) {
        let expected = "this is the new layout, and so has what was not stored before: give the old one a struct of \
                        its own, or take `&mut self` if the fields are the same";
        return Err(Error::new_spanned(old, expected));
    }
    let stray = states.iter().find(|other| *other != state && !old.is_some_and(|old| names(old, other)));
    match stray {
        None => Ok(state.clone()),
        Some(stray) => {
            let expected =
                "a contract has one #[derive(State)], and one more for the old layout that its #[migrate] takes";
            Err(Error::new_spanned(stray, expected))
        }
    }
}

/// Whether a type is this struct of the module. What has a longer path is of another one, and may have the same name.
fn names(kind: &Type, name: &Ident) -> bool {
    matches!(kind, Type::Path(path) if path.path.is_ident(name))
}

fn generate(name: &Ident, state: &Ident, methods: &[Method]) -> Result<TokenStream> {
    let functions = methods.iter().map(|method| {
        let mut function = method.function.clone();
        function.vis = parse_quote!(pub(super));
        function
    });
    let structs = methods.iter().map(Method::arguments_struct);
    let of = |mode: Mode| methods.iter().filter(move |method| method.mode == mode);

    let commands = of(Mode::Command).map(|method| {
        let (text, call) = (method.name(), method.call(state));
        quote!(#text => { #call ::phat::State::store(&__state)?; ::phat::private::output(&result) })
    });
    let queries = of(Mode::Query).map(|method| {
        let (text, call) = (method.name(), method.call(state));
        quote!(#text => { #call ::phat::private::output(&result) })
    });
    let init = of(Mode::Init).map(|method| method.call(state));
    let migrate = match of(Mode::Migrate).next() {
        Some(method) => migration(state, method),
        None => quote! {
            let _ = (__from, args);
            Err(::phat::Error::new(::phat::code::METHOD, "this contract has no #[migrate]"))
        },
    };
    let documented = methods.iter().map(|method| {
        let (text, mode, arguments, answer) =
            (method.name(), method.mode.name(), method.struct_name(), method.answer());
        quote!(::phat::private::method::<#arguments, #answer>(#text, #mode))
    });
    let unknown = |mode: &str| {
        let list: Vec<_> = methods.iter().filter(|m| m.mode.name() == mode).map(Method::name).collect();
        let text = format!("no {mode} '{{}}'; there are: {}", list.join(", "));
        quote! {
            _ => Err(::phat::Error::new(
                ::phat::code::METHOD,
                ::phat::prelude::format!(#text, method),
            ))
        }
    };
    let (no_command, no_query) = (unknown("command"), unknown("query"));
    let contract = name.to_string();
    Ok(quote! {
        impl #state { #( #functions )* }

        #( #structs )*

        /// The contract, as hosts run it.
        pub struct Contract;

        fn __object(args: &[u8]) -> ::phat::Result<::phat::private::serde_json::Value> {
            if args.is_empty() {
                return Ok(::phat::private::serde_json::Value::Object(Default::default()));
            }
            ::phat::private::serde_json::from_slice(args).map_err(|error| {
                ::phat::Error::new(::phat::code::INPUT, ::phat::prelude::format!("expected a JSON object: {error}"))
            })
        }

        impl ::phat::private::Contract for Contract {
            fn init(args: &[u8]) -> ::phat::Result<::phat::private::Vec<u8>> {
                let args = __object(args)?;
                #( #init )*
                ::phat::State::store(&result)?;
                ::phat::private::output(&())
            }

            #[allow(unused_mut, unused_variables)]
            fn command(
                method: &str,
                args: ::phat::private::serde_json::Value,
            ) -> ::phat::Result<::phat::private::Vec<u8>> {
                let mut __state = ::phat::private::load::<#state>()?;
                match method { #( #commands )* #no_command }
            }

            #[allow(unused_variables)]
            fn query(
                method: &str,
                args: ::phat::private::serde_json::Value,
            ) -> ::phat::Result<::phat::private::Vec<u8>> {
                let __state = ::phat::private::load::<#state>()?;
                match method { #( #queries )* #no_query }
            }

            #[allow(unused_mut)]
            fn migrate(__from: ::phat::Bytes32, args: &[u8]) -> ::phat::Result<::phat::private::Vec<u8>> {
                #migrate
            }
        }

        #[doc(hidden)]
        #[cfg(not(target_arch = "wasm32"))]
        pub fn __schema() -> ::phat::private::String {
            ::phat::private::document(#contract, &[ #( #documented, )* ])
        }
    })
}

/// The body of the export `migrate`.
fn migration(state: &Ident, method: &Method) -> TokenStream {
    let call = method.call(state);
    match &method.subject {
        Subject::Old(old) => quote! {
            let args = __object(args)?;
            let __old = ::phat::private::load_old::<#old>()?;
            #call
            ::phat::private::replace::<#old, #state>(&result)?;
            ::phat::private::output(&())
        },
        Subject::Nothing | Subject::State => quote! {
            let args = __object(args)?;
            let mut __state = ::phat::private::load_unchanged::<#state>()?;
            #call
            ::phat::State::store(&__state)?;
            ::phat::private::output(&result)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INIT: &str = "#[init] fn new(_cx: &Init) -> Result<Ledger> { Ok(Ledger { total: 0 }) }";
    const STATE: &str = "#[derive(State)] struct Ledger { total: u64 }";
    const OLD: &str = "#[derive(State)] struct Old { count: u64 }";
    const MIGRATE: &str = "#[migrate] fn migrate(old: Old, cx: &mut Migrate) -> Result<Self> { made() }";

    /// What becomes of a module with these items, or what is said of it.
    fn expanded(items: &[&str]) -> Result<String> {
        let module = format!("mod ledger {{ {} }}", items.join(" ")).parse().unwrap();
        expand(TokenStream::new(), module).map(|tokens| tokens.to_string())
    }

    fn refused(items: &[&str]) -> String {
        expanded(items).unwrap_err().to_string()
    }

    #[test]
    fn the_old_layout_may_be_of_the_module_or_of_another() {
        let elsewhere = MIGRATE.replace("old: Old", "old: super::before::Ledger");
        for items in [&[INIT, STATE, OLD, MIGRATE][..], &[INIT, STATE, &elsewhere]] {
            let expanded = expanded(items).unwrap();
            assert!(expanded.contains("load_old") && expanded.contains("replace"), "{expanded}");
        }
    }

    #[test]
    fn what_a_migration_takes_is_said() {
        for arguments in ["", "cx: &mut Migrate", "old: &Old, cx: &mut Migrate", "old: Self, cx: &mut Migrate"] {
            let migrate = format!("#[migrate] fn migrate({arguments}) -> Result<Self> {{ made() }}");
            let said = refused(&[INIT, STATE, OLD, &migrate]);
            assert!(said.starts_with("take the state first: `&mut self` if"), "{arguments}: {said}");
        }
        let said = refused(&[INIT, STATE, OLD, &MIGRATE.replace(", cx: &mut Migrate", "")]);
        assert_eq!(said, "take the context, cx: &Migrate, before the arguments");
    }

    #[test]
    fn what_a_migration_returns_is_said() {
        for output in ["", "-> ()", "-> Result<()>"] {
            let said = refused(&[INIT, STATE, OLD, &MIGRATE.replace("-> Result<Self>", output)]);
            assert!(said.contains("returns the new one: -> Self"), "{output}: {said}");
        }
    }

    #[test]
    fn there_is_one_state_and_one_layout_before() {
        let new = MIGRATE.replace("old: Old", "old: Ledger");
        let nameless = INIT.replace("Result<Ledger>", "Result<Self>");
        for (items, expected) in [
            (&[INIT, STATE, OLD][..], "one more for the old layout"),
            (&[INIT, STATE, OLD, MIGRATE, "#[derive(State)] struct Oldest { n: u64 }"], "one more for the old layout"),
            (&[INIT, STATE, OLD, MIGRATE, MIGRATE], "at most one function that is marked #[migrate]"),
            (&[INIT, STATE, OLD, &new], "this is the new layout"),
            (&[nameless.as_str(), STATE, OLD, MIGRATE], "which of the structs with #[derive(State)] is it?"),
            (&[INIT, MIGRATE], "a contract has a struct with #[derive(State)]"),
        ] {
            let said = refused(items);
            assert!(said.contains(expected), "{items:?}: {said}");
        }
    }
}
