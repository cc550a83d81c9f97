//! One binary; one mod a subject.
#![allow(clippy::unwrap_used, missing_docs)]

// Any chunking gives the same output, and nothing beyond the window is remembered.
mod streaming;
// What a session promises about channels, its end and its reset.
mod session;
// Wrong options, wrong sound, wrong files: each has a defined outcome.
mod hostile;
// Log-mel against an independent implementation.
mod features;
// The listener against the teacher on the same weights.
mod parity;
