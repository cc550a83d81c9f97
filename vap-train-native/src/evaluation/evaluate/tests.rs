use vap_core::projection::{BACKCHANNEL_AT, EOT_AT, OUTPUTS, OVERLAP_AT, VAD_AT};
use vap_core::{Frame, HOP_SAMPLES, Policy};

use super::*;
use crate::evaluation::calibration::check;
use crate::evaluation::metrics::table::Row;
use crate::evaluation::scores::scored::{Output, score};
use crate::labels::{Activity, targets};

/// One character is 10 frames: `x` speech, `b` backchannel, `.` silence. A tone stands for the speech.
fn recording(name: &str, user: &str, agent: &str) -> Recording {
    let track = |text: &str, of: fn(char) -> bool| -> Vec<bool> {
        text.chars().flat_map(|c| std::iter::repeat_n(of(c), 10)).collect()
    };
    let activity = Activity {
        speech: [user, agent].map(|t| track(t, |c| c != '.')),
        backchannel: [user, agent].map(|t| track(t, |c| c == 'b')),
        complete: false,
    };
    let sound = |speech: &Vec<bool>| -> Vec<f32> {
        let samples = speech.iter().flat_map(|s| std::iter::repeat_n(*s, HOP_SAMPLES)).enumerate();
        samples.map(|(n, s)| if s { 0.2 * (n as f32 * 0.2).sin() } else { 0.0 }).collect()
    };
    Recording { name: name.into(), audio: activity.speech.each_ref().map(sound), activity }
}

/// Two dialogues with turns of 2 s and more, pauses, a backchannel and interruptions.
fn recordings() -> [Recording; 2] {
    let user =
        "xxxxxxxxxxxxxxxx..xxxxxxxxxxxx......................xxxxxxxxxxxxxxx....xxxxxxxxxxxx...............";
    let agent =
        ".................................xxxxxxxxxxxxx..xxxxxx......b.....................xxxxxxxxxxxxxxx.";
    [recording("a", user, agent), recording("b", agent, user)]
}

/// Frames of a model that knows the labels, or of one that says the same all the time.
fn frames(truth: &Truth, knows: bool) -> Vec<Frame> {
    let sure = |t: usize, at: usize| match truth.targets.at(t, at) {
        Some(value) if knows => {
            if value {
                6.0
            } else {
                -6.0
            }
        }
        _ => -1.0,
    };
    (0..truth.activity.frames())
        .map(|t| {
            let mut logits = [0.0; OUTPUTS];
            (0..OUTPUTS).for_each(|at| logits[at] = sure(t, at));
            Frame::from_logits(t as u64, &logits)
        })
        .collect()
}

fn scored(truths: &[Truth], knows: bool) -> Vec<Scored> {
    let of = |truth| {
        let alone = [frames(truth, knows), frames(truth, knows)];
        let output = Output { both: frames(truth, knows), alone };
        let solved = check::Solved::new(&Policy::default(), None);
        score("a", truth, output, Policy::default(), &solved).unwrap()
    };
    truths.iter().map(of).collect()
}

fn value(rows: &[Row], name: &str, column: usize) -> Option<f64> {
    let row = rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"));
    row.scores[column].map(|score| score.value)
}

