//! The Rust tests in browsers: wasm-bindgen's test runner, as a library, makes and serves the page of a test binary,
//! and Node has the browsers open it.

use std::ffi::OsString;
use std::net::TcpListener;
use std::{env, process, thread};

use anyhow::{Context, Result};
use wasm_bindgen_cli::wasm_bindgen_test_runner;

use crate::browsers::{self, Browsers};
use crate::{shell, wasm};

/// Where the tests run, by the variables that tell wasm-bindgen's runner so.
const PLACES: [&str; 2] = ["WASM_BINDGEN_USE_BROWSER", "WASM_BINDGEN_USE_DEDICATED_WORKER"];
const WITHOUT_ISOLATION: &str = "WASM_BINDGEN_TEST_NO_ORIGIN_ISOLATION";
const ADDRESS: &str = "WASM_BINDGEN_TEST_ADDRESS";

/// Runs them in a window and in a Worker, with and without origin isolation, in every browser.
pub fn run(browsers: &Browsers) -> Result<()> {
    let program = env::current_exe()?;
    let runner = serde_json::json!([
        program.to_str().context("xtask lies in a path that is not UTF-8")?,
        "wasm-tests"
    ]);
    let runner = format!("target.wasm32-unknown-unknown.runner={runner}");
    let tests = ["-p", "vap-wasm", "--test", "browser"];
    // Built first, so that an address is listened at as soon as it is chosen.
    shell::run(wasm::cargo("test", &tests)?.arg("--no-run"))?;
    for place in PLACES {
        for isolated in [true, false] {
            for browser in browsers::ALL {
                let mut cargo = wasm::cargo("test", &tests)?;
                cargo.args(["--config", &runner]);
                browsers.apply(browser, &mut cargo);
                cargo.env(place, "1").env("NO_HEADLESS", "1").env(ADDRESS, free_address()?);
                if !isolated {
                    cargo.env(WITHOUT_ISOLATION, "1");
                }
                println!("{place}, {} origin isolation", if isolated { "with" } else { "without" });
                shell::run(&mut cargo)?;
            }
        }
    }
    Ok(())
}

/// `cargo xtask wasm-tests FILE.wasm`, as cargo starts it: serves and opens one test binary.
pub fn serve(told: &[String]) -> Result<()> {
    let address =
        env::var(ADDRESS).with_context(|| format!("{ADDRESS} is not set: `cargo xtask test` sets it"))?;
    let arguments: Vec<OsString> = std::iter::once("wasm-bindgen-test-runner")
        .chain(told.iter().map(String::as_str))
        .map(Into::into)
        .collect();
    // It serves for ever, unless it fails.
    thread::spawn(move || {
        if let Err(error) = wasm_bindgen_test_runner::run_cli_with_args(arguments) {
            eprintln!("wasm-bindgen-test-runner: {error:#}");
            process::exit(1);
        }
    });
    shell::run(shell::command("node").arg("tests/browser/rust.js").arg(format!("http://{address}/")))
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
