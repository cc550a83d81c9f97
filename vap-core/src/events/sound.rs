//! Sound of one channel: hysteresis on the VAD, minimum lengths, and what was heard in the sound so far.

use super::{ms, reaches};
use crate::state::{Reader, Writer, met};
use crate::{Policy, Result};

/// What a sound means for the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Became speech this hop, not looked at yet.
    New,
    /// In the other's turn, still listened to.
    Undecided,
    /// Leaves the floor where it is.
    Backchannel,
    /// Part of a turn of its speaker.
    Turn,
}

/// One sound of one channel; times in hops since the stream began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sound {
    /// First loud hop.
    pub start: u64,
    /// End of the last loud hop.
    pub end: u64,
    /// Whether it is long enough to be speech.
    pub speech: bool,
    pub role: Role,
    /// Whether it began in the other's turn.
    pub contested: bool,
    /// Whether an `overlapStart` told of it before it was judged.
    pub in_overlap: bool,
    /// Hops in which the other channel was loud too.
    pub together_hops: u64,
    loud_hops: u64,
    backchannel_sum: f64,
}

impl Sound {
    fn new(start: u64) -> Self {
        Sound {
            start,
            end: start,
            speech: false,
            role: Role::New,
            contested: false,
            in_overlap: false,
            together_hops: 0,
            loud_hops: 0,
            backchannel_sum: 0.0,
        }
    }

    fn save(self, out: &mut Writer) {
        let Sound {
            start,
            end,
            speech,
            role,
            contested,
            in_overlap,
            together_hops,
            loud_hops,
            backchannel_sum,
        } = self;
        [start, end, role as u64, together_hops, loud_hops].into_iter().for_each(|count| out.count(count));
        [speech, contested, in_overlap].into_iter().for_each(|flag| out.flag(flag));
        out.number(backchannel_sum);
    }

    fn restore(reader: &mut Reader, now: u64) -> Result<Self> {
        const ROLES: [Role; 4] = [Role::New, Role::Undecided, Role::Backchannel, Role::Turn];
        let sound = Sound {
            start: reader.count("start", now)?,
            end: reader.count("end", now)?,
            role: ROLES[reader.count("role", ROLES.len() as u64 - 1)? as usize],
            together_hops: reader.count("hops together", now)?,
            loud_hops: reader.count("loud hops", now)?,
            speech: reader.flag()?,
            contested: reader.flag()?,
            in_overlap: reader.flag()?,
            backchannel_sum: reader.number("sum")?,
        };
        let Sound { start, end, together_hops, loud_hops, backchannel_sum, .. } = sound;
        let within = together_hops <= loud_hops && Some(loud_hops) <= end.checked_sub(start);
        met(within, "a sound as long as its hops")?;
        met((0.0..=loud_hops as f64).contains(&backchannel_sum), "a sum of probabilities")?;
        Ok(sound)
    }

    /// Mean backchannel probability over the loud hops.
    pub fn backchannel(&self) -> f32 {
        (self.backchannel_sum / self.loud_hops.max(1) as f64) as f32
    }

    /// How little it sounds like a backchannel.
    pub fn claim(&self) -> f32 {
        1.0 - self.backchannel()
    }

    /// Sound together with the other so far.
    pub fn overlap_ms(&self) -> u64 {
        ms(self.together_hops)
    }

    /// Length from the first to the last loud hop.
    pub fn length_ms(&self) -> u64 {
        ms(self.end.saturating_sub(self.start))
    }
}

/// What a hop changed on a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Change {
    Nothing,
    Started,
    Ended(Sound),
}

/// One channel's hearing.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Channel {
    /// At or above onset, and not below offset since.
    pub loud: bool,
    /// Hops at or above onset since the channel became loud.
    hot_hops: u64,
    /// First hop since which the channel is loud.
    pub loud_since: u64,
    /// The sound there may be, speech or not yet.
    pub sound: Option<Sound>,
    /// End of the last loud hop of speech.
    pub speech_end: u64,
}

impl Channel {
    pub fn save(&self, out: &mut Writer) {
        let Channel { loud, hot_hops, loud_since, sound, speech_end } = self;
        out.flag(*loud);
        [hot_hops, loud_since, speech_end].into_iter().for_each(|count| out.count(*count));
        out.option(*sound, Sound::save);
    }

