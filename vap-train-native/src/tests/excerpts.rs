use vap_core::projection::{BACKCHANNEL_AT, OUTPUTS};
use vap_core::{FRAME_HZ, HOP_SAMPLES};

use super::*;
use crate::config::{RunConfig, SimulationConfig};
use crate::data::fixture::Folder;
use crate::data::prepared::Call;
use crate::labels::{Activity, targets};
use crate::training::{RunFolder, train};
use crate::windows::dataset::{Windows, dialogue_seed, excerpt_window, window};
use crate::windows::excerpts::Excerpts;
use crate::windows::simulation::Simulator;

type Track = &'static [[u32; 2]];

/// Turns of a call in seconds, with a backchannel of the second speaker at 4 s.
const SPEECH: [Track; 2] = [&[[1, 6], [14, 20], [21, 26], [40, 45]], &[[4, 5], [7, 13], [27, 39], [46, 59]]];

/// Calls of the two tracks, each a tone of its own pitch, as the prepared data of no other corpus.
fn with_calls(mut data: Prepared, calls: &[(Split, u32, bool, Option<[Track; 2]>)]) -> Prepared {
    let samples = |tracks: [Track; 2]| {
        tracks.map(|track| track.iter().map(|span| span.map(|s| s * RATE_HZ)).collect::<Vec<[u32; 2]>>())
    };
    let mut pcm = Vec::new();
    for (split, seconds, ended, backchannels) in calls {
        let length = seconds * RATE_HZ;
        let speech = samples(SPEECH)
            .map(|track| -> Vec<[u32; 2]> { track.into_iter().filter(|[_, end]| *end <= length).collect() });
        data.manifest.calls.push(Call {
            corpus: "calls".into(),
            name: "a".into(),
            split: *split,
            offset_samples: pcm.len() as u64,
            samples: length,
            ended: *ended,
            speech_db: [-20.0; 2],
            speech: speech.clone(),
            backchannels: backchannels.map(samples),
        });
        for (track, hz) in speech.iter().zip([200.0, 330.0]) {
            pcm.extend((0..length).map(|n| {
                let inside = track.iter().any(|[start, end]| (*start..*end).contains(&n));
                let x = (std::f32::consts::TAU * hz * n as f32 / RATE_HZ as f32).cos();
                if inside { (4_000.0 * x) as i16 } else { 0 }
            }));
        }
    }
    data.manifest.samples.calls = pcm.len() as u64;
    let manifest = std::mem::replace(&mut data.manifest, super::data().manifest);
    let noise = vec![300i16; 8_000];
    let mut rooms = vec![0.0f32; 800];
    rooms[0] = 1.0;
    let speech = (0..manifest.utterances.len()).flat_map(|i| data.utterance_audio(i).to_vec()).collect();
    Prepared::from_parts(manifest, speech, noise, rooms, pcm)
}

fn without_speech(mut data: Prepared) -> Prepared {
    (data.manifest.utterances, data.manifest.timings) = (Vec::new(), Vec::new());
    data
}

fn config(real_share: f64, simulation: SimulationConfig) -> RunConfig {
    let mut config = RunConfig::from_toml(include_str!("../../../configs/light.toml")).unwrap();
    (config.training.real_share, config.simulation) = (real_share, simulation);
    config
}

