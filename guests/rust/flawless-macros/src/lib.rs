//! The attributes of the crate `flawless`, which re-exports and explains them.

mod duration;
mod module;
mod options;
mod parameters;
mod shown;
#[cfg(test)]
mod tests;
mod value;
mod workflow;

use proc_macro::TokenStream;

/// See `flawless::workflow`.
#[proc_macro_attribute]
pub fn workflow(options: TokenStream, item: TokenStream) -> TokenStream {
    finished(workflow::expand(options.into(), item.into()))
}

/// See `flawless::value`.
#[proc_macro_attribute]
pub fn value(options: TokenStream, item: TokenStream) -> TokenStream {
    finished(value::expand(&options.into(), item.into()))
}

/// See `flawless::module`.
#[proc_macro]
pub fn module(options: TokenStream) -> TokenStream {
    finished(module::expand(options.into()))
}

fn finished(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
