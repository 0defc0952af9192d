//! Arguments of steps and workflows.

use std::panic::Location;

use serde::Serialize;

use crate::error::Error;
use crate::value;

/// The arguments of a call: a tuple of them, `()` for none, `(x,)` for one.
pub trait Args {
    #[doc(hidden)]
    fn encode(&self, what: &str, at: &'static Location<'static>) -> Result<String, Error>;
}

macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Serialize),*> Args for ($($name,)*) {
            #[allow(unused_variables, reason = "the tuple without items")]
            fn encode(&self, what: &str, at: &'static Location<'static>) -> Result<String, Error> {
                let items: Vec<String> = vec![$(value::encode(&self.$index, what, at)?),*];
                Ok(format!(r#"{{"a":[{}],"k":{{}}}}"#, items.join(",")))
            }
        }
    };
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
