//! Arguments of steps and workflows.

use std::panic::Location;

use serde::Serialize;

use crate::error::Error;
use crate::value::{self, Wrong};

/// The arguments of a call: a tuple of them, `()` for none, `(x,)` for one.
///
/// Tuples of up to twelve values that can be serialized are arguments.
///
/// # Examples
///
/// ```
/// use flawless::testing::World;
/// use flawless::{Args, Error, json, step};
///
/// fn count(args: impl Args) -> Result<u32, Error> {
///     step("shop.count", args)
/// }
///
/// let world = World::new().step("shop.count", |args| Ok(json!(args.len())));
/// assert_eq!(world.run(|| count(())).unwrap(), 0);
/// assert_eq!(world.run(|| count(("tea", 3))).unwrap(), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a call",
    label = "expected a tuple of at most twelve values that can be serialized",
    note = "arguments are a tuple: `()` for none, `(x,)` for one, `(x, y)` for two"
)]
pub trait Args {
    #[doc(hidden)]
    fn encode(&self, what: &str, at: &'static Location<'static>) -> Result<String, Error>;
}

macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Serialize),*> Args for ($($name,)*) {
            #[allow(unused_variables, reason = "the tuple without items")]
            fn encode(&self, what: &str, at: &'static Location<'static>) -> Result<String, Error> {
                let items = [$(argument(&self.$index, $index, what, at)?),*];
                Ok(call(&items))
            }
        }
    };
}

fn argument<T: Serialize>(
    value: &T,
    index: usize,
    what: &str,
    at: &'static Location<'static>,
) -> Result<String, Error> {
    let located = |wrong: Wrong| wrong.under(&format!(".args[{index}]"));
    value::to_string(value).map_err(|wrong| value::invalid(&located(wrong), what, at))
}

fn call(items: &[String]) -> String {
    format!(r#"{{"a":[{}],"k":{{}}}}"#, items.join(","))
}

tuples!();
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
