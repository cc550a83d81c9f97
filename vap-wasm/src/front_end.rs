//! Both channels on their way from samples at any rate to normalised mel frames, kept in step with each other.

use crate::error::Result;
use vap_core::audio::Resampler;
use vap_core::config::{HOP_MELS, MEL_BANDS, MELS_A_FRAME};
use vap_core::features::{FeatureStatistics, LogMel, STEP_SAMPLES};
use vap_core::state::{self, Reader, Writer};
use vap_core::{Error as CoreError, HOP_SAMPLES};

/// How far one channel may run ahead of the other, in ms.
pub const MAX_AHEAD_MS: u64 = 5_000;

/// Sound is heard in pieces of this length, in ms, so that a long push whose hops are worked between its pieces needs
/// little room.
const PIECE_MS: u64 = 2_560;

/// User, then agent.
pub(crate) struct FrontEnd {
    channels: [Channel; 2],
    /// What silence of a whole number of samples left over, in parts of the other channel's sample.
    silence_rest: [u64; 2],
}

impl FrontEnd {
    /// A front end at the beginning of a conversation.
    pub fn new(rates_hz: [u32; 2]) -> Result<Self> {
        let [user, agent] = rates_hz;
        Ok(FrontEnd { channels: [Channel::new(user)?, Channel::new(agent)?], silence_rest: [0; 2] })
    }

    /// Writes where both channels stand.
    pub fn save(&self, out: &mut Writer) {
        for (channel, rest) in self.channels.iter().zip(self.silence_rest) {
            out.count(channel.rate_hz);
            out.count(rest);
            channel.save(out);
        }
    }

    /// Reads what [`FrontEnd::save`] wrote when `hops` had been taken; `ended` after [`FrontEnd::finish`].
    pub fn restore(reader: &mut Reader, hops: u64, ended: bool) -> Result<Self> {
        let mut silence_rest = [0; 2];
        let mut channel = |at: usize| -> Result<Channel> {
            let rate_hz = reader.count("sample rate", u32::MAX.into())? as u32;
            silence_rest[at] = reader.count("rest of silence", u32::MAX.into())?;
            Channel::restore(rate_hz, reader, hops, ended)
        };
        Ok(FrontEnd { channels: [channel(0)?, channel(1)?], silence_rest })
    }

    /// Sample rates, in Hz.
    pub fn rates_hz(&self) -> [u32; 2] {
        self.channels.each_ref().map(|c| c.rate_hz as u32)
    }

    /// What the channels will hear: samples, or silence for as long as the other sounds where there are none.
    ///
    /// # Errors
    /// `channels-apart` when one channel would be more than [`MAX_AHEAD_MS`] ahead; nothing is heard then.
    pub fn offer<'a>(&mut self, given: [Option<&'a [f32]>; 2]) -> Result<[Sound<'a>; 2]> {
        let mut sound = given.map(|s| Sound::Samples(s.unwrap_or_default()));
        let mut silence_rest = self.silence_rest;
        for (this, other) in [(0, 1), (1, 0)] {
            if given[this].is_none() {
                let due = silence_rest[this] + sound[other].len() as u64 * self.channels[this].rate_hz;
                sound[this] = Sound::Silence((due / self.channels[other].rate_hz) as usize);
                silence_rest[this] = due % self.channels[other].rate_hz;
            }
        }
        self.check_apart(&sound)?;
        self.silence_rest = silence_rest;
        Ok(sound)
    }

    /// Hears the next piece of what was offered; false when there is nothing left of it.
    pub fn hear(&mut self, sound: &mut [Sound; 2], statistics: &FeatureStatistics) -> bool {
        if sound.iter().all(|s| s.len() == 0) {
            return false;
        }
        for (channel, sound) in self.channels.iter_mut().zip(sound) {
            let piece = sound.split_front((channel.rate_hz * PIECE_MS / 1000) as usize);
            channel.push(piece, statistics);
        }
        true
    }

    /// Ends the sound: what the resamplers still hold comes out, and both channels are filled up with silence to the
    /// end of the longer one's last hop.
    pub fn finish(&mut self, statistics: &FeatureStatistics) {
        for channel in &mut self.channels {
            channel.resampler.finish(&mut channel.resampled);
            channel.listen(statistics);
        }
        let end =
            self.channels.iter().map(|c| c.heard).max().unwrap_or(0).next_multiple_of(HOP_SAMPLES as u64);
        for channel in &mut self.channels {
            let missing = (end - channel.heard) as usize;
            channel.resampled.resize(missing, 0.0);
            channel.listen(statistics);
        }
    }

    /// Hops that are there on both channels.
    pub fn hops(&self) -> usize {
        self.channels.iter().map(|c| (c.mels.len() - c.taken_mels) / HOP_MELS).min().unwrap_or(0)
    }

    /// Normalised mels of the next hops, `[2 x hops, 80]` a channel; they are gone with this call.
    pub fn take(&mut self, hops: usize) -> [&[f32]; 2] {
        self.channels.each_mut().map(|c| {
            let from = c.taken_mels;
            c.taken_mels += hops * HOP_MELS;
            &c.mels[from..c.taken_mels]
        })
    }

    /// Longest time between the end of a hop going in and its mels being there, in ms.
    pub fn delay_ms(&self) -> f64 {
        self.channels.iter().map(|c| c.resampler.delay_ms()).fold(0.0, f64::max)
    }

    /// Samples so far that were not finite and counted as 0, of both channels.
    pub fn replaced(&self) -> u64 {
        self.channels.iter().map(|c| c.resampler.replaced()).sum()
    }

    fn check_apart(&self, sound: &[Sound; 2]) -> Result<()> {
        let ends_ms = [0, 1].map(|i| {
            let samples = self.channels[i].taken + sound[i].len() as u64;
            u128::from(samples) * 1000 / u128::from(self.channels[i].rate_hz)
        });
        let found_ms = ends_ms[0].abs_diff(ends_ms[1]) as u64;
        if found_ms > MAX_AHEAD_MS {
            let ahead = if ends_ms[0] > ends_ms[1] { "user" } else { "agent" };
            return Err(CoreError::ChannelsApart { ahead, found_ms, limit_ms: MAX_AHEAD_MS }.into());
        }
        Ok(())
    }
}

