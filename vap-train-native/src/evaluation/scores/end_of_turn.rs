//! Rows of the end of turn: AUC by the time into the silence; with the agent silent, the sweep of eot-bench and the
//! event machine with its policy.

use super::scene::Scene;
use super::scored::Scored;
use crate::evaluation::metrics::table::{Figure, Table, ranked};
use crate::evaluation::metrics::{
    OperatingPoint, Ranked, SilenceCounts, SilencePolicy, SilenceRules, SilenceSpan, SweepGrid, SweepSummary,
    quantile, summarise,
};
use crate::evaluation::recordings::baselines;
use crate::evaluation::recordings::spans::Answer;

/// Times into the silence at which ends are told from pauses, in ms.
const INTO_MS: [usize; 4] = [100, 200, 300, 500];
/// Timeouts tried on a baseline, in frames: 0.1 to 3.5 s.
const TIMEOUT_FRAMES: std::ops::RangeInclusive<usize> = 5..=175;

/// Coarser than eot-bench's grid, for the sake of the bootstrap; the value is taken on the same grid.
pub(super) fn grid() -> SweepGrid {
    SweepGrid {
        thresholds: (1..=32).map(|i| i as f32 / 33.0).collect(),
        action_delays_s: vec![0.2, 0.3, 0.4, 0.6, 0.8, 1.0],
        timeouts_s: vec![1.0, 1.5, 2.0, 3.0],
    }
}

/// Policies and what each does in each dialogue.
pub struct Swept(Vec<(SilencePolicy, Vec<SilenceCounts>)>);

impl Swept {
    /// The grid on a model's scores, `[dialogue]`.
    pub fn model<S: AsRef<[SilenceSpan]>>(dialogues: &[S]) -> Swept {
        Swept::policies(dialogues, grid().policies())
    }

    /// Timeouts on the true silence, `[dialogue]`; the scores do not matter.
    pub fn timeout<S: AsRef<[SilenceSpan]>>(dialogues: &[S]) -> Swept {
        Swept::policies(dialogues, timeouts())
    }

    fn policies<S: AsRef<[SilenceSpan]>>(dialogues: &[S], policies: Vec<SilencePolicy>) -> Swept {
        let rules = SilenceRules::default();
        let of = |spans: &S, policy| SilenceCounts::of_policy(spans.as_ref(), policy, &rules);
        let swept = policies.into_iter();
        Swept(swept.map(|policy| (policy, dialogues.iter().map(|s| of(s, policy)).collect())).collect())
    }

    /// Timeouts on what a baseline hears, `[dialogue]`.
    fn heard(dialogues: &[Vec<SilenceSpan>]) -> Swept {
        let rules = SilenceRules { score_step_s: seconds(1), ..SilenceRules::default() };
        let of = |s: &Vec<_>, policy: SilencePolicy| SilenceCounts::of_timeout(s, policy.timeout_s, &rules);
        let swept = timeouts().into_iter();
        Swept(swept.map(|policy| (policy, dialogues.iter().map(|s| of(s, policy)).collect())).collect())
    }

    /// What every policy does in a draw of dialogues.
    pub fn points(&self, weights: &[u32]) -> Vec<OperatingPoint> {
        let point = |(policy, counts): &(SilencePolicy, Vec<SilenceCounts>)| {
            let mut all = SilenceCounts::default();
            counts.iter().zip(weights).for_each(|(counts, times)| all.add(counts, *times));
            all.point(*policy)
        };
        self.0.iter().filter_map(point).collect()
    }

    /// Lowest false cut-offs in % at each mean latency in s, `[latency, cut-offs]`.
    fn curve(&self, dialogues: usize) -> Vec<[f64; 2]> {
        let mut points = self.points(&vec![1; dialogues]);
        points.sort_by(|a, b| a.mean_latency_s.total_cmp(&b.mean_latency_s));
        let mut lowest = f64::INFINITY;
        points.retain(|point| {
            let better = point.false_cutoff_rate < lowest;
            lowest = lowest.min(point.false_cutoff_rate);
            better
        });
        points.iter().map(|p| [p.mean_latency_s, 100.0 * p.false_cutoff_rate]).collect()
    }
}

fn timeouts() -> Vec<SilencePolicy> {
    let of = |timeout_s| SilencePolicy { threshold: None, action_delay_s: timeout_s, timeout_s };
    TIMEOUT_FRAMES.map(|frames| of(seconds(frames))).collect()
}

fn seconds(frames: usize) -> f64 {
    frames as f64 / vap_core::FRAME_HZ as f64
}

/// A policy for each column.
pub(super) fn swept(scene: &Scene) -> Vec<Swept> {
    let of_model =
        |scored: &Vec<Scored>| Swept::model(&scored.iter().map(|s| s.spans.clone()).collect::<Vec<_>>());
    let of_baseline =
        |at| Swept::heard(&scene.truths.iter().map(|t| t.baseline_spans(at)).collect::<Vec<_>>());
    scene.models.iter().map(of_model).chain((0..baselines::NAMES.len()).map(of_baseline)).collect()
}

/// Takes one figure from a summary.
pub type Pick = fn(&SweepSummary) -> Option<f64>;

