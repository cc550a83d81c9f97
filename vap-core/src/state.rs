//! A stream's state as bytes, so that it can go on in another process: a header that says what they are, then what
//! each module writes of its own, numbers little-endian. Bytes from outside are read as hostile: nothing is reserved
//! that they do not fill, and a module checks what it reads.
//!
//! | bytes | |
//! |---:|---|
//! | 4 | `VAPS` |
//! | 4 | version of the layout |
//! | 8 | identity of the model ([`crate::ModelView::identity`]) |
//! | 8 | hash of all that follows ([`hash`]) |
//! | rest | the modules' own |

use crate::error::{Error, Result};
use xxhash_rust::xxh64::Xxh64;

const MAGIC: [u8; 4] = *b"VAPS";
/// Version of the layout; a reader takes exactly its own.
pub const STATE_VERSION: u32 = 2;

/// Largest count of samples or hops that is taken: a quarter of a million years at 1 kHz, and clear of any overflow.
pub const MOST: u64 = 1 << 53;

/// XXH64 over parts, each behind its length. It tells damage and another model, not malice.
pub fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = Xxh64::new(0);
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.digest()
}

/// Takes what the modules write.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

const HEADER: usize = 24;

impl Writer {
    /// For a stream of the model with this identity.
    pub fn new(identity: u64) -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(STATE_VERSION.to_le_bytes());
        bytes.extend(identity.to_le_bytes());
        bytes.resize(HEADER, 0);
        Writer { bytes }
    }

    /// Makes room for as many bytes more.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// What was written, with its header.
    pub fn finish(mut self) -> Vec<u8> {
        let hash = hash(&[&self.bytes[HEADER..]]);
        self.bytes[HEADER - 8..HEADER].copy_from_slice(&hash.to_le_bytes());
        self.bytes
    }

    /// Writes yes or no.
    #[inline(never)]
    pub fn flag(&mut self, flag: bool) {
        self.bytes.push(flag.into());
    }

    /// Writes a count, or one of a few.
    #[inline(never)]
    pub fn count(&mut self, count: u64) {
        self.bytes.extend(count.to_le_bytes());
    }

    /// Writes a number.
    #[inline(never)]
    pub fn number(&mut self, number: f64) {
        self.bytes.extend(number.to_le_bytes());
    }

    /// Writes numbers whose count the reader knows.
    #[inline(never)]
    pub fn floats(&mut self, values: &[f32]) {
        let from = self.bytes.len();
        self.bytes.resize(from + size_of_val(values), 0);
        for (bytes, value) in self.bytes[from..].as_chunks_mut().0.iter_mut().zip(values) {
            *bytes = value.to_le_bytes();
        }
    }

    /// Writes numbers and their count.
    pub fn list(&mut self, values: &[f32]) {
        self.count(values.len() as u64);
        self.floats(values);
    }

    /// Writes pairs of integers whose count the reader knows.
    pub fn pairs(&mut self, pairs: &[[i16; 2]]) {
        let from = self.bytes.len();
        self.bytes.resize(from + size_of_val(pairs), 0);
        for (bytes, value) in self.bytes[from..].as_chunks_mut().0.iter_mut().zip(pairs.as_flattened()) {
            *bytes = value.to_le_bytes();
        }
    }

    /// Writes what may be missing.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(T, &mut Self)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(value, self);
        }
    }
}

