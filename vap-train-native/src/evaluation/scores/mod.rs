//! From a recording and a model to the rows of a report.

mod candidate;
pub(crate) mod end_of_turn;
pub(crate) mod floor;
pub(crate) mod foresight;
pub(crate) mod rows;
pub(crate) mod scene;
pub(crate) mod scored;
pub mod thresholds;
pub(crate) mod truth;
pub mod tune;

pub use candidate::Candidate;
pub use thresholds::Thresholds;