/// The published operating points.
pub const PICKS: [(&str, Pick); 4] = [
    ("end of turn, false cut-offs at 300 ms mean latency", |s| Some(s.cutoff_at_300_ms?.false_cutoff_rate)),
    ("end of turn, false cut-offs at 600 ms mean latency", |s| Some(s.cutoff_at_600_ms?.false_cutoff_rate)),
    ("end of turn, mean latency at 5 % cut-offs, s", |s| Some(s.latency_at_5_percent?.mean_latency_s)),
    ("end of turn, mean latency at 10 % cut-offs, s", |s| Some(s.latency_at_10_percent?.mean_latency_s)),
];

/// AUC of one column at a time into the silence; `alone` with the other channel silent.
fn auc_at<'f>(scene: &Scene, ms: usize, alone: bool) -> Vec<Option<Figure<'f>>> {
    scene.columns(
        |_, scored| {
            let at = scene.each(scored, |truth, s| {
                let eot = if alone { &s.eot_alone } else { &s.eot_heard };
                truth.open_at(ms, |speaker, frame| eot[speaker][frame])
            });
            ranked(&at, Ranked::roc_auc)
        },
        |at| {
            let pairs = scene.truths.iter().map(|truth| {
                let silent_s = truth.baselines[at].each_ref().map(|speech| baselines::silent_s(speech));
                truth.open_at(ms, |speaker, frame| silent_s[speaker][frame])
            });
            ranked(&pairs.collect::<Vec<_>>(), Ranked::roc_auc)
        },
    )
}

/// AUC of every column by the time into the silence, `[column][time][ms, AUC]`.
pub fn auc_curves(scene: &Scene) -> Vec<Vec<[f64; 2]>> {
    let all = vec![1; scene.truths.len()];
    let mut curves = vec![Vec::new(); scene.models.len() + baselines::NAMES.len()];
    for ms in (0..=1000).step_by(40) {
        for (curve, figure) in curves.iter_mut().zip(auc_at(scene, ms, false)) {
            curve.extend(figure.and_then(|figure| figure(&all)).map(|auc| [ms as f64, auc]));
        }
    }
    curves
}

/// Cut-offs of every column by mean latency, `[column][policy][s, %]`.
pub fn cutoff_curves(scene: &Scene) -> Vec<Vec<[f64; 2]>> {
    swept(scene).iter().map(|swept| swept.curve(scene.truths.len())).collect()
}

/// Adds the rows.
pub fn add(table: &mut Table, scene: &Scene) {
    for (alone, heard) in [(false, "both channels heard"), (true, "agent silent")] {
        for ms in INTO_MS {
            let open: Vec<_> = scene.truths.iter().flat_map(|t| t.open_at(ms, |_, _| 0.0)).collect();
            let ends = open.iter().filter(|pair| pair.1).count();
            let over = format!("{ends} ends, {} pauses still open", open.len() - ends);
            let name = format!("end of turn, AUC {ms} ms into the silence, {heard}");
            table.add(name, over, &auc_at(scene, ms, alone));
        }
    }
    let rules = SilenceRules::default();
    let bounds = rules.min_pause_s..=rules.max_pause_s;
    let spans = scene.models[0].iter().flat_map(|s| &s.spans);
    let (ends, pauses): (Vec<_>, Vec<_>) = spans.partition(|s| s.end);
    let pauses = pauses.iter().filter(|s| bounds.contains(&s.until_speech_s)).count();
    let over = format!("{} ends, {pauses} pauses, agent silent", ends.len());
    let swept = swept(scene);
    for (name, pick) in PICKS {
        let figure = |swept| -> Option<Figure> {
            let swept: &Swept = swept;
            Some(Box::new(move |weights| pick(&summarise(&swept.points(weights)))))
        };
        table.add(name, over.clone(), &swept.iter().map(figure).collect::<Vec<_>>());
    }
    machine(table, scene, &over);
}

fn machine(table: &mut Table, scene: &Scene, over: &str) {
    let rules = SilenceRules::default();
    let bounds = rules.min_pause_s..=rules.max_pause_s;
    let counts = |a: &&Answer, end: bool| a.end == end && (end || bounds.contains(&a.until_speech_s));
    let share = |scored: &[Scored], end: bool| -> Option<Figure<'static>> {
        let of = |s: &Scored| {
            let answers = s.machine.iter().filter(|a| counts(a, end));
            answers.fold((0u32, 0u32), |(fired, all), a| (fired + u32::from(a.latency_s.is_some()), all + 1))
        };
        let each: Vec<(u32, u32)> = scored.iter().map(of).collect();
        Some(Box::new(move |weights| {
            let sum = |part: fn(&(u32, u32)) -> u32| -> u32 {
                each.iter().zip(weights).map(|(counts, times)| part(counts) * times).sum()
            };
            let all = sum(|c| c.1);
            (all > 0).then(|| f64::from(sum(|c| c.0)) / f64::from(all))
        }))
    };
    table.add("event machine, false cut-offs", over, &scene.columns(|_, s| share(s, false), |_| None));
    table.add("event machine, ends found", over, &scene.columns(|_, s| share(s, true), |_| None));
    let median = |scored: &[Scored]| -> Option<Figure<'static>> {
        let of = |s: &Scored| s.machine.iter().filter(|a| a.end).filter_map(|a| a.latency_s).collect();
        let each: Vec<Vec<f64>> = scored.iter().map(of).collect();
        Some(Box::new(move |weights| {
            let drawn = each.iter().zip(weights).flat_map(|(values, times)| values.repeat(*times as usize));
            quantile(&drawn.collect::<Vec<f64>>(), 0.5)
        }))
    };
    table.add("event machine, median latency, s", over, &scene.columns(|_, s| median(s), |_| None));
}
