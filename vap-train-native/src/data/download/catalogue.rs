//! What can be fetched, from where, how large it is and where it goes.
//!
//! Checksums are the MD5 sums that OpenSLR publishes. Where no official one was found (AMI, VoxConverse, CHiME-6)
//! none is pinned, and a file is complete when it has the length that the server announces, and the published one
//! where that is exact.

use std::path::{Path, PathBuf};

use super::Result;
use crate::data::CorpusError;
use crate::data::formats::nxt::Document;

/// One part of a corpus, as it can be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// `corpus` or `corpus/part`.
    pub name: &'static str,
    /// Licence of the corpus.
    pub licence: &'static str,
    /// Size of what is fetched, in bytes.
    pub bytes: u64,
    /// Whether the size is known to the byte.
    pub exact: bool,
    source: Source,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    /// Resource and file at OpenSLR, MD5, and how it unpacks.
    OpenSlr(&'static str, Option<&'static str>, fn() -> Unpack),
    /// Address of one archive, and how it unpacks.
    Archive(&'static str, fn() -> Unpack),
    /// The official lists of meetings.
    AmiLists,
    /// A WAV for every headset of every meeting; the annotations must be there.
    AmiHeadsets,
}

/// One file on a server.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    /// The same file at one address or more, in the order in which they are tried.
    pub urls: Vec<String>,
    /// Length in bytes where it is known exactly.
    pub bytes: Option<u64>,
    /// MD5 in hexadecimal where it is published.
    pub md5: Option<&'static str>,
    /// What becomes of it.
    pub unpack: Unpack,
    /// Whether the corpus is complete without it.
    pub may_be_missing: bool,
}

/// What becomes of a fetched file. Paths are below the target folder.
#[derive(Debug, Clone)]
pub(super) enum Unpack {
    /// It stays as it is, at this path.
    Keep { path: PathBuf },
    /// A gzipped tar archive.
    TarGz(Members),
    /// A ZIP archive.
    Zip(Members),
}

/// Where the files of an archive go.
#[derive(Debug, Clone)]
pub(super) struct Members {
    /// Folder that they go to.
    pub into: &'static str,
    /// Leading folders of their names that are dropped.
    pub strip: usize,
    /// Which are wanted, by their name after that.
    pub wanted: fn(&Path) -> bool,
}

impl Remote {
    /// Last part of the address.
    pub fn file_name(&self) -> String {
        self.urls[0].rsplit('/').next().unwrap_or_default().to_owned()
    }
}

const AMI: &str = "CC BY 4.0";
const VOXCONVERSE: &str = "CC BY 4.0";
const LIBRISPEECH: &str = "CC BY 4.0";
const CHIME6: &str = "CC BY-SA 4.0";

/// Folder of the AMI annotations, where `prepare` looks for them.
const AMI_ANNOTATIONS: &str = "annotations/ami-annotations";

const fn part(name: &'static str, licence: &'static str, bytes: u64, exact: bool, source: Source) -> Part {
    Part { name, licence, bytes, exact, source }
}

/// Everything that can be fetched.
pub const PARTS: [Part; 19] = [
    part(
        "ami/annotations",
        AMI,
        22_887_865,
        true,
        Source::Archive(
            "https://groups.inf.ed.ac.uk/ami/AMICorpusAnnotations/ami_public_manual_1.6.2.zip",
            || Unpack::Zip(Members { into: AMI_ANNOTATIONS, strip: 0, wanted: all }),
        ),
    ),
    part("ami/lists", "Apache-2.0", 1_500, false, Source::AmiLists),
    part("ami/headsets", AMI, 45_400_000_000, false, Source::AmiHeadsets),
    part(
        "voxconverse/rttm",
        VOXCONVERSE,
        1_000_000,
        false,
        Source::Archive("https://github.com/joonson/voxconverse/archive/refs/heads/master.zip", || {
            Unpack::Zip(Members {
                into: "annotations/voxconverse-rttm/voxconverse-rttm",
                strip: 1,
                wanted: is_rttm,
            })
        }),
    ),
    part(
        "voxconverse/dev",
        VOXCONVERSE,
        1_988_647_478,
        true,
        Source::Archive(
            "https://www.robots.ox.ac.uk/~vgg/data/voxconverse/data/voxconverse_dev_wav.zip",
            || {
                Unpack::Zip(Members {
                    into: "annotations/voxconverse-rttm/voxconverse-rttm/dev",
                    strip: 0,
                    wanted: all,
                })
            },
        ),
    ),
    part(
        "voxconverse/test",
        VOXCONVERSE,
        4_300_000_000,
        false,
        Source::Archive(
            "https://www.robots.ox.ac.uk/~vgg/data/voxconverse/data/voxconverse_test_wav.zip",
            || {
                Unpack::Zip(Members {
                    into: "annotations/voxconverse-rttm/voxconverse-rttm/test",
                    strip: 0,
                    wanted: all,
                })
            },
        ),
    ),
    part(
        "librispeech/dev-clean",
        LIBRISPEECH,
        337_926_286,
        true,
        Source::OpenSlr("12/dev-clean.tar.gz", Some("42e2234ba48799c1f50f24a7926300a1"), whole_tar),
    ),
    part(
        "librispeech/dev-other",
        LIBRISPEECH,
        314_305_928,
        true,
        Source::OpenSlr("12/dev-other.tar.gz", Some("c8d0bcc9cca99d4f8b62fcc847357931"), whole_tar),
    ),
    part(
        "librispeech/test-clean",
        LIBRISPEECH,
        346_663_984,
        true,
        Source::OpenSlr("12/test-clean.tar.gz", Some("32fa31d27d2e1cad72775fee3f4849a9"), whole_tar),
    ),
    part(
        "librispeech/test-other",
        LIBRISPEECH,
        328_757_843,
        true,
        Source::OpenSlr("12/test-other.tar.gz", Some("fb5a50374b501bb3bac4815ee91d3135"), whole_tar),
    ),
    part(
        "librispeech/train-clean-100",
        LIBRISPEECH,
        6_387_309_499,
        true,
        Source::OpenSlr("12/train-clean-100.tar.gz", Some("2a93770f6d5c6c964bc36631d331a522"), whole_tar),
    ),
    part(
        "librispeech/train-clean-360",
        LIBRISPEECH,
        23_049_477_885,
        true,
        Source::OpenSlr("12/train-clean-360.tar.gz", Some("c0e676e450a7ff2f54aeade5171606fa"), whole_tar),
    ),
    part(
        "librispeech/train-other-500",
        LIBRISPEECH,
        30_593_501_606,
        true,
        Source::OpenSlr("12/train-other-500.tar.gz", Some("d1a0fd59409feb2c614ce4d30c387708"), whole_tar),
    ),
    part(
        "chime6/transcriptions",
        CHIME6,
        2_400_000,
        false,
        Source::OpenSlr("150/CHiME6_transcriptions.tar.gz", None, || {
            Unpack::TarGz(Members { into: "CHiME6", strip: 1, wanted: all })
        }),
    ),
    part(
        "chime6/train",
        CHIME6,
        97_000_000_000,
        false,
        Source::OpenSlr("150/CHiME6_train.tar.gz", None, worn),
    ),
    part("chime6/dev", CHIME6, 11_000_000_000, false, Source::OpenSlr("150/CHiME6_dev.tar.gz", None, worn)),
    part("chime6/eval", CHIME6, 12_000_000_000, false, Source::OpenSlr("150/CHiME6_eval.tar.gz", None, worn)),
    part(
        "musan",
        "CC BY 4.0",
        11_086_114_085,
        true,
        Source::OpenSlr("17/musan.tar.gz", Some("0c472d4fc0c5141eca47ad1ffeb2a7df"), whole_tar),
    ),
    part(
        "rirs_noises",
        "Apache-2.0",
        1_311_166_223,
        true,
        Source::OpenSlr("28/rirs_noises.zip", Some("e6f48e257286e05de56413b4779d8ffb"), || {
            Unpack::Zip(Members { into: "", strip: 0, wanted: all })
        }),
    ),
];

