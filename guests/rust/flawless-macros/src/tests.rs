//! What the attributes make of functions and types, and what they say of those they refuse.

use proc_macro2::TokenStream;
use quote::quote;

use crate::shown::written;
use crate::{duration, module, value, workflow};

fn refused(options: TokenStream, item: TokenStream) -> String {
    workflow::expand(options, item).unwrap_err().to_string()
}

fn expanded(options: TokenStream, item: TokenStream) -> String {
    let tokens = workflow::expand(options, item).unwrap();
    syn::parse2::<syn::File>(tokens.clone()).expect("the expansion is Rust");
    tokens.to_string().replace(' ', "")
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn functions_that_cannot_be_workflows_are_refused() {
    let cases = [
        (
            quote!(
                async fn f() {}
            ),
            "a workflow is a plain function: effects wait without async, and `start` begins them",
        ),
        (
            quote!(
                fn f<T>(x: T) {}
            ),
            "a workflow has no generic parameters: it is called with JSON",
        ),
        (
            quote!(
                fn f<'a>(x: &'a str) {}
            ),
            "a workflow has no generic parameters: it is called with JSON",
        ),
        (
            quote!(
                fn f()
                where
                    String: Clone,
                {
                }
            ),
            "a workflow has no where clause",
        ),
        (
            quote!(
                fn f(&self) {}
            ),
            "a workflow is a function, not a method",
        ),
        (
            quote!(
                fn f((x, y): (u8, u8)) {}
            ),
            "a parameter of a workflow has a name: its input is given by it",
        ),
        (
            quote!(
                fn f(_: u8) {}
            ),
            "a parameter of a workflow has a name: its input is given by it",
        ),
        (
            quote!(
                fn f(name: &str) {}
            ),
            "a workflow takes owned values, which travel as JSON: String instead of &str",
        ),
        (
            quote!(
                fn f(names: &[Vec<u8>]) {}
            ),
            "a workflow takes owned values, which travel as JSON: Vec<Vec<u8>> instead of &[Vec<u8>]",
        ),
        (
            quote!(
                fn f(order: Option<&mut Order>) {}
            ),
            "a workflow takes owned values, which travel as JSON: Order instead of &mut Order",
        ),
        (
            quote!(
                fn f(items: impl Iterator<Item = u8>) {}
            ),
            "a workflow takes values of named types, not impl Iterator<Item = u8>",
        ),
        (
            quote!(
                fn f() -> &'static str {
                    ""
                }
            ),
            "a workflow returns owned values, which travel as JSON: String instead of &'static str",
        ),
        (
            quote!(
                fn f() -> Result<impl Fn(u8) -> u8> {}
            ),
            "a workflow returns values of named types, not impl Fn(u8) -> u8",
        ),
        (
            quote!(
                fn f() -> ! {}
            ),
            "a workflow returns: one that goes on for ever uses continue_as_new",
        ),
        (
            quote!(
                unsafe fn f() {}
            ),
            "a workflow cannot be unsafe: the engine calls it",
        ),
        (
            quote!(
                extern "C" fn f() {}
            ),
            "a workflow is a plain function, without an ABI",
        ),
        (
            quote!(
                struct S;
            ),
            "#[workflow] goes on a function",
        ),
        (
            quote!(impl S { fn f() {} }),
            "#[workflow] goes on a function",
        ),
    ];
    for (item, message) in cases {
        assert_eq!(refused(quote!(), item), message);
    }
}

