//! Downloads from a server in this process that cuts, refuses and lies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::catalogue::{Members, PARTS, Remote, Unpack};
use super::*;
use crate::data::fixture::Folder;

/// What the server says to one request, given the start of the range that was asked for.
struct Reply {
    status: u16,
    /// First byte that is sent, and what the header calls it.
    from: usize,
    range: Option<String>,
    /// Bytes of the body after which the connection closes.
    cut: Option<usize>,
}

impl Reply {
    /// What an honest server says.
    fn honest(start: Option<usize>, length: usize) -> Reply {
        let range = start.map(|start| format!("bytes {start}-{}/{length}", length - 1));
        let status = if start.is_some() { 206 } else { 200 };
        Reply { status, from: start.unwrap_or(0), range, cut: None }
    }

    fn status(status: u16) -> Reply {
        Reply { status, from: usize::MAX, range: None, cut: None }
    }
}

/// Path and start of the range of every request so far.
type Requests = Arc<Mutex<Vec<(String, Option<usize>)>>>;

/// A server of one body; `reply` sees path, start of the range, and the number of requests before.
fn serve(
    body: Vec<u8>,
    reply: impl Fn(&str, Option<usize>, usize) -> Reply + Send + 'static,
) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let seen = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &body, &reply, &seen);
        }
    });
    (address, requests)
}

fn answer(
    mut stream: TcpStream,
    body: &[u8],
    reply: &impl Fn(&str, Option<usize>, usize) -> Reply,
    seen: &Requests,
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let mut start = None;
    for line in lines.map_while(|line| line.ok()).take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            start = range.trim_end_matches('-').parse().ok();
        }
    }
    let before = seen.lock().unwrap().len();
    seen.lock().unwrap().push((path.clone(), start));
    let reply = reply(&path, start, before);
    let body = body.get(reply.from..).unwrap_or_default();
    let range = reply.range.map(|range| format!("Content-Range: {range}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} X\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n",
        reply.status,
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body[..reply.cut.unwrap_or(body.len()).min(body.len())]);
    let _ = stream.flush();
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read(&mut [0; 64]);
}

fn body() -> Vec<u8> {
    (0..400_000_u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()).collect()
}

/// MD5 of [`body`], by `md5sum`.
const BODY_MD5: &str = "5e010c60049b7aa793e6fb8f1b847ab6";

fn remote(urls: &[&str]) -> Remote {
    Remote {
        urls: urls.iter().map(|url| format!("{url}/a.bin")).collect(),
        bytes: Some(1_600_000),
        md5: Some(BODY_MD5),
        unpack: Unpack::Keep { path: "a.bin".into() },
        may_be_missing: false,
    }
}

fn get(remote: &Remote, folder: &Folder) -> Result<()> {
    install(&fetch::agent(), remote, &folder.0, false)
}

fn starts(requests: &Requests) -> Vec<Option<usize>> {
    requests.lock().unwrap().iter().map(|(_, start)| *start).collect()
}

#[test]
fn a_file_is_fetched_checked_and_kept() {
    let (url, requests) = serve(body(), |_, start, _| Reply::honest(start, 1_600_000));
    let folder = Folder::new();
    get(&remote(&[&url]), &folder).unwrap();
    get(&remote(&[&url]), &folder).unwrap();
    assert_eq!(std::fs::read(folder.0.join("a.bin")).unwrap(), body());
    assert_eq!(starts(&requests), [None], "what is there is not fetched again");
    assert!(!folder.0.join("a.bin.part").exists());
}

#[test]
fn it_goes_on_after_a_cut_and_after_an_earlier_run() {
    let (url, requests) = serve(body(), |_, start, before| Reply {
        cut: (before < 2).then_some(500_000),
        ..Reply::honest(start, 1_600_000)
    });
    let folder = Folder::new();
    folder.write("a.bin.part", &body()[..1_000]);
    get(&remote(&[&url]), &folder).unwrap();
    assert_eq!(std::fs::read(folder.0.join("a.bin")).unwrap(), body());
    assert_eq!(starts(&requests), [Some(1_000), Some(501_000), Some(1_001_000)]);
}

#[test]
fn servers_that_cannot_resume_start_anew() {
    // One ignores the range; one begins elsewhere than asked; one says that nothing is left, of a shorter file.
    let replies: [fn(Option<usize>) -> Reply; 3] = [
        |_| Reply::honest(None, 1_600_000),
        |start| Reply::honest(start.map(|_| 7), 1_600_000),
        |start| match start {
            None => Reply::honest(None, 1_600_000),
            Some(_) => Reply { range: Some("bytes */900".into()), ..Reply::status(416) },
        },
    ];
    for reply in replies {
        let (url, _) = serve(body(), move |_, start, _| reply(start));
        let folder = Folder::new();
        folder.write("a.bin.part", &body()[..1_000]);
        get(&remote(&[&url]), &folder).unwrap();
        assert_eq!(std::fs::read(folder.0.join("a.bin")).unwrap(), body());
    }
}