fn all(_: &Path) -> bool {
    true
}

fn is_rttm(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rttm")
}

/// An archive whose names begin with the folder of the corpus.
fn whole_tar() -> Unpack {
    Unpack::TarGz(Members { into: "", strip: 0, wanted: all })
}

/// Of CHiME-6 the worn microphones (`S02_P05.wav`): four fifths of the archives are arrays (`S02_U01.CH1.wav`).
fn worn() -> Unpack {
    let is_worn =
        |path: &Path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.contains("_P"));
    Unpack::TarGz(Members { into: "CHiME6", strip: 2, wanted: is_worn })
}

impl Part {
    /// The files of this part; for the AMI headsets by the annotations in `out`.
    pub(super) fn files(&self, out: &Path) -> Result<Vec<Remote>> {
        let one = |urls: Vec<String>, md5, unpack| {
            let bytes = self.exact.then_some(self.bytes);
            vec![Remote { urls, bytes, md5, unpack, may_be_missing: false }]
        };
        let keep = |url: String, path: PathBuf, may_be_missing| {
            let unpack = Unpack::Keep { path };
            Remote { urls: vec![url], bytes: None, md5: None, unpack, may_be_missing }
        };
        Ok(match self.source {
            Source::OpenSlr(file, md5, unpack) => {
                let servers = ["www.openslr.org", "openslr.elda.org", "openslr.magicdatatech.com"];
                let urls = servers.iter().map(|server| format!("https://{server}/resources/{file}"));
                one(urls.collect(), md5, unpack())
            }
            Source::Archive(url, unpack) => one(vec![url.into()], None, unpack()),
            Source::AmiLists => {
                let lists = ["train", "dev", "test"].map(|split| format!("lists/{split}.meetings.txt"));
                let folder = Path::new("annotations/ami-rttm-splits/ami-diarization-setup");
                let base = "https://raw.githubusercontent.com/BUTSpeechFIT/AMI-diarization-setup/main";
                lists.map(|list| keep(format!("{base}/{list}"), folder.join(&list), false)).to_vec()
            }
            Source::AmiHeadsets => headsets(out)?
                .into_iter()
                .map(|path| {
                    let base = "https://groups.inf.ed.ac.uk/ami/AMICorpusMirror";
                    keep(format!("{base}/{path}"), path.into(), true)
                })
                .collect(),
        })
    }
}

/// `amicorpus/ES2002a/audio/ES2002a.Headset-0.wav`, and so on, by the list of meetings.
fn headsets(out: &Path) -> Result<Vec<String>, CorpusError> {
    let path = out.join(AMI_ANNOTATIONS).join("corpusResources/meetings.xml");
    let roster = Document::read(&path, "AMI list of meetings; fetch ami/annotations first")?;
    let mut headsets = Vec::new();
    for (index, meeting) in roster.named("meeting") {
        let name = roster.required(meeting, "observation")?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(roster.attribute_error(meeting, "observation", "letters and digits"));
        }
        for (_, speaker) in roster.named("speaker").filter(|(_, speaker)| speaker.parent == Some(index)) {
            let channel = roster.required(speaker, "channel")?;
            if channel.is_empty() || !channel.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(roster.attribute_error(speaker, "channel", "the number of a headset"));
            }
            headsets.push(format!("amicorpus/{name}/audio/{name}.Headset-{channel}.wav"));
        }
    }
    Ok(headsets)
}
