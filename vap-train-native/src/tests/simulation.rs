use vap_core::HOP_SAMPLES;

use super::*;
use crate::windows::dataset::window;
use crate::windows::simulation::{Answers, Simulator};

fn simulator<'a>(data: &'a Prepared, config: &SimulationConfig) -> Simulator<'a> {
    Simulator::new(data, Split::Train, config).unwrap()
}

#[test]
fn a_dialogue_is_a_function_of_its_seed() {
    let data = data();
    let simulator = simulator(&data, &SimulationConfig::default());
    let (a, b, c) = (simulator.dialogue(1, 6.0), simulator.dialogue(1, 6.0), simulator.dialogue(2, 6.0));
    assert_eq!(a.audio, b.audio);
    assert_eq!(a.activity, b.activity);
    assert_ne!(a.audio, c.audio);
    assert_eq!((a.frames, a.audio[0].len()), (300, 300 * HOP_SAMPLES));
    assert!(a.activity.frames() >= a.frames + 100, "the future of the last frame is known");
}

#[test]
fn labels_lie_on_the_sound() {
    let data = data();
    let simulator = simulator(&data, &bare());
    let (mut speech, mut right) = (0, 0);
    for seed in 0..20 {
        let dialogue = simulator.dialogue(seed, 10.0);
        for speaker in 0..2 {
            for (frame, sound) in dialogue.audio[speaker].chunks_exact(HOP_SAMPLES).enumerate() {
                let loud = sound.iter().map(|s| s * s).sum::<f32>() > 1e-4;
                speech += usize::from(loud);
                right += usize::from(loud == dialogue.activity.speech[speaker][frame]);
            }
        }
    }
    let share = right as f32 / (20.0 * 2.0 * 500.0);
    assert!(speech > 4_000 && share > 0.97, "{speech} frames of speech, {share} agree");
}

#[test]
fn degraded_sound_keeps_its_labels() {
    let data = data();
    let loud = SimulationConfig {
        noise: 1.0,
        room: 1.0,
        telephone: 1.0,
        crosstalk: 1.0,
        tilt: 1.0,
        clipping: 1.0,
        packet_loss: 1.0,
        muted: 1.0,
        silent_room_tone: 0.0,
        ..SimulationConfig::default()
    };
    let (clean, hard) =
        (simulator(&data, &bare()).dialogue(3, 8.0), simulator(&data, &loud).dialogue(3, 8.0));
    assert!(clean.activity == hard.activity);
    assert_ne!(clean.audio, hard.audio);
    let absent = |c: usize| hard.beside.absent[c] && hard.audio[c].iter().all(|s| s.abs() < 3e-4);
    assert!(absent(0) != absent(1), "one channel is absent");
    assert!(hard.audio.iter().flatten().all(|s| s.is_finite() && s.abs() <= 1.0));
}

#[test]
fn turns_change_and_backchannels_leave_the_floor() {
    let data = data();
    let simulator = simulator(&data, &bare());
    let mut backchannels = 0;
    for seed in 0..20 {
        let activity = simulator.dialogue(seed, 20.0).activity;
        for speaker in 0..2 {
            assert!(activity.speech[speaker].iter().any(|s| *s), "seed {seed}: {speaker} says nothing");
            let marked = activity.backchannel[speaker].iter().zip(&activity.speech[speaker]);
            assert!(marked.clone().all(|(b, s)| !b || *s), "a backchannel without sound");
            backchannels += marked.filter(|(b, _)| **b).count();
        }
    }
    assert!(backchannels > 100, "{backchannels} frames");
}

/// What stands in the silence must not tell an end from a pause: same room tone, same edges.
#[test]
fn silence_alone_tells_nothing() {
    let data = data();
    let config = SimulationConfig { silent_room_tone: 0.0, room_tone_db: [-60.0, -60.0], ..bare() };
    let simulator = simulator(&data, &config);
    let mut levels = [Vec::new(), Vec::new()];
    for seed in 0..60 {
        let dialogue = simulator.dialogue(seed, 20.0);
        let window = window(&dialogue).unwrap();
        for speaker in 0..2 {
            let speech = &dialogue.activity.speech[speaker];
            for start in 1..dialogue.frames - 14 {
                if !speech[start - 1] || speech[start..start + 14].iter().any(|s| *s) {
                    continue;
                }
                // End of turn or pause, by the target in the silence; from 40 ms before it to 260 ms into it.
                let eot = window.mask[start * 27 + 20 + speaker] >= 1.0;
                if !eot {
                    continue;
                }
                let end = window.values[start * 27 + 20 + speaker] > 0.5;
                let at = (speaker * dialogue.frames * 2 + (start - 2) * 2) * 80;
                let mean = window.mels[at..at + 30 * 80].iter().sum::<f32>() / 2_400.0;
                levels[usize::from(end)].push(mean);
            }
        }
    }
    let pairs: Vec<(f32, bool)> =
        levels[0].iter().map(|l| (*l, false)).chain(levels[1].iter().map(|l| (*l, true))).collect();
    let auc = crate::evaluation::metrics::roc_auc(&pairs).unwrap();
    assert!(levels.iter().all(|l| l.len() > 100), "{} pauses, {} ends", levels[0].len(), levels[1].len());
    assert!((auc - 0.5).abs() < 0.1, "level of the silence tells ends from pauses at AUC {auc}");
}