#[test]
fn more_parameters_than_supported_are_refused() {
    let names: Vec<_> = (0..13).map(|n| quote::format_ident!("p{n}")).collect();
    assert_eq!(
        refused(quote!(), quote!(fn f(#(#names: u8),*) {})),
        "a workflow has at most 12 parameters: put them into a struct"
    );
    let twelve = &names[..12];
    expanded(quote!(), quote!(fn f(#(#twelve: u8),*) {}));
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let usage =
        r#"#[workflow] takes name = "...", deadline = "1h" and messages(confirm = Confirm)"#;
    let length = r#"expected a length of time: "90s", "1h30m", "2d", or a number of seconds"#;
    let cases = [
        (quote!(nam = "x"), usage),
        (quote!("x"), usage),
        (quote!(name), usage),
        (quote!(name = 3), "expected a text in quotes"),
        (
            quote!(name = ""),
            "a name has 1 to 200 printable characters",
        ),
        (
            quote!(name = " x"),
            "a name has 1 to 200 printable characters",
        ),
        (quote!(name = "x", name = "y"), "name is given twice"),
        (quote!(deadline = "soon"), length),
        (quote!(deadline = -1), length),
        (
            quote!(deadline = "101000d"),
            "a deadline lasts at most 100 years",
        ),
        (
            quote!(messages = "x"),
            "the messages that the workflow receives are given as messages(confirm = Confirm)",
        ),
        (
            quote!(messages(a = u8, "a" = u8)),
            "the message \"a\" is given twice",
        ),
        (
            quote!(messages(":a" = u8)),
            "a message's name does not begin with a colon",
        ),
        (quote!(messages(a)), "expected `=`"),
    ];
    for (options, message) in cases {
        assert_eq!(
            refused(
                options,
                quote!(
                    fn f() {}
                )
            ),
            message
        );
    }
}

#[test]
fn options_reach_the_description() {
    let found = expanded(
        quote!(
            name = "shop.pay",
            deadline = "1h30m",
            messages(r#type = Confirm, "order paid" = (u8, String))
        ),
        quote! {
            /// Pays.
            ///
            /// Once.
            pub fn checkout(mut order: Order, note: Option<String>) -> Result<Receipt, Failure> { .. }
        },
    );
    for part in [
        r#"name:::core::option::Option::Some("shop.pay")"#,
        "deadline_s:::core::option::Option::Some(5400f64)",
        r#"{name:"type",schema:||(&::flawless::__private::Schema::<Confirm>"#,
        r#"{name:"orderpaid",schema:||(&::flawless::__private::Schema::<(u8,String)>"#,
        r#"doc:"Pays.\n\nOnce.""#,
        r#"name:"order",required:{use::flawless::__private::Otherwiseas_;::flawless::__private::Required::<Order>::IS},typed:::flawless::__private::Typed{annotation:"Order""#,
        r"::flawless::__private::Required::<Option<String>>::IS",
        r#"returns:::flawless::__private::Typed{annotation:"Receipt""#,
        "pubmodcheckout",
    ] {
        assert!(found.contains(part), "{part} in {found}");
    }
}

#[test]
fn names_and_visibilities_of_all_kinds_expand() {
    for (item, part) in [
        (
            quote!(
                fn r#match(r#type: u8) {}
            ),
            r#"function:"match""#,
        ),
        (
            quote!(
                fn r#match(r#type: u8) {}
            ),
            r#"name:"type""#,
        ),
        (
            quote!(
                fn f() {}
            ),
            "pub(super)usesuper::__flawless_start_fasstart",
        ),
        (
            quote!(
                pub(crate) fn f() {}
            ),
            "pub(crate)usesuper::",
        ),
        (
            quote!(
                pub(self) fn f() {}
            ),
            "pub(super)usesuper::",
        ),
        (
            quote!(
                pub(super) fn f() {}
            ),
            "pub(insuper::super)usesuper::",
        ),
        (
            quote!(
                pub(in super::super) fn f() {}
            ),
            "pub(insuper::super::super)usesuper::",
        ),
        (
            quote!(
                pub(in crate::a) fn f() {}
            ),
            "pub(incrate::a)usesuper::",
        ),
    ] {
        let found = expanded(quote!(), item);
        assert!(found.contains(part), "{part} in {found}");
    }
}

#[test]
fn lengths_of_time_are_read_as_elsewhere() {
    for (text, seconds) in [
        (r#""90s""#, Some(90.0)),
        (r#""1h30m""#, Some(5400.0)),
        (r#"" 1w 2 d ""#, Some(777_600.0)),
        (r#""1.5s""#, Some(1.5)),
        (r#""500ms""#, Some(0.5)),
        ("90", Some(90.0)),
        ("0.5", Some(0.5)),
        (r#""""#, None),
        (r#""1""#, None),
        (r#""h""#, None),
        (r#""1y""#, None),
        (r#"".5s""#, None),
        (r#""1.s""#, None),
        (r#""1.2.3s""#, None),
        ("true", None),
        ("LONG", None),
    ] {
        let value = syn::parse_str(text).unwrap();
        assert_eq!(duration::seconds(&value).ok(), seconds, "{text}");
    }
}

#[test]
fn types_are_shown_as_one_writes_them() {
    for text in [
        "u32",
        "HashMap<String, Vec<u8>>",
        "(u8, String)",
        "()",
        "[u8; 4]",
        "Option<Box<dyn Fn(u8) -> u8 + Send>>",
        "crate::orders::Order",
        "&'static str",
    ] {
        let kind: syn::Type = syn::parse_str(text).unwrap();
        assert_eq!(written(&kind), text);
    }
}

#[test]
fn values_of_all_kinds_expand() {
    for item in [
        quote!(
            struct Unit;
        ),
        quote!(
            pub struct Pair(u8, #[serde(default)] u8);
        ),
        quote!(
            struct Page<T>
            where
                T: Clone,
            {
                items: Vec<T>,
            }
        ),
        quote!(
            #[serde(tag = "kind", rename_all = "snake_case")]
            enum E<T = u8> {
                A { a: T },
                B,
            }
        ),
    ] {
        let tokens = value::expand(&quote!(), item).unwrap();
        syn::parse2::<syn::File>(tokens).expect("the expansion is Rust");
    }
}

#[test]
fn what_is_derived_already_is_not_derived_again() {
    let item = quote! {
        #[derive(PartialEq, Clone, std::fmt::Debug)]
        struct S;
    };
    let found = value::expand(&quote!(), item)
        .unwrap()
        .to_string()
        .replace(' ', "");
    assert!(!found.contains("::core::clone::Clone"), "{found}");
    assert!(!found.contains("::core::fmt::Debug"), "{found}");
    assert!(found.contains("::flawless::serde::Serialize"), "{found}");
}

#[test]
fn values_that_are_none_are_refused() {
    let refused = |options, item| value::expand(&options, item).unwrap_err().to_string();
    assert_eq!(
        refused(
            quote!(),
            quote!(
                fn f() {}
            )
        ),
        "#[flawless::value] goes on a struct or an enum"
    );
    assert_eq!(
        refused(
            quote!(rename = "x"),
            quote!(
                struct S;
            )
        ),
        "#[flawless::value] takes no options: serde's attributes go below it"
    );
}

#[test]
fn a_module_has_a_name_and_a_version() {
    let found = module::expand(quote!(name = "shop", version = "2"))
        .unwrap()
        .to_string();
    assert!(
        found.contains(r#"name : "shop" , version : "2""#),
        "{found}"
    );
    let found = module::expand(quote!()).unwrap().to_string();
    assert!(found.contains("CARGO_CRATE_NAME"), "{found}");
    for (options, message) in [
        (
            quote!(title = "x"),
            r#"module! takes name = "..." and version = "...""#,
        ),
        (quote!(name = "x", name = "y"), "name is given twice"),
        (quote!(name = 1), "expected a text in quotes"),
    ] {
        assert_eq!(module::expand(options).unwrap_err().to_string(), message);
    }
}
