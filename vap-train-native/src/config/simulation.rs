//! How dialogues are made and what happens to their sound: the section `[simulation]` of a run file.

use serde::{Deserialize, Serialize};

/// How dialogues are made. Shares are chances a dialogue unless they say otherwise, levels are RMS over speech, in dB
/// below full scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulationConfig {
    /// Lowest and highest speech level of a voice.
    pub level_db: [f32; 2],
    /// Share of channels whose level is drawn from `wide_level_db` instead.
    pub wide_level: f64,
    /// Lowest and highest level of those: peaks lie some 12 dB higher. Their room tone and noise go down with them.
    pub wide_level_db: [f32; 2],
    /// Share of voices that whisper.
    pub whisper: f64,
    /// Share of voices that come through a narrow band of their own, such as 300 to 3400 or 200 to 2000 Hz.
    pub narrow: f64,
    /// Level of the room tone under everything.
    pub room_tone_db: [f32; 2],
    /// Share of channels whose room tone is digital silence.
    pub silent_room_tone: f64,
    /// Share of dialogues whose two room tones are drawn from `floor_db` instead, each for itself.
    pub uneven: f64,
    /// Lowest and highest level of those room tones; they stay below the channel's speech.
    pub floor_db: [f32; 2],
    /// Share of channels whose room tone jumps to other levels or is gated.
    pub floor_steps: f64,
    /// Share of channels with the hum of the mains.
    pub hum: f64,
    /// Share of channels with noise, most of it recorded.
    pub noise: f64,
    /// Signal-to-noise ratio of that noise, in dB.
    pub noise_snr_db: [f32; 2],
    /// Share of channels in a room.
    pub room: f64,
    /// Share of dialogues over an 8 kHz G.711 telephone line.
    pub telephone: f64,
    /// Share of channels with a coloured microphone.
    pub tilt: f64,
    /// Share of dialogues in which a channel clips.
    pub clipping: f64,
    /// Share of dialogues that lose 0.2 to 5 % of their packets.
    pub packet_loss: f64,
    /// Share of dialogues with one channel absent: zeros, the constant of A-law, or the dither of one bit. All that is
    /// asked about it is whether it speaks, and it does not; the other channel keeps its targets.
    pub muted: f64,
    /// Share of dialogues in which nobody speaks.
    pub quiet: f64,
    /// Share of the channels of those that are absent.
    pub quiet_absent: f64,
    /// Share of dialogues in which both are silent for long.
    pub lulls: f64,
    /// Shortest and longest such silence, in seconds, drawn by its logarithm.
    pub lull_s: [f32; 2],
    /// Share of dialogues with sounds that are no speech: of telephones, music, coughs, doors.
    pub sounds: f64,
    /// The same where nobody speaks.
    pub quiet_sounds: f64,
    /// Share of those sounds that are made by rule (call progress, DTMF, fax, beeps, music); the others are recorded.
    pub made_sounds: f64,
    /// Level of those sounds against the channel's speech level, in dB.
    pub sound_db: [f32; 2],
    /// Share of dialogues in which one channel is heard in the other, as an echo does.
    pub crosstalk: f64,
    /// Level of the crosstalk against that of its source, in dB.
    pub crosstalk_db: [f32; 2],
    /// Share of crosstalk through a loudspeaker: bent, of a narrow band, some in a room.
    pub crosstalk_distortion: f64,
    /// Longest delay of the crosstalk, in ms.
    pub crosstalk_delay_ms: f32,
    /// Share of turns that go on with another utterance where one has ended; each may again, up to four.
    pub long_turns: f64,
    /// Share of a person's turns in which a phrase breaks off, to be taken up behind a silence.
    pub hesitations: f64,
    /// Share of a teacher's answer in the end-of-turn target where a speaker stops and it was asked; the rest is what
    /// the dialogue does.
    pub soft_end: f32,
    /// What a teacher's answer about speech that goes on counts in the end-of-turn loss, where a frame of speech counts
    /// 1; 0 leaves the dialogue's own target there.
    pub dense_answers: f32,
    /// Share of read turns that begin at an inner phrase, so that turns are as short as real ones.
    pub phrase_start: f64,
    /// Share of inner pauses that take their length from the annotations instead of the recording.
    pub annotated_pauses: f64,
    /// Share of the other inner pauses that are as long as gaps between speakers, so that the length of a silence
    /// does not tell a pause from an end.
    pub matched_pauses: f64,
    /// Lowest and highest speed of a voice against its recording.
    pub speed: [f32; 2],
    /// Share of dialogues of a person with an agent; the others are between two people.
    pub agent_style: f64,
}

