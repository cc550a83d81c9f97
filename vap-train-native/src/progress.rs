//! Progress bars of long work: done, speed, time left. Silent when the output is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Bar of `length` steps.
pub fn bar(length: u64, name: impl Into<String>) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {per_sec} {eta} left  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style).with_prefix(name.into())
}
