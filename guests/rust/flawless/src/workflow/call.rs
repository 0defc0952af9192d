//! The arguments of a run.

use std::collections::BTreeMap;
use std::panic::Location;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Error, Kind};
use crate::value;

/// The arguments of a run: by place, and by name.
#[doc(hidden)]
#[derive(Deserialize)]
pub struct Call {
    a: Vec<Box<RawValue>>,
    k: BTreeMap<String, Box<RawValue>>,
}

impl Call {
    /// Refuses arguments that there are no parameters for.
    #[doc(hidden)]
    pub fn check(&self, names: &[&str], at: &'static Location<'static>) -> Result<(), Error> {
        let takes = || match names {
            [] => "the workflow takes no arguments".to_string(),
            names => format!("the workflow takes {}", names.join(", ")),
        };
        if self.a.len() > names.len() {
            return Err(unfit(
                format!("args[{}] is unexpected: {}", names.len(), takes()),
                at,
            ));
        }
        for name in self.k.keys() {
            match names.iter().position(|known| known == name) {
                None => return Err(unfit(format!("{name} is unexpected: {}", takes()), at)),
                Some(index) if index < self.a.len() => {
                    let twice = format!("{name} is given twice, by its place and by its name");
                    return Err(unfit(twice, at));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Reads the argument at this place, or of this name; one that is missing is null.
    #[doc(hidden)]
    pub fn argument<T: DeserializeOwned>(
        &self,
        index: usize,
        name: &str,
        at: &'static Location<'static>,
    ) -> Result<T, Error> {
        match self.a.get(index).or_else(|| self.k.get(name)) {
            Some(given) => value::decode(given.get(), name, at),
            None => value::decode("null", name, at)
                .map_err(|_| unfit(format!("{name} is missing: the workflow requires it"), at)),
        }
    }
}

fn unfit(message: String, at: &'static Location<'static>) -> Error {
    Error::own(Kind::InputInvalid, "InputInvalid", message, at)
}
