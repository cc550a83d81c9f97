//! Which teacher: name, version, licence, and the hash of its file.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Files that are known by their hash: SHA-256, name, version, licence.
const KNOWN: [(&str, &str, &str, &str); 1] = [(
    "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
    "smart-turn",
    "3.2-cpu",
    "BSD-2-Clause (Daily); encoder of Whisper tiny, MIT (OpenAI)",
)];

/// A file from outside, as answers and start weights name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Name, one word.
    pub name: String,
    /// Version.
    pub version: String,
    /// Licence, with whom it comes from.
    pub licence: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

/// What the caller says about a file; needed for one that is not known by its hash.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Said {
    /// Name of the file's model, one word; known for Smart Turn v3.2.
    #[arg(long)]
    pub name: Option<String>,
    /// Its version.
    #[arg(long = "model-version")]
    pub version: Option<String>,
    /// Its licence, and whose it is.
    #[arg(long)]
    pub licence: Option<String>,
}

impl Card {
    /// The card of a file's bytes.
    ///
    /// # Errors
    /// [`Error::Data`] for a file that is neither known nor described.
    pub fn of(path: &Path, bytes: &[u8], said: &Said) -> Result<Card> {
        let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let known = KNOWN.iter().find(|(hash, ..)| *hash == sha256);
        let field = |said: &Option<String>, known: Option<&str>, flag: &str| {
            said.clone().or(known.map(String::from)).filter(|text| !text.trim().is_empty()).ok_or_else(|| {
                Error::Data(format!(
                    "{}: expected a known file or --name, --model-version and --licence, found no {flag} and \
                     SHA-256 {sha256}",
                    path.display()
                ))
            })
        };
        Ok(Card {
            name: field(&said.name, known.map(|k| k.1), "--name")?,
            version: field(&said.version, known.map(|k| k.2), "--model-version")?,
            licence: field(&said.licence, known.map(|k| k.3), "--licence")?,
            sha256,
        })
    }

    /// Name and version as a file name: letters, digits, dots and dashes.
    pub fn slug(&self) -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
        format!("{}-{}", self.name, self.version).chars().map(keep).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_file_must_be_described() {
        let path = Path::new("ours.onnx");
        let error = Card::of(path, b"weights", &Said::default()).unwrap_err().to_string();
        assert!(error.contains("ours.onnx") && error.contains("--name"), "{error}");
        let said =
            Said { name: Some("Our Ear".into()), version: Some("2".into()), licence: Some("own".into()) };
        let card = Card::of(path, b"weights", &said).unwrap();
        assert_eq!(card.slug(), "our-ear-2");
        // printf weights | sha256sum
        assert_eq!(card.sha256, "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c");
    }
}
