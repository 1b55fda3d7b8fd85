//! No circle between the modules of a crate: each can be read after those that it uses.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources;

/// The top-level modules of a crate, each with those that it names in `use crate::…`.
fn uses(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources(folder) {
        if path.ends_with("tests.rs") || path.contains("/tests/") {
            continue;
        }
        let below = path.trim_start_matches(folder).trim_start_matches('/');
        let module = below.split(['/', '.']).next().unwrap().to_owned();
        let production = text.split("#[cfg(test)]").next().unwrap();
        let used = production.lines().filter_map(|line| {
            let line = line.trim_start().trim_start_matches("pub ");
            let rest = line.strip_prefix("use crate::")?;
            let name = rest.split([':', ';', ' ']).next()?;
            let is_module = name.starts_with(|first: char| first.is_ascii_lowercase());
            (is_module && name != module).then(|| name.to_owned())
        });
        uses.entry(module.clone()).or_default().extend(used);
    }
    uses
}

/// A circle of modules, if there is one.
fn circle(uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut left = uses.clone();
    loop {
        let known: BTreeSet<String> = left.keys().cloned().collect();
        let is_done = |used: &BTreeSet<String>| used.intersection(&known).next().is_none();
        let done: Vec<String> = left
            .iter()
            .filter(|(_, used)| is_done(used))
            .map(|(module, _)| module.clone())
            .collect();
        if done.is_empty() {
            return (!left.is_empty()).then(|| left.into_keys().collect());
        }
        for module in done {
            left.remove(&module);
        }
    }
}

#[test]
fn modules_form_no_circle() {
    for folder in [
        "shared/domain/src",
        "functions/sync/src",
        "shared/platform/src",
    ] {
        let uses = uses(folder);
        assert!(
            uses.values().any(|used| !used.is_empty()),
            "{folder}: {uses:?}"
        );
        assert_eq!(circle(&uses), None, "{folder}");
    }
}

#[test]
fn a_circle_is_found() {
    let uses = |pairs: &[(&str, &str)]| {
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, used) in pairs {
            uses.entry((*used).to_owned()).or_default();
            let of_module = uses.entry((*module).to_owned()).or_default();
            of_module.insert((*used).to_owned());
        }
        uses
    };
    assert_eq!(circle(&uses(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let with_circle = uses(&[("a", "b"), ("b", "c"), ("c", "b")]);
    assert_eq!(circle(&with_circle).unwrap(), ["a", "b", "c"]);
}
