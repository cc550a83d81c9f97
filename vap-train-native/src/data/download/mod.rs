//! Fetches the corpora that are free to download into the layouts that the readers expect.
//!
//! Archives go to `.download/` in the target folder, are resumed there after a break, checked, unpacked and removed;
//! a `.done` file beside them keeps a finished one from being fetched again. An archive that was put there by hand
//! is taken like a fetched one.

mod catalogue;
mod fetch;
#[cfg(test)]
mod tests;
mod unpack;

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::CorpusError;
pub use catalogue::{PARTS, Part};
use catalogue::{Remote, Unpack};

/// More than this is only fetched after a yes, in bytes.
pub const ASK_ABOVE_BYTES: u64 = 4_000_000_000;

/// Result with [`DownloadError`].
pub type Result<T, E = DownloadError> = std::result::Result<T, E>;

/// Everything that can go wrong between a server and the target folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// No corpus or part of that name.
    #[error("{name}: expected a corpus or a part of one ({known})")]
    Name {
        /// What was asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// A large download without a yes.
    #[error("{} are to be fetched; add --yes to go on", gigabytes(*bytes))]
    Ask {
        /// Size of all that was asked for.
        bytes: u64,
    },
    /// No server can be reached.
    #[error(
        "no connection for {url} ({reason}); without a network, put the file at {} and run again",
        path.display()
    )]
    Offline {
        /// Address.
        url: String,
        /// The system's reason.
        reason: String,
        /// Where the file is looked for.
        path: PathBuf,
    },
    /// The server refuses.
    #[error("{url}: expected status 200 or 206, found {status}")]
    Status {
        /// Address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The connection broke again and again without a byte of progress.
    #[error("{url}: the connection broke after {bytes} bytes ({reason}); run again to go on from there")]
    Cut {
        /// Address.
        url: String,
        /// Bytes that are kept.
        bytes: u64,
        /// The last reason.
        reason: String,
    },
    /// A whole file that is not the published one.
    #[error("{}: expected {expected}, found {found}; the file has been removed, run again", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Size or checksum that was published.
        expected: String,
        /// What was found.
        found: String,
    },
    /// An archive that cannot be unpacked.
    #[error("{}: {message}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// What was fetched cannot be read, where it says what else to fetch.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> DownloadError + '_ {
    move |source| DownloadError::Io { path: path.into(), source }
}

/// The parts that `names` ask for, each once: a corpus (`librispeech`) or a part of one (`librispeech/dev-clean`).
///
/// # Errors
/// [`DownloadError::Name`].
pub fn select(names: &[String]) -> Result<Vec<&'static Part>> {
    let asked = |part: &Part, name: &str| part.name == name || part.name.split('/').next() == Some(name);
    for name in names {
        if !PARTS.iter().any(|part| asked(part, name)) {
            let known = PARTS.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
            return Err(DownloadError::Name { name: name.clone(), known });
        }
    }
    Ok(PARTS.iter().filter(|part| names.iter().any(|name| asked(part, name))).collect())
}

/// What is to be fetched, a line a part, and the sum.
pub fn listing(parts: &[&Part]) -> String {
    let line = |part: &&Part| {
        let about = if part.exact { "" } else { "about " };
        let size = format!("{about}{}", gigabytes(part.bytes));
        format!("{:28}{size:>16}  {}\n", part.name, part.licence)
    };
    let sum: u64 = parts.iter().map(|part| part.bytes).sum();
    parts.iter().map(line).collect::<String>() + &format!("{:28}{:>16}\n", "together", gigabytes(sum))
}

fn gigabytes(bytes: u64) -> String {
    match bytes {
        0..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Fetches and unpacks `parts` into the folder `out`; `progress` shows bars and what was done on the terminal.
///
/// # Errors
/// [`DownloadError::Ask`] for more than [`ASK_ABOVE_BYTES`] without `yes`, before anything is fetched; then whatever
/// goes wrong first. What is there by then is kept, and the same call goes on from it.
pub fn download(parts: &[&Part], out: &Path, yes: bool, progress: bool) -> Result<()> {
    let bytes = parts.iter().map(|part| part.bytes).sum();
    if bytes > ASK_ABOVE_BYTES && !yes {
        return Err(DownloadError::Ask { bytes });
    }
    let agent = fetch::agent();
    for part in parts {
        for remote in part.files(out)? {
            let outcome = install(&agent, &remote, out, progress);
            match outcome {
                // A few headsets of AMI were never published.
                Err(DownloadError::Status { url, status: 404 }) if remote.may_be_missing => {
                    eprintln!("{url}: not there, left out");
                }
                outcome => outcome?,
            }
        }
        if progress {
            println!("{}: complete", part.name);
        }
    }
    Ok(())
}

/// Fetches one file and brings it to its place.
fn install(agent: &ureq::Agent, remote: &Remote, out: &Path, progress: bool) -> Result<()> {
    if let Unpack::Keep { path } = &remote.unpack {
        let path = out.join(path);
        return if path.exists() { Ok(()) } else { fetch::fetch(agent, remote, &path, progress) };
    }
    let archive = out.join(".download").join(remote.file_name());
    let done = archive.with_file_name(format!("{}.done", remote.file_name()));
    if done.exists() {
        return Ok(());
    }
    fetch::fetch(agent, remote, &archive, progress)?;
    unpack::unpack(&archive, &remote.unpack, out)?;
    std::fs::write(&done, "").map_err(io(&done))?;
    std::fs::remove_file(&archive).map_err(io(&archive))
}
