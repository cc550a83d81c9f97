//! The end-of-turn target of one speaker: utterances come in, values of the frames of their turns go out.

use super::{Activity, EOT_LEAD_FRAMES};

/// What follows an utterance.
enum After {
    /// The speaker resumes in this frame, before anyone else.
    Hold(usize),
    /// The floor passes; the other speaks from this frame on, or the dialogue ends there.
    Passes(usize),
    /// Nobody speaks again in the frames, which are a crop.
    Unknown,
}

/// Calls `set(frame, value)` for each frame of the turns of `speaker`; the others are masked.
///
/// `claims` is speech without backchannels, `[speaker][frames]`.
pub(super) fn mark(
    activity: &Activity,
    claims: &[Vec<bool>; 2],
    speaker: usize,
    mut set: impl FnMut(usize, bool),
) {
    let frames = activity.frames();
    let own = next_claims(&claims[speaker]);
    let other = next_claims(&claims[1 - speaker]);
    let mut start = own[0];
    while start < frames {
        let length = claims[speaker][start..].iter().take_while(|&&claim| claim).count();
        let end = start + length;
        let lead = start + length.saturating_sub(EOT_LEAD_FRAMES);
        (start..lead).for_each(|frame| set(frame, false));
        match after(own[end], other[end], frames, activity.complete) {
            After::Hold(resumes) => (lead..resumes).for_each(|frame| set(frame, false)),
            After::Passes(until) => {
                // Own sound after the turn is a backchannel: it is outside of it.
                let in_turn = |frame: &usize| *frame < end || !activity.speech[speaker][*frame];
                (lead..until).filter(in_turn).for_each(|frame| set(frame, true));
            }
            After::Unknown => {}
        }
        start = own[end];
    }
}

fn after(own_next: usize, other_next: usize, frames: usize, complete: bool) -> After {
    if own_next == frames && other_next == frames {
        return if complete { After::Passes(frames) } else { After::Unknown };
    }
    // Both at once does not pass the floor: the speaker has resumed.
    if own_next <= other_next { After::Hold(own_next) } else { After::Passes(other_next) }
}

/// For each frame, the first frame from it on with a claim, else the number of frames; `[frames + 1]`.
fn next_claims(claims: &[bool]) -> Vec<usize> {
    let mut next = vec![claims.len(); claims.len() + 1];
    for frame in (0..claims.len()).rev() {
        next[frame] = if claims[frame] { frame } else { next[frame + 1] };
    }
    next
}
