//! The workflows of the component.

use std::panic::Location;

use serde_json::Value;

use super::{Call, Outcome};
use crate::error::Error;

/// A workflow, as `#[workflow]` registers it.
#[doc(hidden)]
pub struct Registration {
    pub function: &'static str,
    pub name: Option<&'static str>,
    /// The path of the Rust module it stands in: `shop::orders`.
    pub path: &'static str,
    pub version: &'static str,
    /// What `flawless build` was making a component of when it was compiled: `shop 0.1.0`.
    pub component: Option<&'static str>,
    pub doc: &'static str,
    pub file: &'static str,
    pub line: u32,
    pub source: &'static str,
    pub parameters: &'static [Parameter],
    pub returns: Typed,
    /// The messages it declares, if it declares any.
    pub messages: Option<&'static [Message]>,
    pub deadline_s: Option<f64>,
    pub run: fn(&Call) -> Outcome,
    /// Whether these are its arguments.
    pub fits: Fits,
}

/// Reads the arguments of a call, and says why they do not fit.
pub(crate) type Fits = fn(&Call, &'static Location<'static>) -> Result<(), Error>;

inventory::collect!(Registration);

/// A parameter of a workflow.
#[doc(hidden)]
pub struct Parameter {
    pub name: &'static str,
    pub required: bool,
    pub typed: Typed,
}

/// Whether a parameter of this type must be given: an `Option` need not, by whatever name.
///
/// What is written for a type itself goes before what a trait has for all types.
#[doc(hidden)]
pub struct Required<T>(std::marker::PhantomData<T>);

impl<T> Required<Option<T>> {
    #[doc(hidden)]
    pub const IS: bool = false;
}

#[doc(hidden)]
pub trait Otherwise {
    const IS: bool = true;
}

impl<T> Otherwise for Required<T> {}

/// A message that a workflow declares.
#[doc(hidden)]
pub struct Message {
    pub name: &'static str,
    pub schema: fn() -> Value,
}

/// A type as its author wrote it, with its JSON Schema.
#[doc(hidden)]
pub struct Typed {
    pub annotation: &'static str,
    pub schema: fn() -> Value,
}

/// What `module!` says.
#[doc(hidden)]
pub struct Module {
    /// The path of the Rust module it stands in.
    pub path: &'static str,
    pub name: &'static str,
    pub version: &'static str,
    /// As that of a workflow.
    pub component: Option<&'static str>,
}

inventory::collect!(Module);

impl Registration {
    pub(super) fn full_name(&self) -> String {
        full_name(self.name, self.path, self.function)
    }

    /// Whether this is its full name. A start looks at all of them, so no name is made for those
    /// whose last part is another.
    fn is_called(&self, name: &str) -> bool {
        match self.name {
            Some(own) => own == name,
            None => name.ends_with(self.function) && self.full_name() == name,
        }
    }
}

/// The crate that a Rust module is part of.
pub(super) fn root(path: &str) -> &str {
    path.split_once("::").map_or(path, |(root, _)| root)
}

/// All workflows, in the order of their places.
pub(super) fn all() -> Vec<&'static Registration> {
    let mut found: Vec<&Registration> = inventory::iter::<Registration>().collect();
    found.sort_by_key(|one| (one.file, one.line));
    found
}

pub(super) fn find(name: &str) -> Option<&'static Registration> {
    inventory::iter::<Registration>().find(|one| one.is_called(name))
}

/// The full names of all workflows, sorted.
pub(super) fn names() -> Vec<String> {
    let mut names: Vec<String> = all().iter().map(|one| one.full_name()).collect();
    names.sort();
    names
}

/// The text of a file that holds workflows.
pub(crate) fn source(file: &str) -> Option<&'static str> {
    inventory::iter::<Registration>()
        .find(|one| one.file == file && !one.source.is_empty())
        .map(|one| one.source)
}

/// What `module!` says of a crate.
pub(super) fn said(crate_name: &str) -> Option<&'static Module> {
    modules().find(|one| root(one.path) == crate_name)
}

pub(super) fn modules() -> impl Iterator<Item = &'static Module> {
    inventory::iter::<Module>()
}

/// The name by which a workflow is started: its own, or that of its function in its module.
#[doc(hidden)]
#[must_use]
pub fn full_name(name: Option<&str>, path: &str, function: &str) -> String {
    match name {
        Some(name) => name.into(),
        None => format!("{}.{function}", dotted(path)),
    }
}

/// The name of a Rust module: its path with dots, the crate being called as its `module!` says.
pub(super) fn dotted(path: &str) -> String {
    let (root, rest) = path.split_once("::").unwrap_or((path, ""));
    let mut name = said(root).map_or(root, |one| one.name).to_string();
    for part in rest.split("::").filter(|part| !part.is_empty()) {
        name.push('.');
        name.push_str(part.trim_start_matches("r#"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::{Otherwise as _, Required};

    type Maybe = Option<u32>;
    struct Of<T>(T);
    type Other<T> = Of<Option<T>>;

    /// The type is asked, not its name.
    #[test]
    fn options_need_not_be_given() {
        const {
            assert!(!Required::<Maybe>::IS);
            assert!(!Required::<std::option::Option<String>>::IS);
            assert!(Required::<u32>::IS);
            assert!(Required::<Other<u32>>::IS);
        }
    }
}
