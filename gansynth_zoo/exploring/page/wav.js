/** WAV files, made in the browser. */

/**
 * @param {Float32Array[]} channels Samples from -1 to 1.
 * @param {number} rate Samples a second.
 * @param {number} bits 16 or 24.
 * @returns {Blob} A file of PCM.
 */
export function encodeWav(channels, rate, bits) {
  const [bytes, count] = [bits / 8, channels[0].length];
  const frame = bytes * channels.length;
  const view = new DataView(new ArrayBuffer(44 + count * frame));
  const text = (place, letters) =>
    [...letters].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + count * frame, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * frame, true);
  view.setUint16(32, frame, true);
  view.setUint16(34, bits, true);
  text(36, "data");
  view.setUint32(40, count * frame, true);
  const full = 2 ** (bits - 1);
  let place = 44;
  for (let i = 0; i < count; i += 1) {
    for (const channel of channels) {
      const rounded = Math.round(channel[i] * full);
      const value = Math.max(-full, Math.min(full - 1, rounded));
      for (let byte = 0; byte < bytes; byte += 1) {
        view.setUint8(place, (value >> (8 * byte)) & 255);
        place += 1;
      }
    }
  }
  return new Blob([view], { type: "audio/wav" });
}

/** Sounds one after the other, as one. */
export function joined(sounds) {
  return sounds[0].map((_, channel) => {
    const length = sounds.reduce((sum, sound) => sum + sound[0].length, 0);
    const whole = new Float32Array(length);
    let place = 0;
    for (const sound of sounds) {
      whole.set(sound[channel], place);
      place += sound[channel].length;
    }
    return whole;
  });
}

/** Has the browser save a file. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Not at once: the browser has yet to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
