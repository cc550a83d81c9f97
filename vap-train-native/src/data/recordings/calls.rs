//! A real two-channel conversation, whatever corpus it comes from: where its sound lies and who speaks when.
//!
//! A reader of a corpus gives these values without opening the audio; [`CallRecording::check`] looks at headers and
//! spans, [`CallRecording::load`] reads the sound.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vap_core::audio::Resampler;

use crate::data::formats::wav;
use crate::data::timing::islands::{self, IslandOptions};
use crate::data::{CorpusError, RATE_HZ, Result, Split};

/// Annotations may end this much after the sound, in seconds: they are rounded, and recorders stop early.
pub const END_TOLERANCE_S: f64 = 0.25;
/// Largest delay of a channel that is believed, in ms.
const LONGEST_DELAY_MS: f64 = 3_600_000.0;
/// Shortest silence that counts as a pause, in seconds; shorter ones are part of the articulation.
const SHORTEST_PAUSE_S: f64 = 0.2;

/// A stretch of time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Start.
    pub start_s: f64,
    /// End, after the start.
    pub end_s: f64,
}

/// Where the sound of one channel lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// A WAV file of any rate from 4 kHz.
    pub path: PathBuf,
    /// Its channel, from 0.
    pub channel: usize,
    /// How much later than the call the file begins, in ms; below 0 its beginning lies before the call.
    pub delay_ms: f64,
}

/// A conversation of two people with a channel each.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRecording {
    /// Name, unique in the corpus.
    pub name: String,
    /// Corpus, e.g. `ami`.
    pub corpus: &'static str,
    /// Split; disjoint in speakers where the corpus tells them.
    pub split: Split,
    /// Licence of sound and annotations.
    pub licence: String,
    /// Sound of both channels. Where one is the agent it is the second.
    pub channels: [Source; 2],
    /// The part of the recordings that is the call, `[start, end]` in seconds after the delays; all other times of
    /// the call count from its start. `None` takes the whole.
    pub cut_s: Option<[f64; 2]>,
    /// When each channel speaks, backchannels included, in order and apart; `None` leaves it to the energy of the
    /// channel.
    pub speech: Option<[Vec<Span>; 2]>,
    /// Whether pauses under a second are missing from `speech`, as in word alignments without gaps and in times of
    /// whole utterances: they are then looked for in the sound.
    pub hides_pauses: bool,
    /// Which of that speech is backchannels; `None` where the corpus does not annotate them.
    pub backchannels: Option<[Vec<Span>; 2]>,
}

impl CallRecording {
    /// Checks all that is cheap: the spans, the files' headers, and that the spans lie inside the sound.
    ///
    /// # Errors
    /// [`CorpusError::Call`] names the call and the span, [`CorpusError::Audio`] the file.
    pub fn check(&self) -> Result<()> {
        self.length_s().map(|_| ())
    }

    /// Reads both channels: i16 at 16 kHz, of one length. Where one ends before the other there is silence.
    ///
    /// # Errors
    /// As [`CallRecording::check`]; [`CorpusError::Audio`] too for what only the samples show.
    pub fn load(&self) -> Result<[Vec<i16>; 2]> {
        let samples = (self.length_s()? * f64::from(RATE_HZ)).round() as usize;
        Ok([self.channel(0, samples)?, self.channel(1, samples)?])
    }

    /// When each channel speaks in the sound that [`CallRecording::load`] gave.
    pub fn speech_in(&self, audio: &[Vec<i16>; 2]) -> [Vec<Span>; 2] {
        match &self.speech {
            Some(speech) if !self.hides_pauses => speech.clone(),
            Some(speech) => [0, 1].map(|c| without_pauses(&speech[c], &energy_spans(&audio[c]))),
            None => audio.each_ref().map(|channel| energy_spans(channel)),
        }
    }

