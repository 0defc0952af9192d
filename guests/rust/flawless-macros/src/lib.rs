//! The attributes of the crate `flawless`, which re-exports and explains them.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, ExprLit, FnArg, GenericArgument, Item, ItemFn, Lit, LitStr, Meta,
    MetaNameValue, Pat, PathArguments, ReturnType, Token, Type, parse_macro_input,
};

/// See `flawless::workflow`.
#[proc_macro_attribute]
pub fn workflow(options: TokenStream, item: TokenStream) -> TokenStream {
    let options =
        parse_macro_input!(options with Punctuated::<MetaNameValue, Token![,]>::parse_terminated);
    let function = parse_macro_input!(item as ItemFn);
    expand(&options, &function)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// See `flawless::value`.
#[proc_macro_attribute]
pub fn value(_: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as Item);
    if !matches!(item, Item::Struct(_) | Item::Enum(_)) {
        return syn::Error::new(
            item.span(),
            "#[flawless::value] goes on a struct or an enum",
        )
        .into_compile_error()
        .into();
    }
    quote! {
        #[derive(
            Debug, Clone, ::flawless::serde::Serialize, ::flawless::serde::Deserialize,
            ::flawless::schemars::JsonSchema,
        )]
        #[serde(crate = "::flawless::serde")]
        #[schemars(crate = "::flawless::schemars")]
        #item
    }
    .into()
}