    /// Reads what [`Channel::save`] wrote `now` hops into the stream.
    pub fn restore(reader: &mut Reader, now: u64) -> Result<Self> {
        Ok(Channel {
            loud: reader.flag()?,
            hot_hops: reader.count("hot hops", now)?,
            loud_since: reader.count("loud since", now)?,
            speech_end: reader.count("end of speech", now)?,
            sound: reader.option(|reader| Sound::restore(reader, now))?,
        })
    }

    /// Hears one hop.
    pub fn hear(&mut self, hop: u64, vad: f32, backchannel: f32, policy: &Policy) -> Change {
        let hot = reaches(vad, policy.vad_onset);
        let was_loud = self.loud;
        self.loud = hot || (was_loud && reaches(vad, policy.vad_offset));
        if self.loud {
            if !was_loud {
                (self.hot_hops, self.loud_since) = (0, hop);
            }
            self.hot_hops += u64::from(hot);
            return self.hear_loud(hop, backchannel, policy);
        }
        match self.sound {
            Some(sound) if !sound.speech => self.sound = None,
            Some(sound) if ms((hop + 1).saturating_sub(sound.end)) >= u64::from(policy.min_pause_ms) => {
                self.sound = None;
                return Change::Ended(sound);
            }
            _ => {}
        }
        Change::Nothing
    }

    fn hear_loud(&mut self, hop: u64, backchannel: f32, policy: &Policy) -> Change {
        let sustained = self.sustained(policy);
        let sound = self.sound.get_or_insert(Sound::new(hop));
        sound.end = hop + 1;
        sound.loud_hops += 1;
        sound.backchannel_sum += f64::from(backchannel);
        let started = sustained && !sound.speech;
        sound.speech |= sustained;
        if sound.speech {
            self.speech_end = hop + 1;
        }
        if started { Change::Started } else { Change::Nothing }
    }

    /// Counts a hop in which the other channel was loud too.
    pub fn count_together(&mut self) {
        if let Some(sound) = &mut self.sound {
            sound.together_hops += 1;
        }
    }

    /// Whether the channel is loud, and was at or above onset for `minSpeechMs` since it became so.
    pub fn sustained(&self, policy: &Policy) -> bool {
        self.loud && ms(self.hot_hops) >= u64::from(policy.min_speech_ms)
    }

    /// The sound between `speechStart` and `speechEnd`.
    pub fn speech(&self) -> Option<Sound> {
        self.sound.filter(|sound| sound.speech)
    }

    /// Whether the channel is between `speechStart` and `speechEnd`.
    pub fn speaking(&self) -> bool {
        self.speech().is_some()
    }

    /// Gives the sound its role.
    pub fn assign(&mut self, role: Role, contested: bool) {
        if let Some(sound) = &mut self.sound {
            (sound.role, sound.contested) = (role, contested);
        }
    }

    /// Notes that an overlap was told before the sound is judged.
    pub fn mark_overlap(&mut self) {
        if let Some(sound) = &mut self.sound {
            sound.in_overlap = true;
        }
    }

    /// Silence since the last speech, `now` hops into the stream; 0 within a loud part of speech.
    pub fn silence_ms(&self, now: u64) -> u64 {
        ms(now.saturating_sub(self.speech_end))
    }

    /// Ends the sound at once; what it was, when it was speech.
    pub fn cut(&mut self) -> Option<Sound> {
        self.loud = false;
        self.sound.take().filter(|sound| sound.speech)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(sound: Sound) -> Result<Sound> {
        let mut out = Writer::new(0);
        sound.save(&mut out);
        let bytes = out.finish();
        Sound::restore(&mut Reader::new(&bytes, 0)?, 100)
    }

    #[test]
    fn a_sound_that_cannot_be_is_refused() {
        let sound =
            Sound { end: 30, together_hops: 4, loud_hops: 10, backchannel_sum: 2.5, ..Sound::new(20) };
        assert_eq!(read_back(sound), Ok(sound));
        let wrong = [
            Sound { start: 31, ..sound },
            Sound { end: 29, ..sound },
            Sound { end: 101, ..sound },
            Sound { together_hops: 11, ..sound },
            Sound { loud_hops: 11, ..sound },
            Sound { backchannel_sum: 10.5, ..sound },
            Sound { backchannel_sum: -0.5, ..sound },
        ];
        for sound in wrong {
            assert_eq!(read_back(sound).unwrap_err().code(), "state", "{sound:?}");
        }
    }
}
