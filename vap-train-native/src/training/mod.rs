//! From windows to weights: the loop, what it optimises, what it saves and how several processes share it.

mod answers;
pub mod loss;
pub mod optimizer;
pub mod average;
pub mod checkpoint;
mod c10d;
pub mod distributed;
pub mod launch;
pub mod tensorboard;
pub mod run_log;
mod train;

pub use train::{RunFolder, train};