/// One channel on its way from samples to mel frames.
struct Channel {
    rate_hz: u64,
    resampler: Resampler,
    log_mel: LogMel,
    /// Samples taken in, at the channel's own rate.
    taken: u64,
    /// Samples given on to the features, at 16 kHz.
    heard: u64,
    resampled: Vec<f32>,
    /// Normalised mel frames, and how many of their values were taken already.
    mels: Vec<f32>,
    taken_mels: usize,
}

impl Channel {
    fn new(rate_hz: u32) -> Result<Self> {
        Ok(Channel {
            rate_hz: rate_hz.into(),
            resampler: Resampler::new(rate_hz)?,
            log_mel: LogMel::new(),
            taken: 0,
            heard: 0,
            resampled: Vec::new(),
            mels: Vec::new(),
            taken_mels: 0,
        })
    }

    fn save(&self, out: &mut Writer) {
        out.count(self.taken);
        self.resampler.save(out);
        self.log_mel.save(out);
        out.list(&self.mels[self.taken_mels..]);
    }

    fn restore(rate_hz: u32, reader: &mut Reader, hops: u64, ended: bool) -> Result<Self> {
        let taken = reader.count("samples taken", state::MOST)?;
        let resampler = Resampler::restore(rate_hz, reader)?;
        let log_mel = LogMel::restore(reader)?;
        let mels = reader.list("mels", f32::MAX)?;
        state::met(mels.len().is_multiple_of(MEL_BANDS), "whole frames of mels")?;
        let frames = hops * MELS_A_FRAME as u64 + (mels.len() / MEL_BANDS) as u64;
        let heard = frames * STEP_SAMPLES as u64 + log_mel.arrived() as u64;
        // Once it has ended, the resampler is back at its beginning.
        let agree = ended || (resampler.consumed(), resampler.produced()) == (taken, heard);
        state::met(agree, "as many samples as were heard")?;
        Ok(Channel { taken, heard, resampler, log_mel, mels, ..Channel::new(rate_hz)? })
    }

    fn push(&mut self, sound: Sound, statistics: &FeatureStatistics) {
        const SILENCE: [f32; 1024] = [0.0; 1024];
        self.taken += sound.len() as u64;
        match sound {
            Sound::Samples(samples) => self.resampler.push(samples, &mut self.resampled),
            Sound::Silence(mut length) => {
                while length > 0 {
                    let part = length.min(SILENCE.len());
                    self.resampler.push(&SILENCE[..part], &mut self.resampled);
                    length -= part;
                }
            }
        }
        self.listen(statistics);
    }

    /// Resampled sound to waiting mel frames.
    fn listen(&mut self, statistics: &FeatureStatistics) {
        self.mels.drain(..self.taken_mels);
        self.taken_mels = 0;
        let ready = self.mels.len();
        self.heard += self.resampled.len() as u64;
        self.log_mel.push(&self.resampled, &mut self.mels);
        self.resampled.clear();
        statistics.normalise(&mut self.mels[ready..]);
    }
}

/// Samples, or as many zeros.
#[derive(Clone, Copy)]
pub(crate) enum Sound<'a> {
    Samples(&'a [f32]),
    Silence(usize),
}

impl Sound<'_> {
    pub fn len(&self) -> usize {
        match self {
            Sound::Samples(samples) => samples.len(),
            Sound::Silence(length) => *length,
        }
    }

    /// Takes at most `length` samples off the front.
    fn split_front(&mut self, length: usize) -> Self {
        let length = length.min(self.len());
        match self {
            Sound::Samples(samples) => {
                let (front, rest) = samples.split_at(length);
                *samples = rest;
                Sound::Samples(front)
            }
            Sound::Silence(left) => {
                *left -= length;
                Sound::Silence(length)
            }
        }
    }
}
