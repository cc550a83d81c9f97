//! A sound with its place on the timeline of a channel.

/// One sound on the timeline of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// Utterance it is cut from.
    pub utterance: usize,
    /// Samples `[start, end)` in the utterance.
    pub cut: [u32; 2],
    /// First sample on the timeline.
    pub at: usize,
    /// How much faster than recorded it is played; pitch rises with it.
    pub speed: f32,
    /// Whether it is a backchannel.
    pub backchannel: bool,
    /// Which of its edges cut through speech.
    pub inner: Edges,
}

/// Both edges of a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edges {
    /// Where it begins.
    pub start: bool,
    /// Where it ends.
    pub end: bool,
}

impl Placed {
    /// The sample after its last on the timeline.
    pub fn end(&self) -> usize {
        self.at + ((self.cut[1] - self.cut[0]) as f32 / self.speed) as usize
    }
}
