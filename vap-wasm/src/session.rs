//! One conversation, live or from a file: sound of both channels in, frames and events out.
//!
//! Chunks may have any size and the channels may come unequal: the one ahead waits. Frame `k` covers the sound from
//! `20 k` to `20 (k + 1)` ms of the stream, on both channels.

use crate::error::{Error, Result};
use crate::model::VapModel;
use crate::state::VapState;
use burn::tensor::{Tensor, TensorData};
use std::sync::Arc;
use vap_core::audio::Resampler;
use vap_core::config::{MEL_BANDS, MELS_A_FRAME};
use vap_core::features::{FeatureStatistics, LogMel};
use vap_core::projection::OUTPUTS;
use vap_core::{Error as CoreError, Event, EventMachine, Frame, HOP_SAMPLES, Policy};

/// How far one channel may run ahead of the other, in ms.
pub const MAX_AHEAD_MS: u64 = 5_000;

/// Sound of a long push is worked in pieces of this length, in ms, so that what lies between sound and frames stays
/// small.
const PIECE_MS: u64 = 2_560;

/// Mel values of one hop of a channel.
const HOP_MELS: usize = MELS_A_FRAME * MEL_BANDS;

/// What a session is told at its beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionOptions {
    /// Sample rate of the user's channel, in Hz.
    pub user_rate_hz: u32,
    /// Sample rate of the agent's channel, in Hz.
    pub agent_rate_hz: u32,
    /// Thresholds of the events; those of the model when `None`.
    pub policy: Option<Policy>,
}

/// What one push gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// Frames, in order of time.
    pub frames: Vec<Frame>,
    /// Events, in order of time.
    pub events: Vec<Event>,
}

/// One conversation.
pub struct Session {
    model: Arc<VapModel>,
    policy: Policy,
    /// User, then agent.
    channels: [Channel; 2],
    /// What silence of a whole number of samples left over, in parts of the other channel's sample.
    silence_rest: [u64; 2],
    state: VapState,
    machine: EventMachine,
    frames: u64,
    finished: bool,
}

impl Session {
    /// Session at the beginning of a conversation.
    ///
    /// # Errors
    /// `sample-rate` for a rate that cannot be resampled, `option` for a policy out of range.
    pub fn new(model: &Arc<VapModel>, options: SessionOptions) -> Result<Self> {
        let policy = options.policy.unwrap_or(*model.policy());
        Ok(Session {
            channels: [Channel::new(options.user_rate_hz)?, Channel::new(options.agent_rate_hz)?],
            silence_rest: [0; 2],
            state: model.init_state(1),
            machine: EventMachine::new(policy)?,
            model: Arc::clone(model),
            policy,
            frames: 0,
            finished: false,
        })
    }

    /// Takes sound of both channels and gives every frame it completes.
    ///
    /// Samples are mono, nominally in `[-1, 1]`; those that are not finite count as 0, those beyond are clipped. A
    /// channel that is `None` is silent for as long as the other sounds. One that is empty has nothing new yet: the
    /// other's sound waits for it.
    ///
    /// # Errors
    /// `channels-apart` when one channel would be more than [`MAX_AHEAD_MS`] ahead, `finished` after
    /// [`Session::finish`]: the session is then as it was before. `not-finite` or `backend` when the model fails.
    pub fn push(&mut self, user: Option<&[f32]>, agent: Option<&[f32]>) -> Result<Output> {
        if self.finished {
            return Err(Error::Finished);
        }
        let given = [user, agent];
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

        let mut output = Output::default();
        while sound.iter().any(|s| s.len() > 0) {
            for (channel, sound) in self.channels.iter_mut().zip(&mut sound) {
                let piece = sound.split_front((channel.rate_hz * PIECE_MS / 1000) as usize);
                channel.push(piece, self.model.statistics());
            }
            self.step(&mut output)?;
        }
        Ok(output)
    }

