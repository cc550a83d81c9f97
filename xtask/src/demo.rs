//! The demo: builds the package, runs its command line on a real phone call, says where the picture is, and serves the
//! page.

use std::fs;
use std::io::{IsTerminal, stdin};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{browsers, paths, shell, wasm};

const CALL: &str = "tests/fixtures/call.wav";
const SVG: &str = "demo/call.svg";
const PNG: &str = "demo/call.png";

/// `cargo xtask demo`; unless told by `serve`, the page is served where a person can end it.
pub fn run(serve: Option<bool>) -> Result<()> {
    let serves = serve.unwrap_or_else(|| stdin().is_terminal());
    wasm::build(false)?;
    fs::create_dir_all(paths::inside("demo"))?;
    shell::run(shell::command("node").args(["npm/dist/cli/main.js", "analyze", CALL, "--svg", SVG]))?;
    println!("\nthe call as a picture: {SVG}");
    if render(&paths::inside(SVG), &paths::inside(PNG)) {
        println!("                       {PNG}");
    }
    if !serves {
        println!("the page:              cargo xtask demo --serve");
        return Ok(());
    }
    shell::run(&mut shell::npm(&["run", "--silent", "www"]))
}

/// Asks a browser, if there is one, for a PNG of the picture; only a convenience, so failures are silent.
fn render(svg: &Path, png: &Path) -> bool {
    let Ok(Some(chromium)) = browsers::find_chromium() else { return false };
    let size = fs::read_to_string(svg).ok().and_then(|text| size(&text)).unwrap_or((1600, 900));
    let _ = fs::remove_file(png);
    let mut command = shell::command(chromium);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .arg(format!("--window-size={},{}", size.0, size.1))
        .arg(format!("--screenshot={}", png.display()))
        .arg(format!("file://{}", svg.display()));
    ends_well(&mut command, Duration::from_secs(30)) && png.is_file()
}

fn ends_well(command: &mut Command, patience: Duration) -> bool {
    let Ok(mut child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else { return false };
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// Width and height in pixels from the attributes of the `<svg>` tag.
fn size(svg: &str) -> Option<(u32, u32)> {
    let tag = &svg[svg.find("<svg")?..];
    let tag = &tag[..tag.find('>')?];
    let attribute = |name: &str| {
        let value = tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
        value.trim_end_matches("px").parse::<f64>().ok().map(|pixels| pixels.ceil() as u32)
    };
    Some((attribute("width")?, attribute("height")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_from_the_svg_tag_alone() {
        let svg = "<?xml version=\"1.0\"?><svg xmlns=\"x\" width=\"1200\" height=\"480.5\"><rect width=\"3\"/></svg>";
        assert_eq!(size(svg), Some((1200, 481)));
        assert_eq!(size("<svg viewBox=\"0 0 1 1\"><rect width=\"3\" height=\"4\"/></svg>"), None);
    }
}
