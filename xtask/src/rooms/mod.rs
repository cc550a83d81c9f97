//! The map of rooms against the source: no circle between the modules of a folder, no import that the map in
//! `docs/architecture.md` does not allow, no folder too full to be looked over.
//!
//! In the map a heading of a folder in backquotes is followed by a table: a room in the first column, those it may
//! import in the second. A room may only import rooms above it.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::paths;
use imports::{Crate, Module};

const CRATES: [&str; 3] = ["vap-core/src", "vap-train-native/src", "vap-wasm/src"];
const MAP: &str = "docs/architecture.md";
/// Rust files side by side at the root of a crate, and in any folder below.
const MOST_AT_ROOT: [(&str, usize); 3] =
    [("vap-core/src", 16), ("vap-train-native/src", 8), ("vap-wasm/src", MOST_IN_FOLDER)];
const MOST_IN_FOLDER: usize = 12;

/// Rows of a table of the map, in its order: a room, and those it may import.
type Rooms = Vec<(String, Vec<String>)>;

/// The circles between the children of each module, as `FOLDER: ROOM, ROOM`.
fn circles(folder: &str, modules: &Crate) -> Vec<String> {
    let mut found = Vec::new();
    for parent in modules.parents() {
        for circle in entangled(modules.edges(parent).into_keys()) {
            found.push(format!("{}: {}", place(folder, parent), circle.join(", ")));
        }
    }
    found
}

/// Groups in which each reaches every other, in order of name.
fn entangled<'a>(edges: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Vec<&'a str>> {
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    edges.for_each(|(from, to)| _ = reach.entry(from).or_default().insert(to));
    loop {
        let further = |to: &BTreeSet<&'a str>| {
            to.iter().filter_map(|name| reach.get(name)).flatten().copied().collect()
        };
        let grown: Vec<(&str, BTreeSet<&str>)> =
            reach.iter().map(|(from, to)| (*from, further(to))).collect();
        let before: usize = reach.values().map(BTreeSet::len).sum();
        grown.into_iter().for_each(|(from, to)| reach.entry(from).or_default().extend(to));
        if reach.values().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let mutual = |from: &&'a str| -> Vec<&'a str> {
        reach[from]
            .iter()
            .copied()
            .filter(|to| reach.get(to).is_some_and(|back| back.contains(from)))
            .collect()
    };
    let groups: BTreeSet<Vec<&str>> = reach.keys().map(mutual).filter(|group| !group.is_empty()).collect();
    groups.into_iter().collect()
}

fn read_map(text: &str) -> BTreeMap<String, Rooms> {
    let mut map: BTreeMap<String, Rooms> = BTreeMap::new();
    let mut folder = None;
    for line in text.lines() {
        if line.starts_with('#') {
            folder = quoted(line).into_iter().next();
        } else if let (Some(folder), Some(row)) = (&folder, line.strip_prefix("| `")) {
            let (room, others) = row.split_once("` |").unwrap_or((row, ""));
            map.entry(folder.clone()).or_default().push((room.into(), quoted(others)));
        }
    }
    map
}

/// What stands in backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// How a table and the children of `parent` differ.
fn against(rooms: &Rooms, modules: &Crate, parent: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let children: BTreeSet<&str> = modules.children(parent).into_iter().collect();
    let named: BTreeSet<&str> = rooms.iter().map(|(room, _)| room.as_str()).collect();
    wrong.extend(children.difference(&named).map(|room| format!("{room} is not on the map")));
    wrong.extend(named.difference(&children).map(|room| format!("{room} is on the map alone")));
    for (at, (room, others)) in rooms.iter().enumerate() {
        for other in others.iter().filter(|other| !rooms[..at].iter().any(|(above, _)| above == *other)) {
            wrong.push(format!("the map lets {room} import {other}, which is not above it"));
        }
    }
    for ((from, to), module) in modules.edges(parent) {
        if !rooms.iter().any(|(room, others)| room == from && others.iter().any(|other| other == to)) {
            wrong.push(format!("{from} may not import {to}, but {} does", module.join("::")));
        }
    }
    wrong
}

fn place(folder: &str, parent: &[String]) -> String {
    [&[folder.to_owned()], parent].concat().join("/")
}

/// Folders with more Rust files than are looked over at once.
fn full(folder: &Path, most: usize) -> Result<Vec<String>> {
    let (mut files, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            wrong.extend(full(&path, MOST_IN_FOLDER)?);
        } else {
            files += usize::from(path.extension().is_some_and(|extension| extension == "rs"));
        }
    }
    if files > most {
        wrong.push(format!("{}: {files} files, at most {most}", folder.display()));
    }
    Ok(wrong)
}

#[test]
fn no_module_is_its_own_ancestor() -> Result<()> {
    let mut found = Vec::new();
    for folder in CRATES {
        found.extend(circles(folder, &Crate::read(&paths::inside(folder))?));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn every_import_is_on_the_map() -> Result<()> {
    let map = read_map(&fs::read_to_string(paths::inside(MAP))?);
    let mut wrong = Vec::new();
    for (folder, rooms) in &map {
        let Some(source) = CRATES.iter().find(|source| folder.starts_with(*source)) else { continue };
        let parent: Module = folder[source.len()..].split('/').skip(1).map(str::to_owned).collect();
        let found = against(rooms, &Crate::read(&paths::inside(source))?, &parent);
        wrong.extend(found.into_iter().map(|what| format!("{folder}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for folder in [
        "vap-core/src",
        "vap-train-native/src",
        "vap-train-native/src/data",
        "vap-train-native/src/evaluation",
        "vap-wasm/src",
        "vap-wasm/src/kernels",
    ] {
        if !map.contains_key(folder) {
            bail!("{MAP}: no table of {folder}");
        }
    }
    Ok(())
}

#[test]
fn no_folder_is_too_full() -> Result<()> {
    let mut wrong = Vec::new();
    for (folder, most) in MOST_AT_ROOT {
        wrong.extend(full(&paths::inside(folder), most)?);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn a_circle_is_found_through_re_exports_and_folders() -> Result<()> {
    let crates = Crate::parsed(&[
        ("", "pub mod a; pub mod b; pub mod c; pub use b::deep::Thing;"),
        ("a", "use crate::Thing; #[cfg(test)] mod tests { use crate::c::Never; }"),
        ("b", "pub mod deep;"),
        ("b::deep", "pub struct Thing; fn far() -> super::super::a::Other { todo!() }"),
        ("c", "use super::{a::{self, Other}, b};"),
    ])?;
    assert_eq!(circles("src", &crates), ["src: a, b"]);
    let edges: Vec<(&str, &str)> = crates.edges(&[]).into_keys().collect();
    assert_eq!(edges, [("a", "b"), ("b", "a"), ("c", "a"), ("c", "b")]);
    let map =
        read_map("# `src`\n| room | may import |\n|---|---|\n| `a` | `b` |\n| `b` | `a` |\n| `d` | |\n");
    let wrong = against(&map["src"], &crates, &[]);
    assert_eq!(
        wrong[..3],
        ["c is not on the map", "d is on the map alone", "the map lets a import b, which is not above it"]
    );
    assert_eq!(wrong[3..], ["c may not import a, but c does", "c may not import b, but c does"]);
    Ok(())
}