    /// Ends the conversation: what the resamplers still hold comes out, the channel that is behind is silent up to
    /// the other's end, the last hop is filled up with silence, and pending events are decided. A second call gives
    /// nothing.
    ///
    /// # Errors
    /// `not-finite` or `backend` when the model fails.
    pub fn finish(&mut self) -> Result<Output> {
        let mut output = Output::default();
        if self.finished {
            return Ok(output);
        }
        self.finished = true;
        for channel in &mut self.channels {
            channel.resampler.finish(&mut channel.resampled);
            channel.listen(self.model.statistics());
        }
        let end =
            self.channels.iter().map(|c| c.heard).max().unwrap_or(0).next_multiple_of(HOP_SAMPLES as u64);
        for channel in &mut self.channels {
            let missing = (end - channel.heard) as usize;
            channel.resampled.resize(missing, 0.0);
            channel.listen(self.model.statistics());
        }
        self.step(&mut output)?;
        self.machine.finish(&mut output.events);
        Ok(output)
    }

    /// Back to the beginning of a conversation, as if new.
    ///
    /// # Errors
    /// As [`Session::new`]; rates and policy were accepted before, so none is expected.
    pub fn reset(&mut self) -> Result<()> {
        let [user_rate_hz, agent_rate_hz] = self.channels.each_ref().map(|c| c.rate_hz as u32);
        let policy = Some(self.policy);
        *self = Session::new(&self.model, SessionOptions { user_rate_hz, agent_rate_hz, policy })?;
        Ok(())
    }

    /// Longest time between the end of a hop going in and its frame coming out, in ms: what resampling holds back.
    pub fn delay_ms(&self) -> f64 {
        self.channels.iter().map(|c| c.resampler.delay_ms()).fold(0.0, f64::max)
    }

    /// Thresholds in use.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Frames given so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Samples so far that were not finite and counted as 0, of both channels.
    pub fn replaced(&self) -> u64 {
        self.channels.iter().map(|c| c.resampler.replaced()).sum()
    }

    /// What the model remembers of the stream.
    pub fn state(&self) -> &VapState {
        &self.state
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

    /// Works every hop that is there on both channels.
    fn step(&mut self, output: &mut Output) -> Result<()> {
        let hops = self.channels.iter().map(|c| c.mels.len() / HOP_MELS).min().unwrap_or(0);
        if hops == 0 {
            return Ok(());
        }
        let mels: Vec<f32> = self.channels.iter_mut().flat_map(|c| c.mels.drain(..hops * HOP_MELS)).collect();
        let mels = TensorData::new(mels, [2, hops * MELS_A_FRAME, MEL_BANDS]);
        let logits = self.model.forward(Tensor::from_data(mels, self.model.device()), &mut self.state)?;
        let logits = logits.try_into_data().map_err(|e| Error::Backend(e.to_string()))?;
        let logits: Vec<f32> = logits.try_into_vec().map_err(|e| Error::Backend(e.to_string()))?;
        if let Some(index) = logits.iter().position(|x| !x.is_finite()) {
            return Err(CoreError::NotFinite { place: "logits".into(), index }.into());
        }
        for logits in logits.as_chunks::<OUTPUTS>().0 {
            let frame = Frame::from_logits(self.frames, logits);
            self.frames += 1;
            self.machine.step(&frame, &mut output.events);
            output.frames.push(frame);
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
    /// Normalised mel frames that wait for the other channel.
    mels: Vec<f32>,
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
        })
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
        let ready = self.mels.len();
        self.heard += self.resampled.len() as u64;
        self.log_mel.push(&self.resampled, &mut self.mels);
        self.resampled.clear();
        statistics.normalise(&mut self.mels[ready..]);
    }
}

/// Samples, or as many zeros.
#[derive(Clone, Copy)]
enum Sound<'a> {
    Samples(&'a [f32]),
    Silence(usize),
}

impl Sound<'_> {
    fn len(&self) -> usize {
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