#[test]
fn sound_and_labels_of_an_excerpt_belong_together() {
    let data = with_calls(data(), &[(Split::Train, 60, true, None)]);
    let excerpts = Excerpts::new(&data, Split::Train, &bare()).unwrap();
    let mut swapped = [false; 2];
    for seed in 0..20 {
        let excerpt = excerpts.excerpt(seed, 8.0);
        assert_eq!((excerpt.frames, excerpt.known, excerpt.audio[0].len()), (400, 400, 128_000));
        assert_eq!(excerpt.audio, excerpts.excerpt(seed, 8.0).audio, "a pure function of the seed");
        for channel in 0..2 {
            for frame in 0..excerpt.frames {
                let sound = &excerpt.audio[channel][frame * HOP_SAMPLES..][..HOP_SAMPLES];
                let energy: f32 = sound.iter().map(|x| x * x).sum();
                assert_eq!(
                    energy > 0.0,
                    excerpt.activity.speech[channel][excerpt.first + frame],
                    "{seed} {frame}"
                );
            }
        }
        // The second speaker has the higher tone: more changes of sign.
        let crossings = |c: usize| {
            let sounding: Vec<f32> = excerpt.audio[c].iter().copied().filter(|x| *x != 0.0).collect();
            let changes = sounding.windows(2).filter(|p| p[0] * p[1] < 0.0).count();
            changes as f32 / sounding.len().max(1) as f32
        };
        let high = crossings(0).max(crossings(1));
        if high > 0.035 {
            swapped[usize::from(crossings(0) > 0.035)] = true;
        }
    }
    assert_eq!(swapped, [true; 2], "channels are swapped at times");
}

#[test]
fn an_excerpt_has_the_labels_of_the_whole_call() {
    let data = with_calls(data(), &[(Split::Train, 60, true, None)]);
    let excerpts = Excerpts::new(&data, Split::Train, &bare()).unwrap();
    let frame = |s: u32| s as usize * FRAME_HZ;
    let mut whole = Activity { speech: [vec![false; 3000], vec![false; 3000]], ..Activity::default() };
    whole.complete = true;
    for (track, spans) in whole.speech.iter_mut().zip(SPEECH) {
        spans.iter().for_each(|[start, end]| track[frame(*start)..frame(*end)].fill(true));
    }
    whole.backchannel = crate::labels::mark_backchannels(&whole.speech);
    assert!(whole.backchannel[1][frame(4)], "the definition finds it");
    let known = targets(&whole).unwrap();
    let (mut unknown, mut seen) = (0, 0);
    for seed in 0..40 {
        let excerpt = excerpts.excerpt(seed, 6.0);
        let found = excerpt_window(&excerpt).unwrap();
        // Where the excerpt lies: the one place (and order) in the call with its activity.
        let speech = &excerpt.activity.speech;
        let length = speech[0].len();
        let at = |c: usize, from: usize| {
            whole.speech[c][from..from + length] == speech[0]
                && whole.speech[1 - c][from..from + length] == speech[1]
        };
        let places: Vec<(usize, usize)> = (0..2)
            .flat_map(|c| (0..=3000 - length).filter(move |from| at(c, *from)).map(move |from| (c, from)))
            .collect();
        let [(order, from)] = places[..] else { continue };
        if order == 1 {
            continue;
        }
        seen += 1;
        let start = from + excerpt.first;
        for (t, mask) in found.mask.chunks(OUTPUTS).enumerate() {
            for (output, counts) in mask.iter().enumerate() {
                let expected = known.at(start + t, output);
                let value = found.values[t * OUTPUTS + output] > 0.5;
                // Where no turn has begun the end of one counts little.
                if *counts >= 1.0 {
                    assert_eq!(Some(value), expected, "seed {seed}, frame {t}, output {output}");
                } else if expected.is_some() && *counts == 0.0 {
                    unknown += 1;
                }
            }
        }
    }
    assert!(seen > 5 && unknown < 600, "{seen} excerpts, {unknown} targets that the whole call knows");
}

#[test]
fn annotated_backchannels_go_before_the_definition() {
    let annotated: [Track; 2] = [&[[21, 26]], &[]];
    let data = with_calls(data(), &[(Split::Train, 60, false, Some(annotated))]);
    let excerpts = Excerpts::new(&data, Split::Train, &bare()).unwrap();
    let excerpt = excerpts.excerpt(0, 60.0);
    let marked = |c: usize| excerpt.activity.backchannel[c].iter().filter(|b| **b).count();
    assert_eq!(marked(0) + marked(1), 250);
    assert!(!excerpt.activity.complete, "a stretch goes on");
}