    /// Length of the call in seconds, after all checks.
    fn length_s(&self) -> Result<f64> {
        let mut ends_s = [0.0; 2];
        for (source, end_s) in self.channels.iter().zip(&mut ends_s) {
            let header = wav::read_header(&source.path)?;
            let audio = |expected: String, found: String| {
                Err(CorpusError::Audio { path: source.path.clone(), expected, found })
            };
            if let Err(error) = Resampler::new(header.rate_hz) {
                return audio("a rate that can be resampled".into(), error.to_string());
            }
            if source.channel >= header.channels {
                let found = format!("{} channel(s)", header.channels);
                return audio(format!("channel {} (from 0)", source.channel), found);
            }
            if source.delay_ms.is_nan() || source.delay_ms.abs() > LONGEST_DELAY_MS {
                let expected = format!("at most {LONGEST_DELAY_MS} ms either way");
                return Err(self.fault("delay", expected, format!("{} ms", source.delay_ms)));
            }
            *end_s = header.seconds() + source.delay_ms / 1000.0;
        }
        let all_s = ends_s[0].max(ends_s[1]);
        let length_s = match self.cut_s {
            // Not the longer of the two: where a channel has no file any more nobody can say that it is silent.
            Some([start_s, end_s]) => {
                let recorded_s = ends_s[0].min(ends_s[1]) + END_TOLERANCE_S;
                if !(start_s >= 0.0 && end_s > start_s && end_s <= recorded_s) {
                    let expected = format!("0 <= start < end <= {recorded_s:.3} s, where a channel ends");
                    return Err(self.fault("cut", expected, format!("{start_s} to {end_s} s")));
                }
                end_s - start_s
            }
            None if all_s > 0.0 => all_s,
            None => return Err(self.fault("length", "above 0 s".into(), format!("{all_s} s"))),
        };
        let tracks = [("speech", &self.speech), ("backchannels", &self.backchannels)];
        for (what, channels) in tracks {
            for spans in channels.iter().flatten() {
                self.check_spans(what, spans, length_s + END_TOLERANCE_S)?;
            }
        }
        Ok(length_s)
    }

    fn check_spans(&self, what: &'static str, spans: &[Span], until_s: f64) -> Result<()> {
        let mut last_s = 0.0;
        for span in spans {
            if !(span.start_s >= last_s && span.end_s > span.start_s && span.end_s <= until_s) {
                let expected = format!("{last_s} <= start < end <= {until_s:.3} s");
                return Err(self.fault(what, expected, format!("{} to {} s", span.start_s, span.end_s)));
            }
            last_s = span.end_s;
        }
        Ok(())
    }

