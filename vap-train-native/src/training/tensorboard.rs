//! Scalars as TensorBoard event files: records of TensorFlow (length, checksum, bytes, checksum) that hold `Event`
//! messages in protocol buffers (`tensorboard/compat/proto/event.proto`).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// An event file that is being written.
pub struct EventFile {
    writer: BufWriter<File>,
}

impl EventFile {
    /// A new event file in `folder`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(folder: &Path) -> std::io::Result<EventFile> {
        let name = format!("events.out.tfevents.{:010}.vap-train", now_s() as u64);
        let mut file = EventFile { writer: BufWriter::new(File::create(folder.join(name))?) };
        file.record(&event(0, |out| field(out, 3, b"brain.Event:2")))?;
        Ok(file)
    }

    /// Adds the values of one step and writes them out.
    ///
    /// # Errors
    /// What the file system says.
    pub fn scalars<'a>(
        &mut self,
        step: u64,
        values: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> std::io::Result<()> {
        let mut summary = Vec::new();
        for (tag, value) in values {
            let mut entry = Vec::new();
            field(&mut entry, 1, tag.as_bytes());
            entry.push(2 << 3 | 5);
            entry.extend((value as f32).to_le_bytes());
            field(&mut summary, 1, &entry);
        }
        self.record(&event(step, |out| field(out, 5, &summary)))?;
        self.writer.flush()
    }

    fn record(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let length = (bytes.len() as u64).to_le_bytes();
        self.writer.write_all(&length)?;
        self.writer.write_all(&masked_crc(&length))?;
        self.writer.write_all(bytes)?;
        self.writer.write_all(&masked_crc(bytes))
    }
}

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// An `Event` of this moment with one more field.
fn event(step: u64, what: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![1 << 3 | 1];
    out.extend(now_s().to_le_bytes());
    out.push(2 << 3);
    varint(&mut out, step);
    what(&mut out);
    out
}

/// A field of bytes.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The checksum of TensorFlow's records.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture::Folder;

    /// Bytes that TensorFlow wrote for `tf.summary` of tag "loss", step 300, value 1.5, without its time.
    #[test]
    fn records_are_tensorflows() {
        let folder = Folder::new();
        let mut file = EventFile::create(&folder.0).unwrap();
        file.scalars(300, [("loss", 1.5)]).unwrap();
        let path = std::fs::read_dir(&folder.0).unwrap().next().unwrap().unwrap().path();
        let bytes = std::fs::read(path).unwrap();
        let first = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let record = &bytes[8 + 4 + first + 4..];
        let length = u64::from_le_bytes(record[..8].try_into().unwrap()) as usize;
        assert_eq!(record.len(), 8 + 4 + length + 4);
        let body = &record[12..12 + length];
        let expected =
            [0x10, 0xac, 2, 0x2a, 13, 0x0a, 11, 0x0a, 4, b'l', b'o', b's', b's', 0x15, 0, 0, 0xc0, 0x3f];
        assert_eq!(body[9..], expected);
        assert_eq!(record[12 + length..], masked_crc(body));
    }

    /// The check value of CRC-32C for "123456789" (RFC 3720) is e3069283.
    #[test]
    fn the_checksum_is_masked() {
        let masked = 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(masked_crc(b"123456789"), masked.to_le_bytes());
    }
}
