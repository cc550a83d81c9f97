use super::*;
use crate::data::Split;
use crate::data::fixture::{self, Folder, burst};
use crate::data::prepared::Prepared;

const AMI_LICENCE: &str = "CC-BY-4.0 (AMI manual annotations)";

fn bundle(folder: &Folder) -> Corpus {
    Corpus { kind: Kind::Bundle, folder: folder.0.clone() }
}

fn calls(folder: &Folder) -> Corpus {
    Corpus { kind: Kind::Calls, folder: folder.0.join("calls") }
}

fn run(corpora: &[Corpus], out: &Path) -> Result<Outcome> {
    prepare(corpora, out, OnBadFile::Stop, false)
}

/// Two-channel calls: speech of the first channel from 0.5 to 1.5 s, of the second from 2 to 3 s.
fn add_call(folder: &Folder, path: &str) {
    let both = burst(4.0, 0.5, 1.5).into_iter().zip(burst(4.0, 2.0, 3.0)).flat_map(|(a, b)| [a, b]);
    fixture::stereo(folder, path, 16_000, &both.collect::<Vec<i16>>());
}

#[test]
fn a_prepared_folder_holds_everything_and_is_kept() {
    let folder = fixture::data();
    let out = folder.0.join("out");
    assert!(run(&[bundle(&folder)], &out).unwrap().written);
    let prepared = Prepared::open(&out).unwrap();
    assert_eq!(prepared.utterances().len(), 2);
    let second = &prepared.utterances()[1];
    assert_eq!((second.offset_samples, second.samples, second.split), (32_000, 16_000, Split::Dev));
    assert_eq!(prepared.utterance_audio(0), burst(2.0, 0.5, 1.5));
    assert_eq!(prepared.utterance_audio(1), burst(1.0, 0.25, 0.75));
    assert!((second.span_s() - 0.5).abs() < 0.04 && second.pauses(0).next().is_none());
    assert_eq!(prepared.noise_audio(0).len(), 8_000);
    assert_eq!(prepared.room_response(0).len(), 16 + 600 + 1);
    assert_eq!(prepared.timings(Split::Train).count(), 2);
    assert_eq!(prepared.timings(Split::Dev).count(), 1);
    assert_eq!(prepared.timings(Split::Test).count(), 0);
    assert_eq!(prepared.manifest.licences[AMI_LICENCE], 3);
    assert_eq!(prepared.manifest.licences["Apache-2.0"], 1);

    assert!(!run(&[bundle(&folder)], &out).unwrap().written, "nothing has changed");
    folder.write("noise/hum/more.wav", "x");
    assert!(run(&[bundle(&folder)], &out).unwrap().written, "a file was added");
    std::fs::write(out.join(prepared::SPEECH_FILE), "short").unwrap();
    assert!(run(&[bundle(&folder)], &out).unwrap().written, "the folder was damaged");
    assert!(Prepared::open(&out).is_ok());
    assert!(!beside(&out, "part").exists() && !beside(&out, "old").exists());
}

