//! Targets of what is heard: those of the dialogue, where a channel holds its speaker; none where it does not.
//!
//! Activity knows who speaks; sound may not have it. An absent channel speaks nowhere, and a sound that is no speech
//! is neither a backchannel nor the end of a turn. Where nobody has spoken, or not for long, no turn ends.

use vap_core::projection::{BACKCHANNEL_AT, BINS, EOT_AT, OUTPUTS, OVERLAP_AT, VAD_AT};
use vap_core::{FRAME_HZ, HOP_SAMPLES};

use super::simulation::Soft;
use super::sound::Beside;
use crate::error::Result;
use crate::labels::{Activity, EOT_LEAD_FRAMES, Targets, targets};

/// What a frame counts in which no turn could end: there are many of them, and little to learn in each.
pub const NO_TURN_WEIGHT: f32 = 0.05;
/// The end-of-turn target of a silence stands for so many frames.
const TOLD_FRAMES: usize = 3 * FRAME_HZ;
/// From here on nobody has spoken for long.
const LONG_FRAMES: usize = 6 * FRAME_HZ;

/// Targets of the frames of `activity` whose sound, from frame `first` on, is that of a channel with `beside` in it.
///
/// Beyond [`targets`]:
/// - An absent channel: VAD, backchannel, end of turn and overlap are 0; its bins are masked if it speaks in the
///   dialogue.
/// - End of turn: 0 before a speaker's first turn; masked 3 s into a silence of both, 0 from 6 s on.
/// - Backchannel: 0 where a channel sounds and does not speak.
/// - Where a teacher was asked, its answers: blended into the end of turn from 0.2 s before the speaker stops until it
///   speaks again, and as a target of their own around a place in speech.
///
/// # Errors
/// As [`targets`].
pub fn of_sound(activity: &Activity, beside: &Beside, soft: &Soft, first: usize) -> Result<Targets> {
    let mut targets = targets(activity)?;
    let frames = targets.frames;
    long_silences(activity, &mut targets);
    for speaker in 0..2 {
        answers(activity, soft, speaker, &mut targets);
        for [start, end] in &beside.sounds[speaker] {
            let [start, end] = [start, end].map(|sample| first + sample / HOP_SAMPLES);
            for t in start..end.min(frames) {
                if !activity.speech[speaker][t] {
                    set(&mut targets, t, BACKCHANNEL_AT + speaker, 0.0, 1.0);
                }
            }
        }
        if beside.absent[speaker] {
            absent(activity, speaker, &mut targets);
        }
    }
    Ok(targets)
}

fn set(targets: &mut Targets, frame: usize, output: usize, value: f32, weight: f32) {
    let at = frame * OUTPUTS + output;
    (targets.values[at], targets.mask[at]) = (value, weight);
}

fn long_silences(activity: &Activity, targets: &mut Targets) {
    for speaker in 0..2 {
        let (mut begun, mut silent) = (false, 0);
        for t in 0..targets.frames {
            begun |= activity.speech[speaker][t] && !activity.backchannel[speaker][t];
            silent = if activity.speech[0][t] || activity.speech[1][t] { 0 } else { silent + 1 };
            if !begun || silent > LONG_FRAMES {
                set(targets, t, EOT_AT + speaker, 0.0, NO_TURN_WEIGHT);
            } else if silent > TOLD_FRAMES {
                set(targets, t, EOT_AT + speaker, 0.0, 0.0);
            }
        }
    }
}

fn answers(activity: &Activity, soft: &Soft, speaker: usize, targets: &mut Targets) {
    let claims = |t: usize| activity.speech[speaker][t] && !activity.backchannel[speaker][t];
    for heard in &soft.answers[speaker] {
        if heard.stops {
            let silence = (heard.frame..targets.frames).take_while(|t| !claims(*t));
            let lead = (heard.frame.saturating_sub(EOT_LEAD_FRAMES)..heard.frame).filter(|t| claims(*t));
            for t in lead.chain(silence) {
                let at = t * OUTPUTS + EOT_AT + speaker;
                // What counts less is no end that the dialogue knows of.
                if targets.mask[at] >= 1.0 {
                    targets.values[at] += soft.end * (heard.finished - targets.values[at]);
                }
            }
        } else if soft.dense > 0.0 {
            let around = heard.frame.saturating_sub(1)..(heard.frame + 1).min(targets.frames);
            for t in around.filter(|t| claims(*t)) {
                set(targets, t, EOT_AT + speaker, heard.finished, soft.dense);
            }
        }
    }
}

