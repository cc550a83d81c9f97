//! Telephony: the bytes of ITU-T G.711, 8 bits a sample, to samples in `[-1, 1]`.

use crate::error::{Error, Result};

/// Which of the two laws a line speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// A-law (PCMA): Europe and most of the world.
    A,
    /// μ-law (PCMU): North America and Japan.
    Mu,
}

impl Law {
    /// The law of a name, `alaw` or `mulaw`.
    ///
    /// # Errors
    /// [`Error::Option`] for another name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "alaw" => Ok(Law::A),
            "mulaw" => Ok(Law::Mu),
            other => Err(Error::Option {
                option: "encoding",
                expected: "alaw or mulaw".into(),
                found: other.chars().take(32).collect(),
            }),
        }
    }

    /// The sample of a byte, at 16 bits.
    pub fn decode(self, byte: u8) -> i16 {
        match self {
            Law::A => {
                let code = byte ^ 0x55;
                let step = i16::from(code & 0x0f) << 4;
                let size = match (code & 0x70) >> 4 {
                    0 => step + 0x08,
                    segment => (step + 0x108) << (segment - 1),
                };
                if code & 0x80 == 0 { -size } else { size }
            }
            Law::Mu => {
                let code = !byte;
                let size = ((i16::from(code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4);
                if code & 0x80 == 0 { size - 0x84 } else { 0x84 - size }
            }
        }
    }
}

/// Samples of a line's bytes.
pub fn decode(bytes: &[u8], law: Law) -> Vec<f32> {
    bytes.iter().map(|byte| f32::from(law.decode(*byte)) / 32_768.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_the_recommendation() {
        // G.711 tables 1 and 2: decision values y at their 13 and 14 bits, here at 16.
        for (byte, size) in [(0xD5, 8), (0xD4, 24), (0xC5, 264), (0xF5, 528), (0xE5, 1_056), (0xAA, 32_256)] {
            assert_eq!((Law::A.decode(byte), Law::A.decode(byte ^ 0x80)), (size, -size), "A-law {byte:#x}");
        }
        for (byte, size) in [(0xFF, 0), (0xFE, 8), (0xF0, 120), (0xEF, 132), (0xE0, 372), (0x80, 32_124)] {
            assert_eq!(
                (Law::Mu.decode(byte), Law::Mu.decode(byte ^ 0x80)),
                (size, -size),
                "mu-law {byte:#x}"
            );
        }
        assert_eq!(decode(&[0xD5, 0x2A], Law::A), [8.0 / 32_768.0, -32_256.0 / 32_768.0]);
        assert_eq!(Law::named("ulaw").unwrap_err().code(), "option");
    }

    #[test]
    fn sizes_rise_with_the_codes() {
        for law in [Law::A, Law::Mu] {
            let byte = |code: u8| if law == Law::A { (code | 0x80) ^ 0x55 } else { !code };
            let sizes: Vec<_> = (0..128).map(|code| law.decode(byte(code))).collect();
            assert!(sizes.windows(2).all(|pair| pair[0] < pair[1]), "{law:?}: {sizes:?}");
        }
    }
}
