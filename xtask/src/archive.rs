//! Zip archives (libtorch's own and Python wheels) to folders: only the chosen members, each checked against
//! its CRC on the way.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use zip::ZipArchive;

/// Writes every member for which `place` gives a path relative to `folder`; returns how many there were.
pub fn unpack(archive: &Path, folder: &Path, place: impl Fn(&str) -> Option<PathBuf>) -> Result<usize> {
    let file = File::open(archive).with_context(|| format!("no archive at {}", archive.display()))?;
    let mut members = ZipArchive::new(BufReader::new(file))
        .with_context(|| format!("{} is not a whole zip archive", archive.display()))?;
    let mut written = 0;
    for index in 0..members.len() {
        let mut member = members.by_index(index)?;
        if member.is_dir() {
            continue;
        }
        // Refuses names that would leave the folder.
        let Some(name) = member.enclosed_name().and_then(Path::to_str).map(str::to_owned) else {
            bail!("{} holds the unsafe name {}", archive.display(), member.name());
        };
        let Some(relative) = place(&name) else { continue };
        let path = folder.join(relative);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut output = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        io::copy(&mut member, &mut output)
            .with_context(|| format!("{name} in {} is broken", archive.display()))?;
        written += 1;
    }
    Ok(written)
}

/// The names of all members.
pub fn names(archive: &Path) -> Result<Vec<String>> {
    let file = File::open(archive).with_context(|| format!("no archive at {}", archive.display()))?;
    let members = ZipArchive::new(BufReader::new(file))
        .with_context(|| format!("{} is not a whole zip archive", archive.display()))?;
    Ok(members.file_names().map(str::to_owned).collect())
}
