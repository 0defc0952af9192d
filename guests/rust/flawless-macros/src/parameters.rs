//! The parameters of a workflow, and what it returns; both are values that travel as JSON.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned as _;
use syn::visit::{Visit, visit_type};
use syn::{
    Error, FnArg, GenericArgument, Ident, Pat, PathArguments, Result, ReturnType, Safety,
    Signature, Type, TypeImplTrait, TypeReference,
};

use crate::shown::written;

pub(crate) const PARAMETERS_MAX: usize = 12;

/// One parameter.
pub(crate) struct Parameter {
    pub name: Ident,
    pub kind: Type,
}

impl Parameter {
    /// Whether it must be given: the compiler is asked, which knows aliases of `Option`.
    pub fn is_required(&self) -> TokenStream {
        let kind = &self.kind;
        quote! {{
            use ::flawless::__private::Otherwise as _;
            ::flawless::__private::Required::<#kind>::IS
        }}
    }
}

/// The parameters of a function that can be a workflow; the error says why it cannot.
pub(crate) fn of(signature: &Signature) -> Result<Vec<Parameter>> {
    let problem = |span, message: &str| Err(Error::new(span, message));
    if let Some(word) = &signature.asyncness {
        return problem(
            word.span(),
            "a workflow is a plain function: effects wait without async, and `start` begins them",
        );
    }
    if let Safety::Unsafe(word) = &signature.safety {
        return problem(
            word.span(),
            "a workflow cannot be unsafe: the engine calls it",
        );
    }
    if let Some(word) = &signature.abi {
        return problem(
            word.span(),
            "a workflow is a plain function, without an ABI",
        );
    }
    if !signature.generics.params.is_empty() {
        return problem(
            signature.generics.span(),
            "a workflow has no generic parameters: it is called with JSON",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        return problem(clause.span(), "a workflow has no where clause");
    }
    if let Some(dots) = &signature.variadic {
        return problem(dots.span(), "a workflow has parameters with names");
    }
    let found: Vec<Parameter> = signature
        .inputs
        .iter()
        .map(parameter)
        .collect::<Result<_>>()?;
    if let Some(extra) = signature.inputs.iter().nth(PARAMETERS_MAX) {
        return Err(Error::new(
            extra.span(),
            format!("a workflow has at most {PARAMETERS_MAX} parameters: put them into a struct"),
        ));
    }
    Ok(found)
}

fn parameter(input: &FnArg) -> Result<Parameter> {
    let FnArg::Typed(argument) = input else {
        return Err(Error::new(
            input.span(),
            "a workflow is a function, not a method",
        ));
    };
    let name = match &*argument.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            pattern.ident.clone()
        }
        other => {
            return Err(Error::new(
                other.span(),
                "a parameter of a workflow has a name: its input is given by it",
            ));
        }
    };
    owned(&argument.ty, "takes")?;
    Ok(Parameter {
        name,
        kind: (*argument.ty).clone(),
    })
}

/// What a workflow returns apart from an error.
pub(crate) fn returned(output: &ReturnType) -> Result<Type> {
    let ReturnType::Type(_, kind) = output else {
        return Ok(syn::parse_quote!(()));
    };
    let found = inner(kind);
    if let Type::Never(_) = &found {
        return Err(Error::new(
            found.span(),
            "a workflow returns: one that goes on for ever uses continue_as_new",
        ));
    }
    owned(&found, "returns")?;
    Ok(found)
}

fn inner(kind: &Type) -> Type {
    let kind = bare(kind);
    if is_named(kind, "Result")
        && let Type::Path(path) = kind
        && let Some(last) = path.path.segments.last()
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(first)) = arguments.args.first()
    {
        return first.clone();
    }
    kind.clone()
}

fn is_named(kind: &Type, name: &str) -> bool {
    matches!(bare(kind), Type::Path(path)
        if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// A type without what `macro_rules!` puts around it.
fn bare(kind: &Type) -> &Type {
    match kind {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

/// Refuses references and `impl Trait`, wherever they stand in a type.
fn owned(kind: &Type, verb: &str) -> Result<()> {
    let mut look = Look { verb, wrong: None };
    look.visit_type(kind);
    match look.wrong {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

struct Look<'v> {
    verb: &'v str,
    wrong: Option<Error>,
}

impl<'ast> Visit<'ast> for Look<'_> {
    fn visit_type(&mut self, kind: &'ast Type) {
        if self.wrong.is_none() {
            visit_type(self, kind);
        }
    }

    fn visit_type_reference(&mut self, kind: &'ast TypeReference) {
        let better = match bare(&kind.elem) {
            Type::Slice(slice) => format!("Vec<{}>", written(&slice.elem)),
            other => match written(other).as_str() {
                "str" => "String".into(),
                "Path" => "PathBuf".into(),
                name => name.into(),
            },
        };
        self.wrong = Some(Error::new(
            kind.span(),
            format!(
                "a workflow {} owned values, which travel as JSON: {better} instead of {}",
                self.verb,
                written(kind)
            ),
        ));
    }

    fn visit_type_impl_trait(&mut self, kind: &'ast TypeImplTrait) {
        self.wrong = Some(Error::new(
            kind.span(),
            format!(
                "a workflow {} values of named types, not {}",
                self.verb,
                written(kind)
            ),
        ));
    }
}
