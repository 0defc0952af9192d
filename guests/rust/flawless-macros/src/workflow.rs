//! `#[workflow]`

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, Item, ItemFn, Result, Type, Visibility};

use crate::options::Options;
use crate::parameters::{self, Parameter};
use crate::shown::{doc, written};

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    let function = match syn::parse2::<Item>(item)? {
        Item::Fn(function) => function,
        other => return Err(Error::new(other.span(), "#[workflow] goes on a function")),
    };
    let workflow = Workflow {
        parameters: parameters::of(&function.sig)?,
        returns: parameters::returned(&function.sig.output)?,
        options,
        function,
    };
    let function = workflow.function();
    let companion = workflow.companion();
    let registration = workflow.registration();
    Ok(quote!(#function #companion #registration))
}

struct Workflow {
    options: Options,
    function: ItemFn,
    parameters: Vec<Parameter>,
    returns: Type,
}

impl Workflow {
    fn ident(&self) -> &Ident {
        &self.function.sig.ident
    }

    fn function_name(&self) -> String {
        self.ident().unraw().to_string()
    }

    fn given_name(&self) -> TokenStream {
        optional(self.options.name.as_ref().map(|name| quote!(#name)))
    }

    fn names(&self) -> impl Iterator<Item = &Ident> {
        self.parameters.iter().map(|one| &one.name)
    }

    fn kinds(&self) -> impl Iterator<Item = &Type> {
        self.parameters.iter().map(|one| &one.kind)
    }

    fn texts(&self) -> Vec<String> {
        self.names().map(|name| name.unraw().to_string()).collect()
    }

    /// The function itself. It keeps its frame, so that backtraces have its name. That it takes what
    /// it only looks at is not its author's fault, and its documentation is for who starts it.
    fn function(&self) -> TokenStream {
        let function = &self.function;
        let inlines = function
            .attrs
            .iter()
            .any(|one| one.path().is_ident("inline"));
        let inline = (!inlines).then(|| quote!(#[inline(never)]));
        quote! {
            #inline
            #[allow(
                clippy::needless_pass_by_value,
                clippy::unnecessary_wraps,
                clippy::must_use_candidate,
                clippy::missing_errors_doc,
                clippy::missing_panics_doc,
            )]
            #function
        }
    }

    /// The module of the function's name, which starts it as a child.
    fn companion(&self) -> TokenStream {
        let Self { returns, .. } = self;
        let ident = self.ident();
        let visibility = &self.function.vis;
        let inner_visibility = one_deeper(visibility);
        let function_name = self.function_name();
        let given_name = self.given_name();
        let (names, kinds) = (self.names(), self.kinds());
        let arguments = self.names();
        let start = format_ident!("__flawless_start_{function_name}");
        let full_name = format_ident!("__flawless_name_{function_name}");
        quote! {
            #[doc(hidden)]
            #[allow(
                dead_code, private_interfaces, unreachable_pub, non_snake_case,
                clippy::all, clippy::pedantic, clippy::nursery
            )]
            #[track_caller]
            #visibility fn #start(#(#names: #kinds),*)
                -> ::core::result::Result<::flawless::Child<#returns>, ::flawless::Error>
            {
                ::flawless::start(&#full_name(), (#(#arguments,)*))
            }

            #[doc(hidden)]
            #[allow(
                dead_code, unreachable_pub, non_snake_case,
                clippy::all, clippy::pedantic, clippy::nursery
            )]
            #visibility fn #full_name() -> ::std::string::String {
                ::flawless::__private::full_name(#given_name, ::core::module_path!(), #function_name)
            }

            #[doc(hidden)]
            #[allow(
                unused_imports, unreachable_pub, non_snake_case,
                clippy::all, clippy::pedantic, clippy::nursery
            )]
            #visibility mod #ident {
                #inner_visibility use super::#start as start;
                #inner_visibility use super::#full_name as name;
            }
        }
    }

    /// What the engine finds of the workflow.
    fn registration(&self) -> TokenStream {
        let function_name = self.function_name();
        let given_name = self.given_name();
        let doc = doc(&self.function.attrs);
        let source = source(self.ident());
        let line = quote_spanned!(self.ident().span()=> ::core::line!());
        let run = self.run();
        let signature = self.signature();
        quote! {
            #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
            const _: () = {
                #[allow(unused_imports)]
                use ::flawless::__private::NoSchema as _;

                #run
                ::flawless::__private::inventory::submit! {
                    ::flawless::__private::Registration {
                        function: #function_name,
                        name: #given_name,
                        path: ::core::module_path!(),
                        version: ::core::env!("CARGO_PKG_VERSION"),
                        component: ::core::option_env!("FLAWLESS_COMPONENT"),
                        doc: #doc,
                        file: ::core::file!(),
                        line: #line,
                        source: #source,
                        #signature
                        run: __flawless_run,
                        fits: |call, at| __flawless_arguments(call, at).map(|_| ()),
                    }
                }
            };
        }
    }

    fn run(&self) -> TokenStream {
        let ident = self.ident();
        // A parameter may have the name of the function.
        let values = (0..self.parameters.len()).map(|index| format_ident!("__flawless_{index}"));
        let given = values.clone();
        let arguments = self.arguments();
        let returns = &self.returns;
        let check = quote_spanned! {returns.span()=>
            ::flawless::__private::Outcome::of::<#returns>();
        };
        quote! {
            #arguments
            fn __flawless_run(
                __flawless_call: &::flawless::__private::Call,
            ) -> ::flawless::__private::Outcome {
                #[allow(unused_imports)]
                use ::flawless::__private::{Boxed as _, Plain as _};
                #check
                let __flawless_at = ::core::panic::Location::caller();
                match __flawless_arguments(__flawless_call, __flawless_at) {
                    ::core::result::Result::Ok((#(#given,)*)) => {
                        ::flawless::__private::Returned(#ident(#(#values),*)).outcome(__flawless_at)
                    }
                    ::core::result::Result::Err(error) => {
                        ::flawless::__private::Outcome::unfit(error, __flawless_at)
                    }
                }
            }
        }
    }

    /// The function that reads the arguments, or says why they do not fit.
    fn arguments(&self) -> TokenStream {
        let texts = self.texts();
        let kinds = self.kinds();
        let read = self.parameters.iter().enumerate().map(|(index, one)| {
            let (kind, text) = (&one.kind, &texts[index]);
            quote_spanned! {kind.span()=>
                __flawless_call.argument::<#kind>(#index, #text, __flawless_at)?
            }
        });
        quote! {
            fn __flawless_arguments(
                __flawless_call: &::flawless::__private::Call,
                __flawless_at: &'static ::core::panic::Location<'static>,
            ) -> ::core::result::Result<(#(#kinds,)*), ::flawless::Error> {
                __flawless_call.check(&[#(#texts),*], __flawless_at)?;
                ::core::result::Result::Ok((#(#read,)*))
            }
        }
    }

    /// The fields that say what it takes and returns.
    fn signature(&self) -> TokenStream {
        let texts = self.texts();
        let required = self.parameters.iter().map(Parameter::is_required);
        let kinds = self.kinds().map(typed);
        let returns = typed(&self.returns);
        let messages = optional(self.options.messages.as_ref().map(|messages| {
            let names = messages.iter().map(|(name, _)| name);
            let schemas = messages.iter().map(|(_, kind)| schema(kind));
            quote!(&[#(::flawless::__private::Message { name: #names, schema: #schemas }),*])
        }));
        let deadline = optional(self.options.deadline_s.map(|seconds| quote!(#seconds)));
        quote! {
            parameters: &[#(
                ::flawless::__private::Parameter {
                    name: #texts,
                    required: #required,
                    typed: #kinds,
                }
            ),*],
            returns: #returns,
            messages: #messages,
            deadline_s: #deadline,
        }
    }
}

fn optional(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

/// A type, with what makes its JSON Schema.
fn typed(kind: &Type) -> TokenStream {
    let (annotation, schema) = (written(kind), schema(kind));
    quote!(::flawless::__private::Typed { annotation: #annotation, schema: #schema })
}

/// A function that makes the JSON Schema of a type, if it has one.
fn schema(kind: &Type) -> TokenStream {
    quote!(|| (&::flawless::__private::Schema::<#kind>(::core::marker::PhantomData)).schema())
}

/// The same visibility, said in a module inside.
fn one_deeper(visibility: &Visibility) -> TokenStream {
    match visibility {
        Visibility::Public(_) => quote!(pub),
        Visibility::Inherited => quote!(pub(super)),
        Visibility::Restricted(restricted) => {
            let path = &restricted.path;
            if path.is_ident("self") {
                quote!(pub(super))
            } else if path
                .segments
                .first()
                .is_some_and(|first| first.ident == "super")
            {
                quote!(pub(in super::#path))
            } else {
                quote!(#visibility)
            }
        }
    }
}

/// The text of the file that holds the workflow, for those who look at its executions later.
fn source(ident: &Ident) -> TokenStream {
    if !proc_macro::is_available() {
        return quote!("");
    }
    let place = ident
        .span()
        .unwrap()
        .local_file()
        .and_then(|file| std::path::absolute(file).ok());
    let file = place.as_ref().and_then(|file| file.to_str());
    file.map_or_else(|| quote!(""), |file| quote!(::core::include_str!(#file)))
}