    /// Channel `index` as `samples` samples.
    fn channel(&self, index: usize, samples: usize) -> Result<Vec<i16>> {
        let source = &self.channels[index];
        let header = wav::read_header(&source.path)?;
        let rate_hz = f64::from(header.rate_hz);
        let start_s = self.cut_s.map_or(0.0, |cut_s| cut_s[0]) - source.delay_ms / 1000.0;
        // Times in the file; what lies outside it is silence.
        let at = |time_s: f64| (time_s * rate_hz).round().clamp(0.0, f64::from(header.samples)) as u32;
        let length_s = samples as f64 / f64::from(RATE_HZ);
        let range = at(start_s)..at(start_s + length_s);
        let lead = ((-start_s).max(0.0) * f64::from(RATE_HZ)).round() as usize;
        let raw = wav::read_channel(&source.path, source.channel, range)?;
        let mut resampler = Resampler::new(header.rate_hz).map_err(|error| CorpusError::Audio {
            path: source.path.clone(),
            expected: "a rate that can be resampled".into(),
            found: error.to_string(),
        })?;
        let mut sound = vec![0.0; lead.min(samples)];
        resampler.push(&raw, &mut sound);
        resampler.finish(&mut sound);
        sound.resize(samples, 0.0);
        Ok(sound.into_iter().map(|x| (x * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).collect())
    }

    fn fault(&self, what: &'static str, expected: String, found: String) -> CorpusError {
        CorpusError::Call { name: format!("{}/{}", self.corpus, self.name), what, expected, found }
    }
}

/// Where a channel sounds.
fn energy_spans(samples: &[i16]) -> Vec<Span> {
    let seconds = |sample: u32| f64::from(sample) / f64::from(RATE_HZ);
    let found = islands::find(samples, &IslandOptions::call()).islands;
    found.iter().map(|[start, end]| Span { start_s: seconds(*start), end_s: seconds(*end) }).collect()
}

/// The spans less their silences of [`SHORTEST_PAUSE_S`] and more; a span in which nothing sounds stays whole.
fn without_pauses(spans: &[Span], sounding: &[Span]) -> Vec<Span> {
    let mut out = Vec::new();
    for span in spans {
        let inside: Vec<Span> = sounding
            .iter()
            .map(|s| Span { start_s: s.start_s.max(span.start_s), end_s: s.end_s.min(span.end_s) })
            .filter(|s| s.end_s > s.start_s)
            .collect();
        let mut inside = joined(inside, SHORTEST_PAUSE_S);
        if let Some(first) = inside.first_mut()
            && first.start_s - span.start_s < SHORTEST_PAUSE_S
        {
            first.start_s = span.start_s;
        }
        if let Some(last) = inside.last_mut()
            && span.end_s - last.end_s < SHORTEST_PAUSE_S
        {
            last.end_s = span.end_s;
        }
        if inside.is_empty() {
            inside.push(*span);
        }
        out.extend(inside);
    }
    out
}

/// Sorts spans by their start and joins those at most `gap_s` apart; empty ones go.
pub fn joined(mut spans: Vec<Span>, gap_s: f64) -> Vec<Span> {
    spans.retain(|span| span.end_s > span.start_s);
    spans.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    let mut out: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut() {
            Some(last) if span.start_s - last.end_s <= gap_s => last.end_s = last.end_s.max(span.end_s),
            _ => out.push(span),
        }
    }
    out
}

/// A split drawn by the hash of a name, for corpora without official ones: 80 % train, 10 % dev, 10 % test.
pub fn split_by_name(name: &str) -> Split {
    split_by_share(name, [0.8, 0.1])
}

/// A split drawn by the hash of a name, with the shares of train and dev; the rest is test.
pub fn split_by_share(name: &str, [train, dev]: [f64; 2]) -> Split {
    let place = (name_hash(name) >> 32) as f64 / 2f64.powi(32);
    if place < train {
        Split::Train
    } else if place < train + dev {
        Split::Dev
    } else {
        Split::Test
    }
}

