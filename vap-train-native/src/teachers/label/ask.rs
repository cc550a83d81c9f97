//! Asks a teacher about everything that is prepared: on all threads, a recording at a time, resumable.
//!
//! Recordings come in the order of their keys, which are hashes: what a run has done when it is stopped is a fair
//! sample of the whole.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::answers::{Answer, Writer};
use super::card::{Card, Said};
use super::questions::{Question, Wanted, questions};
use super::session::{Judge, Teacher, runtime};
use super::track::{Heard, Track, tracks};
use crate::data::Split;
use crate::data::prepared::Prepared;
use crate::error::{Error, Result};
use crate::progress;

/// Time between lines about progress where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// What is asked of whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// The teacher's ONNX file.
    pub teacher: PathBuf,
    /// What it is, where it is not known.
    pub said: Said,
    /// onnxruntime's library, if it is not where the system or the environment says.
    pub library: Option<PathBuf>,
    /// Prepared folder.
    pub data: PathBuf,
    /// Splits that are asked about.
    pub splits: Vec<Split>,
    /// Questions.
    pub wanted: Wanted,
    /// Sessions, each on one thread.
    pub threads: usize,
    /// Questions asked at once.
    pub batch: usize,
    /// Ends after so many recordings, if it is not to go on to the end.
    pub limit: Option<usize>,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// File of the answers.
    pub path: PathBuf,
    /// Recordings that were asked about.
    pub recordings: usize,
    /// Questions asked.
    pub asked: usize,
    /// Questions that earlier runs had answered.
    pub known: usize,
    /// Seconds it took.
    pub seconds: f64,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = self.asked as f64 / self.seconds.max(1e-9);
        writeln!(
            f,
            "{}: {} questions about {} recordings in {:.0} s, {rate:.1} a second; {} were answered before",
            self.path.display(),
            self.asked,
            self.recordings,
            self.seconds,
            self.known
        )
    }
}

/// Labels a prepared folder.
///
/// # Errors
/// [`Error::Teacher`] without onnxruntime or for another kind of file, [`Error::Corpus`] for the folder,
/// [`Error::Data`] for answers of another teacher, [`Error::Io`].
pub fn label(options: &Options) -> Result<Outcome> {
    let bytes = std::fs::read(&options.teacher).map_err(Error::io(&options.teacher))?;
    let card = Card::of(&options.teacher, &bytes, &options.said)?;
    let environment = runtime(options.library.as_deref())?;
    let data = Prepared::open(&options.data)?;
    let writer = Writer::open(&options.data, &card)?;
    let judge = || Teacher::load(&environment, &options.teacher);
    run(&data, writer, options, judge)
}

/// One recording's questions.
struct Job<'a> {
    track: &'a Track,
    questions: Vec<Question>,
}