/// Where overlaps are not annotated, neither the order of turns nor a gap of 0 or less is taken.
#[test]
fn timing_without_overlaps_gives_gaps_alone() {
    let mut data = data();
    let ami = data.manifest.timings.clone();
    let cabnc = ami.into_iter().map(|timing| Timing { corpus: TimingCorpus::Cabnc, ..timing });
    data.manifest.timings.extend(cabnc);
    let simulator = Simulator::new(&data, Split::Train, &bare()).unwrap();
    assert!(simulator.timings.iter().all(|timing| timing.corpus == TimingCorpus::Ami));
    let tenths: Vec<f32> = simulator.gaps_s.iter().map(|gap_s| (gap_s * 10.0).round()).collect();
    assert_eq!(tenths, [4.0, -2.0, 5.0, 4.0, 5.0]);
    data.manifest.timings.retain(|timing| timing.corpus == TimingCorpus::Cabnc);
    assert!(Simulator::new(&data, Split::Train, &bare()).is_err());
}

/// How long a silence lasts must not tell an end from a pause.
#[test]
fn pauses_are_as_long_as_gaps() {
    // By the rule alone, by a teacher's ear, and with many broken phrases and long turns.
    let often = SimulationConfig { long_turns: 0.5, hesitations: 1.0, ..bare() };
    for (agent_style, config, ear) in [
        (0.0, bare(), false),
        (1.0, bare(), false),
        (0.0, bare(), true),
        (1.0, bare(), true),
        (0.0, often, false),
    ] {
        silences_tell_nothing(SimulationConfig { agent_style, ..config }, ear);
    }
}

/// A teacher that is never sure.
struct Unsure;

impl Answers for Unsure {
    fn at(&self, utterance: usize, sample: usize) -> Option<f32> {
        Some(0.2 + 0.6 * ((utterance * 7 + sample / 1_600) % 5) as f32 / 4.0)
    }
}

fn silences_tell_nothing(config: SimulationConfig, ear: bool) {
    let data = data();
    let agent_style = config.agent_style;
    let simulator = simulator(&data, &config);
    let simulator = if ear { simulator.hearing(&Unsure) } else { simulator };
    let mut lengths = [Vec::new(), Vec::new()];
    for seed in 0..150 {
        let activity = simulator.dialogue(seed, 30.0).activity;
        let claims = |s: usize, t: usize| activity.speech[s][t] && !activity.backchannel[s][t];
        for speaker in 0..2 {
            for start in 1..activity.frames() {
                if !claims(speaker, start - 1) || claims(speaker, start) || claims(1 - speaker, start) {
                    continue;
                }
                let next = |s| (start..activity.frames()).find(|t| claims(s, *t));
                let (own, other) = (next(speaker), next(1 - speaker));
                let end = other.is_some_and(|o| own.is_none_or(|n| o < n));
                if let Some(after) = if end { other } else { own } {
                    lengths[usize::from(end)].push((after - start) as f32);
                }
            }
        }
    }
    let labelled = |end: bool| lengths[usize::from(end)].iter().map(move |l| (*l, end));
    // Shorter ones are articulation.
    let pairs: Vec<(f32, bool)> =
        labelled(false).chain(labelled(true)).filter(|(length, _)| *length >= 10.0).collect();
    let auc = crate::evaluation::metrics::roc_auc(&pairs).unwrap();
    assert!(pairs.len() > 300, "{} silences", pairs.len());
    assert!((auc - 0.5).abs() < 0.12, "agent {agent_style}, ear {ear}: length tells ends at AUC {auc}");
}

#[test]
fn a_split_without_voices_is_an_error() {
    let mut data = data();
    data.manifest.utterances.retain(|u| u.split != Split::Test);
    let error = Simulator::new(&data, Split::Test, &bare()).err().unwrap().to_string();
    assert!(error.contains("expected two voices") && error.contains("found 0"), "{error}");
}
