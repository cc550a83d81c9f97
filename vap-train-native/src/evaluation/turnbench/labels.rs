//! TurnBench's labels out of frame activity, and the times at which the event machine and the timeouts fire.

use vap_core::events::{EndReason, EventKind};
use vap_core::{Event, FRAME_HZ, Speaker};

use super::files::{Anchor, ConversationPrediction, Extent, Labels, SpeakerPrediction};
use crate::labels::Activity;
use crate::labels::reference_events::islands;

/// Shorter silences of a speaker are part of the articulation, in frames: eot-bench's least pause.
const SHORTEST_PAUSE_FRAMES: usize = 10;
/// The floor is taken when the former holder says nothing for this long after the overlap, in frames.
const YIELDED_FRAMES: usize = 50;

/// TurnBench's labels of `activity`, of speakers whose channel has sound.
///
/// An end of a turn is where the other speaks next or speaks already; else the silence is a pause. Interruptions
/// begin in the other's speech, outlast it, and the other says nothing for a second after; other attempts are left
/// out. Backchannels are the negatives of interruptions.
pub fn of_activity(activity: &Activity, audible: [bool; 2]) -> Labels {
    let frames = activity.frames();
    let claims = [0, 1].map(|s| bridged(activity, s));
    let mut labels = Labels { duration_s: seconds(frames), ..Labels::default() };
    for s in (0..2).filter(|s| audible[*s]) {
        let speaker = s as u8 + 1;
        let extent = |start: usize, end: usize| Extent { speaker, start: seconds(start), end: seconds(end) };
        let (own, other) = (&claims[s], &claims[1 - s]);
        for turn in islands(own).into_iter().filter(|i| i.value) {
            let (start, end) = (turn.start_frame, turn.end_frame());
            if start > 0 && other[start] && other[start - 1] {
                let holder_stops = (start..frames).find(|t| !other[*t]);
                match holder_stops {
                    Some(stop)
                        if stop < end
                            && other[stop..frames.min(stop + YIELDED_FRAMES)].iter().all(|c| !c) =>
                    {
                        labels.int_positive_events.push(Anchor { speaker, time_s: seconds(start) });
                    }
                    _ => labels.int_excluded.push(extent(start, end)),
                }
                if holder_stops.is_none_or(|stop| stop >= end) {
                    // An attempt within the other's turn is no turn.
                    continue;
                }
            }
            if end == frames {
                continue;
            }
            let next_own = (end..frames).find(|t| own[*t]);
            let next_other = (end..next_own.unwrap_or(frames)).find(|t| other[*t]);
            if next_other.is_some() || (next_own.is_none() && activity.complete) {
                labels.eot_positive_events.push(Anchor { speaker, time_s: seconds(end) });
            } else if let Some(next) = next_own {
                // A backchannel of the same speaker says that the turn was over.
                let own_sound = (end..next).find(|t| activity.speech[s][*t]);
                let stop = own_sound.unwrap_or(next);
                if stop > end {
                    labels.eot_negative_spans.push(extent(end, stop));
                }
            }
        }
        let marked: Vec<bool> = activity.backchannel[s]
            .iter()
            .zip(&activity.speech[s])
            .map(|(b, speech)| *b && *speech)
            .collect();
        for sound in islands(&marked).into_iter().filter(|i| i.value) {
            labels.int_negative_spans.push(extent(sound.start_frame, sound.end_frame()));
        }
    }
    labels
}

/// Speech that claims the floor, gaps of articulation closed.
fn bridged(activity: &Activity, speaker: usize) -> Vec<bool> {
    let speech = activity.speech[speaker].iter().zip(&activity.backchannel[speaker]);
    let mut claims: Vec<bool> = speech.map(|(speech, backchannel)| *speech && !backchannel).collect();
    for triad in islands(&claims.clone()).windows(3) {
        let gap = &triad[1];
        if !gap.value && gap.frames < SHORTEST_PAUSE_FRAMES {
            claims[gap.start_frame..gap.end_frame()].fill(true);
        }
    }
    claims
}

/// The event machine's ends of turns and interruptions; ends that only the end of the stream brought are left out.
pub fn of_events(name: &str, events: &[Event]) -> ConversationPrediction {
    let times = |speaker: Speaker, kind: EventKind| {
        let of = |e: &&Event| e.kind == kind && e.speaker == speaker && e.reason != Some(EndReason::Finish);
        let mut times: Vec<f64> = events.iter().filter(of).map(|e| e.time_ms as f64 / 1000.0).collect();
        times.dedup();
        times
    };
    let [speaker_1, speaker_2] = Speaker::BOTH.map(|speaker| SpeakerPrediction {
        eot: times(speaker, EventKind::EndOfTurn),
        interruption: times(speaker, EventKind::Interruption),
    });
    ConversationPrediction { conversation_id: name.into(), speaker_1, speaker_2 }
}

