//! The options of `#[workflow(...)]`.

use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Result, Token, Type, parenthesized};

use crate::duration;

const NAME_CHARS_MAX: usize = 200;
const USAGE: &str =
    r#"#[workflow] takes name = "...", deadline = "1h" and messages(confirm = Confirm)"#;

/// What `#[workflow]` was told.
#[derive(Default)]
pub(crate) struct Options {
    pub name: Option<LitStr>,
    pub deadline_s: Option<f64>,
    pub messages: Option<Vec<(String, Type)>>,
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let word = input
                .call(Ident::parse_any)
                .map_err(|error| Error::new(error.span(), USAGE))?;
            match word.to_string().as_str() {
                "name" => {
                    once(options.name.is_some(), &word)?;
                    options.name = Some(name(&value(input, &word)?)?);
                }
                "deadline" => {
                    once(options.deadline_s.is_some(), &word)?;
                    options.deadline_s = Some(duration::seconds(&value(input, &word)?)?);
                }
                "messages" => {
                    once(options.messages.is_some(), &word)?;
                    options.messages = Some(messages(input, &word)?);
                }
                _ => return Err(Error::new(word.span(), USAGE)),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

fn once(is_there: bool, word: &Ident) -> Result<()> {
    if is_there { Err(twice(word)) } else { Ok(()) }
}

/// The error for an option that stands there twice.
pub(crate) fn twice(word: &impl ToTokens) -> Error {
    let shown = word.to_token_stream().to_string();
    Error::new_spanned(word, format!("{shown} is given twice"))
}

fn value(input: ParseStream, word: &Ident) -> Result<Expr> {
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), USAGE));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// A text that can be the name of something.
pub(crate) fn name(value: &Expr) -> Result<LitStr> {
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = value
    else {
        return Err(Error::new(value.span(), "expected a text in quotes"));
    };
    let name = text.value();
    let chars = name.chars().count();
    if chars == 0
        || chars > NAME_CHARS_MAX
        || name.trim() != name
        || name.contains(char::is_control)
    {
        return Err(Error::new(
            text.span(),
            format!("a name has 1 to {NAME_CHARS_MAX} printable characters"),
        ));
    }
    Ok(text.clone())
}

fn messages(input: ParseStream, word: &Ident) -> Result<Vec<(String, Type)>> {
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(
            word.span(),
            "the messages that the workflow receives are given as messages(confirm = Confirm)",
        ));
    }
    let content;
    parenthesized!(content in input);
    let mut found: Vec<(String, Type)> = Vec::new();
    for message in Punctuated::<Message, Token![,]>::parse_terminated(&content)? {
        if found.iter().any(|(known, _)| *known == message.name) {
            return Err(Error::new(
                message.span,
                format!("the message {:?} is given twice", message.name),
            ));
        }
        found.push((message.name, message.payload));
    }
    Ok(found)
}

struct Message {
    name: String,
    span: proc_macro2::Span,
    payload: Type,
}

impl Parse for Message {
    fn parse(input: ParseStream) -> Result<Self> {
        let (name, span) = if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            (
                name(&Expr::Lit(ExprLit {
                    attrs: Vec::new(),
                    lit: Lit::Str(text.clone()),
                }))?
                .value(),
                text.span(),
            )
        } else {
            let word = input.call(Ident::parse_any)?;
            (word.unraw().to_string(), word.span())
        };
        if name.starts_with(':') {
            return Err(Error::new(
                span,
                "a message's name does not begin with a colon",
            ));
        }
        input.parse::<Token![=]>()?;
        Ok(Self {
            name,
            span,
            payload: input.parse()?,
        })
    }
}
