//! One utterance's sound onto a channel: every cut with the same margins and fades.

use crate::data::prepared::Prepared;
use crate::windows::placed::Placed;
use crate::windows::voices::samples;

/// Sound kept before and after every island, faded; the same at turn ends and inner pauses.
const MARGIN_S: [f32; 2] = [0.02, 0.04];

/// Adds one cut with its margins at its speed, faded in and out by raised cosines.
pub fn add_cut(data: &Prepared, placed: &Placed, gain: f32, out: &mut [f32]) {
    let audio = data.utterance_audio(placed.utterance);
    let [before, after] = MARGIN_S.map(samples);
    let [start, end] = placed.cut.map(|s| s as i64);
    let fade = |from_edge: f64, length: usize| {
        let x = (from_edge / length as f64).clamp(0.0, 1.0) as f32;
        0.5 - 0.5 * (std::f32::consts::PI * x).cos()
    };
    // Every sound of an utterance gets the margins its very ends have, else a recording cut close to its speech
    // would tell its end from its pauses. Where there is less than the fade, the fade lies inside the speech.
    let [speech_start, speech_end] = data.utterances()[placed.utterance].span().map(|s| s as i64);
    // An edge that cuts through speech has half of its fade on either side.
    let lead = if placed.inner.start { before as i64 / 2 } else { speech_start.min(before as i64) };
    let tail = (audio.len() as i64 - speech_end).clamp(0, after as i64);
    let tail = if placed.inner.end { tail.min(after as i64 / 2) } else { tail };
    let first = (start - lead.min(start)) as f64;
    let last = (end + tail) as f64;
    // Places in f64: in f32 they would be the coarser the later in the recording, and ends are later than pauses.
    let speed = f64::from(placed.speed);
    let target = placed.at as i64 - ((start as f64 - first) / speed) as i64;
    let count = ((last - first) / speed) as i64;
    for n in 0..count {
        let Some(x) = usize::try_from(target + n).ok().and_then(|t| out.get_mut(t)) else { continue };
        // Linear between neighbours: speeds are close to 1.
        let source = first + n as f64 * speed;
        let at = source as usize;
        let share = (source - at as f64) as f32;
        let here = f32::from(audio[at.min(audio.len() - 1)]);
        let next = f32::from(audio[(at + 1).min(audio.len() - 1)]);
        let shape = fade(source - first, before) * fade(last - source, after);
        *x += gain * shape * (here + share * (next - here)) / 32768.0;
    }
}
