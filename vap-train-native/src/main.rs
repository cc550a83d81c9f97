//! `vap-train`: prepare | simulate | train | evaluate | export | validate.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use vap_train_native::config::RunConfig;
use vap_train_native::corpora::Split;
use vap_train_native::prepared::Prepared;
use vap_train_native::simulate::{self, Simulator};
use vap_train_native::train::{RunFolder, train};

#[derive(Parser)]
#[command(name = "vap-train", version, about = "Trains voice activity projection models for vap-turn")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Writes simulated dialogues as WAV and JSON, to listen to what the model learns from.
    Simulate {
        /// Run config, e.g. configs/light.toml.
        #[arg(long)]
        config: PathBuf,
        /// Prepared folder.
        #[arg(long)]
        data: PathBuf,
        /// Folder to write to.
        #[arg(long)]
        out: PathBuf,
        /// Dialogues to write.
        #[arg(long, default_value_t = 10)]
        count: u64,
        /// Length of each, in seconds.
        #[arg(long, default_value_t = 60.0)]
        seconds: f32,
        /// Seed of the first; the others count on.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// train, dev or test.
        #[arg(long, value_parser = split, default_value = "dev")]
        split: Split,
    },
    /// Trains a model, or goes on with an interrupted run.
    Train {
        /// Run config, e.g. configs/light.toml.
        #[arg(long)]
        config: PathBuf,
        /// Prepared folder.
        #[arg(long)]
        data: PathBuf,
        /// Folder of the run: config, checkpoint, log, best model.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> Result<()> {
    match Args::parse().verb {
        Verb::Simulate { config, data, out, count, seconds, seed, split } => {
            let config = RunConfig::read(&config)?;
            let data = Prepared::open(&data)?;
            let simulator = Simulator::new(&data, split, &config.simulation)?;
            std::fs::create_dir_all(&out)?;
            for i in seed..seed + count {
                simulate::write(&simulator.dialogue(i, seconds), &out.join(format!("dialogue-{i:05}")))?;
            }
        }
        Verb::Train { config, data, out } => {
            let config = RunConfig::read(&config)?;
            train(&config, &Prepared::open(&data)?, &RunFolder::new(&out))?;
        }
    }
    Ok(())
}

fn split(name: &str) -> Result<Split, String> {
    Split::from_name(name).ok_or_else(|| format!("expected train, dev or test, found {name}"))
}
