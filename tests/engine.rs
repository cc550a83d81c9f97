//! Both computations of the runtime behind one shape, so that each test runs on both.

use burn::tensor::{Tensor, TensorData};
use std::sync::Arc;
use vap_core::config::MEL_BANDS;
use vap_core::model_file::Storage;
use vap_core::{ModelConfig, ModelFile};
use vap_wasm::burn::backend;
use vap_wasm::{BurnModel, BurnState, KernelModel, KernelState, Session, SessionOptions};

/// A model on kernels or in Burn.
#[derive(Clone)]
pub enum Engine {
    /// Kernels of our own.
    Kernels(Arc<KernelModel>),
    /// Burn on the CPU.
    Burn(Arc<BurnModel>),
}

/// State of one stream of an engine.
#[derive(Clone)]
pub enum State {
    /// Of [`Engine::Kernels`].
    Kernels(KernelState),
    /// Of [`Engine::Burn`].
    Burn(Box<BurnState>),
}

impl State {
    /// Frames worked so far.
    pub fn position(&self) -> u64 {
        match self {
            State::Kernels(state) => state.position(),
            State::Burn(state) => state.position(),
        }
    }
}

impl Engine {
    /// Both, over the same weights as 32-bit floats.
    pub fn both(file: &ModelFile) -> [Engine; 2] {
        [Engine::kernels(file, Storage::F32), Engine::burn(file)]
    }

    /// Kernels over a model stored as `storage`.
    pub fn kernels(file: &ModelFile, storage: Storage) -> Engine {
        Engine::Kernels(Arc::new(KernelModel::from_bytes(&file.to_bytes(storage).unwrap()).unwrap()))
    }

    /// Burn on the CPU.
    pub fn burn(file: &ModelFile) -> Engine {
        Engine::Burn(Arc::new(BurnModel::from_file(file, &backend::cpu()).unwrap()))
    }

    /// What to call it when a test fails.
    pub fn name(&self) -> String {
        let computation = match self {
            Engine::Kernels(_) => "kernels",
            Engine::Burn(_) => "Burn",
        };
        format!("{}, {computation}", self.config().name)
    }

    /// Sizes of its model.
    pub fn config(&self) -> &ModelConfig {
        match self {
            Engine::Kernels(model) => &model.card().config,
            Engine::Burn(model) => &model.card().config,
        }
    }

    /// Session at one rate for both channels.
    pub fn session(&self, rate_hz: u32) -> Session {
        self.session_with(SessionOptions { user_rate_hz: rate_hz, agent_rate_hz: rate_hz, policy: None })
    }

    /// Session with these options.
    pub fn session_with(&self, options: SessionOptions) -> Session {
        self.open(options).unwrap()
    }

    /// Session with these options, or why there is none.
    pub fn open(&self, options: SessionOptions) -> vap_wasm::Result<Session> {
        match self {
            Engine::Kernels(model) => Session::new(Arc::<KernelModel>::clone(model), options),
            Engine::Burn(model) => Session::new(Arc::<BurnModel>::clone(model), options),
        }
    }

    /// State at the beginning of a stream.
    pub fn init_state(&self) -> State {
        match self {
            Engine::Kernels(model) => State::Kernels(model.init_state()),
            Engine::Burn(model) => State::Burn(Box::new(model.init_state(1))),
        }
    }

    /// Logits `[frames, 27]` of normalised log-mel `[2, 2 x frames, 80]`, the next of a stream.
    pub fn forward(&self, mels: &[f32], state: &mut State) -> Vec<f32> {
        match (self, state) {
            (Engine::Kernels(model), State::Kernels(state)) => {
                let mut logits = Vec::new();
                model.forward(mels, &mut model.pass(1), state, &mut logits).unwrap();
                logits
            }
            (Engine::Burn(model), State::Burn(state)) => {
                let data = TensorData::new(mels.to_vec(), [2, mels.len() / (2 * MEL_BANDS), MEL_BANDS]);
                let logits = model.forward(Tensor::from_data(data, model.device()), state).unwrap();
                logits.try_into_data().unwrap().try_into_vec().unwrap()
            }
            _ => panic!("a state of the other engine"),
        }
    }

    /// Logits of a stream from its beginning, in chunks of `chunk` frames.
    pub fn logits(&self, mels: &[f32], chunk: usize) -> Vec<f32> {
        let mut state = self.init_state();
        let (user, agent) = mels.split_at(mels.len() / 2);
        let pieces = user.chunks(chunk * 2 * MEL_BANDS).zip(agent.chunks(chunk * 2 * MEL_BANDS));
        pieces.flat_map(|(user, agent)| self.forward(&[user, agent].concat(), &mut state)).collect()
    }
}
