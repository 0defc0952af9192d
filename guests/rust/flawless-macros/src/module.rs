//! `module!`

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Error, MetaNameValue, Result, Token};

use crate::options;

pub(crate) fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let given = Punctuated::<MetaNameValue, Token![,]>::parse_terminated.parse2(tokens)?;
    let mut name = None;
    let mut version = None;
    for option in &given {
        let word = option.path.get_ident().map(ToString::to_string);
        let place = match word.as_deref() {
            Some("name") => &mut name,
            Some("version") => &mut version,
            _ => {
                return Err(Error::new(
                    option.path.span(),
                    r#"module! takes name = "..." and version = "...""#,
                ));
            }
        };
        if place.is_some() {
            return Err(options::twice(&option.path));
        }
        *place = Some(options::name(&option.value)?);
    }
    let name = name.map_or_else(|| quote!(env!("CARGO_CRATE_NAME")), |name| quote!(#name));
    let version = version.map_or_else(
        || quote!(env!("CARGO_PKG_VERSION")),
        |version| quote!(#version),
    );
    Ok(quote! {
        const _: () = {
            ::flawless::__private::inventory::submit! {
                ::flawless::__private::Module {
                    path: ::core::module_path!(),
                    name: #name,
                    version: #version,
                    component: ::core::option_env!("FLAWLESS_COMPONENT"),
                }
            }
        };
    })
}
