//! Rows as TurnBench scores them, both channels heard: ends of turns and interruptions by the times at which they are
//! told, of the event machine with its policy and of plain timeouts.

use super::scene::Scene;
use crate::evaluation::metrics::table::{Figure, Table};
use crate::evaluation::metrics::{TurnBench, best_within_fp_rate};
use crate::evaluation::turnbench::files::score_one;
use crate::evaluation::turnbench::labels;

/// The rate at which TurnBench's baselines are tuned. Here they are tuned on the very dialogues that are scored, which
/// is in their favour.
const MAX_FP_RATE: f64 = 0.10;

type Task = fn(&(TurnBench, TurnBench)) -> &TurnBench;
type Pick = fn(&TurnBench) -> Option<f64>;

const PICKS: [(&str, Pick); 5] = [
    ("recall", TurnBench::recall),
    ("false-positive rate", TurnBench::fp_rate),
    ("latency p10, s", |score| Some(score.latency()?.p10_s)),
    ("latency p50, s", |score| Some(score.latency()?.p50_s)),
    ("latency p90, s", |score| Some(score.latency()?.p90_s)),
];

/// Adds the rows.
pub fn add(table: &mut Table, scene: &Scene) {
    let tasks: [(&str, Task); 2] = [("EOT", |scores| &scores.0), ("INT", |scores| &scores.1)];
    for (name, task) in tasks {
        let baselines: Vec<Option<Vec<TurnBench>>> = (0..4).map(|at| tuned(scene, at, task)).collect();
        let of = |end: bool| -> usize {
            let labels = scene.truths.iter().map(|t| &t.labels);
            let count = |l: &crate::evaluation::turnbench::files::Labels| match (name, end) {
                ("EOT", true) => l.eot_positive_events.len(),
                ("EOT", false) => l.eot_negative_spans.len(),
                (_, true) => l.int_positive_events.len(),
                (_, false) => l.int_negative_spans.len(),
            };
            labels.map(count).sum()
        };
        let negatives = if name == "EOT" { "pauses" } else { "backchannels" };
        let over = format!("{} events, {} {negatives}", of(true), of(false));
        for (figure, pick) in PICKS {
            let figures = scene.columns(
                |_, scored| summed(scored.iter().map(|s| task(&s.turnbench).clone()).collect(), pick),
                |at| summed(baselines[at].clone()?, pick),
            );
            table.add(format!("TurnBench {name}, {figure}"), over.clone(), &figures);
        }
    }
}

fn summed<'f>(each: Vec<TurnBench>, pick: Pick) -> Option<Figure<'f>> {
    Some(Box::new(move |weights| {
        let mut all = TurnBench::default();
        for (score, times) in each.iter().zip(weights) {
            (0..*times).for_each(|_| all.add(score));
        }
        pick(&all)
    }))
}

/// Scores of a baseline in each dialogue at the timeout with the highest recall within [`MAX_FP_RATE`].
fn tuned(scene: &Scene, baseline: usize, task: Task) -> Option<Vec<TurnBench>> {
    // 0.1 to 3 s of silence, 0.06 to 1 s of sound.
    let timeouts = (5..=150).step_by(5).zip(3..);
    let tried: Vec<Vec<TurnBench>> = timeouts
        .map(|(end_frames, start_frames)| {
            let of = |truth: &super::truth::Truth| {
                let told = labels::of_timeouts("", &truth.baselines[baseline], end_frames, start_frames);
                task(&score_one(&told, &truth.labels)).clone()
            };
            scene.truths.iter().map(of).collect()
        })
        .collect();
    let sums: Vec<TurnBench> = tried
        .iter()
        .map(|each| {
            let mut all = TurnBench::default();
            each.iter().for_each(|score| all.add(score));
            all
        })
        .collect();
    best_within_fp_rate(&sums, MAX_FP_RATE).and_then(|at| tried.into_iter().nth(at))
}
