//! One file over HTTP: resumed by range after every break, from one mirror after the other, and checked.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use md5::{Digest, Md5};
use ureq::http::{Response, header};

use super::catalogue::Remote;
use super::{DownloadError, Result, io};

/// A connection that breaks this often in a row without a byte of progress ends the download.
const ATTEMPTS: u32 = 5;
/// Pause after the first break; doubled after each further one without progress.
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 1_000 });
/// The University of Edinburgh serves the AMI archives only to visitors of its download page.
const AMI_PAGE: (&str, &str) =
    ("https://groups.inf.ed.ac.uk/ami/", "https://groups.inf.ed.ac.uk/ami/download/");

/// An HTTP client that gives up on silence, not on size.
pub(super) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .user_agent(concat!("vap-train/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Why one request did not bring the file to its end.
enum Break {
    /// Not even a connection.
    NoConnection(String),
    /// The body ended or stalled, or the server began elsewhere than asked.
    Body(String),
    /// No use in asking again.
    Final(DownloadError),
}

/// Brings the file to `path`, from where `path.part` ends. A file that is there is only checked.
pub(super) fn fetch(agent: &ureq::Agent, remote: &Remote, path: &Path, progress: bool) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io(folder))?;
    }
    if path.exists() {
        return check(remote, path);
    }
    let part = path.with_file_name(format!("{}.part", remote.file_name()));
    let bar = bar(remote, progress);
    let mut outcome = Ok(());
    for url in &remote.urls {
        outcome = fetch_from(agent, url, path, &part, &bar);
        let other_server_may_help = matches!(
            outcome,
            Err(DownloadError::Offline { .. } | DownloadError::Status { .. } | DownloadError::Cut { .. })
        );
        if !other_server_may_help {
            break;
        }
    }
    bar.finish_and_clear();
    outcome?;
    check(remote, &part)?;
    fs::rename(&part, path).map_err(io(&part))
}

fn fetch_from(agent: &ureq::Agent, url: &str, path: &Path, part: &Path, bar: &ProgressBar) -> Result<()> {
    let length = || fs::metadata(part).map_or(0, |metadata| metadata.len());
    let (start, mut most, mut idle) = (length(), length(), 0);
    loop {
        let reason = match request(agent, url, part, length(), bar) {
            Ok(()) => return Ok(()),
            Err(Break::Final(error)) => return Err(error),
            // A connection that never was is told at once, one that broke may come back.
            Err(Break::NoConnection(reason)) if most == start => {
                return Err(DownloadError::Offline { url: url.into(), reason, path: path.into() });
            }
            Err(Break::NoConnection(reason) | Break::Body(reason)) => reason,
        };
        idle = if length() > most { 0 } else { idle + 1 };
        most = most.max(length());
        if idle == ATTEMPTS {
            return Err(DownloadError::Cut { url: url.into(), bytes: length(), reason });
        }
        std::thread::sleep(PAUSE * 2_u32.pow(idle));
    }
}

/// Asks for the bytes after `have` and appends what comes.
fn request(agent: &ureq::Agent, url: &str, part: &Path, have: u64, bar: &ProgressBar) -> Result<(), Break> {
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    if url.starts_with(AMI_PAGE.0) {
        request = request.header(header::REFERER, AMI_PAGE.1);
    }
    let response = request.call().map_err(|error| Break::NoConnection(error.to_string()))?;
    let disk = |source| Break::Final(DownloadError::Io { path: part.into(), source });
    let total = match response.status().as_u16() {
        200 => length_of(&response, header::CONTENT_LENGTH),
        206 => {
            let range = text_of(&response, header::CONTENT_RANGE).unwrap_or_default();
            let starts = range.strip_prefix("bytes ").and_then(|range| range.split_once('-'));
            if starts.and_then(|(start, _)| start.parse().ok()) != Some(have) {
                fs::remove_file(part).map_err(disk)?;
                return Err(Break::Body(format!("asked for bytes from {have}, got {range:?}")));
            }
            length_of(&response, header::CONTENT_RANGE)
        }
        // Nothing lies after the end: it is complete, or another file.
        416 if have > 0 => {
            if length_of(&response, header::CONTENT_RANGE) == Some(have) {
                return Ok(());
            }
            fs::remove_file(part).map_err(disk)?;
            return Err(Break::Body(format!("no bytes from {have}")));
        }
        status => return Err(Break::Final(DownloadError::Status { url: url.into(), status })),
    };
    let from = if response.status() == 200 { 0 } else { have };
    let mut options = OpenOptions::new();
    let mut file =
        options.create(true).write(true).append(from > 0).truncate(from == 0).open(part).map_err(disk)?;
    bar.set_position(from);
    if let Some(total) = total {
        bar.set_length(total);
    }
    let (mut body, mut buffer, mut at) = (response.into_body().into_reader(), vec![0; 1 << 18], from);
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Err(Break::Body(error.to_string())),
        };
        file.write_all(&buffer[..count]).map_err(disk)?;
        at += count as u64;
        bar.set_position(at);
    }
    file.sync_all().map_err(disk)?;
    match total {
        Some(total) if at != total => Err(Break::Body(format!("{at} of {total} bytes"))),
        _ => Ok(()),
    }
}

fn text_of<B>(response: &Response<B>, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The number after the last `/` of a header: the length of the whole file.
fn length_of<B>(response: &Response<B>, name: header::HeaderName) -> Option<u64> {
    text_of(response, name)?.rsplit('/').next()?.trim().parse().ok()
}

/// Checks length and checksum where they are known; a file that fails is removed.
fn check(remote: &Remote, path: &Path) -> Result<()> {
    let found = fs::metadata(path).map_err(io(path))?.len();
    let wrong = |expected: String, found: String| {
        fs::remove_file(path).map_err(io(path))?;
        Err(DownloadError::Content { path: path.into(), expected, found })
    };
    if let Some(bytes) = remote.bytes.filter(|bytes| *bytes != found) {
        return wrong(format!("{bytes} bytes"), format!("{found} bytes"));
    }
    if let Some(expected) = remote.md5 {
        let (mut file, mut md5) = (File::open(path).map_err(io(path))?, Md5::new());
        std::io::copy(&mut file, &mut md5).map_err(io(path))?;
        let found: String = md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found != expected {
            return wrong(format!("MD5 {expected}"), format!("MD5 {found}"));
        }
    }
    Ok(())
}

fn bar(remote: &Remote, progress: bool) -> ProgressBar {
    if !progress {
        return ProgressBar::hidden();
    }
    let template = "{prefix:28} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(remote.bytes.unwrap_or(0))
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(remote.file_name())
}
