//! Types and comments as their author wrote them.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// A type as one writes it: `HashMap<String, u32>`.
pub(crate) fn written(part: &impl ToTokens) -> String {
    let mut out = String::new();
    write(part.to_token_stream(), &mut out);
    out
}

fn write(tokens: TokenStream, out: &mut String) {
    let mut after_word = false;
    for token in tokens {
        let is_word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        if is_word && after_word {
            out.push(' ');
        }
        after_word = is_word;
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                out.push_str(open);
                write(group.stream(), out);
                out.push_str(close);
            }
            TokenTree::Punct(mark) => match mark.as_char() {
                one @ (',' | ';') => {
                    out.push(one);
                    out.push(' ');
                }
                one @ ('+' | '=') => {
                    out.push(' ');
                    out.push(one);
                    out.push(' ');
                }
                '>' if out.ends_with("- ") || out.ends_with('-') => out.push_str("> "),
                '-' if mark.spacing() == Spacing::Joint => out.push_str(" -"),
                one => out.push(one),
            },
            other => out.push_str(&other.to_string()),
        }
    }
    if out.ends_with(", ") {
        out.pop(); // the comma after a last item stands alone
    }
}

/// A doc comment's text.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    lines.join("\n").trim().into()
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = &pair.value
    else {
        return None;
    };
    if !pair.path.is_ident("doc") {
        return None;
    }
    let text = text.value();
    Some(text.strip_prefix(' ').unwrap_or(&text).to_string())
}
