//! MUSAN in its official layout: noise and music for augmentation. Its speech is left out: as a babble it would
//! bring speakers that no split knows.
//!
//! `musan/{noise,music}/<source>/*.wav`, mono at 16 kHz, in each source folder `LICENSE` with the licence of every
//! file, and for music `ANNOTATIONS`: file, genres, vocals (`Y` or `N`), artist.

use std::collections::HashSet;
use std::path::Path;

use crate::data::bad::BadFiles;
use crate::data::files::{list_names, read_text};
use crate::data::formats::wav;
use crate::data::recordings::noise::NoiseRecording;
use crate::data::{CorpusError, RATE_HZ, Result};

/// Reads the folder `musan`. Recordings that are bad go through `bad`; only headers are looked at.
///
/// # Errors
/// [`CorpusError`] naming the missing folder or file, or the recording that is wrong.
pub fn read(folder: &Path, bad: &mut BadFiles) -> Result<Vec<NoiseRecording>> {
    let mut recordings = Vec::new();
    for part in ["noise", "music"] {
        let path = folder.join(part);
        let before = recordings.len();
        for source in list_names(&path, "MUSAN noise or music")? {
            let path = path.join(&source);
            if !path.is_dir() {
                continue;
            }
            // Licences are per file and in free text: the folder's own file is what they can be looked up in.
            read_text(&path.join("LICENSE"), "licences of a MUSAN folder")?;
            let sung = if part == "music" { with_vocals(&path.join("ANNOTATIONS"))? } else { HashSet::new() };
            for file in list_names(&path, "MUSAN recordings")? {
                let Some(name) = file.strip_suffix(".wav") else { continue };
                let path = path.join(&file);
                if bad.keep(check(&path))?.is_some() {
                    let label = if sung.contains(name) { format!("{part} with vocals") } else { part.into() };
                    recordings.push(NoiseRecording {
                        path,
                        set: format!("musan-{part}"),
                        label,
                        licence: format!("per file, see LICENSE in {part}/{source} (MUSAN)"),
                    });
                }
            }
        }
        if recordings.len() == before && bad.skipped.is_empty() {
            return Err(CorpusError::Missing { path: path.join("*/*.wav"), what: "MUSAN recordings" });
        }
    }
    Ok(recordings)
}

/// Files with vocals by an `ANNOTATIONS` file.
fn with_vocals(path: &Path) -> Result<HashSet<String>> {
    let text = read_text(path, "annotations of MUSAN music")?;
    let fields = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    Ok(fields.filter(|f| f.get(2) == Some(&"Y")).map(|f| f[0].to_owned()).collect())
}

fn check(path: &Path) -> Result<()> {
    let header = wav::read_header(path)?;
    if (header.rate_hz, header.channels) != (RATE_HZ, 1) {
        let found = format!("{} Hz, {} channel(s)", header.rate_hz, header.channels);
        return Err(CorpusError::Audio {
            path: path.into(),
            expected: format!("{RATE_HZ} Hz, 1 channel"),
            found,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bad::OnBadFile;
    use crate::data::fixture;
    use crate::data::fixture::{Folder, burst};

    fn corpus() -> Folder {
        let folder = Folder::new();
        folder.write("README", "MUSAN");
        folder.write("noise/README", "noise");
        folder.write("noise/free-sound/LICENSE", "CC0");
        fixture::wav(&folder, "noise/free-sound/noise-free-sound-0000.wav", 16_000, &burst(0.5, 0.0, 0.5));
        folder.write("music/fma/LICENSE", "CC BY");
        folder
            .write("music/fma/ANNOTATIONS", "music-fma-0000 blues Y Cullah\nmusic-fma-0001 pop,rock N Q\n\n");
        for name in ["music-fma-0000", "music-fma-0001"] {
            fixture::wav(&folder, &format!("music/fma/{name}.wav"), 16_000, &burst(0.5, 0.0, 0.5));
        }
        folder.write("speech/librivox/LICENSE", "public domain");
        folder
    }

    fn error(folder: &Folder) -> String {
        read(&folder.0, &mut BadFiles::new(OnBadFile::Stop)).unwrap_err().to_string()
    }

    #[test]
    fn noise_and_music_are_read() {
        let folder = corpus();
        let recordings = read(&folder.0, &mut BadFiles::new(OnBadFile::Stop)).unwrap();
        let labels: Vec<_> = recordings.iter().map(|r| (r.set.as_str(), r.label.as_str())).collect();
        let expected =
            [("musan-noise", "noise"), ("musan-music", "music with vocals"), ("musan-music", "music")];
        assert_eq!(labels, expected);
        assert_eq!(recordings[0].load().unwrap(), burst(0.5, 0.0, 0.5));
        assert!(recordings[0].licence.contains("noise/free-sound"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for path in ["noise/free-sound/LICENSE", "music/fma/ANNOTATIONS"] {
            let folder = corpus();
            std::fs::remove_file(folder.0.join(path)).unwrap();
            assert!(error(&folder).contains(&format!("{path}: missing")), "{}", error(&folder));
        }
        let folder = corpus();
        fixture::wav(&folder, "music/fma/music-fma-0001.wav", 44_100, &[0; 10]);
        assert!(error(&folder).contains("music-fma-0001.wav: expected 16000 Hz, 1 channel, found 44100 Hz"));
        let mut bad = BadFiles::new(OnBadFile::Skip);
        assert_eq!((read(&folder.0, &mut bad).unwrap().len(), bad.skipped.len()), (2, 1));
        std::fs::remove_dir_all(folder.0.join("music")).unwrap();
        assert!(error(&folder).contains("music: missing (MUSAN noise or music)"));
        let empty = Folder::new();
        empty.write("noise/free-sound/LICENSE", "");
        assert!(error(&empty).contains("missing (MUSAN recordings)"));
    }
}
