//! The rows of a report, from what each dialogue contributes: what is heard, shifts and holds, what is foreseen. The
//! first columns are models, the others baselines.

use super::foresight::{BACKCHANNEL_PREDICTION, Foresight, LONG_SHORT, SHIFT_HOLD, SHIFT_PREDICTION};
use super::scene::{Pairs, Scene};
use super::scored::Scored;
use super::thresholds::Thresholds;
use super::truth::Truth;
use super::{end_of_turn, floor};
use crate::evaluation::calibration::check;
use crate::evaluation::metrics::table::{Row, Table, at_threshold, ranked};
use crate::evaluation::metrics::{Confusion, Ranked};
use crate::evaluation::recordings::baselines;
use crate::labels::reference_events::{HoldShiftReading, OverlapOutcome, shift_hold_scores};

type PairsOf = fn(&Scored) -> Pairs;
type Threshold = fn(&Thresholds) -> f32;

/// Frames of an overlap after which its outcome is asked for: 0.2 s.
const OVERLAP_READ_FRAMES: usize = 10;

/// All rows, or `only` these.
pub fn rows(scene: &Scene, only: Option<&[&str]>) -> Vec<Row> {
    let mut table = Table::new(scene.truths.len(), scene.models.len()).only(only);
    heard(&mut table, scene);
    shift_hold(&mut table, scene);
    foreseen(&mut table, scene);
    end_of_turn::add(&mut table, scene);
    floor::add(&mut table, scene);
    let answered: Vec<Vec<_>> =
        scene.models.iter().map(|scored| scored.iter().map(|s| &s.checked).collect()).collect();
    check::add(&mut table, &answered, baselines::NAMES.len());
    table.rows
}

fn heard(table: &mut Table, scene: &Scene) {
    let balanced = |pairs: &[Pairs]| at_threshold(pairs, 0.5, Confusion::balanced_accuracy);
    let vad = scene.columns(
        |_, scored| balanced(&scene.each(scored, |_, s| s.vad.clone())),
        // The first baseline is the truth itself.
        |at| {
            balanced(&scene.truths.iter().map(|t| t.baseline_vad(at)).collect::<Vec<_>>()).filter(|_| at > 0)
        },
    );
    table.add("VAD, balanced accuracy", scene.frames(|_, s| s.vad.clone()), &vad);
    let ranking: [(&str, PairsOf); 3] = [
        ("overlap, AUC", |s| s.overlap.clone()),
        ("backchannel or claim, AUC", |s| s.backchannel.clone()),
        ("projection bins, AUC", |s| s.bins.clone()),
    ];
    for (name, pairs) in ranking {
        let pairs = |_: &Truth, s: &Scored| pairs(s);
        let auc = |_, scored: &[Scored]| ranked(&scene.each(scored, pairs), Ranked::roc_auc);
        table.add(name, scene.frames(pairs), &scene.columns(auc, |_| None));
    }
    let outcome = |truth: &Truth, s: &Scored| -> Pairs {
        let known = truth.events.overlaps.iter().filter_map(|overlap| {
            let yielded = match overlap.outcome? {
                OverlapOutcome::Yielded => true,
                OverlapOutcome::Kept => false,
                OverlapOutcome::Both => return None,
            };
            let newcomer = overlap.newcomer?;
            let read = &s.p_future
                [overlap.start_frame..overlap.end_frame.min(overlap.start_frame + OVERLAP_READ_FRAMES)];
            Some((read.iter().map(|p| p[newcomer]).sum::<f32>() / read.len() as f32, yielded))
        });
        known.collect()
    };
    let auc = |_, scored: &[Scored]| ranked(&scene.each(scored, outcome), Ranked::roc_auc);
    let known = scene.each(&scene.models[0], outcome).concat();
    let yielded = known.iter().filter(|pair| pair.1).count();
    let over = format!("{yielded} yielded, {} kept, read after 0.2 s", known.len() - yielded);
    table.add("overlap, outcome, AUC", over, &scene.columns(auc, |_| None));
}

