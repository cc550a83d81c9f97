// Sound as files, for what only takes files.

/** A WAV file, 16 bits, of channels of equal length in [-1, 1]. */
export function wavOf(channels, rate) {
  const [count, frames] = [channels.length, channels[0].length];
  const bytes = Buffer.alloc(44 + 2 * count * frames);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(count, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(2 * count * rate, 28);
  bytes.writeUInt16LE(2 * count, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(bytes.length - 44, 40);
  for (const [channel, samples] of channels.entries()) {
    for (const [frame, sample] of samples.entries()) {
      const value = Math.max(-32_768, Math.min(32_767, Math.round(32_768 * sample)));
      bytes.writeInt16LE(value, 44 + 2 * (count * frame + channel));
    }
  }
  return bytes;
}
