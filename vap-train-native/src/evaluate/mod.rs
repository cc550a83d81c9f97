//! Held-out scores: simulated dialogues of speakers and meetings the model never met, through the model, the
//! published event definitions and the shipped event machine. Always beside the silence timeout, always with 95 %
//! bootstrap intervals over dialogues.

mod report;
mod spans;
mod tune;

use serde::Serialize;
use tch::Device;
use vap_core::labels::Activity;
use vap_core::metrics::{
    Confusion, SilenceRules, SilenceSpan, SweepGrid, SweepSummary, bootstrap, roc_auc, silence_sweep,
    summarise, sweep,
};
use vap_core::model_file::ModelFile;
use vap_core::projection::{BACKCHANNEL_AT, BINS, OVERLAP_AT, VAD_AT};
use vap_core::reference_events::{
    EventConfig, Events, HoldShiftReading, backchannel_prediction_scores, balance, events, long_short_scores,
    shift_hold_scores, shift_prediction_scores,
};
use vap_core::{Event, EventMachine, Frame, Policy};

use crate::config::SimulationConfig;
use crate::corpora::Split;
use crate::dataset::dialogue_seed;
use crate::error::{Error, Result};
use crate::model::LoadedModel;
use crate::prepared::Prepared;
use crate::progress;
use crate::simulate::Simulator;
pub use report::markdown;

const SEED: u64 = 0x7E57;
const DRAWS: usize = 200;
/// Every so many values of the bins count: neighbours say the same.
const BINS_STRIDE: usize = 23;

/// Coarser than eot-bench's grid, which a bootstrap cannot afford; the value is taken on the same grid.
fn grid() -> SweepGrid {
    SweepGrid {
        thresholds: (1..=32).map(|i| i as f32 / 33.0).collect(),
        action_delays_s: vec![0.2, 0.3, 0.4, 0.6, 0.8, 1.0],
        timeouts_s: vec![1.0, 1.5, 2.0, 3.0],
    }
}

/// A figure and its 95 % interval.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Score {
    /// On all dialogues.
    pub value: f64,
    /// 2.5 % quantile over draws of dialogues.
    pub low: f64,
    /// 97.5 % quantile.
    pub high: f64,
}

/// One row of the report.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What is measured.
    pub name: String,
    /// The model.
    pub model: Option<Score>,
    /// The silence timeout, where it has an answer.
    pub baseline: Option<Score>,
    /// What the figure is taken over.
    pub over: String,
}

/// Scores of one model on one split under one condition.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Name of the model.
    pub model: String,
    /// `dev` or `test`.
    pub split: String,
    /// `clean` or `as trained`.
    pub condition: String,
    /// Dialogues scored.
    pub dialogues: usize,
    /// Length of each, in seconds.
    pub seconds: f32,
    /// Policy of the event machine.
    pub policy: Policy,
    /// Thresholds that these dialogues suggest: for choosing on dev, not for reporting.
    pub suggested: Policy,
    /// All figures.
    pub rows: Vec<Row>,
}

/// What one dialogue contributes.
struct Scored {
    vad: Vec<(f32, bool)>,
    overlap: Vec<(f32, bool)>,
    backchannel: Vec<(f32, bool)>,
    bins: Vec<(f32, bool)>,
    p_now: Vec<[f32; 2]>,
    p_future: Vec<[f32; 2]>,
    events: Events,
    spans: Vec<SilenceSpan>,
    machine: Vec<spans::Answer>,
    silences: Vec<(f32, bool)>,
}

/// Sound without degradation: what the clean condition hears.
pub fn clean(config: &SimulationConfig) -> SimulationConfig {
    SimulationConfig { noise: 0.0, room: 0.0, telephone: 0.0, muted: 0.0, leak: 0.0, ..config.clone() }
}