#[test]
fn behind_the_end_of_a_call_nothing_counts() {
    let data = with_calls(data(), &[(Split::Train, 14, true, None)]);
    let excerpts = Excerpts::new(&data, Split::Train, &bare()).unwrap();
    let excerpt = excerpts.excerpt(3, 20.0);
    assert_eq!((excerpt.frames, excerpt.known, excerpt.first), (1_000, 700, 0));
    let window = excerpt_window(&excerpt).unwrap();
    let (inside, behind) = window.mask.split_at(700 * OUTPUTS);
    assert!(behind.len() == 300 * OUTPUTS && behind.iter().all(|m| *m == 0.0));
    let backchannel =
        |t: usize| inside[t * OUTPUTS + BACKCHANNEL_AT] + inside[t * OUTPUTS + BACKCHANNEL_AT + 1];
    assert!((0..700).any(|t| backchannel(t) > 0.0));
    assert_eq!(window.mels.len(), 2 * 2 * 1_000 * vap_core::config::MEL_BANDS);
}

#[test]
fn real_share_mixes_and_leaves_the_simulated_as_they_are() {
    let calls = [(Split::Train, 60, true, None)];
    let data = with_calls(data(), &calls);
    let windows = |share| Windows::new(&data, Split::Train, &config(share, bare())).unwrap();
    let simulator = Simulator::new(&data, Split::Train, &bare()).unwrap();
    let (none, half) = (windows(0.0), windows(0.5));
    let mut real = 0;
    for i in 0..60 {
        let seed = dialogue_seed(1, i);
        let simulated = window(&simulator.dialogue(seed, 2.0)).unwrap().mels;
        assert_eq!(none.window(seed, 2.0).unwrap().mels, simulated);
        real += usize::from(half.window(seed, 2.0).unwrap().mels != simulated);
    }
    assert!((18..=42).contains(&real), "{real} of 60");
}

#[test]
fn what_a_share_needs_must_be_there() {
    let fault = |data: &Prepared, split, share| {
        Windows::new(data, split, &config(share, bare()))
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let only_speech = data();
    assert!(
        fault(&only_speech, Split::Train, 0.2)
            .contains("split train: expected two-channel calls, found none")
    );
    let mixed = with_calls(data(), &[(Split::Train, 60, true, None)]);
    assert_eq!(fault(&mixed, Split::Dev, 0.2), "", "dev is simulated then");
    assert!(fault(&mixed, Split::Dev, 1.0).contains("split dev: expected two-channel calls"));
    let only_calls = without_speech(with_calls(data(), &[(Split::Train, 60, true, None)]));
    assert_eq!(fault(&only_calls, Split::Train, 1.0), "");
    assert!(fault(&only_calls, Split::Train, 0.9).contains("timings"));
    let text = format!("{}\n", include_str!("../../../configs/light.toml"));
    let text = text.replacen("[training]", "[training]\nreal_share = 1.5", 1);
    assert!(RunConfig::from_toml(&text).unwrap_err().contains("training.real_share: expected 0 to 1"));
}

#[test]
fn calls_alone_make_a_run() {
    let _turn = alone();
    let calls = [(Split::Train, 60, true, None), (Split::Dev, 60, true, None)];
    let data = without_speech(with_calls(data(), &calls));
    let mut config = config(1.0, SimulationConfig::default());
    config.model = super::training::tiny().model;
    let training = &mut config.training;
    (training.steps, training.batch, training.window_s, training.dev_windows) = (3, 2, 2.0, 2);
    (training.evaluate_every, training.checkpoint_every) = (3, 3);
    let folder = Folder::new();
    let run = RunFolder::new(&folder.0.join("run"));
    train(&config, &data, &run, None).unwrap();
    let log = std::fs::read_to_string(run.log()).unwrap();
    let validations = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["dev_loss"].as_f64());
    assert!(run.best().exists() && validations.count() == 1, "{log}");
}
