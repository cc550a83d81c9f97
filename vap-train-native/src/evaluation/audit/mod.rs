//! Whether a model hears what it is to hear: what silence tells without speech, and prosody with everything else equal.

mod silence;
mod pairs;
mod probe;

pub use pairs::pairs;
pub use silence::{AuditSize, silence};
