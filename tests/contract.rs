//! What the package holds of the contract with the binary is what Rust says.

#[test]
fn the_package_holds_what_rust_declares() {
    let held = include_str!("../npm/src/common/contract.ts");
    let hint = "run `cargo run -p vap-wasm --features contract --example contract`";
    let declared = vap_wasm::contract::typescript();
    let differ = held.lines().zip(declared.lines()).position(|(held, declared)| held != declared);
    assert!(
        held == declared,
        "npm/src/common/contract.ts differs from line {:?} on: {hint}",
        differ.map(|at| at + 1)
    );
}