/// See `flawless::module`.
#[proc_macro]
pub fn module(options: TokenStream) -> TokenStream {
    let options =
        parse_macro_input!(options with Punctuated::<MetaNameValue, Token![,]>::parse_terminated);
    let mut name = quote!(env!("CARGO_CRATE_NAME"));
    let mut version = quote!(env!("CARGO_PKG_VERSION"));
    for option in &options {
        match (
            option.path.get_ident().map(ToString::to_string).as_deref(),
            text(&option.value),
        ) {
            (Some("name"), Some(given)) => name = quote!(#given),
            (Some("version"), Some(given)) => version = quote!(#given),
            _ => {
                return syn::Error::new(
                    option.span(),
                    "module! takes name = \"...\" and version = \"...\"",
                )
                .into_compile_error()
                .into();
            }
        }
    }
    quote! {
        const _: () = {
            ::flawless::__private::inventory::submit! {
                ::flawless::__private::Module { name: #name, version: #version }
            }
        };
    }
    .into()
}

fn expand(
    options: &Punctuated<MetaNameValue, Token![,]>,
    function: &ItemFn,
) -> syn::Result<Tokens> {
    let signature = &function.sig;
    if let Some(word) = &signature.asyncness {
        return Err(syn::Error::new(
            word.span(),
            "a workflow is a plain function: effects wait without async, and `start` begins them",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(syn::Error::new(
            signature.generics.span(),
            "a workflow has no generic parameters: it is called with JSON",
        ));
    }
    let mut given_name = quote!(None);
    for option in options {
        match (
            option.path.get_ident().map(ToString::to_string).as_deref(),
            text(&option.value),
        ) {
            (Some("name"), Some(name)) => given_name = quote!(Some(#name)),
            _ => {
                return Err(syn::Error::new(
                    option.span(),
                    "#[workflow] takes name = \"...\"",
                ));
            }
        }
    }
    let mut names = Vec::new();
    let mut types = Vec::new();
    for input in &signature.inputs {
        let FnArg::Typed(argument) = input else {
            return Err(syn::Error::new(
                input.span(),
                "a workflow is a function, not a method",
            ));
        };
        let Pat::Ident(pattern) = &*argument.pat else {
            return Err(syn::Error::new(
                argument.pat.span(),
                "a parameter of a workflow has a name: its input is given by it",
            ));
        };
        names.push(pattern.ident.clone());
        types.push((*argument.ty).clone());
    }
    let texts: Vec<String> = names.iter().map(|name| plain(&name.to_string())).collect();
    let required: Vec<bool> = types.iter().map(|kind| !is_named(kind, "Option")).collect();
    let shown: Vec<String> = types
        .iter()
        .map(|kind| quote!(#kind).to_string().replace(' ', ""))
        .collect();
    let indexes = 0..names.len();
    let ident = &signature.ident;
    let function_name = plain(&ident.to_string());
    let doc = doc(&function.attrs);
    let visibility = &function.vis;
    let returned = match &signature.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, kind) => quote!(#kind),
    };
    let inner = inner(&signature.output);
    let inner_shown = inner.to_string().replace(' ', "");
    let source = source(ident);
    let line_span = ident.span();
    let line = quote_spanned!(line_span=> line!());
    let start_doc = format!("Starts `{function_name}` as a child execution.");
    let args_pattern = quote!((#(#names,)*));
    let companion = format_ident!("{}", ident);
    Ok(quote! {
        #[inline(never)] // so that backtraces have its name
        #function

        #[doc(hidden)]
        #[allow(unused_imports, private_interfaces, clippy::all, clippy::pedantic)]
        #visibility mod #companion {
            use super::*;

            #[doc = #start_doc]
            #[track_caller]
            pub fn start(#(#names: #types),*) -> ::core::result::Result<::flawless::Child<#inner>, ::flawless::Error> {
                ::flawless::start(&self::__name(), #args_pattern)
            }

            /// The workflow's full name.
            pub fn __name() -> ::std::string::String {
                ::flawless::__private::full_name(#given_name, env!("CARGO_CRATE_NAME"), #function_name)
            }
        }

        const _: () = {
            fn run(call: &::flawless::__private::Call) -> ::flawless::__private::Outcome {
                #[allow(unused_imports)]
                use ::flawless::__private::Plain as _;
                let at = ::core::panic::Location::caller();
                #(
                    let #names: #types = match call.argument(#indexes, #texts, at) {
                        Ok(given) => given,
                        Err(error) => {
                            return ::flawless::__private::failed(error.into(), "flawless::Error", at);
                        }
                    };
                )*
                let returned: #returned = #ident(#(#names),*);
                ::flawless::__private::Returned(returned).outcome(at)
            }

            fn signature() -> ::flawless::__private::Value {
                #[allow(unused_imports)]
                use ::flawless::__private::NoSchema as _;
                ::flawless::__private::json!({
                    "parameters": [#({
                        "name": #texts,
                        "kind": "positional_or_keyword",
                        "required": #required,
                        "annotation": #shown,
                        "schema": (&::flawless::__private::Schema::<#types>(::core::marker::PhantomData)).schema(),
                    }),*],
                    "returns": {
                        "annotation": #inner_shown,
                        "schema": (&::flawless::__private::Schema::<#inner>(::core::marker::PhantomData)).schema(),
                    },
                })
            }

            ::flawless::__private::inventory::submit! {
                ::flawless::__private::Registration {
                    function: #function_name,
                    name: #given_name,
                    module: env!("CARGO_CRATE_NAME"),
                    version: env!("CARGO_PKG_VERSION"),
                    doc: #doc,
                    file: file!(),
                    line: #line,
                    source: #source,
                    signature,
                    run,
                }
            }
        };
    })
}

/// The text of the file that holds the workflow, for those who look at its executions later.
fn source(ident: &syn::Ident) -> Tokens {
    let place = ident
        .span()
        .unwrap()
        .local_file()
        .and_then(|file| std::path::absolute(file).ok());
    match place.as_ref().and_then(|file| file.to_str()) {
        Some(file) => quote!(include_str!(#file)),
        None => quote!(""),
    }
}

/// What a workflow returns apart from an error.
fn inner(output: &ReturnType) -> Tokens {
    let ReturnType::Type(_, kind) = output else {
        return quote!(());
    };
    if is_named(kind, "Result")
        && let Type::Path(path) = &**kind
        && let Some(last) = path.path.segments.last()
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(first)) = arguments.args.first()
    {
        return quote!(#first);
    }
    quote!(#kind)
}

fn is_named(kind: &Type, name: &str) -> bool {
    matches!(kind, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

fn plain(name: &str) -> String {
    name.trim_start_matches("r#").into()
}

fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => text(&pair.value),
            _ => None,
        })
        .map(|line| {
            let line = line.value();
            line.strip_prefix(' ')
                .map_or_else(|| line.clone(), ToString::to_string)
        })
        .collect();
    lines.join("\n").trim().into()
}

fn text(value: &Expr) -> Option<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.clone()),
        _ => None,
    }
}
