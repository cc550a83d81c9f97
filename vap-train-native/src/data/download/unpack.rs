//! Archives into the target folder. Names and kinds of the members are not trusted.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use super::catalogue::{Members, Unpack};
use super::{DownloadError, Result, io};

/// Unpacks `archive` below `out`; files that are there are replaced, links and devices left out.
pub(super) fn unpack(archive: &Path, kind: &Unpack, out: &Path) -> Result<()> {
    let file = BufReader::new(File::open(archive).map_err(io(archive))?);
    match kind {
        Unpack::Keep { .. } => Ok(()),
        Unpack::TarGz(members) => untar(archive, file, members, out),
        Unpack::Zip(members) => unzip(archive, file, members, out),
    }
}

fn untar(archive: &Path, file: BufReader<File>, members: &Members, out: &Path) -> Result<()> {
    let broken = |error: std::io::Error| fault(archive, error.to_string());
    let mut tar = tar::Archive::new(flate2::read::MultiGzDecoder::new(file));
    let mut count = 0;
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        if entry.header().entry_type().is_file()
            && let Some(path) = target(archive, &name, members)?
        {
            write(archive, &mut entry, &out.join(path))?;
            count += 1;
        }
    }
    not_empty(archive, count)
}

fn unzip(archive: &Path, file: BufReader<File>, members: &Members, out: &Path) -> Result<()> {
    let broken = |error: zip::result::ZipError| fault(archive, error.to_string());
    let mut zip = zip::ZipArchive::new(file).map_err(broken)?;
    let mut count = 0;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(broken)?;
        let name = PathBuf::from(entry.name());
        // A link's kind lies in the Unix mode.
        let is_link = entry.unix_mode().is_some_and(|mode| mode & 0o170_000 == 0o120_000);
        if entry.is_file()
            && !is_link
            && let Some(path) = target(archive, &name, members)?
        {
            write(archive, &mut entry, &out.join(path))?;
            count += 1;
        }
    }
    not_empty(archive, count)
}

/// Where a member goes below the target folder; `None` when it is not wanted.
fn target(archive: &Path, name: &Path, members: &Members) -> Result<Option<PathBuf>> {
    let mut parts = Vec::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            _ => return Err(fault(archive, format!("expected names inside it, found {}", name.display()))),
        }
    }
    let path: PathBuf = parts.iter().skip(members.strip).collect();
    Ok((parts.len() > members.strip && (members.wanted)(&path)).then(|| Path::new(members.into).join(path)))
}

fn write(archive: &Path, member: &mut impl Read, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io(folder))?;
    }
    let mut file = File::create(path).map_err(io(path))?;
    // One error covers both sides: a full disk comes from the file, everything else from the archive.
    std::io::copy(member, &mut file).map(|_| ()).map_err(|error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => io(path)(error),
        _ => fault(archive, format!("{}: {error}", path.display())),
    })
}

fn not_empty(archive: &Path, files: usize) -> Result<()> {
    if files == 0 { Err(fault(archive, "expected files of the corpus, found none".into())) } else { Ok(()) }
}

fn fault(archive: &Path, message: String) -> DownloadError {
    DownloadError::Archive { path: archive.into(), message }
}
