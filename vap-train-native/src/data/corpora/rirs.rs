//! RIRS_NOISES in its official layout: measured and simulated room impulse responses.
//!
//! `real_rirs_isotropic_noises/*.wav` (the responses among them) and
//! `simulated_rirs/{small,medium,large}room/Room*/*.wav`, named by a `rir_list` in each folder
//! (`--rir-id ID --room-id ROOM RIRS_NOISES/PATH`) or, without one, by what lies there. Of several channels the first
//! is taken. The reverberation time is estimated from the response.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::data::bad::BadFiles;
use crate::data::files::{list_names, read_text};
use crate::data::recordings::rooms::{self, RoomRecording};
use crate::data::{CorpusError, Result};

const LICENCE: &str = "Apache-2.0 (RIRS_NOISES)";

/// How many responses are taken.
#[derive(Debug, Clone, Copy)]
pub struct RirOptions {
    /// Of each of the 600 simulated rooms, which have 100 each; measured ones are all taken.
    pub per_simulated_room: usize,
}

impl Default for RirOptions {
    fn default() -> Self {
        Self { per_simulated_room: 1 }
    }
}

/// Reads the folder `RIRS_NOISES`. Responses that are bad go through `bad`.
///
/// # Errors
/// [`CorpusError`] naming the missing folder, the line of a list, or the response that is wrong.
pub fn read(folder: &Path, options: &RirOptions, bad: &mut BadFiles) -> Result<Vec<RoomRecording>> {
    let real = "real_rirs_isotropic_noises";
    let mut paths: Vec<PathBuf> = match read_list(folder, real)? {
        Some(list) => list.into_iter().map(|(_, path)| path).collect(),
        None => {
            let names = list_names(&folder.join(real), "measured impulse responses")?;
            names.iter().filter(|name| is_response(name)).map(|name| folder.join(real).join(name)).collect()
        }
    };
    for size in ["small", "medium", "large"] {
        let size = format!("simulated_rirs/{size}room");
        let list = match read_list(folder, &size)? {
            Some(list) => list,
            None => listed_rooms(&folder.join(&size))?,
        };
        let mut taken: HashMap<String, usize> = HashMap::new();
        for (room, path) in list {
            let count = taken.entry(room).or_default();
            *count += 1;
            if *count <= options.per_simulated_room {
                paths.push(path);
            }
        }
    }
    let mut recordings = Vec::new();
    for path in paths {
        if let Some(rt60_s) = bad.keep(rooms::measure_rt60_s(&path))? {
            recordings.push(RoomRecording { path, licence: LICENCE.into(), rt60_s });
        }
    }
    Ok(recordings)
}