#[test]
fn who_knows_all_scores_all_and_who_knows_nothing_scores_at_chance() {
    let config = event_config();
    let truths: Vec<Truth> = recordings().iter().map(|r| Truth::of(r, &config).unwrap()).collect();
    let models = [scored(&truths, true), scored(&truths, false)];
    let thresholds = [Thresholds::default(); 2];
    let rows =
        rows(&Scene { truths: &truths, models: &models, thresholds: &thresholds, config: &config }, None);
    let cases = [
        ("VAD, balanced accuracy", 1.0, Some(0.5)),
        ("overlap, AUC", 1.0, Some(0.5)),
        ("backchannel or claim, AUC", 1.0, Some(0.5)),
        ("projection bins, AUC", 1.0, Some(0.5)),
        ("shift or hold, mean of the silence (hs2), AUC", 1.0, Some(0.5)),
        ("end of turn, AUC 200 ms into the silence, both channels heard", 1.0, Some(0.5)),
        ("end of turn, AUC 300 ms into the silence, agent silent", 1.0, Some(0.5)),
        ("end of turn, false cut-offs at 300 ms mean latency", 0.0, None),
        ("event machine, false cut-offs", 0.0, Some(0.0)),
        ("event machine, ends found", 1.0, None),
        ("TurnBench EOT, recall", 1.0, None),
        ("TurnBench EOT, false-positive rate", 0.0, None),
    ];
    for (name, knows, not) in cases {
        assert_eq!(value(&rows, name, 0), Some(knows), "{name}");
        if not.is_some() {
            assert_eq!(value(&rows, name, 1), not, "{name}");
        }
    }
    // The difference is against the first model, on the same draws.
    let vad = &rows[0];
    assert_eq!(vad.differences[0].map(|d| (d.low, d.high)), Some((-0.5, -0.5)));
    // The true silence tells nothing while it is open; its timeouts are the published line.
    let at = "end of turn, AUC 300 ms into the silence, both channels heard";
    assert_eq!(value(&rows, at, 2), Some(0.5));
    assert_eq!(value(&rows, "VAD, balanced accuracy", 2), None);
    let found = value(&rows, "end of turn, mean latency at 5 % cut-offs, s", 2).unwrap();
    let spans: Vec<_> = models[0].iter().flat_map(|s| s.spans.clone()).collect();
    let rules = crate::evaluation::metrics::SilenceRules::default();
    let line =
        crate::evaluation::metrics::summarise(&crate::evaluation::metrics::silence_sweep(&spans, &rules));
    let expected = line.latency_at_5_percent.unwrap().mean_latency_s;
    assert!((found - expected).abs() < 0.021, "{found} s, the line has {expected} s");
}

#[test]
fn a_silent_channel_is_not_scored() {
    let config = event_config();
    let [_, mut muted] = recordings();
    muted.audio[1].fill(0.0);
    let [_, whole] = recordings();
    let (muted, whole) = (Truth::of(&muted, &config).unwrap(), Truth::of(&whole, &config).unwrap());
    assert_eq!(muted.audible, [true, false]);
    assert!(!whole.silences[1].is_empty() && muted.silences[1].is_empty());
    assert_eq!(muted.silences[0].len(), whole.silences[0].len());
    assert!(muted.labels.eot_positive_events.iter().all(|a| a.speaker == 1));
    let shifts = |truth: &Truth| truth.events.shift_hold.shifts.iter().map(|r| r.speaker).collect::<Vec<_>>();
    assert!(shifts(&whole).contains(&0) && !shifts(&muted).contains(&0), "{:?}", shifts(&whole));
    let frames = muted.activity.frames();
    let heard = scored(&[muted], true);
    assert_eq!((heard[0].vad.len(), heard[0].overlap.len()), (frames, 0));
}

#[test]
fn open_silences_are_those_nobody_has_broken() {
    let truth = Truth::of(&recording("a", "xxx..xxx......xx", "..........xxx..."), &event_config()).unwrap();
    // The pause of the user lasts 400 ms, the silence at the end of the turn as long.
    let open = |ms| truth.open_at(ms, |speaker, frame| (1000 * speaker + frame) as f32);
    assert_eq!(open(200), [(39.0, false), (89.0, true), (1139.0, true)]);
    assert_eq!(open(400).len(), 2);
    assert_eq!(open(420).len(), 0);
    assert_eq!(open(0)[0].0, 29.0);
}

#[test]
fn bad_recordings_are_named() {
    let config = event_config();
    type Spoil = fn(&mut Recording);
    let cases: [(Spoil, &str); 2] = [
        (|r| r.activity.speech[1].truncate(5), "speech of the agent"),
        (|r| r.audio[0].truncate(100), "at least one hop"),
    ];
    for (spoil, expected) in cases {
        let [mut bad, _] = recordings();
        spoil(&mut bad);
        let error = hear(&[], [Ok(bad)], &config, "").err().unwrap().to_string();
        assert!(error.starts_with("data: a: ") && error.contains(expected), "{error}");
    }
    assert!(hear(&[], [], &config, "").err().unwrap().to_string().contains("no dialogue"));
    let targets = targets(&recordings()[0].activity).unwrap();
    assert!(
        [VAD_AT, EOT_AT, BACKCHANNEL_AT, OVERLAP_AT]
            .iter()
            .all(|at| (0..900).any(|t| targets.at(t, *at).is_some()))
    );
}