#[test]
fn a_complete_part_is_taken() {
    let (url, _) =
        serve(body(), |_, _, _| Reply { range: Some("bytes */1600000".into()), ..Reply::status(416) });
    let folder = Folder::new();
    folder.write("a.bin.part", body());
    get(&remote(&[&url]), &folder).unwrap();
    assert_eq!(std::fs::read(folder.0.join("a.bin")).unwrap(), body());
}

#[test]
fn another_content_is_refused_and_removed() {
    let mut other = body();
    other[77] ^= 1;
    let (url, _) = serve(other, |_, start, _| Reply::honest(start, 1_600_000));
    let folder = Folder::new();
    let error = get(&remote(&[&url]), &folder).unwrap_err().to_string();
    assert!(error.contains(&format!("expected MD5 {BODY_MD5}, found MD5 ")), "{error}");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);

    let (url, _) = serve(body()[..900].to_vec(), |_, start, _| Reply::honest(start, 900));
    let error = get(&remote(&[&url]), &folder).unwrap_err().to_string();
    assert!(error.contains("expected 1600000 bytes, found 900 bytes"), "{error}");
}

#[test]
fn the_next_mirror_is_tried() {
    let (missing, _) = serve(Vec::new(), |_, _, _| Reply::status(404));
    let (good, _) = serve(body(), |_, start, _| Reply::honest(start, 1_600_000));
    let folder = Folder::new();
    get(&remote(&["http://127.0.0.1:1", &missing, &good]), &folder).unwrap();
    assert_eq!(std::fs::read(folder.0.join("a.bin")).unwrap(), body());

    let folder = Folder::new();
    let error = get(&remote(&[&missing]), &folder).unwrap_err().to_string();
    assert!(error.contains("/a.bin: expected status 200 or 206, found 404"), "{error}");
}

#[test]
fn a_server_that_only_cuts_ends_the_download_and_what_came_stays() {
    let (url, requests) = serve(body(), |_, start, _| Reply {
        cut: Some(if start.is_none() { 4_000 } else { 0 }),
        ..Reply::honest(start, 1_600_000)
    });
    let folder = Folder::new();
    let error = get(&remote(&[&url]), &folder).unwrap_err().to_string();
    assert!(error.contains("the connection broke after 4000 bytes"), "{error}");
    assert_eq!(std::fs::read(folder.0.join("a.bin.part")).unwrap(), body()[..4_000]);
    assert_eq!(starts(&requests).len(), 6);
}

#[test]
fn no_network_is_told_with_the_way_around() {
    let folder = Folder::new();
    let error = get(&remote(&["http://127.0.0.1:1"]), &folder).unwrap_err().to_string();
    assert!(error.contains("no connection for http://127.0.0.1:1/a.bin"), "{error}");
    assert!(error.contains(&format!("put the file at {}", folder.0.join("a.bin").display())), "{error}");
}

/// A gzipped tar of files (name, content) and a link.
fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    for (name, content) in files {
        let mut header = tar::Header::new_old();
        // Not `set_path`, which refuses what a hostile archive holds.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    tar.append_link(&mut link, "x/CHiME6/audio/dev/S02_P09.wav", "/etc/passwd").unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::FileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.add_symlink("x/CHiME6/audio/dev/S02_P09.wav", "/etc/passwd", zip::write::FileOptions::default())
        .unwrap();
    zip.finish().unwrap().into_inner()
}

