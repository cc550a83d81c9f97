use vap_core::projection::{BACKCHANNEL_AT, BINS, EOT_AT, OUTPUTS, VAD_AT};
use vap_core::{FRAME_HZ, HOP_SAMPLES};

use super::*;
use crate::windows::dataset::window;
use crate::windows::simulation::{Dialogue, Simulator};

fn dialogues(config: &SimulationConfig, count: u64) -> Vec<Dialogue> {
    let data = data();
    let simulator = Simulator::new(&data, Split::Train, config).unwrap();
    (0..count).map(|seed| simulator.dialogue(seed, 12.0)).collect()
}

fn rms_db(x: &[f32]) -> f32 {
    10.0 * (x.iter().map(|s| s * s).sum::<f32>() / x.len().max(1) as f32).max(1e-20).log10()
}

/// Level of the frames in which a channel speaks.
fn speech_db(dialogue: &Dialogue, channel: usize) -> Option<f32> {
    let frames = dialogue.audio[channel].chunks_exact(HOP_SAMPLES).zip(&dialogue.activity.speech[channel]);
    let speech: Vec<f32> = frames.filter(|(_, speaks)| **speaks).flat_map(|(x, _)| x.to_vec()).collect();
    (speech.len() > FRAME_HZ * HOP_SAMPLES).then(|| rms_db(&speech))
}

#[test]
fn nobody_speaks_in_a_quiet_window_whatever_sounds() {
    let config = SimulationConfig { quiet: 1.0, quiet_sounds: 1.0, ..SimulationConfig::default() };
    let (mut absent, mut loud, mut uneven) = (0, 0, 0);
    for dialogue in dialogues(&config, 60) {
        assert!(dialogue.activity.speech.iter().flatten().all(|speaks| !speaks));
        let window = window(&dialogue).unwrap();
        assert!(window.values.iter().all(|value| *value == 0.0), "every target is zero");
        for mask in window.mask.chunks(OUTPUTS) {
            assert!(mask[..2 * BINS].iter().chain(&mask[VAD_AT..]).all(|counts| *counts == 1.0));
            assert!(mask[EOT_AT] > 0.0 && mask[EOT_AT + 1] > 0.0, "no turn ends here");
        }
        let levels = dialogue.audio.each_ref().map(|channel| rms_db(channel));
        absent += usize::from(dialogue.beside.absent == [true; 2]);
        loud += usize::from(dialogue.beside.sounds.iter().flatten().next().is_some());
        uneven += usize::from((levels[0].max(-96.0) - levels[1].max(-96.0)).abs() > 25.0);
    }
    assert!(absent > 2 && loud > 30 && uneven > 10, "{absent} without both, {loud} sound, {uneven} uneven");
}

