//! A teacher listens to prepared speech: an ONNX file that tells, for sound that stops, whether a turn has ended.
//!
//! Questions are laid along every utterance and call ([`questions`]), asked once of the file on onnxruntime
//! ([`session`]) and kept beside the prepared folder ([`answers`]); the simulation reads them there.

pub mod answers;
pub mod card;
pub mod ask;
pub mod questions;
pub mod session;
pub mod track;
pub mod whisper_mel;
