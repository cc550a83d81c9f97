//! The map of rooms against the source: no circle between the modules of a folder, no import that the map in
//! `docs/architecture.md` does not allow, no folder too full to be looked over.
//!
//! In the map a block of code named `rooms FOLDER` has a line for each module of the folder: its name, a colon, and
//! the others that it may import.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result};
use imports::Crate;

/// Crates whose modules are looked at.
const CRATES: [&str; 3] = ["vap-core/src", "vap-train-native/src", "vap-wasm/src"];
const MAP: &str = "docs/architecture.md";
/// Rust files beside one another, at the root of the trainer and elsewhere.
const MOST_FILES: [usize; 2] = [8, 12];

/// Modules of a circle, from the first in order of name on; none where there is no circle.
fn circle<'a>(edges: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Vec<&'a str>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    edges.for_each(|(from, to)| next.entry(from).or_default().push(to));
    // What imports nothing that is left cannot be in a circle; what is left in the end is one, or leads into one.
    let mut left: BTreeSet<&str> = next.keys().copied().collect();
    loop {
        let ends: Vec<&str> =
            left.iter().copied().filter(|name| !next[name].iter().any(|to| left.contains(to))).collect();
        if ends.is_empty() {
            break;
        }
        ends.iter().for_each(|name| _ = left.remove(name));
    }
    let mut walk = vec![*left.first()?];
    loop {
        let to = next[walk.last()?].iter().copied().find(|to| left.contains(to))?;
        if let Some(at) = walk.iter().position(|name| *name == to) {
            return Some(walk.split_off(at));
        }
        walk.push(to);
    }
}

/// What is wrong between the modules of a crate whose source lies in `folder`.
fn circles(folder: &str, modules: &Crate) -> Vec<String> {
    let mut found = Vec::new();
    for parent in modules.parents() {
        if let Some(circle) = circle(modules.edges(parent).into_keys()) {
            let place = [&[folder.to_owned()], &parent[..]].concat().join("/");
            found.push(format!("{place}: circle of {}", circle.join(", ")));
        }
    }
    found
}

/// The blocks of the map: folder, then for each module those it may import.
type Map = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn read_map(text: &str) -> Map {
    let mut map = Map::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(folder) = line.strip_prefix("```rooms ") else { continue };
        let block = lines.by_ref().take_while(|line| !line.starts_with("```"));
        let rooms = block.filter_map(|line| {
            let (name, others) = line.split_once(':')?;
            let others = others.split(',').map(|other| other.trim().to_owned());
            Some((name.trim().to_owned(), others.filter(|other| !other.is_empty()).collect()))
        });
        map.insert(folder.trim().to_owned(), rooms.collect());
    }
    map
}

/// Where a crate and a block of the map differ; `parent` is the module whose children the block names.
fn against(map: &BTreeMap<String, Vec<String>>, modules: &Crate, parent: &[String], folder: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let children: BTreeSet<&str> = modules.children(parent).into_iter().collect();
    let named: BTreeSet<&str> = map.keys().map(String::as_str).collect();
    wrong.extend(children.difference(&named).map(|name| format!("{folder}: {name} is not in the map")));
    wrong.extend(named.difference(&children).map(|name| format!("{folder}: {name} is only in the map")));
    for ((from, to), place) in modules.edges(parent) {
        if !map.get(from).is_some_and(|others| others.iter().any(|other| other == to)) {
            let place = place.join("::");
            wrong.push(format!("{folder}: {from} may not import {to}, but {place} does"));
        }
    }
    wrong
}

/// Folders below `folder` with more Rust files than are looked over at once.
fn full(folder: &Path, most: usize) -> Result<Vec<String>> {
    let (mut files, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            wrong.extend(full(&path, MOST_FILES[1])?);
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
fn dump() {
    let root = Path::new("/tmp/wt/rust");
    for folder in CRATES {
        let c = Crate::read(&root.join(folder)).unwrap();
        println!("== {folder}\n{:#?}", circles(folder, &c));
        for parent in c.parents() {
            println!("```rooms {folder}/{}", parent.join("/"));
            let e = c.edges(parent);
            for ch in c.children(parent) { println!("{ch}: {}", e.keys().filter(|k| k.0==ch).map(|k|k.1).collect::<Vec<_>>().join(", ")); }
            println!("```");
        }
    }
    println!("{:?}", full(&root.join("vap-train-native/src"), 8));
}
