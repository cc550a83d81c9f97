//! `vap-train`: all | download | prepare | simulate | train | evaluate | turnbench | real | audit | export | validate.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use vap_core::Policy;
use vap_core::model_file::Storage;
use vap_train_native::config::RunConfig;
use vap_train_native::data::Split;
use vap_train_native::data::bad::OnBadFile;
use vap_train_native::data::download;
use vap_train_native::data::prepare::{self, Corpus, Kind};
use vap_train_native::data::prepared::Prepared;
use vap_train_native::evaluation::scores::Candidate;
use vap_train_native::evaluation::{self, AuditSize, Options, Peer};
use vap_train_native::export;
use vap_train_native::pipeline::{self, Plan};
use vap_train_native::teachers::import;
use vap_train_native::teachers::label::ask;
use vap_train_native::teachers::label::card::Said;
use vap_train_native::teachers::label::questions::Wanted;
use vap_train_native::training::launch;
use vap_train_native::training::{RunFolder, train};
use vap_train_native::windows::simulation::{self, Simulator};

#[derive(Parser)]
#[command(name = "vap-train", version, about = "Trains voice activity projection models for vap-turn")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// From nothing to exported weights: downloads, prepares, trains, scores, exports; the same call goes on after an
    /// interruption.
    All {
        /// Run config.
        #[arg(long, default_value = "configs/light.toml")]
        config: PathBuf,
        /// Folder for everything; runs/NAME, or runs/NAME-small, without it.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Bundle of corpora that is at hand, as for `prepare`; nothing is downloaded then.
        #[arg(long)]
        data: Option<PathBuf>,
        /// A corpus that is at hand, as for `prepare`; nothing is downloaded then.
        #[arg(long, value_name = "KIND=DIR")]
        corpus: Vec<Corpus>,
        /// A short run that shows that everything works: a download of 7 GB and 200 steps.
        #[arg(long)]
        small: bool,
        /// Downloads although it is more than a few GB.
        #[arg(long)]
        yes: bool,
    },
    /// Fetches freely available corpora; without names it lists them with their sizes.
    Download {
        /// Folder to download to.
        #[arg(long)]
        out: PathBuf,
        /// Goes on although it is more than a few GB.
        #[arg(long)]
        yes: bool,
        /// Corpora (librispeech) or parts of them (librispeech/dev-clean).
        names: Vec<String>,
    },
    /// Reads corpora into one prepared folder; quick when nothing changed.
    Prepare {
        /// Folder with speech.tsv, noise.tsv, rir.tsv and AMI annotations.
        #[arg(long, required_unless_present = "corpus")]
        data: Option<PathBuf>,
        /// A corpus in its official layout: ami, harpervalley, calls (any folder of two-channel WAV files),
        /// librispeech, chime6, voxconverse, cabnc, musan or rirs.
        #[arg(long, value_name = "KIND=DIR")]
        corpus: Vec<Corpus>,
        /// Prepared folder to write.
        #[arg(long)]
        out: PathBuf,
        /// What a recording does that cannot be used: ends the run, or is left out and told.
        #[arg(long, value_parser = on_bad_file, default_value = "stop")]
        on_bad_file: OnBadFile,
    },
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
    /// Writes start weights for training out of another network's encoder: an ONNX file, or Whisper's own.
    Import {
        /// ONNX file (integers are turned back to floats), or Whisper's model.safetensors.
        #[arg(long, value_name = "FILE")]
        onnx: PathBuf,
        #[command(flatten)]
        said: Said,
        /// Run config whose model gets the weights.
        #[arg(long)]
        config: PathBuf,
        /// Prepared folder: for the statistics of the features, and for the speech that the fits listen to.
        #[arg(long)]
        data: PathBuf,
        /// Model file to write, for `training.start_from`.
        #[arg(long)]
        out: PathBuf,
        /// Also writes the network with its head as it came, as a teacher of 2 s in tch.
        #[arg(long)]
        teacher_out: Option<PathBuf>,
    },
    /// Asks a teacher about everything that is prepared: would a turn that stops here have ended? Goes on where it
    /// stopped; the answers lie in the prepared folder.
    Label {
        /// ONNX file that takes Whisper's log-mel of 8 s and gives a probability, e.g. Smart Turn's.
        #[arg(long, value_name = "FILE")]
        teacher: PathBuf,
        #[command(flatten)]
        said: Said,
        /// onnxruntime's library; without it ORT_DYLIB_PATH or the system's.
        #[arg(long, value_name = "LIBRARY")]
        onnxruntime: Option<PathBuf>,
        /// Prepared folder.
        #[arg(long)]
        data: PathBuf,
        #[command(flatten)]
        wanted: Wanted,
        /// Splits that are asked about.
        #[arg(long = "split", value_parser = split, value_delimiter = ',', default_value = "train,dev")]
        splits: Vec<Split>,
        /// Sessions of one thread each; as many as the machine has without it.
        #[arg(long)]
        threads: Option<usize>,
        /// Questions asked at once.
        #[arg(long, default_value_t = 1)]
        batch: usize,
        /// Ends after so many recordings.
        #[arg(long)]
        limit: Option<usize>,
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
        /// Model file whose weights the run begins with, in the place of the config's `start_from`.
        #[arg(long)]
        start_from: Option<PathBuf>,
        /// Teacher file of `import` that answers for the ends of turns, in the place of the config's `teacher`.
        #[arg(long)]
        teacher: Option<PathBuf>,
        /// Stops after this step; the same command without it goes on later.
        #[arg(long)]
        stop_at: Option<u64>,
        /// Trains in so many processes on this machine, one a GPU, each with the config's batch.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        processes: Option<u16>,
    },
    /// Scores models on held-out speakers and meetings, beside timeouts on silence and on other detectors.
    Evaluate {
        /// Model file; further ones are compared with the first.
        #[arg(long, required = true)]
        model: Vec<PathBuf>,
        /// Run config whose simulation is scored on.
        #[arg(long)]
        config: PathBuf,
        /// Prepared folder.
        #[arg(long)]
        data: PathBuf,
        /// Folder for report.md with its pictures, report.json, summary.json (for a model file's provenance) and
        /// TurnBench's predictions.json and gold.json; on dev also policy.json and calibration.json for `export`.
        #[arg(long)]
        out: PathBuf,
        /// Dialogues, clean and as trained.
        #[arg(long, default_value_t = 36)]
        count: u64,
        /// Dialogues of each other condition (noise, telephone, crosstalk, silent agent); 0 leaves them out.
        #[arg(long, default_value_t = 8)]
        conditions: u64,
        /// Length of each, in seconds.
        #[arg(long, default_value_t = 60.0)]
        seconds: f32,
        /// train, dev or test.
        #[arg(long, value_parser = split, default_value = "test")]
        split: Split,
        /// Folder of real recordings to score the first model on too, as the verb `real` does: real.json and real.md.
        #[arg(long)]
        real: Option<PathBuf>,
    },
    /// Scores a TurnBench prediction file.
    Turnbench {
        /// Prediction file, schema version 1.
        #[arg(long)]
        predictions: PathBuf,
        /// Labels, as `eval.gold export` prints them.
        #[arg(long)]
        gold: PathBuf,
    },
    /// Scores a model on held-out real recordings, and on pairs of an utterance's end and its own pauses.
    Real {
        /// Model file.
        #[arg(long)]
        model: PathBuf,
        /// Folder of FLAC or WAV files: calls with a channel a speaker (`NAME.json` with `vad_list`, or RTTM), mixes
        /// of meetings (RTTM).
        #[arg(long)]
        real: PathBuf,
        /// Prepared folder whose test split gives the pairs; without it there are none.
        #[arg(long)]
        data: Option<PathBuf>,
        /// ONNX file of another network (Smart Turn's form) to score beside the model.
        #[arg(long)]
        peer: Option<PathBuf>,
        /// onnxruntime's library, if it is not where the system or ORT_DYLIB_PATH says.
        #[arg(long, requires = "peer")]
        onnxruntime: Option<PathBuf>,
        /// Folder for real.json and real.md.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Shows how well ends of simulated turns are told from pauses without speech: 0.5 is right for silence alone.
    Audit {
        /// Run config whose simulation is looked at.
        #[arg(long)]
        config: PathBuf,
        /// Prepared folder.
        #[arg(long)]
        data: PathBuf,
        /// Model file that hears the dialogues without their speech; without it the probes alone are scored.
        #[arg(long)]
        model: Option<PathBuf>,
        /// Dialogues of the train split for the probes.
        #[arg(long, default_value_t = 150)]
        train: u64,
        /// Dialogues of the test split.
        #[arg(long, default_value_t = 100)]
        test: u64,
        /// Length of each, in seconds.
        #[arg(long, default_value_t = 60.0)]
        seconds: f32,
    },
    /// Writes a model file for the runtime, with policy, calibration and reports in its header.
    Export {
        /// Model file of a run, e.g. runs/light/best.safetensors.
        #[arg(long)]
        model: PathBuf,
        /// Model file to write.
        #[arg(long)]
        out: PathBuf,
        /// JSON file with thresholds; those left out keep their defaults.
        #[arg(long)]
        policy: Option<PathBuf>,
        /// JSON file of operating points, as `evaluate` writes it on the dev split.
        #[arg(long)]
        calibration: Option<PathBuf>,
        /// JSON file to put into the provenance, e.g. the summary.json of `evaluate`.
        #[arg(long)]
        report: Option<PathBuf>,
        /// Commit of the trainer, for the provenance.
        #[arg(long)]
        commit: Option<String>,
        /// How the weights are stored: f32, f16, or int8 with a scale an output row.
        #[arg(long, value_parser = export::storage, default_value = "f16")]
        storage: Storage,
    },
    /// Checks run configs (.toml) and model files (.safetensors) and says what they are.
    Validate {
        /// Files to check.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

fn main() -> Result<()> {
    match Args::parse().verb {
        Verb::Download { out, yes, names } => {
            let parts =
                if names.is_empty() { download::PARTS.iter().collect() } else { download::select(&names)? };
            print!("{}", download::listing(&parts));
            if !names.is_empty() {
                download::download(&parts, &out, yes, true)?;
            }
        }
        Verb::All { config, out, data, corpus, small, yes } => {
            pipeline::run(&Plan { config, out, corpora: corpora(data, corpus), small, yes })?;
        }
        Verb::Prepare { data, corpus, out, on_bad_file } => {
            let corpora = corpora(data, corpus);
            let outcome = prepare::prepare(&corpora, &out, on_bad_file, true)?;
            for fault in &outcome.manifest.skipped {
                println!("left out: {fault}");
            }
            println!(
                "{}: {}",
                out.display(),
                if outcome.written { "written" } else { "complete, unchanged" }
            );
            for (name, count) in &outcome.manifest.counts {
                println!("  {name}: {count}");
            }
            println!("  recordings left out: {}", outcome.manifest.skipped.len());
        }
        Verb::Simulate { config, data, out, count, seconds, seed, split } => {
            let config = RunConfig::read(&config)?;
            let data = Prepared::open(&data)?;
            let simulator = Simulator::new(&data, split, &config.simulation)?;
            std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
            for i in seed..seed + count {
                simulation::write(&simulator.dialogue(i, seconds), &out.join(format!("dialogue-{i:05}")))?;
            }
        }
        Verb::Import { onnx, said, config, data, out, teacher_out } => {
            let options = import::Options { source: onnx, said, config, data, out, teacher_out };
            print!("{}", import::import(&options)?);
        }
        Verb::Label { teacher, said, onnxruntime, data, wanted, splits, threads, batch, limit } => {
            let threads =
                threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()));
            let library = onnxruntime;
            let options =
                ask::Options { teacher, said, library, data, splits, wanted, threads, batch, limit };
            print!("{}", ask::label(&options)?);
        }
        Verb::Train { processes: Some(processes), .. } => launch::launch(processes.into())?,
        Verb::Train { config, data, out, start_from, teacher, stop_at, processes: None } => {
            let mut config = RunConfig::read(&config)?;
            let training = &mut config.training;
            training.start_from = start_from.or(training.start_from.take());
            training.teacher = teacher.or(training.teacher.take());
            train(&config, &Prepared::open(&data)?, &RunFolder::new(&out), stop_at)?;
        }
        Verb::Evaluate { model, config, data, out, count, conditions, seconds, split, real } => {
            let first = model[0].clone();
            let (folder, condition_count) = (data.clone(), conditions);
            let models = model;
            let options = Options { models, config, data, out, count, condition_count, seconds, split };
            evaluation::run(&options)?;
            if let Some(real) = real {
                let candidate = Candidate::new(&name(&first), &export::read_file(&first)?)?;
                score_real(&candidate, None, &real, Some(&Prepared::open(&folder)?), Some(&options.out))?;
            }
        }
        Verb::Turnbench { predictions, gold } => {
            println!("{}", evaluation::score_predictions(&predictions, &gold)?);
        }
        Verb::Real { model, real, data, peer, onnxruntime, out } => {
            let candidate = Candidate::new(&name(&model), &export::read_file(&model)?)?;
            let data = data.map(|path| Prepared::open(&path)).transpose()?;
            let mut peer = peer.map(|path| Peer::load(&path, onnxruntime.as_deref())).transpose()?;
            score_real(&candidate, peer.as_mut(), &real, data.as_ref(), out.as_deref())?;
        }
        Verb::Audit { config, data, model, train, test, seconds } => {
            let (config, data) = (RunConfig::read(&config)?, Prepared::open(&data)?);
            let candidate =
                model.map(|path| anyhow::Ok(Candidate::new(&name(&path), &export::read_file(&path)?)?));
            let candidate = candidate.transpose()?;
            for (condition, simulation) in [
                ("clean", evaluation::recordings::clean(&config.simulation)),
                ("as trained", config.simulation),
            ] {
                let size = AuditSize { train, test, seconds };
                let rows = evaluation::audit::silence(candidate.as_ref(), &data, &simulation, size)?;
                let columns = [format!("{condition}, {train} dialogues to train, {test} to test")];
                println!("{}", evaluation::report::table(&columns, &rows));
            }
        }
        Verb::Export { model, out, policy, calibration, report, commit, storage } => {
            let mut file = export::read_file(&model)?;
            if let Some(path) = policy {
                file.policy = export::read_json::<Policy>(&path)?;
            }
            if let Some(path) = calibration {
                file.calibration = Some(export::read_json(&path)?);
            }
            if let Some(path) = report {
                file.provenance["metrics"] = export::read_json(&path)?;
            }
            if let Some(commit) = commit {
                file.provenance["commit"] = commit.into();
            }
            export::write_file(&out, &file, storage)?;
            let bytes = std::fs::metadata(&out).with_context(|| out.display().to_string())?.len();
            let parameters = vap_core::params::count(&file.config);
            let name = &file.config.name;
            println!("{}: {name}, {parameters} parameters, {:.1} MB", out.display(), bytes as f64 / 1e6);
        }
        Verb::Validate { files } => {
            for path in &files {
                let config = match path.extension().and_then(|e| e.to_str()) {
                    Some("toml") => RunConfig::read(path)?.model,
                    _ => export::read_file(path)?.config,
                };
                println!("{}: {}", path.display(), export::describe(&config));
            }
        }
    }
    Ok(())
}