/// What plain timeouts on a detector's speech say, `[speaker][frames]`: a turn ends after `end_frames` of silence, and
/// speech that begins in the other's is an
/// interruption after `start_frames`.
pub fn of_timeouts(
    name: &str,
    speech: &[Vec<bool>; 2],
    end_frames: usize,
    start_frames: usize,
) -> ConversationPrediction {
    let of = |s: usize| {
        let mut found = SpeakerPrediction::default();
        let mut before = false;
        for run in islands(&speech[s]) {
            if run.value {
                if speech[1 - s][run.start_frame] && run.frames >= start_frames {
                    found.interruption.push(seconds(run.start_frame + start_frames));
                }
            } else if before && run.frames >= end_frames {
                found.eot.push(seconds(run.start_frame + end_frames));
            }
            before |= run.value;
        }
        found
    };
    ConversationPrediction { conversation_id: name.into(), speaker_1: of(0), speaker_2: of(1) }
}

fn seconds(frame: usize) -> f64 {
    frame as f64 / FRAME_HZ as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character is 10 frames: `x` speech, `b` backchannel.
    fn activity(user: &str, agent: &str) -> Activity {
        let track = |text: &str, of: fn(char) -> bool| -> Vec<bool> {
            text.chars().flat_map(|c| std::iter::repeat_n(of(c), 10)).collect()
        };
        Activity {
            speech: [user, agent].map(|t| track(t, |c| c != '.')),
            backchannel: [user, agent].map(|t| track(t, |c| c == 'b')),
            complete: false,
        }
    }

    fn times(anchors: &[Anchor]) -> Vec<(u8, f64)> {
        anchors.iter().map(|a| (a.speaker, a.time_s)).collect()
    }

    fn spans(extents: &[Extent]) -> Vec<(u8, f64, f64)> {
        extents.iter().map(|e| (e.speaker, e.start, e.end)).collect()
    }

    #[test]
    fn labels_of_a_dialogue_counted_by_hand() {
        let activity = activity("xxx..xxxx........xxxxx", "......b....xxxxxxxx...");
        let found = of_activity(&activity, [true, true]);
        // The agent's last turn ends in the user's speech; the user's last one is cut by the crop.
        assert_eq!(times(&found.eot_positive_events), [(1, 1.8), (2, 3.8)]);
        assert_eq!(spans(&found.eot_negative_spans), [(1, 0.6, 1.0)]);
        // The overlap lasts 0.4 s, and the agent is silent to the end.
        assert_eq!(times(&found.int_positive_events), [(1, 3.4)]);
        assert_eq!(spans(&found.int_negative_spans), [(2, 1.2, 1.4)]);
        let only_user = of_activity(&activity, [true, false]);
        assert_eq!(times(&only_user.eot_positive_events), [(1, 1.8)]);
        assert!(only_user.int_negative_spans.is_empty());
    }

    #[test]
    fn attempts_and_articulation_do_not_count() {
        // The agent tries within the user's speech and stops first.
        let mut attempt = activity("xxxxxxxxxx......", "...xx.......xxxx");
        attempt.speech[0][5..12].fill(false);
        let found = of_activity(&attempt, [true, true]);
        assert!(found.int_positive_events.is_empty());
        assert_eq!(spans(&found.int_excluded), [(2, 0.6, 1.0)]);
        // Gaps under 0.2 s are no pauses; an attempt is no turn.
        assert!(found.eot_negative_spans.is_empty());
        assert_eq!(times(&found.eot_positive_events), [(1, 2.0)]);
    }

    #[test]
    fn timeouts_fire_once_a_silence_and_once_a_sound() {
        let speech = activity(".xxx..xxxx.......", "........xxxxx....").speech;
        let found = of_timeouts("a", &speech, 15, 10);
        assert_eq!(found.speaker_1.eot, [1.1, 2.3]);
        assert_eq!(found.speaker_2.eot, [2.9]);
        assert_eq!((found.speaker_1.interruption.len(), found.speaker_2.interruption), (0, vec![1.8]));
        assert!(of_timeouts("a", &speech, 25, 30).speaker_1.eot.len() == 1);
    }
}
