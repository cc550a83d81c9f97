//! An ONNX file that judges, on onnxruntime's C library, which is loaded when it is first asked for.
//!
//! The file takes `[batch, 80, 800]` of Whisper's log-mel (`input_features`, 8 s) and gives `[batch, 1]`
//! probabilities that a turn has ended. Sound shorter than that stands at the end, zeros before it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use vap_core::SAMPLE_RATE_HZ;
use vap_core::config::MEL_BANDS;
use vap_core::features::STEP_SAMPLES;

use super::whisper_mel::WhisperMel;
use crate::error::{Error, Result};

/// Seconds of sound a teacher hears.
pub const WINDOW_S: usize = 8;
/// Samples of them.
pub const WINDOW_SAMPLES: usize = WINDOW_S * SAMPLE_RATE_HZ as usize;
/// Variable that names onnxruntime's library.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";
const MEL_FRAMES: usize = WINDOW_SAMPLES / STEP_SAMPLES;

/// Anything that tells from sound at 16 kHz whether a turn has ended.
pub trait Judge: Send {
    /// A probability for each of `sounds`, of which the last [`WINDOW_SAMPLES`] are heard.
    ///
    /// # Errors
    /// [`Error::Teacher`].
    fn ask(&mut self, sounds: &[&[f32]]) -> Result<Vec<f32>>;
}

/// Loads onnxruntime from `library`, else from where [`LIBRARY_VARIABLE`] says, else by the system's own name for it.
/// One process has one: later calls give the first.
///
/// # Errors
/// [`Error::Teacher`] when there is no such library.
pub fn runtime(library: Option<&Path>) -> Result<Environment> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let named = std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = library.map(PathBuf::from).or(named).unwrap_or_else(|| {
        format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX).into()
    });
    let missing = |reason: String| {
        Error::Teacher(format!(
            "onnxruntime's library: {reason}; name it by --onnxruntime or {LIBRARY_VARIABLE} (`pip install \
             onnxruntime` brings onnxruntime/capi/libonnxruntime.so.*)"
        ))
    };
    let builder = ort::init_from(&path).map_err(|e| missing(e.to_string()))?;
    let environment = builder.with_telemetry(false).build().map_err(|e| missing(e.to_string()))?;
    Ok(loaded.insert(environment).clone())
}

/// One session on one thread.
pub struct Teacher {
    path: PathBuf,
    session: Session,
    mel: WhisperMel,
    window: Vec<f32>,
    features: Vec<f32>,
}

impl Teacher {
    /// The teacher of a file.
    ///
    /// # Errors
    /// [`Error::Teacher`] for a file that onnxruntime does not take or that has other inputs or outputs.
    pub fn load(environment: &Environment, path: &Path) -> Result<Teacher> {
        let fault = |message: String| Error::Teacher(format!("{}: {message}", path.display()));
        let failed = |e: ort::Error| fault(e.to_string());
        let builder = Session::builder(environment).map_err(failed)?;
        let builder = builder
            .with_optimization_level(GraphOptimizationLevel::Level3)
            .map_err(|e| fault(e.to_string()))?
            .with_intra_threads(1)
            .map_err(|e| fault(e.to_string()))?;
        let mut builder = builder.with_inter_threads(1).map_err(|e| fault(e.to_string()))?;
        let session = builder.commit_from_file(path).map_err(failed)?;
        let shapes = |outlets: &[ort::value::Outlet]| -> Vec<Vec<i64>> {
            outlets.iter().map(|o| o.dtype().tensor_shape().map(|s| s.to_vec()).unwrap_or_default()).collect()
        };
        let (inputs, outputs) = (shapes(session.inputs()), shapes(session.outputs()));
        let takes = matches!(inputs.as_slice(), [i] if matches!(i.as_slice(), [_, b, f] if *b == MEL_BANDS as i64 && *f == MEL_FRAMES as i64));
        let gives = matches!(outputs.as_slice(), [o] if matches!(o.as_slice(), [_] | [_, 1]));
        if !(takes && gives) {
            return Err(fault(format!(
                "expected one input [batch, {MEL_BANDS}, {MEL_FRAMES}] and one output [batch, 1], found {inputs:?} and \
                 {outputs:?}"
            )));
        }
        let mel = WhisperMel::new();
        Ok(Teacher {
            path: path.into(),
            session,
            mel,
            window: vec![0.0; WINDOW_SAMPLES],
            features: Vec::new(),
        })
    }
}

/// The last 8 s of `sound` at the end of `window`, zeros before them.
pub fn fill_window(sound: &[f32], window: &mut [f32]) {
    let kept = &sound[sound.len().saturating_sub(window.len())..];
    let (front, back) = window.split_at_mut(window.len() - kept.len());
    front.fill(0.0);
    back.copy_from_slice(kept);
}

impl Judge for Teacher {
    fn ask(&mut self, sounds: &[&[f32]]) -> Result<Vec<f32>> {
        let fault = |message: String| Error::Teacher(format!("{}: {message}", self.path.display()));
        let failed = |e: ort::Error| fault(e.to_string());
        self.features.clear();
        for sound in sounds {
            fill_window(sound, &mut self.window);
            self.features.extend(self.mel.features(&self.window));
        }
        let shape = [sounds.len(), MEL_BANDS, MEL_FRAMES];
        let input = TensorRef::from_array_view((shape, self.features.as_slice())).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        let (_, answers) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        if answers.len() != sounds.len() || answers.iter().any(|p| !(0.0..=1.0).contains(p)) {
            return Err(fault(format!(
                "expected {} probabilities, found {:?}",
                sounds.len(),
                &answers[..answers.len().min(8)]
            )));
        }
        Ok(answers.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_sound_stands_at_the_end() {
        let mut window = [9.0; 6];
        fill_window(&[1.0, 2.0], &mut window);
        assert_eq!(window, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
        fill_window(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], &mut window);
        assert_eq!(window, [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = runtime(Some(Path::new("/nowhere/libonnxruntime.so"))).err().unwrap().to_string();
        assert!(error.contains("/nowhere/libonnxruntime.so") && error.contains(LIBRARY_VARIABLE), "{error}");
    }
}
