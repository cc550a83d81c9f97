//! What a report holds, and how it is written down.

pub mod event_log;
mod types;
mod markdown;
pub(crate) mod conditions;
pub(crate) mod plots;

pub use markdown::{markdown, real_markdown, table};
pub use types::{Curves, HeadReliability, RealReport, Report};