/// Scores `file` on `count` dialogues of `seconds` each.
///
/// # Errors
/// Anything of [`Error`].
pub fn evaluate(
    file: &ModelFile,
    data: &Prepared,
    split: Split,
    simulation: &SimulationConfig,
    condition: &str,
    count: u64,
    seconds: f32,
) -> Result<Report> {
    let simulator = Simulator::new(data, split, simulation)?;
    let model = LoadedModel::from_file(file, Device::Cpu)?;
    let bar = progress::bar(count, "evaluating");
    // Inoue et al. 2024: all holds count.
    let config = EventConfig { max_time_s: None, equal_hold_shift: false, ..EventConfig::default() };
    let mut scored = Vec::new();
    for i in 0..count {
        let dialogue = simulator.dialogue(dialogue_seed(SEED, i), seconds);
        let activity = crop(&dialogue.activity, dialogue.frames);
        let [user, agent] = dialogue.audio.each_ref().map(|channel| &channel[..]);
        let heard = model.frames([user, agent])?;
        // As with an agent that has not spoken yet: what follows the end must not give it away.
        let silent = vec![0.0; user.len()];
        let alone = [model.frames([user, &silent])?, model.frames([&silent, agent])?];
        scored.push(score(&activity, &dialogue.activity, &heard, &alone, &file.policy, &config)?);
        bar.inc(1);
    }
    bar.finish();
    let mut found: Vec<Events> = scored.iter_mut().map(|s| std::mem::take(&mut s.events)).collect();
    balance(&mut found, &config, SEED)?;
    scored.iter_mut().zip(found).for_each(|(s, e)| s.events = e);
    Ok(Report {
        model: file.config.name.clone(),
        split: format!("{split:?}").to_lowercase(),
        condition: condition.into(),
        dialogues: scored.len(),
        seconds,
        policy: file.policy,
        suggested: tune::policy(&scored, file.policy),
        rows: rows(&scored, &config)?,
    })
}

fn crop(activity: &Activity, frames: usize) -> Activity {
    let cut = |tracks: &[Vec<bool>; 2]| tracks.each_ref().map(|t| t[..frames].to_vec());
    Activity { speech: cut(&activity.speech), backchannel: cut(&activity.backchannel), complete: false }
}

fn score(
    activity: &Activity,
    known: &Activity,
    heard: &[Frame],
    alone: &[Vec<Frame>; 2],
    policy: &Policy,
    config: &EventConfig,
) -> Result<Scored> {
    let targets = vap_core::labels::targets(known)?;
    let pairs = |outputs: std::ops::Range<usize>, p: fn(&Frame, usize) -> f32| -> Vec<(f32, bool)> {
        let mut out = Vec::new();
        for (t, frame) in heard.iter().enumerate() {
            let known =
                outputs.clone().enumerate().filter_map(|(i, o)| Some((p(frame, i), targets.at(t, o)?)));
            out.extend(known);
        }
        out
    };
    let mut spans = Vec::new();
    let mut answers = Vec::new();
    for (speaker, frames) in alone.iter().enumerate() {
        let found = spans::silences(activity, speaker);
        spans.extend(found.iter().map(|s| s.scored(frames, speaker)));
        let mut machine = EventMachine::new(*policy)?;
        let mut events: Vec<Event> = Vec::new();
        frames.iter().for_each(|frame| machine.step(frame, &mut events));
        answers.extend(spans::answers(&found, &events, speaker));
    }
    let events = events(&activity.speech, config)?;
    let length = |r: &vap_core::reference_events::Region| (r.end_frame - r.start_frame) as f32;
    let shift_hold = &events.shift_hold;
    let silences = shift_hold.shifts.iter().map(|r| (length(r), true));
    let silences = silences.chain(shift_hold.holds.iter().map(|r| (length(r), false))).collect();
    Ok(Scored {
        vad: pairs(VAD_AT..VAD_AT + 2, |f, i| f.vad[i]),
        overlap: pairs(OVERLAP_AT..OVERLAP_AT + 1, |f, _| f.overlap),
        backchannel: pairs(BACKCHANNEL_AT..BACKCHANNEL_AT + 2, |f, i| f.backchannel[i]),
        bins: pairs(0..2 * BINS, |f, i| f.bins[i / BINS][i % BINS])
            .into_iter()
            .step_by(BINS_STRIDE)
            .collect(),
        p_now: heard.iter().map(|f| f.p_now).collect(),
        p_future: heard.iter().map(|f| f.p_future).collect(),
        events,
        spans,
        machine: answers,
        silences,
    })
}

