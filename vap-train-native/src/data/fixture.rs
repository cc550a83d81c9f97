//! A tiny data folder in the true layouts, for tests: three meetings, two utterances, one noise, one room.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Split;
use super::timing::turns::{Timing, TurnKind};

/// A folder that goes when it is dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("vap-corpora-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Replaces the first `from` of a text file, which must be there.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.join(path)).unwrap();
        assert!(text.contains(from), "{path} holds {from}");
        fs::write(self.0.join(path), text.replacen(from, to, 1)).unwrap();
    }

    pub fn ami(&self) -> PathBuf {
        self.0.join(AMI)
    }

    pub fn lists(&self) -> PathBuf {
        self.0.join("annotations/ami-rttm-splits/ami-diarization-setup/lists")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The unpacked data folder that `VAP_DATA` names; tests that read whole corpora run only with it.
pub fn real_data() -> Option<PathBuf> {
    std::env::var_os("VAP_DATA").map(PathBuf::from)
}

/// Prints what timings of a whole corpus hold.
pub fn report(corpus: &str, timings: &[Timing]) {
    for split in Split::ALL {
        let timings = timings.iter().filter(|timing| timing.split == split);
        let turns = || timings.clone().flat_map(|timing| &timing.turns);
        let kind = |kind| turns().filter(|turn| turn.kind == kind).count();
        let ends = timings.clone().map(|timing| timing.turns.iter().fold(0.0_f32, |end, t| end.max(t.end_s)));
        eprintln!(
            "{corpus} {split}: {} stretches, {:.2} h, {} turns, {} backchannels, {} pauses",
            timings.clone().count(),
            ends.fold(0.0, |sum, end| sum + end) / 3600.0,
            kind(TurnKind::Turn),
            kind(TurnKind::Backchannel),
            turns().map(|turn| turn.pauses.len()).sum::<usize>(),
        );
    }
}

const AMI: &str = "annotations/ami-annotations";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" standalone=\"yes\"?>\n";
const NITE: &str = "xmlns:nite=\"http://nite.sourceforge.net/\"";

/// Start and end of a word in seconds, and whether it is a backchannel (an act of its own).
pub type SpokenWord = (f64, f64, bool);

/// The whole data folder.
pub fn data() -> Folder {
    let folder = Folder::new();
    ami(&folder, &[("ES1a", conversation()), ("ES2a", conversation()), ("ES3a", conversation())]);
    for (split, meeting) in [("train", "ES1a"), ("dev", "ES2a"), ("test", "")] {
        let list = format!("annotations/ami-rttm-splits/ami-diarization-setup/lists/{split}.meetings.txt");
        folder.write(&list, format!("{meeting}\n"));
    }
    let header = "path\tset\tspeaker\tgender\tlang\tsplit\tlicence\tkind\tseconds\tspeech_start\tspeech_end\t\
                  speech_seconds\n";
    let rows = "ls/1/a.wav\tls\t1\tf\ten\ttrain\tCC-BY-4.0\tread\t2.000\t0.50\t1.50\t1.00\n\
                pv/x/b.wav\tpv\tx\t?\ten\tdev\tApache-2.0\tspontaneous-command\t1.000\t0.25\t0.75\t0.50\n";
    folder.write("speech.tsv", format!("{header}{rows}"));
    wav(&folder, "speech/ls/1/a.wav", 16_000, &burst(2.0, 0.5, 1.5));
    wav(&folder, "speech/pv/x/b.wav", 16_000, &burst(1.0, 0.25, 0.75));
    folder.write("noise.tsv", "path\tset\tlabel\tlicence\tseconds\nhum/h.wav\thum\tHum\tCC0\t0.50\n");
    wav(&folder, "noise/hum/h.wav", 16_000, &burst(0.5, 0.0, 0.5));
    folder.write("rir.tsv", "path\tlicence\tseconds\trt60_est\nroom.wav\tMIT\t0.10\t0.40\n");
    let mut response = vec![0.0_f32; 1_600];
    (response[300], response[900]) = (0.9, 0.3);
    fs::create_dir_all(folder.0.join("rir")).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(folder.0.join("rir/room.wav"), spec).unwrap();
    response.iter().for_each(|value| writer.write_sample(*value).unwrap());
    writer.finalize().unwrap();
    folder
}

/// Two speakers for 14 s with one backchannel and one pause; a third speaks at 20 s.
fn conversation() -> Vec<Vec<SpokenWord>> {
    vec![
        vec![(1.0, 2.0, false), (2.0, 3.5, false), (5.0, 6.0, false), (11.0, 12.0, false)],
        vec![(2.5, 2.8, true), (6.5, 8.0, false), (8.1, 10.0, false), (14.0, 15.0, false)],
        vec![(20.0, 22.0, false)],
    ]
}

/// The annotations of meetings, each a list of words for channels A, B, ...
pub fn ami(folder: &Folder, meetings: &[(&str, Vec<Vec<SpokenWord>>)]) {
    folder.write(
        &format!("{AMI}/ontologies/da-types.xml"),
        format!(
            "{HEAD}<da-type nite:id=\"cmrda\" name=\"da-type\" {NITE}><da-type nite:id=\"ami_daclass_0\" \
             name=\"minor\"><da-type nite:id=\"ami_da_1\" name=\"bck\" gloss=\"Backchannel\"/></da-type>\
             <da-type nite:id=\"ami_da_4\" name=\"inf\"/></da-type>"
        ),
    );
    let mut roster = format!("{HEAD}<nite:root nite:id=\"meet.00\" {NITE}>\n");
    for (name, channels) in meetings {
        roster += &format!("<meeting nite:id=\"m_{name}\" observation=\"{name}\">\n");
        for (headset, (channel, words)) in ('A'..).zip(channels).enumerate() {
            roster += &format!(
                "<speaker nite:id=\"{name}_{channel}\" channel=\"{headset}\" nxt_agent=\"{channel}\" />\n"
            );
            participant(folder, name, channel, words);
        }
        roster += "</meeting>\n";
    }
    folder.write(&format!("{AMI}/corpusResources/meetings.xml"), roster + "</nite:root>\n");
}

fn participant(folder: &Folder, name: &str, channel: char, words: &[SpokenWord]) {
    let stem = format!("{name}.{channel}");
    let root = |kind: &str, body: &str| {
        format!("{HEAD}<nite:root nite:id=\"{stem}.{kind}\" {NITE}>\n{body}</nite:root>\n").into_bytes()
    };
    let (mut text, mut acts, mut segments) = (String::new(), String::new(), String::new());
    for (index, (start, end, backchannel)) in words.iter().enumerate() {
        let id = format!("{stem}.words{}", 2 * index);
        text += &format!("<w nite:id=\"{id}\" starttime=\"{start}\" endtime=\"{end}\">it&#39;s</w>\n");
        let after = format!("{stem}.words{}", 2 * index + 1);
        text +=
            &format!("<w nite:id=\"{after}\" starttime=\"{end}\" endtime=\"{end}\" punc=\"true\">.</w>\n");
        let kind = if *backchannel { "ami_da_1" } else { "ami_da_4" };
        acts += &format!(
            "<dact nite:id=\"{stem}.da{index}\">\n<nite:pointer role=\"da-aspect\" \
             href=\"da-types.xml#id({kind})\"/>\n<nite:child \
             href=\"{stem}.words.xml#id({id})..id({after})\"/>\n</dact>\n"
        );
        segments += &format!(
            "<segment nite:id=\"{stem}.s{index}\" transcriber_start=\"{start}\" transcriber_end=\"{end}\"/>\n"
        );
    }
    // An untimed word, a half-timed sound and a letter that is not ASCII: the corpus has all of them.
    text += &format!(
        "<w nite:id=\"{stem}.wordsX\">Mm</w>\n<vocalsound nite:id=\"{stem}.wordsY\" starttime=\"9\"/>"
    );
    let mut text = root("words", &text);
    let place = text.windows(2).position(|pair| pair == b"Mm").unwrap();
    text[place] = 0xE9;
    folder.write(&format!("{AMI}/words/{stem}.words.xml"), text);
    folder.write(&format!("{AMI}/segments/{stem}.segments.xml"), root("segs", &segments));
    folder.write(&format!("{AMI}/dialogueActs/{stem}.dialog-act.xml"), root("dialog-act", &acts));
}

/// A tone of 300 Hz between two times, in seconds; elsewhere silence.
pub fn burst(length_s: f32, start_s: f32, end_s: f32) -> Vec<i16> {
    (0..(length_s * 16_000.0) as usize)
        .map(|sample| {
            let time_s = sample as f32 / 16_000.0;
            let on = time_s >= start_s && time_s < end_s;
            if on { (8_000.0 * (time_s * 300.0 * std::f32::consts::TAU).sin()) as i16 } else { 0 }
        })
        .collect()
}

/// Writes a mono 16-bit FLAC in which nothing is compressed (verbatim subframes), checksums included.
pub fn flac(folder: &Folder, path: &str, rate_hz: u32, samples: &[i16]) -> PathBuf {
    const BLOCK: usize = 4096;
    let crc = |bytes: &[u8], polynomial: u32, bits: u32| {
        bytes.iter().fold(0_u32, |crc, byte| {
            (0..8).fold(crc ^ (u32::from(*byte) << (bits - 8)), |crc, _| {
                let carry = crc >> (bits - 1) & 1;
                ((crc << 1) ^ (carry * polynomial)) & ((1 << bits) - 1)
            })
        })
    };
    let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
    let block = (BLOCK as u16).to_be_bytes();
    bytes.extend([block, block].concat());
    bytes.extend([0; 6]);
    let fields = u64::from(rate_hz) << 44 | 15 << 36 | samples.len() as u64;
    bytes.extend(fields.to_be_bytes());
    bytes.extend([0; 16]);
    for (number, block) in samples.chunks(BLOCK).enumerate() {
        assert!(number < 128, "one byte of frame number");
        let mut frame = vec![0xFF, 0xF8, 0x70, 0x08, number as u8];
        frame.extend((block.len() as u16 - 1).to_be_bytes());
        frame.push(crc(&frame, 0x07, 8) as u8);
        frame.push(0x02);
        frame.extend(block.iter().flat_map(|sample| sample.to_be_bytes()));
        frame.extend((crc(&frame, 0x8005, 16) as u16).to_be_bytes());
        bytes.extend(frame);
    }
    folder.write(path, bytes)
}

/// Writes a mono 16-bit WAV.
pub fn wav(folder: &Folder, path: &str, rate_hz: u32, samples: &[i16]) -> PathBuf {
    pcm(folder, path, 1, rate_hz, samples)
}

/// Writes a stereo 16-bit WAV of interleaved samples.
pub fn stereo(folder: &Folder, path: &str, rate_hz: u32, samples: &[i16]) -> PathBuf {
    pcm(folder, path, 2, rate_hz, samples)
}

fn pcm(folder: &Folder, path: &str, channels: u16, rate_hz: u32, samples: &[i16]) -> PathBuf {
    let path: &Path = &folder.0.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    path.into()
}
