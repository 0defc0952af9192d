//! `#[flawless::value]`

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, Item, Path, Result, Token};

pub(crate) fn expand(options: &TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !options.is_empty() {
        return Err(Error::new(
            options.span(),
            "#[flawless::value] takes no options: serde's attributes go below it",
        ));
    }
    let item: Item = syn::parse2(item)?;
    let attributes = match &item {
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        other => {
            return Err(Error::new(
                other.span(),
                "#[flawless::value] goes on a struct or an enum",
            ));
        }
    };
    let known = derived(attributes);
    let mut wanted = Vec::new();
    let mut settings = TokenStream::new();
    for (name, path) in [
        ("Debug", quote!(::core::fmt::Debug)),
        ("Clone", quote!(::core::clone::Clone)),
        ("Serialize", quote!(::flawless::serde::Serialize)),
        ("Deserialize", quote!(::flawless::serde::Deserialize)),
        ("JsonSchema", quote!(::flawless::schemars::JsonSchema)),
    ] {
        if !known.iter().any(|one| one == name) {
            wanted.push(path);
        }
    }
    if !(known.iter().any(|one| one == "Serialize") && known.iter().any(|one| one == "Deserialize"))
    {
        settings.extend(quote!(#[serde(crate = "::flawless::serde")]));
    }
    if !known.iter().any(|one| one == "JsonSchema") {
        settings.extend(quote!(#[schemars(crate = "::flawless::schemars")]));
    }
    Ok(quote! {
        #[derive(#(#wanted),*)]
        #settings
        #item
    })
}

/// The last names of what is derived by attributes below this one.
fn derived(attributes: &[Attribute]) -> Vec<String> {
    let mut names = Vec::new();
    for attribute in attributes {
        if !attribute.path().is_ident("derive") {
            continue;
        }
        let paths = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
        for path in paths.into_iter().flatten() {
            if let Some(last) = path.segments.last() {
                names.push(last.ident.to_token_stream().to_string());
            }
        }
    }
    names
}