#[test]
fn lulls_are_long_and_what_follows_them_is_known() {
    let config = SimulationConfig { lulls: 1.0, ..bare() };
    let mut longest_s = Vec::new();
    for dialogue in dialogues(&config, 40) {
        let activity = &dialogue.activity;
        let silent = |t: &usize| !activity.speech[0][*t] && !activity.speech[1][*t];
        let (mut run, mut longest) = (0usize, 0);
        for t in 0..activity.frames() {
            run = if silent(&t) { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        longest_s.push(longest as f32 / FRAME_HZ as f32);
    }
    let (long, longer) =
        (longest_s.iter().filter(|s| **s > 3.0).count(), longest_s.iter().filter(|s| **s > 20.0).count());
    assert!(long > 25 && longer > 4, "{long} above 3 s, {longer} above 20 s of {}", longest_s.len());
}

#[test]
fn an_absent_channel_is_never_heard_to_speak() {
    let config = SimulationConfig { muted: 1.0, ..bare() };
    for dialogue in dialogues(&config, 20) {
        let window = window(&dialogue).unwrap();
        let absent = usize::from(dialogue.beside.absent[1]);
        assert!(dialogue.beside.absent[absent] && !dialogue.beside.absent[1 - absent]);
        let (mut said, mut ended) = (0, 0);
        for (value, mask) in window.values.chunks(OUTPUTS).zip(window.mask.chunks(OUTPUTS)) {
            for output in [VAD_AT, BACKCHANNEL_AT, EOT_AT] {
                assert!(value[output + absent] == 0.0 && mask[output + absent] > 0.0);
            }
            assert_eq!((value[OUTPUTS - 1], mask[OUTPUTS - 1]), (0.0, 1.0), "no overlap");
            said += usize::from(value[VAD_AT + 1 - absent] > 0.5);
            ended += usize::from(value[EOT_AT + 1 - absent] > 0.5 && mask[EOT_AT + 1 - absent] == 1.0);
        }
        let speech = &dialogue.activity.speech[1 - absent][..dialogue.frames];
        assert_eq!(said, speech.iter().filter(|s| **s).count(), "the other is");
        assert!(ended > 0 || said < 100, "and its turns end");
    }
}

#[test]
fn sounds_add_noise_and_no_speech() {
    let (with, without) = (SimulationConfig { sounds: 1.0, ..bare() }, bare());
    let mut heard = 0;
    for (noisy, clean) in dialogues(&with, 40).iter().zip(&dialogues(&without, 40)) {
        assert!(noisy.activity == clean.activity);
        for channel in 0..2 {
            for &[start, end] in &noisy.beside.sounds[channel] {
                let silent = |t: usize| !noisy.activity.speech[channel][t];
                if end - start > 2_000 && (start / HOP_SAMPLES..end / HOP_SAMPLES).all(silent) {
                    heard += usize::from(rms_db(&noisy.audio[channel][start..end]) > -70.0);
                }
            }
        }
    }
    assert!(heard > 30, "{heard} sounds");
}

#[test]
fn levels_span_fifty_decibels() {
    let config = SimulationConfig { wide_level: 1.0, ..bare() };
    let dialogues = dialogues(&config, 60);
    let levels: Vec<f32> = dialogues.iter().flat_map(|d| [0, 1].map(|c| speech_db(d, c))).flatten().collect();
    let (softest, loudest) =
        levels.iter().fold((0.0f32, -99.0f32), |(low, high), level| (low.min(*level), high.max(*level)));
    assert!(loudest - softest > 45.0, "{softest} to {loudest} dB");
    // Speech stands out of its room tone at every level.
    let noisy = SimulationConfig { silent_room_tone: 0.0, ..config };
    for dialogue in self::dialogues(&noisy, 20) {
        for channel in 0..2 {
            let silent: Vec<f32> = dialogue.audio[channel]
                .chunks_exact(HOP_SAMPLES)
                .zip(dialogue.activity.speech[channel].windows(3))
                .filter(|(_, near)| !near.contains(&true))
                .flat_map(|(x, _)| x.to_vec())
                .collect();
            if let Some(level) = speech_db(&dialogue, channel).filter(|_| silent.len() > 32_000) {
                assert!(level - rms_db(&silent) > 5.0, "{level} dB over {} dB", rms_db(&silent));
            }
        }
    }
}

#[test]
fn whispers_and_narrow_bands_keep_labels_and_change_the_sound() {
    let plain = dialogues(&bare(), 4);
    for config in [SimulationConfig { whisper: 1.0, ..bare() }, SimulationConfig { narrow: 1.0, ..bare() }] {
        for (changed, plain) in dialogues(&config, 4).iter().zip(&plain) {
            assert!(changed.activity == plain.activity);
            assert_ne!(changed.audio, plain.audio);
            for channel in 0..2 {
                if let (Some(a), Some(b)) = (speech_db(changed, channel), speech_db(plain, channel)) {
                    assert!((a - b).abs() < 12.0, "{a} {b}");
                }
            }
        }
    }
}