fn absent(activity: &Activity, speaker: usize, targets: &mut Targets) {
    let speaks = activity.speech[speaker].contains(&true);
    for t in 0..targets.frames {
        set(targets, t, VAD_AT + speaker, 0.0, 1.0);
        set(targets, t, OVERLAP_AT, 0.0, 1.0);
        for output in [EOT_AT, BACKCHANNEL_AT] {
            set(targets, t, output + speaker, 0.0, NO_TURN_WEIGHT);
        }
        if speaks {
            (0..BINS).for_each(|bin| set(targets, t, speaker * BINS + bin, 0.0, 0.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first speaks from 1 to 3 s, the second from 13 to 14 s; 20 s in all.
    fn dialogue() -> Activity {
        let mut speech = [vec![false; 1_000], vec![false; 1_000]];
        speech[0][50..150].fill(true);
        speech[1][650..700].fill(true);
        Activity { backchannel: [vec![false; 1_000], vec![false; 1_000]], speech, complete: true }
    }

    fn at(targets: &Targets, frame: usize, output: usize) -> (f32, f32) {
        (targets.values[frame * OUTPUTS + output], targets.mask[frame * OUTPUTS + output])
    }

    #[test]
    fn a_long_silence_stops_being_the_end_of_a_turn() {
        let targets = of_sound(&dialogue(), &Beside::default(), &Soft::default(), 0).unwrap();
        assert_eq!(at(&targets, 160, EOT_AT), (1.0, 1.0), "the end is told");
        assert_eq!(at(&targets, 310, EOT_AT), (0.0, 0.0), "then nothing is");
        assert_eq!(at(&targets, 500, EOT_AT), (0.0, NO_TURN_WEIGHT));
        assert_eq!(at(&targets, 300, EOT_AT + 1), (0.0, NO_TURN_WEIGHT), "has not spoken yet");
        assert_eq!(at(&targets, 20, EOT_AT), (0.0, NO_TURN_WEIGHT));
        assert_eq!(at(&targets, 690, EOT_AT + 1), (1.0, 1.0));
    }

    #[test]
    fn an_absent_channel_speaks_nowhere_and_the_other_keeps_its_targets() {
        let activity = dialogue();
        let heard = of_sound(&activity, &Beside::default(), &Soft::default(), 0).unwrap();
        let beside = Beside { absent: [true, false], ..Beside::default() };
        let targets = of_sound(&activity, &beside, &Soft::default(), 0).unwrap();
        for t in 0..1_000 {
            assert_eq!(at(&targets, t, VAD_AT), (0.0, 1.0));
            assert_eq!(at(&targets, t, OVERLAP_AT), (0.0, 1.0));
            assert_eq!(at(&targets, t, EOT_AT).0, 0.0);
            assert_eq!(at(&targets, t, BACKCHANNEL_AT), (0.0, NO_TURN_WEIGHT));
            assert_eq!(at(&targets, t, 4), (0.0, 0.0), "where it would speak is unknown");
            for output in [BINS + 4, EOT_AT + 1, VAD_AT + 1, BACKCHANNEL_AT + 1] {
                assert_eq!(at(&targets, t, output), at(&heard, t, output), "frame {t}, output {output}");
            }
        }
        // A channel that says nothing anyway is known to say nothing.
        let mut silent = activity;
        silent.speech[0].fill(false);
        let targets = of_sound(&silent, &beside, &Soft::default(), 0).unwrap();
        assert_eq!(at(&targets, 100, 4), (0.0, 1.0));
    }

    #[test]
    fn answers_soften_the_end_and_stand_in_speech() {
        use crate::windows::simulation::Heard;
        let stop = Heard { frame: 150, finished: 0.4, stops: true };
        let way = Heard { frame: 100, finished: 0.7, stops: false };
        let mut soft = Soft { answers: [vec![stop, way], vec![]], end: 0.5, dense: 0.0 };
        let targets = |soft: &Soft| of_sound(&dialogue(), &Beside::default(), soft, 0).unwrap();
        let heard = targets(&soft);
        assert_eq!(at(&heard, 139, EOT_AT), (0.0, 1.0), "before the lead");
        assert!((140..300).all(|t| at(&heard, t, EOT_AT) == (0.7, 1.0)), "half way between 1 and 0.4");
        assert_eq!(at(&heard, 500, EOT_AT), (0.0, NO_TURN_WEIGHT), "not in long silence");
        assert_eq!(at(&heard, 100, EOT_AT), (0.0, 1.0));
        assert_eq!(at(&heard, 690, EOT_AT + 1), (1.0, 1.0), "nor in the other channel");
        soft.dense = 0.3;
        let heard = targets(&soft);
        assert!([99, 100].into_iter().all(|t| at(&heard, t, EOT_AT) == (0.7, 0.3)));
        assert_eq!(at(&heard, 98, EOT_AT), (0.0, 1.0));
    }

    #[test]
    fn a_sound_that_is_no_speech_is_no_backchannel() {
        let sounds = [vec![[200 * HOP_SAMPLES, 230 * HOP_SAMPLES]], vec![]];
        let beside = Beside { sounds, ..Beside::default() };
        let targets = of_sound(&dialogue(), &beside, &Soft::default(), 10).unwrap();
        assert_eq!(at(&targets, 209, BACKCHANNEL_AT).1, 0.0);
        assert!((210..240).all(|t| at(&targets, t, BACKCHANNEL_AT) == (0.0, 1.0)));
        assert_eq!(at(&targets, 240, BACKCHANNEL_AT).1, 0.0);
        assert!((210..240).all(|t| at(&targets, t, VAD_AT) == (0.0, 1.0)));
    }
}
