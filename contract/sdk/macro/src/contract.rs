//! `#[contract]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    Attribute, Error, FnArg, Ident, Item, ItemFn, ItemMod, ItemStruct, Pat, Result, ReturnType, Type, parse_quote,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Init,
    Command,
    Query,
    Migrate,
}

impl Mode {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Init, "init"), (Self::Command, "command"), (Self::Query, "query"), (Self::Migrate, "migrate")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(mode, _)| *mode == self).map_or("", |(_, name)| name)
    }

    fn context(self) -> Ident {
        let name = match self {
            Self::Init => "Init",
            Self::Command => "Command",
            Self::Query => "Query",
            Self::Migrate => "Migrate",
        };
        Ident::new(name, Span::call_site())
    }
}

/// A function with a mode.
struct Method {
    mode: Mode,
    function: ItemFn,
    /// Whether its context is `&mut`.
    mutable: bool,
    arguments: Vec<(Ident, Type)>,
}

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
    let mut state = None;
    for item in items.drain(..) {
        match item {
            Item::Fn(mut function) => match take_mode(&mut function.attrs)? {
                Some(mode) => methods.push(Method::new(mode, function)?),
                None => rest.push(Item::Fn(function)),
            },
            Item::Struct(item) => {
                if derives_state(&item) && state.replace(item.ident.clone()).is_some() {
                    return Err(Error::new_spanned(&item.ident, "a contract has one #[derive(State)]"));
                }
                rest.push(Item::Struct(item));
            }
            other => rest.push(other),
        }
    }
    let name = module.ident.clone();
    let state = state.ok_or_else(|| Error::new_spanned(&name, "a contract has a struct with #[derive(State)]"))?;
    let inits = methods.iter().filter(|method| method.mode == Mode::Init).count();
    if inits != 1 {
        return Err(Error::new_spanned(&name, "a contract has one function that is marked #[init]"));
    }
    let generated = generate(&name, &state, &methods)?;
    let generated: syn::File = syn::parse2(generated)?;
    rest.extend(generated.items);
    *items = rest;
    // methods that the state's visibility would otherwise warn about are reached through the exports
    module.attrs.push(parse_quote!(#[allow(dead_code, private_interfaces)]));
    Ok(quote! {
        #module

        #[doc(hidden)]
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

impl Method {
    fn new(mode: Mode, function: ItemFn) -> Result<Self> {
        let signature = &function.sig;
        if signature.asyncness.is_some() || !signature.generics.params.is_empty() {
            return Err(Error::new_spanned(signature, "a method is neither async nor generic"));
        }
        let mut inputs = signature.inputs.iter().peekable();
        if let Some(FnArg::Receiver(receiver)) = inputs.peek() {
            let expected = match mode {
                Mode::Init => Some("#[init] has no self: it makes it"),
                Mode::Query if receiver.mutability.is_some() => Some("#[query] reads: take &self"),
                _ if receiver.reference.is_none() => Some("take &self or &mut self"),
                _ => None,
            };
            if let Some(expected) = expected {
                return Err(Error::new_spanned(receiver, expected));
            }
            inputs.next();
        } else if mode != Mode::Init {
            return Err(Error::new_spanned(signature, "take &self or &mut self first"));
        }
        let context = inputs.next().and_then(|input| match input {
            FnArg::Typed(typed) => match &*typed.ty {
                Type::Reference(reference) => Some(reference.mutability.is_some()),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        });
        let mutable = context.ok_or_else(|| {
            let context = mode.context();
            Error::new_spanned(signature, format!("take the context, cx: &{context}, before the arguments"))
        })?;
        let mut arguments = Vec::new();
        for input in inputs {
            let FnArg::Typed(typed) = input else { continue };
            let Pat::Ident(name) = &*typed.pat else {
                return Err(Error::new_spanned(&typed.pat, "arguments have plain names"));
            };
            arguments.push((name.ident.clone(), (*typed.ty).clone()));
        }
        Ok(Self { mode, function, mutable, arguments })
    }

    fn name(&self) -> String {
        self.function.sig.ident.to_string()
    }

    fn struct_name(&self) -> Ident {
        format_ident!("__{}Args", self.name())
    }

    /// Whether it returns a `Result`, by name.
    fn is_fallible(&self) -> bool {
        match &self.function.sig.output {
            ReturnType::Type(_, kind) => match &**kind {
                Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Result"),
                _ => false,
            },
            ReturnType::Default => false,
        }
    }

    /// The type of its output, out of a `Result` if it returns one.
    fn output(&self) -> Type {
        let ReturnType::Type(_, kind) = &self.function.sig.output else { return parse_quote!(()) };
        let inner = match &**kind {
            Type::Path(path) if self.is_fallible() => {
                path.path.segments.last().and_then(|last| match &last.arguments {
                    syn::PathArguments::AngleBracketed(list) => list.args.first().and_then(|argument| match argument {
                        syn::GenericArgument::Type(kind) => Some(kind.clone()),
                        _ => None,
                    }),
                    _ => None,
                })
            }
            _ => None,
        };
        inner.unwrap_or_else(|| (**kind).clone())
    }

    /// The struct that its arguments are decoded to.
    fn arguments_struct(&self) -> TokenStream {
        let (name, fields) = (self.struct_name(), self.arguments.iter().map(|(name, kind)| quote!(#name: #kind)));
        quote! {
            #[derive(::phat::private::serde::Deserialize)]
            #[cfg_attr(not(target_arch = "wasm32"), derive(::phat::private::schemars::JsonSchema))]
            #[serde(crate = "::phat::private::serde", deny_unknown_fields)]
            #[cfg_attr(not(target_arch = "wasm32"), schemars(crate = "::phat::private::schemars"))]
            #[allow(non_camel_case_types)]
            struct #name { #( #fields, )* }
        }
    }

    /// Decodes the arguments from `args` and calls the function on `receiver`; a `Result`.
    fn call(&self, state: &Ident, receiver: Option<TokenStream>) -> TokenStream {
        let (name, text, arguments) = (&self.function.sig.ident, self.name(), self.struct_name());
        let idents: Vec<_> = self.arguments.iter().map(|(ident, _)| ident).collect();
        let context = self.mode.context();
        let borrow = if self.mutable { quote!(&mut cx) } else { quote!(&cx) };
        let binding = if self.mutable { quote!(let mut cx) } else { quote!(let cx) };
        let call = match receiver {
            Some(receiver) => quote!(#receiver.#name(#borrow, #( #idents, )*)),
            None => quote!(#state::#name(#borrow, #( #idents, )*)),
        };
        let call = if self.is_fallible() { quote!(#call?) } else { call };
        quote! {
            let #arguments { #( #idents, )* } = ::phat::private::arguments(#text, args)?;
            #binding = ::phat::#context::enter();
            let result = #call;
        }
    }
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
        let (text, call) = (method.name(), method.call(state, Some(quote!(state))));
        quote!(#text => { #call state.__store()?; ::phat::private::output(&result) })
    });
    let queries = of(Mode::Query).map(|method| {
        let (text, call) = (method.name(), method.call(state, Some(quote!(state))));
        quote!(#text => { #call ::phat::private::output(&result) })
    });
    let init = of(Mode::Init).map(|method| method.call(state, None));
    let migrate = of(Mode::Migrate).next().map(|method| method.call(state, Some(quote!(state))));
    let migrate = match migrate {
        Some(call) => quote! {
            let args = __object(args)?;
            let mut state = #state::__load()?;
            #call
            state.__store()?;
            ::phat::private::output(&result)
        },
        None => quote! {
            let _ = args;
            Err(::phat::Error::new(::phat::code::METHOD, "this contract has no #[migrate]"))
        },
    };
    let documented = methods.iter().map(|method| {
        let (text, mode, arguments, output) =
            (method.name(), method.mode.name(), method.struct_name(), method.output());
        let output = if method.mode == Mode::Init { parse_quote!(()) } else { output };
        quote!(::phat::private::method::<#arguments, #output>(#text, #mode))
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
                result.__store()?;
                ::phat::private::output(&())
            }

            #[allow(unused_mut, unused_variables)]
            fn command(
                method: &str,
                args: ::phat::private::serde_json::Value,
            ) -> ::phat::Result<::phat::private::Vec<u8>> {
                let mut state = #state::__load()?;
                match method { #( #commands )* #no_command }
            }

            #[allow(unused_variables)]
            fn query(
                method: &str,
                args: ::phat::private::serde_json::Value,
            ) -> ::phat::Result<::phat::private::Vec<u8>> {
                let state = #state::__load()?;
                match method { #( #queries )* #no_query }
            }

            fn migrate(args: &[u8]) -> ::phat::Result<::phat::private::Vec<u8>> {
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
