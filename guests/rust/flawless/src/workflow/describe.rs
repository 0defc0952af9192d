//! What the component says of itself.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::registry::{self, Parameter, Registration, dotted};
use super::{refused, understood};
use crate::panics;

/// The export of that name: tells what the module holds.
pub(crate) fn describe(input: &str) -> String {
    panics::install();
    if let Err(problem) = understood::<IgnoredAny>(input) {
        return refused("UsageError", &problem);
    }
    match described(&registry::all()) {
        Ok(description) => json!({"ok": description}).to_string(),
        Err(problem) => refused("DeploymentInvalid", &problem),
    }
}

fn described(found: &[&Registration]) -> Result<Value, String> {
    if registry::modules().count() > 1 {
        return Err("module! stands in the crate more than once".into());
    }
    check_names(found)?;
    let Some(first) = found.first() else {
        return Ok(json!({"workflows": [], "language": "rust"}));
    };
    let module = dotted(first.root());
    let version = registry::modules()
        .next()
        .map_or(first.version, |one| one.version);
    let workflows: Vec<Value> = found.iter().map(|one| workflow(one, &module)).collect();
    Ok(json!({
        "module": module,
        "version": version,
        "language": "rust",
        "workflows": workflows,
        "modules": modules(found),
    }))
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
fn modules(found: &[&Registration]) -> Vec<Value> {
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
        let told = described(&found.iter().collect::<Vec<_>>()).unwrap();
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
            described(&found.iter().collect::<Vec<_>>()).unwrap_err(),
            "two workflows are named \"shop.f\", in src/lib.rs:7 and in src/orders.rs:7: give one \
             of them another name with #[workflow(name = \"...\")]"
        );
    }
}
