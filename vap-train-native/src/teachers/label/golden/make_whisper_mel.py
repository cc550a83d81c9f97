"""Golden values of Whisper's log-mel from librosa, for teacher/whisper_mel.rs.

    pip install librosa==0.11.0 safetensors
    python vap-train-native/src/teachers/label/golden/make_whisper_mel.py
"""

from pathlib import Path

import librosa
import numpy as np
from safetensors.numpy import save_file

RATE_HZ = 16_000
rng = np.random.default_rng(12)
time_s = np.arange(6_400) / RATE_HZ
voice = sum(np.sin(2 * np.pi * 140 * k * time_s + k) / k for k in range(1, 40))
chirp = np.sin(2 * np.pi * (200 + 9_000 * time_s) * time_s)
samples = 0.02 + 0.1 * voice + 0.2 * chirp + 0.0003 * rng.standard_normal(time_s.size)
# Nothing was said yet, and a silence later.
samples[:1_600] = 0.0
samples[3_200:4_000] = 0.0
samples = samples.astype(np.float32)

wave = samples.astype(np.float64)
wave = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
stft = librosa.stft(wave, n_fft=400, hop_length=160, window="hann", center=True, pad_mode="reflect", dtype=np.complex128)
bands = librosa.filters.mel(sr=RATE_HZ, n_fft=400, n_mels=80, htk=False, norm="slaney", dtype=np.float64)
log10 = np.log10(np.maximum(bands @ np.abs(stft[:, :-1]) ** 2, 1e-10))
features = (np.maximum(log10, log10.max() - 8.0) + 4.0) / 4.0
save_file(
    {"samples": samples, "features": np.ascontiguousarray(features.astype(np.float32))},
    Path(__file__).parent / "whisper_mel.safetensors",
)
print(features.shape, features.min(), features.max())
