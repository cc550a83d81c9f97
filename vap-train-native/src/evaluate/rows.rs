//! The rows of a report, from what each dialogue contributes. The first columns are models, the last the silence
//! timeout.

use vap_core::metrics::{Confusion, Ranked};
use vap_core::reference_events::{
    EventConfig, HoldShiftReading, backchannel_prediction_scores, long_short_scores, shift_hold_scores,
    shift_prediction_scores,
};

use super::scored::Scored;
use super::table::{Figure, Row, Table, at_threshold, ranked};
use super::{asked, end_of_turn};

type Pairs = Vec<(f32, bool)>;

/// All rows of `scored`, one list of dialogues a model.
pub fn rows(scored: &[Vec<Scored>], config: &EventConfig) -> Vec<Row> {
    let first = &scored[0];
    let mut table = Table::new(first.len(), scored.len());
    let baselines = |timeout: Option<Figure<'static>>| vec![timeout];
    let columns =
        |figure: &dyn Fn(&[Scored]) -> Option<Figure<'static>>, timeout| -> Vec<Option<Figure<'static>>> {
            scored.iter().map(|scored| figure(scored)).chain(baselines(timeout)).collect()
        };
    let frames = |pairs: fn(&Scored) -> Pairs| {
        format!("{} frames", first.iter().map(|s| pairs(s).len()).sum::<usize>())
    };
    let auc =
        |pairs: fn(&Scored) -> Pairs| move |scored: &[Scored]| ranked(&each(scored, pairs), Ranked::roc_auc);

    table.add(
        "VAD, balanced accuracy",
        frames(|s| s.vad.clone()),
        &columns(
            &|scored| at_threshold(&each(scored, |s| s.vad.clone()), 0.5, Confusion::balanced_accuracy),
            None,
        ),
    );
    table.add("overlap, AUC", frames(|s| s.overlap.clone()), &columns(&auc(|s| s.overlap.clone()), None));
    table.add(
        "backchannel or claim, AUC",
        frames(|s| s.backchannel.clone()),
        &columns(&auc(|s| s.backchannel.clone()), None),
    );
    table.add("projection bins, AUC", frames(|s| s.bins.clone()), &columns(&auc(|s| s.bins.clone()), None));

    let shifts: usize = first.iter().map(|s| s.events.shift_hold.shifts.len()).sum();
    let holds: usize = first.iter().map(|s| s.events.shift_hold.holds.len()).sum();
    let over = format!("{shifts} shifts, {holds} holds");
    let readings = [
        ("shift or hold, mean of the silence (hs2)", HoldShiftReading::EventMean),
        ("shift or hold, 50 to 150 ms into the silence", HoldShiftReading::Window),
        ("shift or hold, every frame of the silence (hs)", HoldShiftReading::EveryFrame),
    ];
    let silences = each(first, |s| s.silences.clone());
    for (name, reading) in readings {
        let pairs = |s: &Scored| shift_hold_scores(&s.events, &s.p_now, reading, config).unwrap_or_default();
        // The timeout that cuts off as often as the first model does.
        let cutoffs = Confusion::at(0.5, &each(first, pairs).concat()).specificity().map_or(0.0, |s| 1.0 - s);
        let timeout =
            at_threshold(&silences, timeout_frames(&silences, cutoffs), Confusion::balanced_accuracy);
        let model = |scored: &[Scored]| at_threshold(&each(scored, pairs), 0.5, Confusion::balanced_accuracy);
        table.add(format!("{name}, balanced accuracy"), over.clone(), &columns(&model, timeout));
        let model = |scored: &[Scored]| ranked(&each(scored, pairs), Ranked::roc_auc);
        table.add(format!("{name}, AUC"), over.clone(), &columns(&model, ranked(&silences, Ranked::roc_auc)));
    }
    let foreseen: [(&str, fn(&Scored) -> Pairs); 3] = [
        ("shift prediction (S-pred), AUC", |s| {
            shift_prediction_scores(&s.events, &s.p_future).unwrap_or_default()
        }),
        ("long or short, AUC", |s| long_short_scores(&s.events, &s.p_future).unwrap_or_default()),
        ("backchannel prediction, AUC", |s| {
            backchannel_prediction_scores(&s.events, &s.p_now).unwrap_or_default()
        }),
    ];
    for (name, pairs) in foreseen {
        table.add(name, frames(pairs), &columns(&auc(pairs), None));
    }
    end_of_turn::add(&mut table, scored);
    let answered: Vec<Vec<_>> = scored.iter().map(|each| each.iter().map(|s| &s.asked).collect()).collect();
    asked::add(&mut table, &answered, 1);
    table.rows
}

fn each(scored: &[Scored], pairs: impl Fn(&Scored) -> Pairs) -> Vec<Pairs> {
    scored.iter().map(pairs).collect()
}

/// Shortest silence, in frames, taken for a shift so that at most the share `cutoffs` of the holds is.
fn timeout_frames(silences: &[Pairs], cutoffs: f64) -> f32 {
    let mut holds: Vec<f32> = silences.iter().flatten().filter(|s| !s.1).map(|s| s.0).collect();
    holds.sort_by(f32::total_cmp);
    let allowed = (cutoffs * holds.len() as f64).round() as usize;
    holds.len().checked_sub(allowed + 1).and_then(|i| holds.get(i)).map_or(0.0, |longest| longest + 1.0)
}