/// Room and file of each line of the `rir_list` in a folder, or `None` without one.
fn read_list(folder: &Path, part: &str) -> Result<Option<Vec<(String, PathBuf)>>> {
    let path = folder.join(part).join("rir_list");
    if !path.is_file() {
        return Ok(None);
    }
    let mut list = Vec::new();
    for (index, text) in read_text(&path, "list of impulse responses")?.lines().enumerate() {
        let error = |column, expected: &str| CorpusError::Row {
            path: path.clone(),
            line: index + 1,
            column,
            expected: expected.into(),
            found: text.into(),
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let Some(file) = fields.last() else { continue };
        let room = fields.iter().position(|field| *field == "--room-id").and_then(|at| fields.get(at + 1));
        let room = room.ok_or_else(|| error("--room-id", "--rir-id ID --room-id ROOM PATH"))?;
        let file = file.strip_prefix("RIRS_NOISES/").map(Path::new);
        let inside = |file: &&Path| file.components().all(|part| matches!(part, Component::Normal(_)));
        let file = file.filter(inside).ok_or_else(|| error("path", "a path below RIRS_NOISES/"))?;
        list.push(((*room).to_owned(), folder.join(file)));
    }
    Ok(Some(list))
}

/// Room and file of each response below a folder of rooms.
fn listed_rooms(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut list = Vec::new();
    for room in list_names(folder, "simulated rooms")? {
        let path = folder.join(&room);
        if path.is_dir() {
            let names = list_names(&path, "simulated impulse responses")?;
            let names = names.iter().filter(|name| name.ends_with(".wav"));
            list.extend(names.map(|name| (room.clone(), path.join(name))));
        }
    }
    Ok(list)
}

/// Whether a file beside the isotropic noises is a response: of REVERB and RWCP by name, of AIR all.
fn is_response(name: &str) -> bool {
    name.ends_with(".wav") && (name.contains("_rir_") || name.starts_with("air_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::bad::OnBadFile;
    use crate::data::fixture;
    use crate::data::fixture::Folder;

    /// Two channels: an exponential decay of the given time, and silence.
    fn response(folder: &Folder, path: &str, rt60_s: f32) {
        let decay = |n: usize| {
            let level = 10_f32.powf(-3.0 * n as f32 / 16_000.0 / rt60_s);
            (level * 30_000.0 * if n.is_multiple_of(2) { 1.0 } else { -1.0 }) as i16
        };
        fixture::stereo(folder, path, 16_000, &(0..16_000).flat_map(|n| [decay(n), 0]).collect::<Vec<_>>());
    }

    fn corpus(with_lists: bool) -> Folder {
        let folder = Folder::new();
        let real = "real_rirs_isotropic_noises";
        response(&folder, &format!("{real}/RVB2014_type1_rir_largeroom1_near_angla.wav"), 0.6);
        response(&folder, &format!("{real}/air_type1_air_binaural_lecture_0_1.wav"), 0.9);
        response(&folder, &format!("{real}/RVB2014_type1_noise_largeroom1_1.wav"), 0.1);
        for size in ["small", "medium", "large"] {
            let mut list = String::new();
            for (room, number) in [("Room001", 1), ("Room001", 2), ("Room002", 1)] {
                let path = format!("simulated_rirs/{size}room/{room}/{room}-{number:05}.wav");
                response(&folder, &path, 0.3);
                list +=
                    &format!("--rir-id {size}-{room}-{number} --room-id {size}-{room} RIRS_NOISES/{path}\n");
            }
            folder.write(&format!("simulated_rirs/{size}room/room_info"), "Room001 1 2 3");
            if with_lists {
                folder.write(&format!("simulated_rirs/{size}room/rir_list"), list);
            }
        }
        if with_lists {
            let line = |name| format!("--rir-id 1 --room-id a RIRS_NOISES/{real}/{name}\n");
            let lines = line("RVB2014_type1_rir_largeroom1_near_angla.wav")
                + &line("air_type1_air_binaural_lecture_0_1.wav");
            folder.write(&format!("{real}/rir_list"), lines);
        }
        folder
    }

    fn read_stop(folder: &Folder, per_simulated_room: usize) -> Result<Vec<RoomRecording>> {
        read(&folder.0, &RirOptions { per_simulated_room }, &mut BadFiles::new(OnBadFile::Stop))
    }

    #[test]
    fn responses_are_read_with_and_without_lists() {
        for with_lists in [true, false] {
            let folder = corpus(with_lists);
            let rooms = read_stop(&folder, 1).unwrap();
            assert_eq!(rooms.len(), 2 + 3 * 2);
            assert_eq!(read_stop(&folder, 100).unwrap().len(), 2 + 3 * 3);
            let times_s: Vec<f32> = rooms.iter().map(|room| room.rt60_s).collect();
            for (found_s, expected_s) in times_s.iter().zip([0.6, 0.9, 0.3]) {
                assert!((found_s - expected_s).abs() < 0.02, "{times_s:?}");
            }
            assert!(rooms[0].load().unwrap().len() > 1_000, "the first channel, not the silent second");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let error = |folder: &Folder| read_stop(folder, 1).unwrap_err().to_string();
        let folder = corpus(true);
        let list = "simulated_rirs/smallroom/rir_list";
        folder.edit(list, "--room-id", "--room");
        assert!(error(&folder).contains("rir_list:1: --room-id: expected"), "{}", error(&folder));
        folder.edit(list, "--room small", "--room-id small");
        folder.edit(list, "RIRS_NOISES/simulated", "RIRS_NOISES/../simulated");
        assert!(error(&folder).contains("rir_list:1: path: expected a path below RIRS_NOISES/"));
        folder.edit(list, "RIRS_NOISES/../simulated", "RIRS_NOISES/simulated");
        let path = "simulated_rirs/smallroom/Room001/Room001-00001.wav";
        fixture::wav(&folder, path, 16_000, &[0; 100]);
        assert!(error(&folder).contains("Room001-00001.wav: expected an impulse response, found silence"));
        fixture::wav(&folder, path, 8_000, &[9; 100]);
        assert!(error(&folder).contains("Room001-00001.wav: expected 16000 Hz, found 8000 Hz"));
        std::fs::remove_file(folder.0.join(path)).unwrap();
        assert!(error(&folder).contains("Room001-00001.wav: missing"));
        let mut bad = BadFiles::new(OnBadFile::Skip);
        assert_eq!(read(&folder.0, &RirOptions::default(), &mut bad).unwrap().len(), 7);
        assert_eq!(bad.skipped.len(), 1);
        assert!(error(&Folder::new()).contains("real_rirs_isotropic_noises: missing"));
    }
}
