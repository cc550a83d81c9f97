"""Golden log-mel values from librosa, for tests/features.rs.

    pip install librosa==0.11.0 safetensors
    python tests/golden/make_mel.py

librosa centres the 400-sample window in the 512-point frame: 56 zeros on each side. With 296 zeros before the signal
and 56 after it, frame i sees samples 160 i - 240 to 160 i + 160, as vap-core's causal frames do.
"""

from pathlib import Path

import librosa
import numpy as np
from safetensors.numpy import save_file

RATE_HZ = 16_000
rng = np.random.default_rng(11)
time_s = np.arange(4_800) / RATE_HZ
voice = sum(np.sin(2 * np.pi * 140 * k * time_s + k) / k for k in range(1, 40))
chirp = np.sin(2 * np.pi * (200 + 11_000 * time_s) * time_s)
samples = 0.1 * voice + 0.2 * chirp + 0.003 * rng.standard_normal(time_s.size)
samples[1_600:2_400] = 0.0
samples = samples.astype(np.float32)

padded = np.pad(samples.astype(np.float64), (296, 56))
power = np.abs(librosa.stft(padded, n_fft=512, hop_length=160, win_length=400, window="hann", center=False)) ** 2
bands = librosa.filters.mel(sr=RATE_HZ, n_fft=512, n_mels=80, fmin=0, fmax=8_000, htk=True, norm=None, dtype=np.float64)
mel = np.log(np.maximum(bands @ power, 1e-5)).T.astype(np.float32)
save_file({"samples": samples, "mel": np.ascontiguousarray(mel)}, Path(__file__).parent / "mel.safetensors")
print(mel.shape, mel.min(), mel.max())
