//! A conversation whose activity is known.

use vap_core::HOP_SAMPLES;

use crate::labels::Activity;

/// A conversation whose activity is known.
pub struct Recording {
    /// What errors call it.
    pub name: String,
    /// Sound of both channels at 16 kHz, `[user, agent]`.
    pub audio: [Vec<f32>; 2],
    /// Who speaks in each frame. May be longer than the sound: then the future of its last frames is known.
    pub activity: Activity,
}

impl Recording {
    /// Frames that have both sound and activity.
    pub fn frames(&self) -> usize {
        let samples = self.audio[0].len().min(self.audio[1].len());
        (samples / HOP_SAMPLES).min(self.activity.frames())
    }
}
