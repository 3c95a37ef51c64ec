/** Pictures of a sound: its waveform and its spectrogram. */

const FRAME = 1024;
const RANGE_DB = 75;
const LOWEST_HZ = 40;
const ROWS = 128;
const COLUMNS = 256;
// Colours from soft to loud.
const DARK = [
  [18, 20, 24], [60, 40, 110], [170, 60, 110], [240, 140, 70], [255, 240, 200],
];
const LIGHT = [
  [241, 239, 234], [214, 205, 235], [180, 110, 170], [150, 50, 70], [40, 10, 20],
];
const WINDOW = Float64Array.from(
  { length: FRAME }, (_, i) => 0.5 - 0.5 * Math.cos(2 * Math.PI * i / FRAME));
const turns = new Map();

/** Cosines and sines of half a turn in n / 2 steps. */
function turnsOf(n) {
  if (!turns.has(n)) {
    const angles = Array.from({ length: n / 2 }, (_, k) => -2 * Math.PI * k / n);
    turns.set(n, [angles.map(Math.cos), angles.map(Math.sin)]);
  }
  return turns.get(n);
}

/** Fourier transform in place; the length is a power of two. */
export function fft(re, im) {
  const n = re.length;
  const [cosines, sines] = turnsOf(n);
  for (let i = 1, j = 0; i < n; i += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let half = 1; half < n; half *= 2) {
    for (let k = 0; k < half; k += 1) {
      const c = cosines[k * (n / 2) / half];
      const s = sines[k * (n / 2) / half];
      for (let i = k; i < n; i += 2 * half) {
        const j = i + half;
        const x = re[j] * c - im[j] * s;
        const y = re[j] * s + im[j] * c;
        re[j] = re[i] - x;
        im[j] = im[i] - y;
        re[i] += x;
        im[i] += y;
      }
    }
  }
}

/** Power of each bin of the frame around a sample, by a Hann window. */
function powers(samples, middle) {
  const re = new Float64Array(FRAME);
  const im = new Float64Array(FRAME);
  const start = middle - FRAME / 2;
  const last = Math.min(FRAME, samples.length - start);
  for (let i = Math.max(0, -start); i < last; i += 1) {
    re[i] = WINDOW[i] * samples[start + i];
  }
  fft(re, im);
  return re.subarray(0, FRAME / 2 + 1).map((x, i) => x * x + im[i] * im[i]);
}

const mel = (hertz) => Math.log1p(hertz / 700);
const hertz = (mels) => 700 * Math.expm1(mels);

/** Frequency at a height of the spectrogram, 0 at the bottom, 1 at the top. */
function frequencyAt(height, rate) {
  const [low, high] = [mel(LOWEST_HZ), mel(rate / 2)];
  return hertz(low + height * (high - low));
}

/** Levels of the spectrogram, 0 to 255, row by row from the top. */
function levels(samples, rate) {
  const columns = Array.from({ length: COLUMNS }, (_, i) =>
    powers(samples, Math.round((i + 0.5) * samples.length / COLUMNS)));
  const loudest = columns.reduce((top, c) => c.reduce((a, b) => Math.max(a, b), top), 1e-9);
  // What is out of range is brought to its edge.
  const made = new Uint8ClampedArray(ROWS * COLUMNS);
  for (let row = 0; row < ROWS; row += 1) {
    const place = frequencyAt(1 - (row + 0.5) / ROWS, rate) * FRAME / rate;
    const bin = Math.min(Math.floor(place), FRAME / 2 - 1);
    const part = place - bin;
    for (let i = 0; i < COLUMNS; i += 1) {
      const power = (1 - part) * columns[i][bin] + part * columns[i][bin + 1];
      const level = 10 * Math.log10(power / loudest + 1e-12);
      made[row * COLUMNS + i] = 255 * (1 + level / RANGE_DB);
    }
  }
  return made;
}

/** Colours of the levels 0 to 255, as [red, green, blue] each. */
function palette(stops) {
  return Array.from({ length: 256 }, (_, level) => {
    const place = Math.min(level / 255, 0.9999) * (stops.length - 1);
    const [from, to] = [stops[Math.floor(place)], stops[Math.floor(place) + 1]];
    return from.map((x, i) => x + (place % 1) * (to[i] - x));
  });
}
const COLOURS = { dark: palette(DARK), light: palette(LIGHT) };

function isDark() {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** A canvas brought to the resolution of the screen. */
export function sized(canvas) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}

/** Draws the lowest and highest sample of each column. */
export function drawWaveform(canvas, samples) {
  const { context, width, height } = sized(canvas);
  const style = getComputedStyle(canvas);
  context.fillStyle = style.getPropertyValue("--line");
  context.fillRect(0, height / 2, width, 1);
  context.fillStyle = style.getPropertyValue("--accent");
  for (let x = 0; x < width; x += 1) {
    const part = samples.subarray(
      Math.floor(x * samples.length / width),
      Math.ceil((x + 1) * samples.length / width));
    let [low, high] = [1, -1];
    for (const sample of part) {
      low = Math.min(low, sample);
      high = Math.max(high, sample);
    }
    const top = (1 - Math.min(1, high)) * height / 2;
    const bottom = (1 - Math.max(-1, low)) * height / 2;
    context.fillRect(x, top, 1, Math.max(1, bottom - top));
  }
}

/** Draws a spectrogram on the mel scale, with a few frequencies beside. */
export function drawSpectrogram(canvas, samples, rate) {
  const { context, width, height } = sized(canvas);
  const colours = isDark() ? COLOURS.dark : COLOURS.light;
  const image = new ImageData(COLUMNS, ROWS);
  image.data.fill(255);
  levels(samples, rate).forEach((level, i) => image.data.set(colours[level], 4 * i));
  const small = new OffscreenCanvas(COLUMNS, ROWS);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, width, height);
  const style = getComputedStyle(canvas);
  context.font = `10px ${style.fontFamily}`;
  context.fillStyle = style.getPropertyValue("--ink");
  context.strokeStyle = style.getPropertyValue("--back");
  context.lineWidth = 3;
  const [low, high] = [mel(LOWEST_HZ), mel(rate / 2)];
  for (const tick of [200, 1000, 4000, 10000]) {
    if (tick >= rate / 2.2) continue;
    const y = height * (1 - (mel(tick) - low) / (high - low));
    context.fillRect(0, y, 4, 1);
    const text = tick < 1000 ? `${tick} Hz` : `${tick / 1000} kHz`;
    context.strokeText(text, 7, y + 3);
    context.fillText(text, 7, y + 3);
  }
}
