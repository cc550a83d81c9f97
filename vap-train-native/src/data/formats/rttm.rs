//! Rich Transcription Time Marked files: one line a stretch of speech of one speaker.

use std::path::Path;

use crate::data::files::read_text;
use crate::data::{CorpusError, Result};

/// One `SPEAKER` line.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Line in the file, from 1.
    pub line: usize,
    /// Name of the recording.
    pub file: String,
    /// Channel of the recording as the file writes it, mostly `1`.
    pub channel: String,
    /// Name of the speaker.
    pub speaker: String,
    /// Start in the recording, in seconds.
    pub start_s: f64,
    /// End in the recording, in seconds.
    pub end_s: f64,
}

/// Reads the `SPEAKER` lines of a file, in its order. Lines of other types, comments (`;;`) and stretches without
/// length are left out.
///
/// # Errors
/// [`CorpusError::Missing`], or [`CorpusError::Row`] for a line with too few fields or a time that is none.
pub fn read(path: &Path) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for (index, text) in read_text(path, "RTTM file")?.lines().enumerate() {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let error = |column, expected: &str, found: &str| CorpusError::Row {
            path: path.into(),
            line: index + 1,
            column,
            expected: expected.into(),
            found: found.into(),
        };
        match fields.first() {
            None => continue,
            Some(kind) if kind.starts_with(";;") => continue,
            Some(&"SPEAKER") => {}
            Some(kind) if KINDS.contains(kind) => continue,
            Some(kind) => return Err(error("type", "a type of RTTM line, e.g. SPEAKER", kind)),
        }
        let [_, file, channel, start, seconds, _, _, speaker, ..] = fields[..] else {
            return Err(error("fields", "at least 8", &fields.len().to_string()));
        };
        let number = |column, text: &str| match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
            _ => Err(error(column, "seconds, 0 or more", text)),
        };
        let (start_s, seconds) = (number("start", start)?, number("duration", seconds)?);
        if seconds > 0.0 {
            let (file, channel, speaker) = (file.into(), channel.into(), speaker.into());
            segments.push(Segment {
                line: index + 1,
                file,
                channel,
                speaker,
                start_s,
                end_s: start_s + seconds,
            });
        }
    }
    Ok(segments)
}

/// Other types of line that the format knows.
const KINDS: [&str; 14] = [
    "SEGMENT",
    "NOSCORE",
    "NO_RT_METADATA",
    "LEXEME",
    "NON-LEX",
    "NON-SPEECH",
    "FILLER",
    "EDIT",
    "IP",
    "SU",
    "CB",
    "A/P",
    "SPKR-INFO",
    "SPEAKER-INFO",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture::Folder;

    #[test]
    fn lines_are_read_and_faults_named() {
        let folder = Folder::new();
        let line = "SPEAKER call 1 0.500 1.250 <NA> <NA> ann <NA> <NA>\n";
        let path = folder.write("a.rttm", format!(";; made by hand\n\nSPKR-INFO call 1 x\n{line}"));
        let (file, channel, speaker) = ("call".into(), "1".into(), "ann".into());
        let segment = Segment { line: 4, file, channel, speaker, start_s: 0.5, end_s: 1.75 };
        assert_eq!(read(&path).unwrap(), [segment]);
        folder.write("a.rttm", line.replace("1.250", "0.0"));
        assert!(read(&path).unwrap().is_empty());
        let faults = [
            (line.replace("0.500", "nan"), "a.rttm:1: start: expected seconds, 0 or more, found nan"),
            (line.replace("1.250", "-1"), "a.rttm:1: duration"),
            (line.replace("1.250", "1e999"), "a.rttm:1: duration"),
            (line[..30].to_owned(), "a.rttm:1: fields: expected at least 8"),
            (format!("{line}RIFF\u{1}"), "a.rttm:2: type"),
        ];
        for (text, expected) in faults {
            folder.write("a.rttm", text);
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        std::fs::write(&path, b"SPEAKER \xff").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("a.rttm"));
        assert!(read(Path::new("/none.rttm")).unwrap_err().to_string().contains("missing (RTTM file)"));
    }
}
