//! Training from nothing: set-up, then the trainer, which downloads, prepares, trains, scores and exports.

use anyhow::Result;

use crate::{setup, shell};

/// `cargo xtask train [what the trainer is told]`.
pub fn run(told: &[String]) -> Result<()> {
    println!("set-up");
    let libtorch = setup::for_training()?;
    let mut cargo = shell::cargo(&["run", "-p", "vap-train-native", "--", "all"])?;
    libtorch.apply(&mut cargo)?;
    shell::run(cargo.args(told))
}
