//! todo
use anyhow::Result;
/// bench
pub fn run() -> Result<()> {
    Ok(())
}