#[test]
fn corpora_come_together_in_one_folder() {
    let folder = fixture::data();
    ["calls/train/a.wav", "calls/dev/b.wav"].iter().for_each(|path| add_call(&folder, path));
    folder.write("calls/train/a.json", r#"{"vad_list": [[[0.5, 1.5]], [[2.0, 3.0]]]}"#);
    // The same meetings as the bundle's: their timings are taken once.
    let ami = Corpus { kind: Kind::Ami, folder: folder.0.clone() };
    let out = folder.0.join("out");
    let outcome = run(&[calls(&folder), bundle(&folder), ami], &out).unwrap();
    let prepared = Prepared::open(&out).unwrap();
    assert_eq!(prepared.manifest.inputs.len(), 3);
    assert_eq!(prepared.manifest.timings.len(), 3);
    assert_eq!(outcome.manifest.counts["timing_train_stretches"], 2.0);
    assert_eq!(prepared.utterance_audio(1), burst(1.0, 0.25, 0.75));
    assert_eq!(prepared.noise_audio(0).len(), 8_000);

    let (index, call) = prepared.calls(Split::Train).next().unwrap();
    assert_eq!((call.corpus.as_str(), call.name.as_str(), call.ended), ("calls", "train/a", true));
    assert_eq!(call.speech, [vec![[8_000, 24_000]], vec![[32_000, 48_000]]]);
    assert_eq!(prepared.call_audio(index), [burst(4.0, 0.5, 1.5), burst(4.0, 2.0, 3.0)]);
    assert!((call.speech_db[0] - 20.0 * (8_000.0_f32 / 32_768.0 / 2f32.sqrt()).log10()).abs() < 0.1);
    let (index, call) = prepared.calls(Split::Dev).next().unwrap();
    assert_eq!(prepared.call_audio(index)[1], burst(4.0, 2.0, 3.0));
    assert!(call.speech[0][0][0].abs_diff(8_000) < 480, "by energy: {:?}", call.speech);
    assert_eq!(prepared.manifest.counts["calls_calls_train"], 1.0);
    assert_eq!(prepared.manifest.licences["own recordings"], 2);

    assert!(!run(&[calls(&folder)], &folder.0.join("alone")).unwrap().manifest.calls.is_empty());
    assert!(Prepared::open(&folder.0.join("alone")).unwrap().utterances().is_empty());
}

#[test]
fn a_fault_leaves_the_folder_as_it_was() {
    let folder = fixture::data();
    let out = folder.0.join("out");
    run(&[bundle(&folder)], &out).unwrap();
    fixture::wav(&folder, "speech/pv/x/b.wav", 44_100, &[0; 16_000]);
    folder.write("noise/hum/more.wav", "x");
    let error = run(&[bundle(&folder)], &out).unwrap_err().to_string();
    assert!(error.contains("b.wav") && error.contains("44100 Hz"), "{error}");
    assert_eq!(Prepared::open(&out).unwrap().utterances().len(), 2);
    let fresh = folder.0.join("fresh");
    assert!(run(&[bundle(&folder)], &fresh).is_err());
    assert!(!fresh.exists(), "nothing half written under the final name");
}

#[test]
fn an_interrupted_run_goes_on_behind_the_last_finished_corpus() {
    let folder = fixture::data();
    ["calls/train/a.wav", "calls/train/b.wav"].iter().for_each(|path| add_call(&folder, path));
    let out = folder.0.join("out");
    // The bundle's sound is bad, which shows only when it is read: the calls before it are finished then.
    let good = std::fs::read(folder.0.join("speech/pv/x/b.wav")).unwrap();
    fixture::wav(&folder, "speech/pv/x/b.wav", 44_100, &[0; 16_000]);
    let corpora = [calls(&folder), bundle(&folder)];
    assert!(run(&corpora, &out).unwrap_err().to_string().contains("b.wav"));
    let part = beside(&out, "part");
    let left = list_names(&part, "part").unwrap();
    assert_eq!(left, [shard_name(&corpora[0])], "the unfinished shard takes no room");

    folder.write("speech/pv/x/b.wav", &good);
    // Calls that are read again would now be found bad; of the same length they are not looked at.
    let call = std::fs::read(folder.0.join("calls/train/a.wav")).unwrap();
    folder.write("calls/train/a.wav", vec![b'x'; call.len()]);
    let outcome = run(&corpora, &out).unwrap();
    assert_eq!((outcome.manifest.calls.len(), outcome.manifest.utterances.len()), (2, 2));
    assert!(!part.exists());

    // Another length is another input.
    folder.write("calls/train/a.wav", "xx");
    assert!(run(&corpora, &out).unwrap_err().to_string().contains("a.wav: expected a WAV file"));
    assert_eq!(Prepared::open(&out).unwrap().manifest.calls.len(), 2);
}

#[test]
fn bad_recordings_stop_or_are_left_out_and_told() {
    let folder = fixture::data();
    ["calls/train/a.wav", "calls/train/b.wav", "calls/train/c.wav"]
        .iter()
        .for_each(|path| add_call(&folder, path));
    folder.write("calls/train/b.json", r#"{"vad_list": [[[0.5, 9.0]], []]}"#);
    let whole = std::fs::read(folder.0.join("calls/train/c.wav")).unwrap();
    folder.write("calls/train/c.wav", &whole[..whole.len() - 10]);
    fixture::wav(&folder, "speech/pv/x/b.wav", 44_100, &[0; 16_000]);
    let corpora = [bundle(&folder), calls(&folder)];
    let out = folder.0.join("out");
    let error = run(&corpora, &out).unwrap_err().to_string();
    assert!(error.contains("call calls/train/b: speech"), "found before any sound is read: {error}");

    let skip = || prepare(&corpora, &out, OnBadFile::Skip, false).unwrap();
    let manifest = skip().manifest;
    assert_eq!((manifest.calls.len(), manifest.utterances.len(), manifest.skipped.len()), (1, 1, 3));
    let told = manifest.skipped.join("\n");
    for part in
        ["pv/x/b.wav: expected 16000 Hz", "call calls/train/b: speech", "c.wav: expected 64000 samples"]
    {
        assert!(told.contains(part), "{told}");
    }
    assert!(!skip().written);
    assert!(run(&corpora, &out).is_err(), "what skipping left out is not complete");
    assert_eq!(Prepared::open(&out).unwrap().manifest.calls.len(), 1);
}

#[test]
fn a_full_disk_is_told() {
    let mut file = shard::Flat::create("/dev/full".into()).unwrap();
    let written = file.write_i16(&[1; 2_000_000]).and_then(|()| file.finish());
    let error = written.unwrap_err().to_string();
    assert!(error.contains("/dev/full: No space left on device"), "{error}");
}

#[test]
fn a_foreign_folder_is_not_replaced() {
    let folder = fixture::data();
    folder.write("out/thesis.txt", "years of work");
    let error = run(&[bundle(&folder)], &folder.0.join("out")).unwrap_err().to_string();
    assert!(error.contains("thesis.txt"), "{error}");
    assert!(folder.0.join("out/thesis.txt").exists());
}

#[test]
fn missing_input_is_named() {
    let folder = fixture::data();
    std::fs::remove_file(folder.0.join("rir.tsv")).unwrap();
    let out = folder.0.join("out");
    let error = run(&[bundle(&folder)], &out).unwrap_err().to_string();
    assert!(error.contains("rir.tsv: missing"), "{error}");
    assert!(run(&[], &out).unwrap_err().to_string().contains("corpora: expected at least one"));
    add_call(&folder, "calls/a.wav");
    let error = run(&[calls(&folder), calls(&folder)], &out).unwrap_err().to_string();
    assert!(error.contains("expected each once, found calls="), "{error}");
}

#[test]
fn a_corpus_is_named_by_its_kind_and_folder() {
    let corpus: Corpus = "calls=/data/a=b".parse().unwrap();
    assert_eq!(corpus, Corpus { kind: Kind::Calls, folder: "/data/a=b".into() });
    for text in ["calls", "calls=", "songs=/data", ""] {
        let error = text.parse::<Corpus>().unwrap_err();
        assert!(error.contains("ami, harpervalley, calls"), "{error}");
    }
}

#[test]
fn opening_checks_magic_version_lengths_and_ranges() {
    let folder = fixture::data();
    add_call(&folder, "calls/a.wav");
    folder.write("calls/a.json", r#"{"vad_list": [[[0.5, 1.25]], [[2.0, 3.0]]]}"#);
    let out = folder.0.join("out");
    assert!(Prepared::open(&out).unwrap_err().to_string().contains("run prepare first"));
    run(&[bundle(&folder), calls(&folder)], &out).unwrap();
    let whole = std::fs::read_to_string(out.join(prepared::MANIFEST_FILE)).unwrap();
    let edits = [
        ("vap-turn-prepared", "other", "magic: expected vap-turn-prepared, found other"),
        ("\"version\":2", "\"version\":9", "version: expected 2, found 9"),
        ("\"rate_hz\":16000", "\"rate_hz\":8000", "rate_hz: expected 16000, found 8000"),
        ("\"offset_samples\":32000", "\"offset_samples\":40000", "utterance: expected an end"),
        ("\"speech\":48000", "\"speech\":49000", "bytes: expected 98000, found 96000"),
        ("\"calls\":128000", "\"calls\":127000", "second channel of a call: expected an end"),
        ("[[8000,20000]]", "[[8000,99000]]", "speech of a call: expected 0 <= start < end <= 64000"),
        ("\"gender\"", "\"sex\"", "fields"),
        ("\"speaker\":0", "\"speaker\":2", "turn: expected speaker 0 or 1"),
        ("\"islands\":[[", "\"islands\":[[9,3],[", "speech island"),
    ];
    for (from, to, expected) in edits {
        assert!(whole.contains(from), "{from}");
        std::fs::write(out.join(prepared::MANIFEST_FILE), whole.replacen(from, to, 1)).unwrap();
        let error = Prepared::open(&out).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    std::fs::write(out.join(prepared::MANIFEST_FILE), "{").unwrap();
    assert!(Prepared::open(&out).unwrap_err().to_string().contains("JSON with magic"));
}