fn run<J: Judge>(
    data: &Prepared,
    mut writer: Writer,
    options: &Options,
    judge: impl Fn() -> Result<J> + Sync,
) -> Result<Outcome> {
    let start = Instant::now();
    let mut all = tracks(&data.manifest);
    all.sort_by_key(|track| track.key);
    // The same recording may lie in a folder twice.
    all.dedup_by_key(|track| track.key);
    let mut known = 0;
    let mut jobs = Vec::new();
    for track in all.iter().filter(|track| options.splits.contains(&track.split)) {
        let mut questions = questions(track, &options.wanted);
        let before = questions.len();
        questions.retain(|q| !writer.knows(track.key, q.at, q.kind));
        known += before - questions.len();
        if !questions.is_empty() {
            jobs.push(Job { track, questions });
        }
    }
    jobs.truncate(options.limit.unwrap_or(usize::MAX));
    let total: usize = jobs.iter().map(|job| job.questions.len()).sum();
    let mut outcome =
        Outcome { path: writer.path().into(), recordings: jobs.len(), asked: 0, known, seconds: 0.0 };
    let mut progress = Progress::new(total);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, answered) = mpsc::channel::<Result<(u64, Vec<Answer>)>>();
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, jobs.len().max(1)) {
            let (sender, jobs, next, stop, judge) = (sender.clone(), &jobs, &next, &stop, &judge);
            scope.spawn(move || {
                let mut judge = match judge() {
                    Ok(judge) => judge,
                    Err(error) => return drop(sender.send(Err(error))),
                };
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let answers = ask(data, job, &mut judge, options.batch);
                    if sender.send(answers.map(|answers| (job.track.key, answers))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let written = answered.iter().try_for_each(|answers| -> Result<()> {
            let (key, answers) = answers?;
            writer.append(key, &answers)?;
            outcome.asked += answers.len();
            progress.show(outcome.asked);
            Ok(())
        });
        stop.store(written.is_err(), Ordering::Relaxed);
        written
    })?;
    progress.bar.finish_and_clear();
    outcome.seconds = start.elapsed().as_secs_f64();
    Ok(outcome)
}

fn ask(data: &Prepared, job: &Job, judge: &mut impl Judge, batch: usize) -> Result<Vec<Answer>> {
    let heard = Heard::new(data, job.track);
    let mut answers = Vec::with_capacity(job.questions.len());
    for part in job.questions.chunks(batch.max(1)) {
        let sounds: Vec<Vec<f32>> = part.iter().map(|q| heard.until(q.at)).collect();
        let sounds: Vec<&[f32]> = sounds.iter().map(Vec::as_slice).collect();
        let ended = judge.ask(&sounds)?;
        answers.extend(part.iter().zip(ended).map(|(q, ended)| Answer { at: q.at, kind: q.kind, ended }));
    }
    Ok(answers)
}

/// A bar on a terminal, else a line now and then.
struct Progress {
    bar: indicatif::ProgressBar,
    lines: bool,
    total: usize,
    start: Instant,
    last: Instant,
}

impl Progress {
    fn new(total: usize) -> Progress {
        let now = Instant::now();
        let lines = !std::io::stderr().is_terminal();
        Progress { bar: progress::bar(total as u64, "questions"), lines, total, start: now, last: now }
    }

    fn show(&mut self, done: usize) {
        self.bar.set_position(done as u64);
        if self.lines && self.last.elapsed() >= LINE_EVERY {
            self.last = Instant::now();
            let rate = done as f64 / self.start.elapsed().as_secs_f64();
            let left_min = (self.total - done) as f64 / rate.max(1e-9) / 60.0;
            eprintln!("{done} of {} questions, {rate:.1} a second, {left_min:.0} min left", self.total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teachers::label::answers::Answers;
    use crate::teachers::label::questions::Kind;
    use crate::tests::data;

    /// Hears the length of what it is asked about; fails after so many questions.
    struct Clock(usize);

    impl Judge for Clock {
        fn ask(&mut self, sounds: &[&[f32]]) -> Result<Vec<f32>> {
            self.0 = self.0.checked_sub(sounds.len()).ok_or_else(|| Error::Teacher("tired".into()))?;
            Ok(sounds.iter().map(|sound| sound.len() as f32 / 128_000.0).collect())
        }
    }

    fn options(folder: &std::path::Path, kinds: &[Kind]) -> Options {
        Options {
            teacher: "clock".into(),
            said: Said::default(),
            library: None,
            data: folder.into(),
            splits: vec![Split::Train, Split::Dev],
            wanted: Wanted { kinds: kinds.into(), every_ms: 200, share: 1.0 },
            threads: 2,
            batch: 2,
            limit: None,
        }
    }

    #[test]
    fn an_interrupted_run_goes_on() {
        let folder = std::env::temp_dir().join(format!("vap-label-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let card =
            Card { name: "clock".into(), version: "1".into(), licence: "own".into(), sha256: "00".into() };
        let data = data();
        let all = options(&folder, &[Kind::End, Kind::Pause, Kind::Speech]);
        let open = || Writer::open(&folder, &card).unwrap();
        let error = run(&data, open(), &all, || Ok(Clock(5))).unwrap_err().to_string();
        assert!(error.contains("tired"), "{error}");
        let first = run(&data, open(), &options(&folder, &[Kind::End]), || Ok(Clock(999))).unwrap();
        // Six utterances a split; what the tired ones answered is known.
        assert_eq!(first.asked + first.known, 12);
        let second = run(&data, open(), &all, || Ok(Clock(999))).unwrap();
        assert!(second.known >= 12 && second.asked > 12, "{second:?}");
        let third = run(&data, open(), &all, || Ok(Clock(0))).unwrap();
        assert_eq!((third.asked, third.known), (0, second.asked + second.known));

        let answers = Answers::open(&third.path, &data.manifest).unwrap();
        assert_eq!(Answers::find(&folder).unwrap(), [third.path]);
        assert_eq!(answers.answered(), 12);
        for (i, utterance) in data.utterances().iter().enumerate() {
            let end = utterance.span()[1];
            let heard = (end as f32 + 960.0) / 128_000.0;
            let expected = (utterance.split != Split::Test).then_some((heard * 1e4).round() / 1e4);
            assert_eq!(answers.at(i, end), expected);
            assert_eq!(answers.at(i, end + 10_000), None);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
