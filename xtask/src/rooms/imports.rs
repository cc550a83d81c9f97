//! Which module of a crate imports which: its source files come in, pairs of modules go out. Code under
//! `#[cfg(test)]`, and what stands in macros and comments, is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

/// Names from the root of a crate down; the root itself is empty.
pub type Module = Vec<String>;

/// How often a name may be re-exported before it is given up: more is a circle of re-exports.
const MOST_REEXPORTS: usize = 16;

/// All modules of a crate.
#[derive(Default)]
pub struct Crate {
    modules: BTreeMap<Module, Imports>,
    /// Module with the import, and module in which the imported thing is written.
    links: BTreeSet<(Module, Module)>,
}

/// What a module names.
#[derive(Default)]
struct Imports {
    /// Paths from the root, or from nothing of this crate.
    paths: Vec<Module>,
    /// Names that `use` brings into the module, and what they stand for.
    names: BTreeMap<String, Module>,
}

impl Crate {
    /// Reads the modules that `lib.rs` in the folder `source` declares.
    pub fn read(source: &Path) -> Result<Crate> {
        let mut found = Crate::default();
        found.file(&source.join("lib.rs"), source, Vec::new())?;
        Ok(found.linked())
    }

    /// Modules by their path, and their text.
    pub fn parsed(texts: &[(&str, &str)]) -> Result<Crate> {
        let mut found = Crate::default();
        for (path, text) in texts {
            let module = path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let items: Vec<Item> = syn::parse_file(text)?.items;
            let rest =
                items.into_iter().filter(|item| !matches!(item, Item::Mod(child) if child.content.is_none()));
            found.items(&rest.collect::<Vec<_>>(), Path::new(""), module)?;
        }
        Ok(found.linked())
    }

    fn linked(mut self) -> Crate {
        let each = self
            .modules
            .iter()
            .flat_map(|(module, imports)| imports.paths.iter().map(move |path| (module, path)));
        self.links = each.map(|(module, path)| (module.clone(), self.target(path))).collect();
        self
    }

    /// Children of a module, in order of name.
    pub fn children(&self, parent: &[String]) -> Vec<&str> {
        let below = self.modules.keys().filter(|module| module.len() == parent.len() + 1);
        below
            .filter(|module| module.starts_with(parent))
            .map(|module| module[parent.len()].as_str())
            .collect()
    }

    /// Modules with children.
    pub fn parents(&self) -> Vec<&Module> {
        self.modules.keys().filter(|module| !self.children(module).is_empty()).collect()
    }

    /// Imports between children of `parent`, each with all below it, and a module in which the import stands.
    pub fn edges(&self, parent: &[String]) -> BTreeMap<(&str, &str), &Module> {
        let mut edges = BTreeMap::new();
        let inside = |module: &Module| module.len() > parent.len() && module.starts_with(parent);
        for (from, to) in self.links.iter().filter(|(from, to)| inside(from) && inside(to)) {
            let (room, other) = (from[parent.len()].as_str(), to[parent.len()].as_str());
            if room != other {
                edges.entry((room, other)).or_insert(from);
            }
        }
        edges
    }

    /// The module in which the thing that `path` names is written.
    fn target(&self, path: &[String]) -> Module {
        let mut path = path.to_vec();
        for _ in 0..MOST_REEXPORTS {
            let depth = (0..=path.len()).rev().find(|depth| self.modules.contains_key(&path[..*depth]));
            let depth = depth.unwrap_or(0);
            let (module, rest) = path.split_at(depth);
            let stands_for = rest.first().and_then(|name| self.modules.get(module)?.names.get(name));
            match stands_for {
                Some(other) => path = [other, &rest[1..]].concat(),
                None => return module.to_vec(),
            }
        }
        Vec::new()
    }

    fn file(&mut self, file: &Path, folder: &Path, module: Module) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        self.items(&parsed.items, folder, module)
    }

    /// `folder` is where files of child modules lie.
    fn items(&mut self, items: &[Item], folder: &Path, module: Module) -> Result<()> {
        let mut reader = Reader { module: &module, imports: Imports::default() };
        for item in items {
            match item {
                Item::Mod(child) if !test_only(&child.attrs) => self.child(child, folder, &module)?,
                _ => reader.visit_item(item),
            }
        }
        let imports = reader.imports;
        self.modules.insert(module, imports);
        Ok(())
    }

    fn child(&mut self, child: &ItemMod, folder: &Path, parent: &[String]) -> Result<()> {
        let name = child.ident.to_string();
        let below = folder.join(&name);
        let module = [parent, &[name]].concat();
        if let Some((_, items)) = &child.content {
            return self.items(items, &below, module);
        }
        let files = [below.with_extension("rs"), below.join("mod.rs")];
        match files.iter().find(|file| file.is_file()) {
            Some(file) => self.file(file, &below, module),
            None => bail!("{}: module without a file", module.join("::")),
        }
    }
}

struct Reader<'a> {
    module: &'a [String],
    imports: Imports,
}

impl Reader<'_> {
    /// A path from the root; none for one that leads into another crate.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let ups = path.iter().take_while(|name| *name == "super").count();
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([self.module, &path[1..]].concat()),
            "super" => {
                let above = self.module.len().checked_sub(ups)?;
                Some([&self.module[..above], &path[ups..]].concat())
            }
            _ => None,
        }
    }

    fn used(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.used(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.used(tree, before)),
            UseTree::Name(name) if name.ident == "self" => self.named(before, before.last().cloned()),
            UseTree::Name(name) => self.named(&with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(name) => self.named(&with(&name.ident), Some(name.rename.to_string())),
            UseTree::Glob(_) => self.named(before, None),
        }
    }

    fn named(&mut self, path: &[String], name: Option<String>) {
        // What does not begin with a word of its own is a child of this module, or another crate.
        let path = self.absolute(path).unwrap_or_else(|| [self.module, path].concat());
        if let Some(name) = name {
            self.imports.names.insert(name, path.clone());
        }
        self.imports.paths.push(path);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !test_only(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.used(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Module = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.imports.paths.extend(self.absolute(&names));
        visit::visit_path(self, path);
    }
}

fn test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
    })
}
