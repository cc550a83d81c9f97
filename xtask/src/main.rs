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

use clap::{Parser, Subcommand};

/// Sets up what is missing, builds, shows, tests, times and trains.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Install whatever is missing for all other verbs.
    Setup,
    /// Build the wasm binaries and the npm package into npm/dist.
    Build {
        /// Leave the binary for WebGPU out.
        #[arg(long)]
        cpu: bool,
    },
    /// Build, show the turns of a real phone call, serve the page.
    Demo {
        /// Serve the page, also where nobody can end it.
        #[arg(long, conflicts_with = "no_serve")]
        serve: bool,
        /// End without serving the page.
        #[arg(long)]
        no_serve: bool,
    },
    /// Run the whole gate, cheapest check first.
    Test {
        /// Begin with the Nth check, for one who mends what failed.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=test::COUNT))]
        from: u8,
    },
    /// Time hops in Node, Chromium and native, beside Burn and onnxruntime.
    Bench {
        /// A first look.
        #[arg(long)]
        quick: bool,
    },
    /// From nothing to exported weights; `train --help` lists what it can be told.
    #[command(disable_help_flag = true)]
    Train {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        told: Vec<String>,
    },
    /// What cargo starts, told so by `test`, to run a wasm test binary in a browser.
    #[command(hide = true, disable_help_flag = true)]
    WasmTests {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        told: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Setup => setup::everything(),
        Verb::Build { cpu } => wasm::build(!cpu),
        Verb::Demo { serve, no_serve } => demo::run((serve || no_serve).then_some(serve)),
        Verb::Test { from } => test::run(from),
        Verb::Bench { quick } => bench::run(quick),
        Verb::Train { told } => train::run(&told),
        Verb::WasmTests { told } => wasm_tests::serve(&told),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_those_that_are_known() {
        Arguments::command().debug_assert();
        let read = |text: &str| Arguments::try_parse_from(format!("xtask {text}").split(' '));
        assert!(matches!(read("test").unwrap().verb, Verb::Test { from: 1 }));
        assert!(matches!(read("test --from 9").unwrap().verb, Verb::Test { from: 9 }));
        let told = read("train --help --steps 3").unwrap().verb;
        assert!(matches!(told, Verb::Train { told } if told == ["--help", "--steps", "3"]));
        for wrong in
            ["fly", "test --from", "test --from 0", "test --from 14", "test --from x", "demo --sreve"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let error = read("demo --serve --no-serve").unwrap_err().to_string();
        assert!(error.contains("--no-serve"), "{error}");
    }
}
