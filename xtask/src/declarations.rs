//! What wasm-bindgen declares of the binaries, as the package's sources hold it, so that types and lint need no wasm
//! build.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Room and name of each binary.
const ALL: [(&str, &str); 2] = [("wasm", "vap_wasm"), ("gpu", "vap_gpu")];

/// Shortens what wasm-bindgen has just declared of a binary, and keeps it in `npm/src`.
pub fn keep(room: &str, name: &str) -> Result<()> {
    let built = paths::inside("npm/dist").join(room).join(format!("{name}.d.ts"));
    let text = fs::read_to_string(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let text = shortened(&text);
    for path in [built, source(room, name)] {
        fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// What the sources hold.
pub fn held() -> Result<Vec<String>> {
    let read = |(room, name)| {
        let path = source(room, name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    ALL.into_iter().map(read).collect()
}

/// Fails when a build has declared something else than the sources held `before`.
pub fn hold(before: &[String]) -> Result<()> {
    for ((room, name), (before, now)) in ALL.into_iter().zip(before.iter().zip(held()?)) {
        if *before != now {
            bail!(
                "npm/src/{room}/{name}.d.ts was not what the binary declares; it is now: look at the difference"
            );
        }
    }
    Ok(())
}

fn source(room: &str, name: &str) -> std::path::PathBuf {
    paths::inside("npm/src").join(room).join(format!("{name}.d.ts"))
}

/// Without what is nobody's to use: the binary's own exports, and `Symbol.dispose`, which ES2022 does not know.
fn shortened(text: &str) -> String {
    let mut short = String::from(
        "// Made by `cargo xtask build` from the binary's doors in vap-wasm: change it there.\n",
    );
    let mut exports = false;
    for line in text.lines() {
        exports |= line.starts_with("export interface InitOutput");
        let own =
            exports && line.starts_with("    readonly ") && !line.contains("memory: WebAssembly.Memory");
        exports &= line != "}";
        if !own && !line.contains("[Symbol.dispose]") && !line.starts_with("/* ") {
            short.push_str(line);
            short.push('\n');
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_class_keeps_its_methods_and_the_binary_its_memory() {
        let text = "/* eslint-disable */\nexport class A {\n    free(): void;\n    [Symbol.dispose](): void;\n    readonly b: number;\n}\n\
            export interface InitOutput {\n    readonly memory: WebAssembly.Memory;\n    readonly a_b: (a: number) => void;\n}\n";
        let kept = "export class A {\n    free(): void;\n    readonly b: number;\n}\n\
            export interface InitOutput {\n    readonly memory: WebAssembly.Memory;\n}\n";
        assert_eq!(shortened(text).split_once('\n').unwrap().1, kept);
    }
}
