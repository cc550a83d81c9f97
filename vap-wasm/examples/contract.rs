//! `cargo run -p vap-wasm --features contract --example contract`: writes down the contract with the package.

use anyhow::{Context, Result};
use std::path::Path;

fn main() -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../npm/src/common/contract.ts");
    std::fs::write(&file, vap_wasm::contract::typescript())
        .with_context(|| format!("cannot write {}", file.display()))
}