/// Gives back what a [`Writer`] took, in the same order.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the header.
    ///
    /// # Errors
    /// [`Error::State`] for bytes that are no state, of another version or model, or damaged.
    pub fn new(bytes: &'a [u8], identity: u64) -> Result<Self> {
        let mut reader = Reader { rest: bytes };
        if reader.array()? != MAGIC {
            return Err(Error::State("a saved session"));
        }
        let version = u32::from_le_bytes(reader.array()?);
        if version != STATE_VERSION {
            return Err(Error::State("a session saved in the same version"));
        }
        if u64::from_le_bytes(reader.array()?) != identity {
            return Err(Error::State("a session of this model"));
        }
        if u64::from_le_bytes(reader.array()?) != hash(&[reader.rest]) {
            return Err(Error::State("what was saved"));
        }
        Ok(reader)
    }

    /// Says that nothing is left.
    ///
    /// # Errors
    /// [`Error::State`] when something is.
    pub fn finish(self) -> Result<()> {
        met(self.rest.is_empty(), "the end")
    }

    /// Reads yes or no.
    ///
    /// # Errors
    /// [`Error::State`] for anything else.
    #[inline(never)]
    pub fn flag(&mut self) -> Result<bool> {
        let [flag] = self.array()?;
        met(flag <= 1, "yes or no")?;
        Ok(flag == 1)
    }

    /// Reads a count of `0..=most`.
    ///
    /// # Errors
    /// [`Error::State`] naming `what` when there is more.
    #[inline(never)]
    pub fn count(&mut self, what: &'static str, most: u64) -> Result<u64> {
        let found = u64::from_le_bytes(self.array()?);
        met(found <= most, what)?;
        Ok(found)
    }

    /// Reads a number.
    ///
    /// # Errors
    /// [`Error::State`] naming `what` for one that is not finite.
    #[inline(never)]
    pub fn number(&mut self, what: &'static str) -> Result<f64> {
        let number = f64::from_le_bytes(self.array()?);
        met(number.is_finite(), what)?;
        Ok(number)
    }

    /// Reads as many numbers of `-most..=most` as `values` has room for.
    ///
    /// # Errors
    /// [`Error::State`] naming `what` for one beyond, or none.
    #[inline(never)]
    pub fn floats(&mut self, what: &'static str, most: f32, values: &mut [f32]) -> Result<()> {
        let bytes = self.take(size_of_val(values))?.as_chunks::<4>().0;
        let mut inside = true;
        for (value, bytes) in values.iter_mut().zip(bytes) {
            *value = f32::from_le_bytes(*bytes);
            inside &= value.abs() <= most;
        }
        met(inside, what)
    }

    /// Reads numbers and their count.
    ///
    /// # Errors
    /// As [`Reader::floats`].
    pub fn list(&mut self, what: &'static str, most: f32) -> Result<Vec<f32>> {
        let count = self.count(what, self.rest.len() as u64 / 4)? as usize;
        let mut values = vec![0.0; count];
        self.floats(what, most, &mut values)?;
        Ok(values)
    }

    /// Reads as many pairs of integers of `-most..=most` as `pairs` has room for.
    ///
    /// # Errors
    /// [`Error::State`] for one beyond.
    #[inline(never)]
    pub fn pairs(&mut self, what: &'static str, most: i16, pairs: &mut [[i16; 2]]) -> Result<()> {
        let values = pairs.as_flattened_mut();
        let bytes = self.take(size_of_val(values))?.as_chunks::<2>().0;
        let mut inside = true;
        for (value, bytes) in values.iter_mut().zip(bytes) {
            *value = i16::from_le_bytes(*bytes);
            inside &= (-most..=most).contains(value);
        }
        met(inside, what)
    }

    /// Reads what may be missing.
    ///
    /// # Errors
    /// As `read`.
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        Ok(if self.flag()? { Some(read(self)?) } else { None })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::State("more bytes"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

/// Nothing, where a condition is met.
///
/// # Errors
/// [`Error::State`] where it is not.
pub fn met(condition: bool, expected: &'static str) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::State(expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut out = Writer::new(7);
        out.flag(true);
        out.count(3);
        out.number(-0.25);
        out.list(&[1.5, -2.0]);
        out.pairs(&[[1, -1]]);
        out.option(Some(9), |value, out| out.count(value));
        out.finish()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = written();
        let mut reader = Reader::new(&bytes, 7).unwrap();
        assert!(reader.flag().unwrap());
        assert_eq!(reader.count("things", 3).unwrap(), 3);
        assert_eq!(reader.number("number").unwrap(), -0.25);
        assert_eq!(reader.list("list", 2.0).unwrap(), [1.5, -2.0]);
        let mut pairs = [[0; 2]];
        reader.pairs("pairs", 1, &mut pairs).unwrap();
        assert_eq!(pairs, [[1, -1]]);
        assert_eq!(reader.option(|reader| reader.count("nine", 9)).unwrap(), Some(9));
        reader.finish().unwrap();
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = written();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(Reader::new(&other, 7).unwrap_err().code(), "state", "byte {at}");
            assert_eq!(Reader::new(&bytes[..at], 7).unwrap_err().code(), "state", "cut at {at}");
        }
        assert!(Reader::new(&bytes, 8).unwrap_err().to_string().contains("of this model"));
        assert!(Reader::new(&bytes, 7).unwrap().finish().is_err());
    }

    #[test]
    fn numbers_out_of_place_are_refused() {
        let mut out = Writer::new(0);
        out.count(u64::MAX);
        let bytes = out.finish();
        assert!(Reader::new(&bytes, 0).unwrap().list("numbers", 1.0).is_err());
        let mut out = Writer::new(0);
        out.number(f64::NAN);
        let bytes = out.finish();
        assert!(Reader::new(&bytes, 0).unwrap().number("number").is_err());
        assert!(Reader::new(&bytes, 0).unwrap().flag().is_ok());
        assert!(Reader::new(&bytes, 0).unwrap().floats("halves", f32::MAX, &mut [0.0; 2]).is_err());
        assert!(Reader::new(&bytes, 0).unwrap().pairs("pairs", 8, &mut [[0; 2]; 2]).is_err());
    }
}
