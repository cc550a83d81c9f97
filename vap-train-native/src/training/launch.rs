//! Starts a run as several processes of this program on this machine, with the environment variables that torchrun
//! would set, and watches over them.

use std::ffi::OsString;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long the others may go on to their own end after one has failed.
const GRACE: Duration = Duration::from_secs(20);
/// Between two looks at whether the processes run.
const POLL: Duration = Duration::from_millis(100);
/// Option of the command line that asks for processes.
const OPTION: &str = "--processes";

/// Runs this program's own command line, without `--processes`, as `processes` ranks, to the end of all.
///
/// # Errors
/// [`Error::Distributed`] naming the first rank that failed; the others are ended then.
pub fn launch(processes: usize) -> Result<()> {
    let failed = |what: &str, error: std::io::Error| Error::Distributed(format!("{what}: {error}"));
    let program = std::env::current_exe().map_err(|e| failed("this program's own file", e))?;
    let arguments = without_option(std::env::args_os().skip(1));
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.map_err(|e| failed("a free port", e))?.port();
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let threads = (cores / processes).max(1);
    let mut ranks = Ranks(Vec::new());
    for rank in 0..processes {
        let mut command = Command::new(&program);
        command.args(&arguments).env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
        command.env("RANK", rank.to_string()).env("LOCAL_RANK", rank.to_string());
        command.env("WORLD_SIZE", processes.to_string());
        if std::env::var_os("OMP_NUM_THREADS").is_none() {
            command.env("OMP_NUM_THREADS", threads.to_string());
        }
        ranks.0.push(Some(command.spawn().map_err(|e| failed("starting a process", e))?));
    }
    ranks.watch()
}

/// The processes by rank; none where one has ended. Ended when dropped.
struct Ranks(Vec<Option<Child>>);

impl Ranks {
    fn watch(&mut self) -> Result<()> {
        let mut failure: Option<(Instant, String)> = None;
        while self.0.iter().any(Option::is_some) {
            for (rank, slot) in self.0.iter_mut().enumerate() {
                let Some(child) = slot else { continue };
                let ended = child.try_wait().map_err(|e| Error::Distributed(format!("rank {rank}: {e}")))?;
                let Some(status) = ended else { continue };
                *slot = None;
                if !status.success() && failure.is_none() {
                    failure = Some((Instant::now(), format!("rank {rank} ended with {status}")));
                }
            }
            if failure.as_ref().is_some_and(|(since, _)| since.elapsed() > GRACE) {
                break;
            }
            std::thread::sleep(POLL);
        }
        failure.map_or(Ok(()), |(_, message)| Err(Error::Distributed(message)))
    }
}

impl Drop for Ranks {
    fn drop(&mut self) {
        for child in self.0.iter_mut().flatten() {
            // It may have ended by itself in between.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The arguments without `--processes N` or `--processes=N`.
fn without_option(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut is_value = false;
    for argument in arguments {
        let joined = argument.to_string_lossy().starts_with(&format!("{OPTION}="));
        if !is_value && !joined && argument != OPTION {
            kept.push(argument);
            continue;
        }
        is_value = !is_value && argument == OPTION;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_does_not_reach_the_ranks() {
        let kept = |words: &str| -> Vec<OsString> { without_option(words.split(' ').map(OsString::from)) };
        let rest = kept("train --config a --out b");
        assert_eq!(rest.len(), 5);
        for words in [
            "train --processes 2 --config a --out b",
            "train --config a --processes=2 --out b",
            "train --config a --out b --processes 2",
        ] {
            assert_eq!(kept(words), rest, "{words}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn the_first_rank_that_fails_is_named() {
        let run = |script: &str| Some(Command::new("sh").args(["-c", script]).spawn().unwrap());
        let mut ranks = Ranks(vec![run("exit 0"), run("exit 3"), run("sleep 0.3")]);
        let error = ranks.watch().unwrap_err().to_string();
        assert!(error.contains("rank 1") && error.contains('3'), "{error}");
        assert!(ranks.0.iter().all(Option::is_none));
        Ranks(vec![run("exit 0"), run("exit 0")]).watch().unwrap();
    }
}
