//! File formats that more than one corpus uses, without the corpus.

pub mod flac;
pub mod nxt;
pub mod rttm;
pub mod table;
pub mod wav;
