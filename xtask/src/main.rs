//! The door of `cargo xtask <verb>`: set-up, build, demo, test, bench.
//!
//! Each verb is a module; each sets up what it needs first. Nothing of the product is in here: these rooms
//! only find tools, start them in the right order with the right environment, and say what happened.

mod archive;
mod bench;
mod browsers;
mod cuda;
mod declarations;
mod demo;
mod host;
mod libtorch;
mod paths;
#[cfg(test)]
mod rooms;
mod setup;
mod shell;
mod sizes;
mod test;
mod train;
mod wasm;
mod wasm_tests;

use std::process::ExitCode;

use anyhow::Result;

/// A word of the command line, what it does, and the line that tells so, if people are to know.
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const VERBS: [Verb; 7] = [
    Verb {
        name: "setup",
        about: "install whatever is missing for all other verbs",
        run: |_| setup::everything(),
    },
    Verb {
        name: "build",
        about: "build the wasm binaries and the npm package into npm/dist; --cpu leaves WebGPU out",
        run: wasm::build,
    },
    Verb {
        name: "demo",
        about: "build, show the turns of a real phone call, serve the page; --serve, --no-serve",
        run: demo::run,
    },
    Verb {
        name: "test",
        about: "run the whole gate, cheapest check first; --from N begins with the Nth",
        run: test::run,
    },
    Verb {
        name: "bench",
        about: "time hops in Node, Chromium and native, beside Burn and onnxruntime; --quick for a first look",
        run: bench::run,
    },
    Verb {
        name: "train",
        about: "from nothing to exported weights; `train --help` lists what it can be told",
        run: train::run,
    },
    // What cargo starts, told so by `test`, to run a wasm test binary in a browser.
    Verb { name: "wasm-tests", about: "", run: wasm_tests::serve },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let verb = match words.as_slice() {
        [word] => VERBS.iter().find(|verb| verb.name == word),
        // These read what follows.
        [word, ..] if ["build", "bench", "demo", "test", "train", "wasm-tests"].contains(&word.as_str()) => {
            VERBS.iter().find(|verb| verb.name == word)
        }
        _ => None,
    };
    let Some(verb) = verb else {
        eprint!("{}", usage(&words));
        return ExitCode::from(2);
    };
    match (verb.run)(&words[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo xtask {}: {error:#}", verb.name);
            ExitCode::FAILURE
        }
    }
}

fn usage(words: &[String]) -> String {
    let mut text = match words {
        [] => String::new(),
        _ => format!("cargo xtask does not know `{}`.\n\n", words.join(" ")),
    };
    text.push_str("usage: cargo xtask <verb>\n\n");
    for verb in VERBS.iter().filter(|verb| !verb.about.is_empty()) {
        text.push_str(&format!("  {:<10} {}\n", verb.name, verb.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_lists_every_verb_for_people_on_a_line_and_names_the_unknown_word() {
        let text = usage(&["fly".to_owned()]);
        assert!(text.contains("`fly`"));
        for verb in &VERBS {
            let lines = text.lines().filter(|line| line.trim_start().starts_with(verb.name)).count();
            assert_eq!(lines, usize::from(!verb.about.is_empty()), "{}", verb.name);
        }
    }
}
