//! What the component says of itself.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::registry::{self, Module, Parameter, Registration, dotted, root};
use super::{refused, understood};
use crate::panics;

/// The export of that name: tells what the module holds.
pub(crate) fn describe(input: &str) -> String {
    panics::install();
    if let Err(problem) = understood::<IgnoredAny>(input) {
        return refused("UsageError", &problem);
    }
    match described(&registry::all(), &registry::modules().collect::<Vec<_>>()) {
        Ok(description) => json!({"ok": description}).to_string(),
        Err(problem) => refused("DeploymentInvalid", &problem),
    }
}

fn described(found: &[&Registration], modules: &[&Module]) -> Result<Value, String> {
    check_modules(modules)?;
    check_names(found)?;
    if found.is_empty() {
        return Ok(json!({"workflows": [], "language": "rust"}));
    }
    let (own, version) = own_crate(found, modules)?;
    let module = dotted(own);
    let version = registry::said(own).map_or(version, |one| one.version);
    let workflows: Vec<Value> = found.iter().map(|one| workflow(one, &module)).collect();
    Ok(json!({
        "module": module,
        "version": version,
        "language": "rust",
        "workflows": workflows,
        "modules": files(found),
    }))
}

/// The name and version of the crate that has become the component. Others that it depends on may
/// have workflows as well, and it may have none.
fn own_crate<'a>(
    found: &[&'a Registration],
    modules: &[&'a Module],
) -> Result<(&'a str, &'a str), String> {
    let workflows = found
        .iter()
        .map(|one| (root(one.path), one.version, one.component));
    let others = modules
        .iter()
        .map(|one| (root(one.path), one.version, one.component));
    let mut crates: Vec<(&str, &str)> = Vec::new();
    let mut told: Vec<(&str, &str)> = Vec::new();
    for (name, version, component) in workflows.chain(others) {
        match component.and_then(|one| one.split_once(' ')) {
            // Cargo does not compile a crate of a registry again for another component: what such a
            // crate was told may be old. What the component's own crate was told is not.
            Some(own) if own.0 == name => return Ok(own),
            Some(own) if !told.contains(&own) => told.push(own),
            _ => {}
        }
        if !crates.iter().any(|(known, _)| *known == name) {
            crates.push((name, version));
        }
    }
    match (&told[..], &crates[..]) {
        ([own], _) | ([], [own]) => Ok(*own),
        _ => {
            let names: Vec<&str> = crates.iter().map(|(name, _)| *name).collect();
            Err(format!(
                "the component has workflows of the crates {}, and cannot tell which of them it \
                 is: make it with `flawless build`, and say module! {{}} in a crate that has no \
                 workflow of its own",
                names.join(", ")
            ))
        }
    }
}

fn check_modules(modules: &[&Module]) -> Result<(), String> {
    for (index, one) in modules.iter().enumerate() {
        let name = root(one.path);
        if modules[..index]
            .iter()
            .any(|known| root(known.path) == name)
        {
            return Err(format!("module! stands in the crate {name} more than once"));
        }
    }
    Ok(())
}

fn check_names(found: &[&Registration]) -> Result<(), String> {
    let mut named: Vec<(String, &Registration)> =
        found.iter().map(|one| (one.full_name(), *one)).collect();
    named.sort_by(|one, other| one.0.cmp(&other.0));
    for pair in named.windows(2) {
        let [(name, one), (other_name, other)] = pair else {
            continue;
        };
        if name == other_name {
            return Err(format!(
                "two workflows are named {name:?}, in {}:{} and in {}:{}: give one of them \
                 another name with #[workflow(name = \"...\")]",
                one.file, one.line, other.file, other.line
            ));
        }
    }
    Ok(())
}

fn workflow(one: &Registration, module: &str) -> Value {
    let parameters: Vec<Value> = one.parameters.iter().map(parameter).collect();
    let mut shown = json!({
        "name": one.full_name(),
        "module": module,
        "function": one.function,
        "doc": one.doc,
        "file": one.file,
        "line": one.line,
        "parameters": parameters,
        "returns": {"annotation": one.returns.annotation, "schema": (one.returns.schema)()},
    });
    if let Some(messages) = one.messages {
        let schemas = messages.iter().map(|one| (one.name, (one.schema)()));
        shown["messages"] = schemas.collect();
    }
    if let Some(deadline_s) = one.deadline_s {
        shown["deadline_s"] = deadline_s.into();
    }
    shown
}

fn parameter(one: &Parameter) -> Value {
    json!({
        "name": one.name,
        "kind": "positional_or_keyword",
        "required": one.required,
        "annotation": one.typed.annotation,
        "schema": (one.typed.schema)(),
    })
}

/// The files that hold workflows, each with the name of the outermost module in it that has one.
fn files(found: &[&Registration]) -> Vec<Value> {
    let mut files: Vec<(&str, &Registration)> = Vec::new();
    for one in found.iter().filter(|one| !one.source.is_empty()) {
        match files.iter_mut().find(|(_, known)| known.file == one.file) {
            Some((path, _)) if one.path.len() < path.len() => *path = one.path,
            Some(_) => {}
            None => files.push((one.path, one)),
        }
    }
    let mut shown: Vec<Value> = Vec::new();
    for (path, one) in files {
        let mut name = dotted(path);
        while shown.iter().any(|known| known["name"] == name) {
            name.push('_'); // included files share the module of the file that includes them
        }
        shown.push(json!({"name": name, "file": one.file, "source": one.source}));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{Call, Message, Outcome, Typed};

    const fn registered(
        function: &'static str,
        name: Option<&'static str>,
        path: &'static str,
        file: &'static str,
    ) -> Registration {
        fn run(_: &Call) -> Outcome {
            Outcome::Value("null".into())
        }
        fn schema() -> Value {
            json!({})
        }
        Registration {
            function,
            name,
            path,
            version: "1.0",
            component: None,
            doc: "",
            file,
            line: 7,
            source: "fn f() {}",
            parameters: &[],
            returns: Typed {
                annotation: "()",
                schema,
            },
            messages: Some(&[Message {
                name: "confirm",
                schema,
            }]),
            deadline_s: Some(5.0),
            run,
            fits: |_, _| Ok(()),
        }
    }

    /// Names follow the modules of the crate; files have that of the outermost module in them.
    #[test]
    fn names_follow_modules() {
        let found = [
            registered("f", None, "shop::orders::r#type", "src/orders.rs"),
            registered("match", None, "shop::orders", "src/orders.rs"),
            registered("g", Some("own"), "shop", "src/lib.rs"),
        ];
        let told = described(&found.iter().collect::<Vec<_>>(), &[]).unwrap();
        let names: Vec<&Value> = told["workflows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["name"])
            .collect();
        assert_eq!(names, ["shop.orders.type.f", "shop.orders.match", "own"]);
        assert_eq!(told["workflows"][0]["module"], "shop");
        assert_eq!(told["workflows"][0]["deadline_s"], 5.0);
        assert_eq!(told["workflows"][0]["messages"], json!({"confirm": {}}));
        assert_eq!(told["modules"][0]["name"], "shop.orders");
        assert_eq!(told["modules"][1]["name"], "shop");
        assert_eq!(told["modules"].as_array().unwrap().len(), 2);
    }

    /// Two workflows of one name are refused, with both of their places.
    #[test]
    fn names_are_given_once() {
        let found = [
            registered("f", None, "shop", "src/lib.rs"),
            registered("g", Some("shop.f"), "shop::orders", "src/orders.rs"),
        ];
        assert_eq!(
            described(&found.iter().collect::<Vec<_>>(), &[]).unwrap_err(),
            "two workflows are named \"shop.f\", in src/lib.rs:7 and in src/orders.rs:7: give one \
             of them another name with #[workflow(name = \"...\")]"
        );
    }

    fn own(found: &[Registration], modules: &[&Module]) -> Result<(String, String), String> {
        own_crate(&found.iter().collect::<Vec<_>>(), modules)
            .map(|(name, version)| (name.into(), version.into()))
    }

    fn told(path: &'static str, component: Option<&'static str>) -> Registration {
        let mut one = registered("f", None, path, "src/lib.rs");
        one.component = component;
        one
    }

    /// The component is what `flawless build` made it of, whatever it depends on, even if all
    /// workflows are of others; an old word of a crate that was not compiled again does not count.
    #[test]
    fn the_component_is_its_own_crate() {
        let shop = Some("shop 0.1.0");
        let is_shop = Ok(("shop".to_string(), "0.1.0".to_string()));
        assert_eq!(
            own(&[told("common", shop), told("shop::pay", shop)], &[]),
            is_shop
        );
        assert_eq!(
            own(&[told("common", shop), told("other", None)], &[]),
            is_shop
        );
        assert_eq!(
            own(&[told("common", Some("old 3.0")), told("shop", shop)], &[]),
            is_shop
        );
        let module = Module {
            path: "shop",
            name: "sales",
            version: "7",
            component: shop,
        };
        assert_eq!(own(&[told("common", Some("old 3.0"))], &[&module]), is_shop);
    }

    /// An old word counts for nothing even where the crate that it names is linked as well.
    #[test]
    fn old_words_count_for_nothing() {
        let now = Some("shop 0.1.0");
        let found = [
            told("common", Some("part 3.0")),
            told("part", now),
            told("shop", now),
        ];
        let is_shop = Ok(("shop".to_string(), "0.1.0".to_string()));
        assert_eq!(own(&found, &[]), is_shop);
    }

    /// Made by cargo alone it is the only crate that has workflows; of several none is guessed.
    #[test]
    fn without_a_word_of_the_build_there_is_one_crate() {
        let alone = own(&[told("shop", None), told("shop::pay", None)], &[]);
        assert_eq!(alone, Ok(("shop".to_string(), "1.0".to_string())));
        for (one, other) in [(None, None), (Some("a 1"), Some("b 1"))] {
            assert_eq!(
                own(&[told("common", one), told("shop", other)], &[]).unwrap_err(),
                "the component has workflows of the crates common, shop, and cannot tell which of \
                 them it is: make it with `flawless build`, and say module! {} in a crate that has \
                 no workflow of its own"
            );
        }
    }

    /// `module!` stands in a crate once; those of other crates do not count.
    #[test]
    fn each_crate_names_its_module_once() {
        let module = |path| Module {
            path,
            name: "any",
            version: "1",
            component: None,
        };
        assert!(check_modules(&[&module("shop"), &module("common")]).is_ok());
        assert_eq!(
            check_modules(&[&module("shop"), &module("shop::pay")]).unwrap_err(),
            "module! stands in the crate shop more than once"
        );
    }
}
