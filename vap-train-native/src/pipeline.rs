//! From nothing to exported weights: download, prepare, train, score, export. What is done already is left alone, so
//! the same call goes on after an interruption.

use std::path::{Path, PathBuf};

use vap_core::model_file::Storage;

use crate::config::{RunConfig, TrainingConfig};
use crate::data::bad::OnBadFile;
use crate::data::prepare::{self, Corpus, Kind};
use crate::data::prepared::Prepared;
use crate::data::{Split, download};
use crate::error::{Error, Result};
use crate::evaluation::{self, Options};
use crate::training::{RunFolder, train};
use crate::{device, export};

/// What a small run downloads: some hours of speech, and the timing of conversations without their sound.
const SMALL: [&str; 5] = [
    "ami/annotations",
    "ami/lists",
    "librispeech/dev-clean",
    "librispeech/test-clean",
    "librispeech/train-clean-100",
];
/// What a whole run downloads: that, real two-channel talk, noise and rooms.
const WHOLE: [&str; 8] = [
    "ami",
    "librispeech/dev-clean",
    "librispeech/dev-other",
    "librispeech/test-clean",
    "librispeech/test-other",
    "librispeech/train-clean-100",
    "musan",
    "rirs_noises",
];
/// Where the parts of a corpus lie when they are unpacked.
const FOLDERS: [(&str, Kind, &str); 4] = [
    ("ami", Kind::Ami, ""),
    ("librispeech", Kind::LibriSpeech, "LibriSpeech"),
    ("musan", Kind::Musan, "musan"),
    ("rirs_noises", Kind::Rirs, "RIRS_NOISES"),
];
/// Steps of a small run: it shows that everything works, not what the model can do.
const SMALL_STEPS: u64 = 200;
/// Share of windows cut from real calls where there are some and the config does not say.
const REAL_SHARE: f64 = 0.5;
/// Dialogues, and those of each condition, that a whole and a small run are scored on.
const DIALOGUES: [(u64, u64); 2] = [(36, 8), (8, 0)];
/// Length of a scored dialogue, in seconds.
const DIALOGUE_S: f32 = 60.0;

/// What is to be made of what.
pub struct Plan {
    /// Run config.
    pub config: PathBuf,
    /// Folder for everything: `data`, `prepared`, `run`, `dev`, `test` and the model files; without one
    /// `runs/NAME`, or `runs/NAME-small`.
    pub out: Option<PathBuf>,
    /// Corpora that are at hand; none are downloaded then.
    pub corpora: Vec<Corpus>,
    /// A run that ends soon. Without a GPU every run that downloads is one.
    pub small: bool,
    /// Whether gigabytes may be downloaded.
    pub yes: bool,
}

/// Carries the plan out.
///
/// # Errors
/// Anything of [`Error`].
pub fn run(plan: &Plan) -> Result<()> {
    let mut config = RunConfig::read(&plan.config)?;
    let cuda = device::choose(0)?.is_cuda();
    let small = plan.small || (plan.corpora.is_empty() && !cuda);
    let out = plan.out.clone().unwrap_or_else(|| {
        let ending = if small { "-small" } else { "" };
        Path::new("runs").join(format!("{}{ending}", config.model.name))
    });
    if small {
        let why = if plan.small { "as asked" } else { "there is no GPU" };
        println!("a small run ({why}): at most {SMALL_STEPS} steps, to show that everything works");
        let soon = |every: u64| every.min(SMALL_STEPS / 4);
        let t = &config.training;
        config.training = TrainingConfig {
            steps: t.steps.min(SMALL_STEPS),
            evaluate_every: soon(t.evaluate_every),
            checkpoint_every: soon(t.checkpoint_every),
            ..t.clone()
        };
    }
    std::fs::create_dir_all(&out).map_err(Error::io(&out))?;
    let folder = |name: &str| out.join(name);
    let corpora = if plan.corpora.is_empty() {
        say(1, "download");
        fetch(&folder("data"), if small { SMALL.as_slice() } else { &WHOLE }, plan.yes || small)?
    } else {
        say(1, "download: nothing, corpora are at hand");
        plan.corpora.clone()
    };
    say(2, "prepare");
    let prepared = folder("prepared");
    let outcome = prepare::prepare(&corpora, &prepared, OnBadFile::Skip, true)?;
    outcome.manifest.skipped.iter().for_each(|fault| println!("left out: {fault}"));
    if !outcome.manifest.calls.is_empty() && config.training.real_share == 0.0 {
        config.training.real_share = REAL_SHARE;
    }
    let told = folder("config.toml");
    std::fs::write(&told, config.to_toml()?).map_err(Error::io(&told))?;
    say(3, "train");
    let run_folder = RunFolder::new(&folder("run"));
    train(&config, &Prepared::open(&prepared)?, &run_folder, None)?;
    say(4, "choose thresholds on dev, score on test");
    let (count, condition_count) = DIALOGUES[usize::from(small)];
    let score = |models: &[PathBuf], name: &str, split| {
        evaluation::run(&Options {
            models: models.to_vec(),
            config: told.clone(),
            data: prepared.clone(),
            out: folder(name),
            count,
            condition_count,
            seconds: DIALOGUE_S,
            split,
        })
    };
    // Of earlier weights, if any: too few dialogues leave none.
    let calibration = folder("dev/calibration.json");
    let _ = std::fs::remove_file(&calibration);
    score(&[run_folder.best()], "dev", Split::Dev)?;
    let mut file = export::read_file(&run_folder.best())?;
    file.policy = export::read_json(&folder("dev/policy.json"))?;
    if calibration.exists() {
        file.calibration = Some(export::read_json(&calibration)?);
    }
    let name = file.config.name.clone();
    let forms = [(Storage::F32, "-f32"), (Storage::F16, ""), (Storage::I8, "-int8")]
        .map(|(storage, ending)| (storage, folder(&format!("{name}{ending}.safetensors"))));
    for (storage, path) in &forms {
        export::write_file(path, &file, *storage)?;
    }
    score(&forms.clone().map(|(_, path)| path), "test", Split::Test)?;
    say(5, "export");
    file.provenance["metrics"] = export::read_json(&folder("test/summary.json"))?;
    for (storage, path) in forms {
        export::write_file(&path, &file, storage)?;
        println!("{}: {}", path.display(), export::describe(&file.config));
    }
    println!("scores: {}", folder("test/report.md").display());
    Ok(())
}

fn say(stage: u8, what: &str) {
    println!("\n== {stage}/5 {what}");
}

/// Downloads and says what lies where.
fn fetch(data: &Path, names: &[&str], yes: bool) -> Result<Vec<Corpus>> {
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    let parts = download::select(&names)?;
    println!("{}", download::listing(&parts));
    download::download(&parts, data, yes, true)?;
    let asked = |corpus: &str| names.iter().any(|name| name.split('/').next() == Some(corpus));
    let fetched = FOLDERS.iter().filter(|(corpus, ..)| asked(corpus));
    Ok(fetched.map(|(_, kind, folder)| Corpus { kind: *kind, folder: data.join(folder) }).collect())
}