fn shift_hold(table: &mut Table, scene: &Scene) {
    let shifts = scene.count(|t| &t.events.shift_hold.shifts);
    let holds = scene.count(|t| &t.events.shift_hold.holds);
    let over = format!("{shifts} shifts, {holds} holds");
    let lengths: Vec<Pairs> = scene.truths.iter().map(|t| t.silence_frames.clone()).collect();
    let readings = [
        ("mean of the silence (hs2)", HoldShiftReading::EventMean),
        ("50 to 150 ms into the silence", HoldShiftReading::Window),
        ("every frame of the silence (hs)", HoldShiftReading::EveryFrame),
    ];
    for (name, reading) in readings {
        let pairs = |truth: &Truth, s: &Scored| {
            shift_hold_scores(&truth.events, &s.p_now, reading, scene.config).unwrap_or_default()
        };
        let decided = reading != HoldShiftReading::EveryFrame;
        // The timeout that cuts off as often as the first model does.
        let first = scene.each(&scene.models[0], pairs).concat();
        let cutoffs = Confusion::at(0.5, &first).specificity().map_or(0.0, |s| 1.0 - s);
        let figures = scene.columns(
            |_, scored| at_threshold(&scene.each(scored, pairs), 0.5, Confusion::balanced_accuracy),
            |at| {
                let timeout = (at == 0 && decided).then(|| timeout_frames(&lengths, cutoffs))?;
                at_threshold(&lengths, timeout, Confusion::balanced_accuracy)
            },
        );
        table.add(format!("shift or hold, {name}, balanced accuracy"), over.clone(), &figures);
        let figures = scene.columns(
            |_, scored| ranked(&scene.each(scored, pairs), Ranked::roc_auc),
            |at| ranked(&lengths, Ranked::roc_auc).filter(|_| at == 0 && decided),
        );
        table.add(format!("shift or hold, {name}, AUC"), over.clone(), &figures);
    }
    let tuned = scene.columns(
        |at, scored| {
            let pairs = scene.each(scored, |truth, s| SHIFT_HOLD(truth, s, scene.config));
            at_threshold(&pairs, scene.thresholds[at].shift_hold, Confusion::weighted_f1)
        },
        |_| None,
    );
    table.add("shift or hold (hs2), weighted F1", over, &tuned);
}

fn foreseen(table: &mut Table, scene: &Scene) {
    let kinds: [(&str, Foresight, Threshold); 3] = [
        ("shift prediction (S-pred)", SHIFT_PREDICTION, |t| t.shift_prediction),
        ("long or short", LONG_SHORT, |t| t.long_short),
        ("backchannel prediction", BACKCHANNEL_PREDICTION, |t| t.backchannel_prediction),
    ];
    for (name, foresight, threshold) in kinds {
        let pairs = |truth: &Truth, s: &Scored| foresight(truth, s, scene.config);
        let all = scene.each(&scene.models[0], pairs).concat();
        let positive = all.iter().filter(|pair| pair.1).count();
        let over = format!("{positive} frames, {} against", all.len() - positive);
        let ranking = |of: fn(&Ranked, &[u32]) -> Option<f64>| {
            scene.columns(|_, scored| ranked(&scene.each(scored, pairs), of), |_| None)
        };
        let decided = |of: fn(&Confusion) -> Option<f64>| {
            let at = |at: usize, scored: &[Scored]| {
                at_threshold(&scene.each(scored, pairs), threshold(&scene.thresholds[at]), of)
            };
            scene.columns(at, |_| None)
        };
        table.add(format!("{name}, AUC"), over.clone(), &ranking(Ranked::roc_auc));
        if name == "backchannel prediction" {
            table.add(
                format!("{name}, average precision"),
                over.clone(),
                &ranking(Ranked::average_precision),
            );
            table.add(format!("{name}, F1"), over.clone(), &decided(Confusion::f1));
        }
        table.add(format!("{name}, weighted F1"), over, &decided(Confusion::weighted_f1));
    }
}

/// Shortest silence, in frames, taken for a shift so that at most the share `cutoffs` of the holds is.
fn timeout_frames(silences: &[Pairs], cutoffs: f64) -> f32 {
    let mut holds: Vec<f32> = silences.iter().flatten().filter(|s| !s.1).map(|s| s.0).collect();
    holds.sort_by(f32::total_cmp);
    let allowed = (cutoffs * holds.len() as f64).round() as usize;
    holds.len().checked_sub(allowed + 1).and_then(|i| holds.get(i)).map_or(0.0, |longest| longest + 1.0)
}
