//! One binary; one mod a subject.
#![allow(clippy::unwrap_used, missing_docs)]

// Any chunking gives the same output, and nothing beyond the window is remembered.
mod streaming;
// What a session promises about channels, its end and its reset.
mod session;
// A session saved and restored is the same session.
mod state;
// A model that is computed elsewhere, and a session that goes on in its place.
mod remote_session;
// The types and numbers that the package shares with the binary.
mod contract;
// Wrong options, wrong sound, wrong files: each has a defined outcome.
mod hostile;
// Damaged model files by the thousand.
mod fuzz;
// Kernels against Burn, alone, in company and in slices.
mod kernels;
// Log-mel against an independent implementation.
mod features;
// The runtime against the trainer on the same weights.
mod parity;