/// Figure over all dialogues with its interval.
fn with_interval(scored: &[Scored], figure: impl Fn(&[&Scored]) -> Option<f64>) -> Option<Score> {
    let all: Vec<&Scored> = scored.iter().collect();
    let value = figure(&all)?;
    let interval = bootstrap(scored, figure, DRAWS, SEED)?;
    Some(Score { value, low: interval.low, high: interval.high })
}

fn gather<T: Clone>(drawn: &[&Scored], part: impl Fn(&Scored) -> Vec<T>) -> Vec<T> {
    drawn.iter().flat_map(|s| part(s)).collect()
}

type Pairs = fn(&Scored) -> Vec<(f32, bool)>;
type CheckedPairs = fn(&Scored) -> vap_core::Result<Vec<(f32, bool)>>;

fn rows(scored: &[Scored], config: &EventConfig) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut add = |name: &str, over: String, model: Option<Score>, baseline: Option<Score>| {
        rows.push(Row { name: name.into(), model, baseline, over });
    };
    let balanced =
        |pairs: Pairs| with_interval(scored, |d| Confusion::at(0.5, &gather(d, pairs)).balanced_accuracy());
    let auc = |pairs: Pairs| with_interval(scored, |d| roc_auc(&gather(d, pairs)));
    let frames = |pairs: Pairs| format!("{} frames", scored.iter().map(|s| pairs(s).len()).sum::<usize>());
    add("VAD, balanced accuracy", frames(|s| s.vad.clone()), balanced(|s| s.vad.clone()), None);
    add("overlap, AUC", frames(|s| s.overlap.clone()), auc(|s| s.overlap.clone()), None);
    add("backchannel or claim, AUC", frames(|s| s.backchannel.clone()), auc(|s| s.backchannel.clone()), None);
    add("projection bins, AUC", frames(|s| s.bins.clone()), auc(|s| s.bins.clone()), None);

    let counts = |a: usize, b: usize, names: [&str; 2]| format!("{a} {}, {b} {}", names[0], names[1]);
    let shifts = scored.iter().map(|s| s.events.shift_hold.shifts.len()).sum();
    let holds = scored.iter().map(|s| s.events.shift_hold.holds.len()).sum();
    let readings = [
        ("shift or hold, balanced accuracy, mean of the silence (hs2)", HoldShiftReading::EventMean),
        ("shift or hold, balanced accuracy, 50 to 150 ms into the silence", HoldShiftReading::Window),
    ];
    for (name, reading) in readings {
        let pairs = |s: &Scored| shift_hold_scores(&s.events, &s.p_now, reading, config).unwrap_or_default();
        let all: Vec<(f32, bool)> = scored.iter().flat_map(pairs).collect();
        let model = with_interval(scored, |d| Confusion::at(0.5, &gather(d, pairs)).balanced_accuracy());
        // The timeout that cuts off as often as the model does.
        let cutoffs = Confusion::at(0.5, &all).specificity().map_or(0.0, |s| 1.0 - s);
        let timeout = timeout_frames(scored, cutoffs);
        let baseline = with_interval(scored, |d| {
            Confusion::at(timeout, &gather(d, |s| s.silences.clone())).balanced_accuracy()
        });
        add(name, counts(shifts, holds, ["shifts", "holds"]), model, baseline);
        add(&format!("{name}: AUC"), String::new(), with_interval(scored, |d| roc_auc(&gather(d, pairs))), {
            with_interval(scored, |d| roc_auc(&gather(d, |s| s.silences.clone())))
        });
    }
    let checked: [(&str, CheckedPairs); 3] = [
        ("shift prediction (S-pred), AUC", |s| shift_prediction_scores(&s.events, &s.p_future)),
        ("long or short, AUC", |s| long_short_scores(&s.events, &s.p_future)),
        ("backchannel prediction, AUC", |s| backchannel_prediction_scores(&s.events, &s.p_now)),
    ];
    for (name, pairs) in checked {
        let pairs = |s: &Scored| pairs(s).unwrap_or_default();
        let over = format!("{} frames", scored.iter().map(|s| pairs(s).len()).sum::<usize>());
        add(name, over, with_interval(scored, |d| roc_auc(&gather(d, pairs))), None);
    }
    end_of_turn(scored, &mut add);
    Ok(rows)
}