/// The same number for a name on every machine and in every version.
pub(crate) fn name_hash(name: &str) -> u64 {
    // FNV-1a, then multiplied once more: its own high bits hardly change with the last letters.
    let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::fixture;
    use crate::data::fixture::{Folder, burst};

    fn call(folder: &Folder) -> CallRecording {
        let source = |file: &str| Source { path: folder.0.join(file), channel: 0, delay_ms: 0.0 };
        CallRecording {
            name: "one".into(),
            corpus: "test",
            split: Split::Train,
            licence: "CC0".into(),
            channels: [source("a.wav"), source("b.wav")],
            cut_s: None,
            speech: Some([vec![Span { start_s: 0.5, end_s: 1.0 }], vec![]]),
            hides_pauses: false,
            backchannels: None,
        }
    }

    fn folder() -> Folder {
        let folder = Folder::new();
        fixture::wav(&folder, "a.wav", 16_000, &burst(2.0, 0.5, 1.0));
        fixture::wav(&folder, "b.wav", 16_000, &burst(1.5, 1.0, 1.5));
        folder
    }

    fn rms(samples: &[i16]) -> f32 {
        (samples.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() / samples.len().max(1) as f32).sqrt()
    }

    #[test]
    fn channels_come_at_one_length_and_samples_are_kept() {
        let folder = folder();
        let [a, b] = call(&folder).load().unwrap();
        assert_eq!(a, burst(2.0, 0.5, 1.0));
        assert_eq!(b[..24_000], burst(1.5, 1.0, 1.5)[..]);
        assert_eq!((b.len(), rms(&b[24_000..])), (32_000, 0.0));
    }

    #[test]
    fn delays_shift_and_cuts_cut() {
        let folder = folder();
        let mut call = call(&folder);
        call.channels[1].delay_ms = 750.0;
        let [a, b] = call.load().unwrap();
        assert_eq!((a.len(), b.len()), (36_000, 36_000));
        assert_eq!(b[12_000..], burst(1.5, 1.0, 1.5)[..]);
        call.channels[1].delay_ms = -250.0;
        call.cut_s = Some([0.25, 1.25]);
        let [a, b] = call.load().unwrap();
        assert_eq!(a, burst(2.0, 0.5, 1.0)[4_000..20_000]);
        assert_eq!(b, burst(1.5, 1.0, 1.5)[8_000..24_000]);
    }

    #[test]
    fn other_rates_and_stereo_files_are_taken() {
        let folder = folder();
        let tone: Vec<i16> = (0..16_000)
            .flat_map(|n| {
                let x = (n as f32 / 8_000.0 * 300.0 * std::f32::consts::TAU).sin();
                [0, (8_000.0 * x) as i16]
            })
            .collect();
        fixture::stereo(&folder, "c.wav", 8_000, &tone);
        let mut call = call(&folder);
        for (index, source) in call.channels.iter_mut().enumerate() {
            (source.path, source.channel) = (folder.0.join("c.wav"), index);
        }
        let [a, b] = call.load().unwrap();
        assert_eq!((a.len(), rms(&a)), (32_000, 0.0));
        let middle = rms(&b[4_000..28_000]);
        assert!((middle - 8_000.0 / 2f32.sqrt()).abs() < 60.0, "{middle}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = folder();
        let fault = |change: &dyn Fn(&mut CallRecording)| {
            let mut call = call(&folder);
            change(&mut call);
            assert_eq!(call.check().unwrap_err().to_string(), call.load().unwrap_err().to_string());
            call.check().unwrap_err().to_string()
        };
        let speech = |start_s, end_s| {
            move |c: &mut CallRecording| {
                c.speech = Some([vec![], vec![Span { start_s: 0.1, end_s: 0.2 }, Span { start_s, end_s }]])
            }
        };
        let error = fault(&speech(1.9, 2.5));
        assert!(error.contains("call test/one: speech: expected 0.2 <= start < end <= 2.250 s"), "{error}");
        assert!(error.contains("found 1.9 to 2.5 s"), "{error}");
        for (start_s, end_s) in
            [(0.15, 0.3), (0.5, 0.5), (f64::NAN, 0.5), (0.5, f64::NAN), (0.5, f64::INFINITY)]
        {
            assert!(fault(&speech(start_s, end_s)).contains("speech: expected"), "{start_s} {end_s}");
        }
        assert!(fault(&|c| c.channels[0].channel = 1).contains("a.wav: expected channel 1"));
        assert!(fault(&|c| c.channels[0].delay_ms = f64::NAN).contains("delay: expected"));
        assert!(fault(&|c| c.cut_s = Some([1.0, 1.9])).contains("cut: expected"));
        assert!(fault(&|c| c.cut_s = Some([f64::NAN, 1.0])).contains("cut: expected"));
        assert!(fault(&|c| c.channels[1].path = "none.wav".into()).contains("none.wav: missing"));
    }

    #[test]
    fn broken_recordings_are_named() {
        let folder = folder();
        let path = folder.0.join("a.wav");
        let whole = std::fs::read(&path).unwrap();
        let fault = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let error = call(&folder).load().unwrap_err().to_string();
            assert!(error.contains("a.wav: expected"), "{error}");
            error
        };
        assert!(fault(&whole[..whole.len() - 100]).contains("ends early"));
        assert!(fault(&whole[..44]).contains("ends early"));
        assert!(fault(&whole[..20]).contains("a WAV file"));
        assert!(fault(b"").contains("a WAV file"));
        fixture::wav(&folder, "empty.wav", 16_000, &[]);
        assert!(fault(&std::fs::read(folder.0.join("empty.wav")).unwrap()).contains("at least one"));
        fixture::wav(&folder, "slow.wav", 1_000, &[1; 2_000]);
        assert!(fault(&std::fs::read(folder.0.join("slow.wav")).unwrap()).contains("found 1000 Hz"));
        // A header that promises 4 GB must not reserve them.
        let mut huge = whole.clone();
        huge[40..44].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
        assert!(fault(&huge).contains("ends early"));
        let mut nan = Vec::new();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::new(std::io::Cursor::new(&mut nan), spec).unwrap();
        (0..32_000).for_each(|n| writer.write_sample(if n == 7 { f32::NAN } else { 0.0 }).unwrap());
        writer.finalize().unwrap();
        assert!(fault(&nan).contains("found NaN at 7"));
    }

    #[test]
    fn splits_by_name_are_fixed_and_near_their_shares() {
        let count = |split| (0..5_000).filter(|n| split_by_name(&format!("call-{n}")) == split).count();
        let counts = Split::ALL.map(count);
        assert!(counts[0].abs_diff(4_000) < 120, "{counts:?}");
        assert!(counts[1].abs_diff(500) < 80 && counts[2].abs_diff(500) < 80, "{counts:?}");
        assert_eq!(["a", "b", "c"].map(split_by_name), [Split::Train, Split::Train, Split::Train]);
    }

    #[test]
    fn pauses_are_found_in_the_sound() {
        let span = |(start_s, end_s)| Span { start_s, end_s };
        let spans = [(1.0, 4.0), (5.0, 6.0), (7.0, 8.0)].map(span);
        let sounding = [(0.5, 2.0), (2.1, 2.5), (3.0, 3.9), (7.3, 9.0)].map(span);
        let expected = [(1.0, 2.5), (3.0, 4.0), (5.0, 6.0), (7.3, 8.0)].map(span);
        assert_eq!(without_pauses(&spans, &sounding), expected);

        let folder = Folder::new();
        let mut sound = burst(4.0, 0.5, 1.0);
        sound.iter_mut().zip(burst(4.0, 1.6, 2.5)).for_each(|(x, y)| *x += y);
        fixture::wav(&folder, "a.wav", 16_000, &sound);
        fixture::wav(&folder, "b.wav", 16_000, &burst(4.0, 3.0, 3.5));
        let mut call = call(&folder);
        call.hides_pauses = true;
        call.speech = Some([vec![span((0.5, 2.5))], vec![]]);
        let [a, b] = call.speech_in(&call.load().unwrap());
        assert_eq!((a.len(), b.len()), (2, 0), "{a:?}");
        assert!((a[0].end_s - 1.0).abs() < 0.03 && (a[1].start_s - 1.6).abs() < 0.03, "{a:?}");
    }

    #[test]
    fn a_channel_that_hardly_speaks_is_not_taken_for_speech() {
        // Noise 30 dB under the voice, digital silence until the call is taken, and 2 s of voice in a minute.
        let mut sound = burst(60.0, 30.0, 32.0);
        let mut state = 1_u32;
        for x in &mut sound[160_000..] {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *x += (state >> 16) as i16 / 128;
        }
        let found = energy_spans(&sound);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!((found[0].start_s - 30.0).abs() < 0.05 && (found[0].end_s - 32.0).abs() < 0.05, "{found:?}");
        assert!(energy_spans(&[0; 16_000]).is_empty() && energy_spans(&[]).is_empty());
    }

    #[test]
    fn spans_are_joined() {
        let span = |(start_s, end_s)| Span { start_s, end_s };
        let spans = [(3.0, 4.0), (1.0, 2.0), (2.0, 2.5), (5.0, 5.0)].map(span).to_vec();
        assert_eq!(joined(spans.clone(), 0.0), [(1.0, 2.5), (3.0, 4.0)].map(span));
        assert_eq!(joined(spans, 0.5), [(1.0, 4.0)].map(span));
    }
}