fn members() -> Members {
    let wanted = |path: &Path| path.to_string_lossy().contains("_P");
    Members { into: "CHiME6", strip: 2, wanted }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn archives_are_unpacked_once_and_only_what_is_wanted() {
    let files = [
        ("x/CHiME6/audio/dev/S02_P05.wav", "worn"),
        ("x/CHiME6/audio/dev/S02_U01.CH1.wav", "array"),
        ("./x/CHiME6/audio/dev/S02_P06.wav", "worn too"),
    ];
    let archives = [(tar_gz(&files), Unpack::TarGz(members())), (zipped(&files), Unpack::Zip(members()))];
    for (archive, unpack) in archives {
        let length = archive.len();
        let (url, requests) = serve(archive, move |_, start, _| Reply::honest(start, length));
        let remote = Remote { bytes: None, md5: None, unpack, ..remote(&[&url]) };
        let folder = Folder::new();
        get(&remote, &folder).unwrap();
        get(&remote, &folder).unwrap();
        let audio = folder.0.join("CHiME6/audio/dev");
        let expected =
            [folder.0.join(".download/a.bin.done"), audio.join("S02_P05.wav"), audio.join("S02_P06.wav")];
        assert_eq!(files_below(&folder.0), expected);
        assert_eq!(std::fs::read_to_string(audio.join("S02_P05.wav")).unwrap(), "worn");
        assert_eq!(starts(&requests), [None]);
    }
}

#[test]
fn hostile_and_broken_archives_are_named() {
    for name in ["../evil_P.wav", "/tmp/evil_P.wav", "x/../../evil_P.wav"] {
        for (archive, unpack) in [
            (tar_gz(&[(name, "x")]), Unpack::TarGz(members())),
            (zipped(&[(name, "x")]), Unpack::Zip(members())),
        ] {
            let folder = Folder::new();
            let path = folder.write("a.bin", archive);
            let error = unpack::unpack(&path, &unpack, &folder.0).unwrap_err().to_string();
            assert!(error.contains("a.bin: expected names inside it, found"), "{error}");
            assert_eq!(files_below(&folder.0), [path]);
        }
    }
    let long = "x".repeat(100_000);
    let files = [("x/CHiME6/S02_P05.wav", long.as_str())];
    for (archive, unpack) in
        [(tar_gz(&files), Unpack::TarGz(members())), (zipped(&files), Unpack::Zip(members()))]
    {
        for cut in [archive.len() / 2, 10, 0] {
            let folder = Folder::new();
            let path = folder.write("a.bin", &archive[..cut]);
            let error = unpack::unpack(&path, &unpack, &folder.0).unwrap_err().to_string();
            assert!(error.contains("a.bin: "), "{error}");
        }
    }
    let folder = Folder::new();
    let path = folder.write("a.bin", tar_gz(&[("x/CHiME6/S02_U01.wav", "array")]));
    let error = unpack::unpack(&path, &Unpack::TarGz(members()), &folder.0).unwrap_err().to_string();
    assert!(error.contains("expected files of the corpus, found none"), "{error}");
}

#[test]
fn names_are_selected_and_much_is_asked_about() {
    let names = |names: &[&str]| -> Result<Vec<&'static str>> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(select(&names)?.iter().map(|part| part.name).collect())
    };
    assert_eq!(names(&["chime6/dev", "rirs_noises", "chime6/dev"]).unwrap(), ["chime6/dev", "rirs_noises"]);
    assert_eq!(names(&["ami"]).unwrap(), ["ami/annotations", "ami/lists", "ami/headsets"]);
    assert_eq!(names(&["librispeech"]).unwrap().len(), 7);
    let error = names(&["musan", "librespeech"]).unwrap_err().to_string();
    assert!(error.starts_with("librespeech: expected a corpus") && error.contains("chime6/eval"), "{error}");
    assert!(names(&["lib"]).is_err());

    let parts = select(&["musan".into(), "chime6/transcriptions".into()]).unwrap();
    let listing = listing(&parts);
    assert!(listing.contains("11.1 GB") && listing.contains("about 2.4 MB"), "{listing}");
    let error = download(&parts, Path::new("/nowhere"), false, false).unwrap_err().to_string();
    assert!(error.contains("11.1 GB are to be fetched; add --yes"), "{error}");
}

#[test]
fn every_part_has_files_with_addresses_and_places() {
    let folder = Folder::new();
    let head = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" standalone=\"yes\"?>\n";
    let roster = "annotations/ami-annotations/corpusResources/meetings.xml";
    let xml = format!(
        "{head}<nite:root nite:id=\"m\" xmlns:nite=\"http://nite.sourceforge.net/\"><meeting nite:id=\"a\" \
         observation=\"ES2002a\"><speaker nite:id=\"b\" channel=\"0\"/><speaker nite:id=\"c\" channel=\"3\"/>\
         </meeting></nite:root>"
    );
    let ami = select(&["ami/headsets".into()]).unwrap()[0];
    assert!(ami.files(&folder.0).unwrap_err().to_string().contains("fetch ami/annotations first"));
    folder.write(roster, &xml);
    for part in &PARTS {
        let files = part.files(&folder.0).unwrap();
        assert!(!files.is_empty() && part.bytes > 0, "{}", part.name);
        for remote in &files {
            assert!(remote.urls.iter().all(|url| url.starts_with("https://")), "{remote:?}");
            assert_eq!(remote.bytes, part.exact.then_some(part.bytes));
            assert!(remote.md5.is_none_or(|md5| md5.len() == 32));
        }
    }
    let headsets = ami.files(&folder.0).unwrap();
    let url = "https://groups.inf.ed.ac.uk/ami/AMICorpusMirror/amicorpus/ES2002a/audio/ES2002a.Headset-3.wav";
    assert_eq!((headsets.len(), headsets[1].urls[0].as_str()), (2, url));
    folder.write(roster, xml.replace("ES2002a", "../../etc"));
    assert!(ami.files(&folder.0).unwrap_err().to_string().contains("letters and digits"));
}
