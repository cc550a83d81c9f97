//! From corpora to the prepared folder; nothing is left half written.
//!
//! Each corpus is read into a shard of its own beside the folder, in `OUT.part`, and all shards together become the
//! folder, which takes its final name when it is complete. So an interrupted run goes on behind the last finished
//! corpus. An unchanged input is seen by its number of files and bytes, and then nothing is done.

mod shard;
mod sources;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use indicatif::{ProgressBar, ProgressStyle};

use super::bad::{BadFiles, OnBadFile};
use super::files::list_names;
use super::prepared::{self, Input, Manifest};
use super::recordings::calls::name_hash;
use super::{CorpusError, Result};

pub use sources::Kind;

/// A corpus and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// Its layout.
    pub kind: Kind,
    /// Its folder.
    pub folder: PathBuf,
}

impl FromStr for Corpus {
    type Err = String;

    /// `KIND=DIR`.
    fn from_str(text: &str) -> Result<Corpus, String> {
        let (kind, folder) = text.split_once('=').unwrap_or((text, ""));
        let found = Kind::ALL.into_iter().find(|known| known.name() == kind);
        match (found, folder) {
            (Some(kind), folder) if !folder.is_empty() => Ok(Corpus { kind, folder: folder.into() }),
            _ => {
                let kinds = Kind::ALL.map(Kind::name).join(", ");
                Err(format!("expected KIND=DIR with a kind of {kinds}, found {text}"))
            }
        }
    }
}

/// What [`prepare`] did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// False when the folder was there, complete and of the same input.
    pub written: bool,
    /// The manifest now in the folder.
    pub manifest: Manifest,
}

/// Reads `corpora` and writes the prepared folder `out`; `progress` shows bars on the terminal.
///
/// Tables, annotations and headers of all corpora are checked before any sound is read.
///
/// # Errors
/// Whatever is wrong with the input, by file and place, unless it is of one recording and `on_bad_file` skips those;
/// [`CorpusError::Io`] for a full disk. `out` is then as it was before. A folder `out` that is not a prepared one is
/// an error and not replaced.
pub fn prepare(corpora: &[Corpus], out: &Path, on_bad_file: OnBadFile, progress: bool) -> Result<Outcome> {
    let inputs = corpora.iter().map(sources::measure).collect::<Result<Vec<Input>>>()?;
    refuse_twice(corpora, out)?;
    if let Some(manifest) = complete(out, &inputs, on_bad_file) {
        return Ok(Outcome { written: false, manifest });
    }
    refuse_foreign(out)?;
    let part = beside(out, "part");
    fs::create_dir_all(&part).map_err(io(&part))?;
    let shards: Vec<PathBuf> = corpora.iter().map(|corpus| part.join(shard_name(corpus))).collect();
    for name in list_names(&part, "unfinished prepared folder")? {
        let path = part.join(name);
        let known = shards.iter().position(|shard| *shard == path);
        if known.is_none_or(|i| complete(&path, &inputs[i..=i], on_bad_file).is_none()) {
            remove_folder(&path)?;
        }
    }
    // The cheap checks first: all tables, annotations and headers before gigabytes of audio.
    let mut todo = Vec::new();
    for ((corpus, shard), input) in corpora.iter().zip(&shards).zip(&inputs) {
        if !shard.exists() {
            let mut bad = BadFiles::new(on_bad_file);
            todo.push((shard, input, sources::read(corpus, &mut bad, progress)?, bad));
        }
    }
    for (shard, input, contents, bad) in todo {
        if let Err(error) = shard::write(contents, shard, input.clone(), bad, progress) {
            // The disk may be full: what is not finished only takes room.
            remove_folder(shard)?;
            return Err(error);
        }
    }
    let whole = part.join("whole");
    let manifest = shard::merge(&shards, &whole)?;
    let old = beside(out, "old");
    remove_folder(&old)?;
    if out.exists() {
        fs::rename(out, &old).map_err(io(out))?;
    }
    fs::rename(&whole, out).map_err(io(&whole))?;
    remove_folder(&old)?;
    remove_folder(&part)?;
    Ok(Outcome { written: true, manifest })
}

fn shard_name(corpus: &Corpus) -> String {
    format!("{}-{:016x}", corpus.kind.name(), name_hash(&corpus.folder.to_string_lossy()))
}

fn refuse_twice(corpora: &[Corpus], out: &Path) -> Result<()> {
    let refuse = |expected: &str, found: String| {
        let (path, expected) = (out.into(), expected.into());
        Err(CorpusError::Prepared { path, what: "corpora", expected, found })
    };
    let again = |i: &usize| corpora[..*i].contains(&corpora[*i]);
    match (0..corpora.len()).find(again) {
        Some(i) => {
            let Corpus { kind, folder } = &corpora[i];
            refuse("each once", format!("{}={} twice", kind.name(), folder.display()))
        }
        None if corpora.is_empty() => refuse("at least one", "none".into()),
        None => Ok(()),
    }
}

/// The manifest of a folder that is complete and of this input.
fn complete(folder: &Path, inputs: &[Input], on_bad_file: OnBadFile) -> Option<Manifest> {
    let manifest = prepared::open_manifest(folder).ok()?;
    let bytes = |file: &str| fs::metadata(folder.join(file)).map(|metadata| metadata.len()).ok();
    let whole = prepared::flat_files(&manifest.samples)
        .into_iter()
        .all(|(file, samples, sample_bytes)| bytes(file) == Some(samples * sample_bytes));
    let strict = on_bad_file == OnBadFile::Skip || manifest.skipped.is_empty();
    (whole && strict && manifest.inputs == *inputs).then_some(manifest)
}

/// A folder that holds anything but a prepared one must not be replaced.
fn refuse_foreign(out: &Path) -> Result<()> {
    let known = [
        prepared::MANIFEST_FILE,
        prepared::SPEECH_FILE,
        prepared::NOISE_FILE,
        prepared::ROOMS_FILE,
        prepared::CALLS_FILE,
    ];
    if !out.exists() {
        return Ok(());
    }
    match list_names(out, "prepared folder")?.into_iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(found) => Err(CorpusError::Prepared {
            path: out.into(),
            what: "folder to replace",
            expected: "only files that prepare wrote".into(),
            found,
        }),
    }
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> CorpusError + '_ {
    move |source| CorpusError::Io { path: path.into(), source }
}

fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{ending}"));
    out.with_file_name(name)
}

fn remove_folder(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(io(path)(source)),
        _ => Ok(()),
    }
}

fn bar(progress: bool, length: usize, unit: &'static str) -> ProgressBar {
    if !progress {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix:11} [{wide_bar}] {pos}/{len} {eta} left");
    ProgressBar::new(length as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(unit)
}
