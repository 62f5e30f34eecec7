//! A function with a mode: what its signature says, and how it is called.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, FnArg, Ident, ItemFn, Pat, Result, ReturnType, Signature, Type, parse_quote};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Init,
    Command,
    Query,
    Migrate,
}

impl Mode {
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Init, "init"), (Self::Command, "command"), (Self::Query, "query"), (Self::Migrate, "migrate")];

    pub fn name(self) -> &'static str {
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

/// What a method works on: its first argument.
pub enum Subject {
    /// Nothing yet. It makes the state.
    Nothing,
    /// The state: `&self` or `&mut self`.
    State,
    /// The state of the code before, by value, in a layout of this type. It makes the new one.
    Old(Box<Type>),
}

const MIGRATE: &str = "take the state first: `&mut self` if its fields are the same as before, else the old ones by \
                       value, as in `old: Old`, where Old has a #[derive(State)] of its own";

impl Subject {
    fn of(mode: Mode, signature: &Signature) -> Result<Self> {
        match (mode, signature.inputs.first()) {
            (_, Some(FnArg::Receiver(receiver))) => {
                let expected = match mode {
                    Mode::Init => Some("#[init] has no self: it makes it"),
                    Mode::Query if receiver.mutability.is_some() => Some("#[query] reads: take &self"),
                    _ if receiver.reference.is_none() => Some("take &self or &mut self"),
                    _ => None,
                };
                expected.map_or(Ok(Self::State), |expected| Err(Error::new_spanned(receiver, expected)))
            }
            (Mode::Init, _) => Ok(Self::Nothing),
            (Mode::Migrate, Some(FnArg::Typed(typed))) => match &*typed.ty {
                Type::Reference(_) => Err(Error::new_spanned(signature, MIGRATE)),
                Type::Path(path) if path.path.is_ident("Self") => Err(Error::new_spanned(typed, MIGRATE)),
                old => Ok(Self::Old(Box::new(old.clone()))),
            },
            (Mode::Migrate, None) => Err(Error::new_spanned(signature, MIGRATE)),
            (Mode::Command | Mode::Query, _) => Err(Error::new_spanned(signature, "take &self or &mut self first")),
        }
    }
}

/// A function with a mode.
pub struct Method {
    pub mode: Mode,
    pub function: ItemFn,
    pub subject: Subject,
    /// Whether its context is `&mut`.
    mutable: bool,
    arguments: Vec<(Ident, Type)>,
}

impl Method {
    pub fn new(mode: Mode, function: ItemFn) -> Result<Self> {
        let signature = &function.sig;
        if signature.asyncness.is_some() || !signature.generics.params.is_empty() {
            return Err(Error::new_spanned(signature, "a method is neither async nor generic"));
        }
        let subject = Subject::of(mode, signature)?;
        let before = usize::from(!matches!(subject, Subject::Nothing));
        let mut inputs = signature.inputs.iter().skip(before);
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
        let method = Self { mode, function, subject, mutable, arguments };
        let nothing = matches!(method.output(), Type::Tuple(tuple) if tuple.elems.is_empty());
        if matches!(method.subject, Subject::Old(_)) && nothing {
            let expected = "a #[migrate] that takes the old state returns the new one: -> Self or -> Result<Self>";
            return Err(Error::new_spanned(&method.function.sig, expected));
        }
        Ok(method)
    }

    pub fn name(&self) -> String {
        self.function.sig.ident.to_string()
    }

    pub fn struct_name(&self) -> Ident {
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
    pub fn output(&self) -> Type {
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

    /// The type of what its caller gets: a state that it makes is stored and not handed out.
    pub fn answer(&self) -> Type {
        match self.subject {
            Subject::State => self.output(),
            Subject::Nothing | Subject::Old(_) => parse_quote!(()),
        }
    }

    /// The struct that its arguments are decoded to.
    pub fn arguments_struct(&self) -> TokenStream {
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

    /// Decodes the arguments from `args` and calls the function; leaves its `result`. What the code around it has ready
    /// begins with underscores, so that no argument's name hides it: `__state`, `__old`, and in a migration `__from`.
    pub fn call(&self, state: &Ident) -> TokenStream {
        let (name, text, arguments) = (&self.function.sig.ident, self.name(), self.struct_name());
        let idents: Vec<_> = self.arguments.iter().map(|(ident, _)| ident).collect();
        let context = self.mode.context();
        let inside = if self.mode == Mode::Migrate { quote!(__from) } else { quote!(()) };
        let borrow = if self.mutable { quote!(&mut __cx) } else { quote!(&__cx) };
        let binding = if self.mutable { quote!(let mut __cx) } else { quote!(let __cx) };
        let call = match self.subject {
            Subject::Nothing => quote!(#state::#name(#borrow, #( #idents, )*)),
            Subject::State => quote!(__state.#name(#borrow, #( #idents, )*)),
            Subject::Old(_) => quote!(#state::#name(__old, #borrow, #( #idents, )*)),
        };
        let call = if self.is_fallible() { quote!(#call?) } else { call };
        quote! {
            let #arguments { #( #idents, )* } = ::phat::private::arguments(#text, args)?;
            #binding = ::phat::#context::enter(#inside);
            let result = #call;
        }
    }
}