fn name(model: &Path) -> String {
    model.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into())
}

/// The bundle, if there is one, and the other corpora.
fn corpora(data: Option<PathBuf>, others: Vec<Corpus>) -> Vec<Corpus> {
    let bundle = data.map(|folder| Corpus { kind: Kind::Bundle, folder });
    bundle.into_iter().chain(others).collect()
}

fn split(name: &str) -> Result<Split, String> {
    Split::from_name(name).ok_or_else(|| format!("expected train, dev or test, found {name}"))
}

fn on_bad_file(name: &str) -> Result<OnBadFile, String> {
    match name {
        "stop" => Ok(OnBadFile::Stop),
        "skip" => Ok(OnBadFile::Skip),
        _ => Err(format!("expected stop or skip, found {name}")),
    }
}

/// Scores a model on real recordings and, with prepared data, on pairs of its test split.
fn score_real(
    candidate: &Candidate,
    peer: Option<&mut Peer>,
    folder: &Path,
    data: Option<&Prepared>,
    out: Option<&Path>,
) -> Result<()> {
    let mut report = evaluation::real(candidate, peer, folder)?;
    if let Some(data) = data {
        report.rows.extend(evaluation::audit::pairs(candidate, data, Split::Test)?);
    }
    let markdown = evaluation::report::real_markdown(&report);
    println!("{markdown}");
    if let Some(out) = out {
        std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
        std::fs::write(out.join("real.json"), serde_json::to_vec_pretty(&report)?)?;
        std::fs::write(out.join("real.md"), markdown)?;
    }
    Ok(())
}
