//! Whether a model hears what it is to hear: what silence tells without speech, and prosody with everything else equal.

mod leak;
mod pairs;
mod probe;

pub use leak::{LeakSize, leak};
pub use pairs::pairs;