impl Default for SimulationConfig {
    fn default() -> Self {
        SimulationConfig {
            level_db: [-36.0, -18.0],
            wide_level: 0.2,
            wide_level_db: [-68.0, -16.0],
            whisper: 0.03,
            narrow: 0.08,
            room_tone_db: [-85.0, -52.0],
            silent_room_tone: 0.2,
            uneven: 0.2,
            floor_db: [-90.0, -30.0],
            floor_steps: 0.1,
            hum: 0.05,
            noise: 0.3,
            noise_snr_db: [5.0, 25.0],
            room: 0.3,
            telephone: 0.35,
            tilt: 0.3,
            clipping: 0.05,
            packet_loss: 0.1,
            muted: 0.1,
            quiet: 0.06,
            quiet_absent: 0.4,
            lulls: 0.15,
            lull_s: [3.0, 60.0],
            sounds: 0.25,
            quiet_sounds: 0.6,
            made_sounds: 0.45,
            sound_db: [-20.0, 10.0],
            crosstalk: 0.2,
            crosstalk_db: [-40.0, -6.0],
            crosstalk_distortion: 0.5,
            crosstalk_delay_ms: 400.0,
            long_turns: 0.15,
            hesitations: 0.15,
            soft_end: 0.5,
            dense_answers: 0.0,
            phrase_start: 0.7,
            annotated_pauses: 0.15,
            matched_pauses: 0.8,
            speed: [0.9, 1.1],
            agent_style: 0.35,
        }
    }
}

impl SimulationConfig {
    /// The same dialogues without anything that happens to their sound, and with nothing in them but talk.
    pub fn clean(&self) -> SimulationConfig {
        SimulationConfig {
            wide_level: 0.0,
            whisper: 0.0,
            narrow: 0.0,
            uneven: 0.0,
            floor_steps: 0.0,
            hum: 0.0,
            noise: 0.0,
            room: 0.0,
            telephone: 0.0,
            tilt: 0.0,
            clipping: 0.0,
            packet_loss: 0.0,
            muted: 0.0,
            quiet: 0.0,
            lulls: 0.0,
            sounds: 0.0,
            crosstalk: 0.0,
            ..self.clone()
        }
    }

    /// What is wrong with it: the key, what is allowed and what was found.
    pub(super) fn validate(&self) -> Result<(), String> {
        let shares = [
            ("wide_level", self.wide_level),
            ("whisper", self.whisper),
            ("narrow", self.narrow),
            ("silent_room_tone", self.silent_room_tone),
            ("uneven", self.uneven),
            ("floor_steps", self.floor_steps),
            ("hum", self.hum),
            ("noise", self.noise),
            ("room", self.room),
            ("telephone", self.telephone),
            ("tilt", self.tilt),
            ("clipping", self.clipping),
            ("packet_loss", self.packet_loss),
            ("muted", self.muted),
            ("quiet", self.quiet),
            ("quiet_absent", self.quiet_absent),
            ("lulls", self.lulls),
            ("sounds", self.sounds),
            ("quiet_sounds", self.quiet_sounds),
            ("made_sounds", self.made_sounds),
            ("crosstalk", self.crosstalk),
            ("crosstalk_distortion", self.crosstalk_distortion),
            ("long_turns", self.long_turns),
            ("hesitations", self.hesitations),
            ("soft_end", self.soft_end.into()),
            ("phrase_start", self.phrase_start),
            ("annotated_pauses", self.annotated_pauses),
            ("matched_pauses", self.matched_pauses),
            ("agent_style", self.agent_style),
        ];
        for (key, found) in shares {
            if !(0.0..=1.0).contains(&found) {
                return Err(format!("simulation.{key}: expected 0 to 1, found {found}"));
            }
        }
        let levels = [
            ("level_db", self.level_db),
            ("wide_level_db", self.wide_level_db),
            ("room_tone_db", self.room_tone_db),
            ("floor_db", self.floor_db),
            ("noise_snr_db", self.noise_snr_db),
            ("sound_db", self.sound_db),
            ("crosstalk_db", self.crosstalk_db),
        ];
        for (key, [low, high]) in levels {
            if !(low.is_finite() && high.is_finite() && low <= high) {
                return Err(format!("simulation.{key}: expected [low, high] in dB, found {:?}", [low, high]));
            }
        }
        let limits = [
            ("lull_s", "[shortest, longest] from 0.5 to 600", self.lull_s, [0.5, 600.0]),
            ("speed", "[slowest, fastest] from 0.5 to 2", self.speed, [0.5, 2.0]),
            ("dense_answers", "0 to 100", [self.dense_answers; 2], [0.0, 100.0]),
            ("crosstalk_delay_ms", "0 to 2000", [self.crosstalk_delay_ms; 2], [0.0, 2000.0]),
        ];
        for (key, expected, [low, high], [least, most]) in limits {
            if !(low >= least && low <= high && high <= most) {
                return Err(format!("simulation.{key}: expected {expected}, found {:?}", [low, high]));
            }
        }
        Ok(())
    }
}