/// Shortest silence, in frames, taken for a shift so that at most `cutoffs` of the holds are.
fn timeout_frames(scored: &[Scored], cutoffs: f64) -> f32 {
    let mut holds: Vec<f32> = scored.iter().flat_map(|s| &s.silences).filter(|s| !s.1).map(|s| s.0).collect();
    holds.sort_by(f32::total_cmp);
    let allowed = (cutoffs * holds.len() as f64).round() as usize;
    holds.len().checked_sub(allowed + 1).and_then(|i| holds.get(i)).map_or(0.0, |longest| longest + 1.0)
}

/// End of turn with the agent silent: the sweep of eot-bench, and the event machine with its policy.
fn end_of_turn(scored: &[Scored], add: &mut impl FnMut(&str, String, Option<Score>, Option<Score>)) {
    let rules = SilenceRules::default();
    let grid = grid();
    let all = |d: &[&Scored]| gather(d, |s| s.spans.clone());
    let whole: Vec<SilenceSpan> = scored.iter().flat_map(|s| s.spans.clone()).collect();
    let ends = whole.iter().filter(|s| s.end).count();
    let counts = |s: &&SilenceSpan| (rules.min_pause_s..=rules.max_pause_s).contains(&s.until_speech_s);
    let pauses = whole.iter().filter(|s| !s.end).filter(counts).count();
    let over = format!("{ends} ends, {pauses} pauses, agent silent");
    type Pick = fn(&SweepSummary) -> Option<f64>;
    let picks: [(&str, Pick); 4] = [
        ("end of turn, false cut-offs at 300 ms mean latency", |s| {
            Some(s.cutoff_at_300_ms?.false_cutoff_rate)
        }),
        ("end of turn, false cut-offs at 600 ms mean latency", |s| {
            Some(s.cutoff_at_600_ms?.false_cutoff_rate)
        }),
        ("end of turn, mean latency at 5 % cut-offs, s", |s| Some(s.latency_at_5_percent?.mean_latency_s)),
        ("end of turn, mean latency at 10 % cut-offs, s", |s| Some(s.latency_at_10_percent?.mean_latency_s)),
    ];
    for (name, pick) in picks {
        let model = with_interval(scored, |d| pick(&summarise(&sweep(&all(d), &grid, &rules))));
        let silence = with_interval(scored, |d| pick(&summarise(&silence_sweep(&all(d), &rules))));
        add(name, over.clone(), model, silence);
    }
    let rate = |d: &[&Scored], end: bool, hit: fn(&spans::Answer) -> bool| {
        let bounds = rules.min_pause_s..=rules.max_pause_s;
        let counts = |a: &&spans::Answer| a.end == end && (end || bounds.contains(&a.until_speech_s));
        let answers: Vec<_> = d.iter().flat_map(|s| &s.machine).filter(counts).collect();
        (!answers.is_empty()).then(|| answers.iter().filter(|a| hit(a)).count() as f64 / answers.len() as f64)
    };
    let fired = |a: &spans::Answer| a.latency_s.is_some();
    add(
        "event machine, false cut-offs",
        over.clone(),
        with_interval(scored, |d| rate(d, false, fired)),
        None,
    );
    add("event machine, ends found", over.clone(), with_interval(scored, |d| rate(d, true, fired)), None);
    let median = |d: &[&Scored]| {
        let latencies: Vec<f64> =
            d.iter().flat_map(|s| &s.machine).filter(|a| a.end).filter_map(|a| a.latency_s).collect();
        vap_core::metrics::quantile(&latencies, 0.5)
    };
    add("event machine, median latency, s", over, with_interval(scored, median), None);
}

/// Checks what a report must have to be worth showing.
///
/// # Errors
/// [`Error::Data`] when nothing could be scored.
pub fn check(report: &Report) -> Result<()> {
    if report.rows.iter().all(|row| row.model.is_none()) {
        return Err(Error::Data("no dialogue had anything to score".into()));
    }
    Ok(())
}
