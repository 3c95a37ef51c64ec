/** Sounds: made by the server, kept for a while, and played. */

import { isAbort } from "./api.js";

const MOST_BYTES = 2 ** 26;
const MOST_PREFETCHED = 8;
// What is not waited for may hold up what is.
const PREFETCH_MS = 100;
const FADE_SECONDS = 0.008;

/**
 * @typedef {object} Sound What a sound is made of.
 * @property {number[]} latents
 * @property {number} label
 * @property {number[]} base Latents before they were moved.
 * @property {Object<string, number>} moves Amount by a direction's id.
 * @property {?number} seed Number of the sound that `base` is of, if any.
 */

/** Generated sounds; those that were not used for longest are forgotten. */
export class Sounds {
  #api;
  #rows;
  #rate;
  #kept = new Map();
  #bytes = 0;
  #latents = new Map();
  /** Milliseconds that a sound takes, by and by. */
  pace = 10;

  constructor(api, about) {
    this.#api = api;
    this.#rows = about.limits.rows;
    this.#rate = about.sample_rate;
  }

  /** Latents and labels of seeds, from the server where they are new. */
  async seeded(seeds, signal) {
    const unknown = seeds.filter((seed) => !this.#latents.has(seed));
    for (let i = 0; i < unknown.length; i += this.#rows) {
      const part = unknown.slice(i, i + this.#rows);
      const { latents, labels } = await this.#api.latents(part, signal);
      part.forEach((seed, j) =>
        this.#latents.set(seed, { latents: latents[j], label: labels[j] }));
    }
    return seeds.map((seed) => this.#latents.get(seed));
  }

  /** @returns {AudioBuffer|undefined} */
  kept(sound) {
    const key = keyOf(sound);
    const buffer = this.#kept.get(key);
    if (buffer) {
      this.#kept.delete(key);
      this.#kept.set(key, buffer);
    }
    return buffer;
  }

  /**
   * @param {Sound[]} sounds
   * @param {AbortSignal} [signal]
   * @param {(done: number) => void} [report]
   * @returns {Promise<AudioBuffer[]>}
   */
  async get(sounds, signal, report = () => {}) {
    const buffers = sounds.map((sound) => this.kept(sound));
    const missing = sounds.flatMap((_, i) => (buffers[i] ? [] : [i]));
    // In parts, since the page stands still while it reads an answer.
    const size = Math.min(this.#rows, MOST_PREFETCHED);
    for (let i = 0; i < missing.length; i += size) {
      report(sounds.length - missing.length + i);
      const part = missing.slice(i, i + size);
      const start = performance.now();
      const made = await this.#api.predict(part.map((j) => sounds[j]), signal);
      this.pace += ((performance.now() - start) / part.length - this.pace) / 4;
      part.forEach((j, k) => {
        buffers[j] = this.#buffer(made[k]);
        this.#keep(sounds[j], buffers[j]);
      });
    }
    return buffers;
  }

  #buffer(channels) {
    const buffer = new AudioBuffer({
      length: channels[0].length,
      numberOfChannels: channels.length,
      sampleRate: this.#rate,
    });
    channels.forEach((samples, i) => buffer.copyToChannel(samples, i));
    return buffer;
  }

  #keep(sound, buffer) {
    if (this.kept(sound)) return;
    this.#kept.set(keyOf(sound), buffer);
    this.#bytes += bytesOf(buffer);
    for (const [key, oldest] of this.#kept) {
      if (this.#bytes <= MOST_BYTES) break;
      this.#kept.delete(key);
      this.#bytes -= bytesOf(oldest);
    }
  }
}

function keyOf({ latents, label }) {
  return `${label}:${new Float32Array(latents)}`;
}

function bytesOf(buffer) {
  return 4 * buffer.length * buffer.numberOfChannels;
}

/** The channels of an `AudioBuffer`. */
export function channelsOf(buffer) {
  return Array.from(
    { length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i));
}

/** Plays one sound at a time. */
export class Player {
  #context = new AudioContext({ latencyHint: "interactive" });
  #volume = this.#context.createGain();
  #now = null;
  #newest = 0;
  /** What was played last: {buffer, sound, started}, in milliseconds. */
  last = null;

  /** @param {(last: object) => void} onPlay */
  constructor(onPlay) {
    this.onPlay = onPlay;
    this.#volume.connect(this.#context.destination);
    // A browser is silent until its user does something.
    for (const event of ["pointerdown", "keydown"]) {
      addEventListener(event, () => this.#context.resume(), { capture: true });
    }
  }

  set volume(value) {
    this.#volume.gain.value = value ** 2;
  }

  /** @returns {Promise<AudioBuffer>} The sound in the bytes of a file. */
  decode(bytes) {
    return this.#context.decodeAudioData(bytes);
  }

  /**
   * @param {AudioBuffer} buffer
   * @param {Sound|{title: string}} sound What it is, for `onPlay`.
   */
  async play(buffer, sound) {
    this.#newest += 1;
    const number = this.#newest;
    if (this.#context.state !== "running") {
      await this.#context.resume();
      if (number !== this.#newest) return;
    }
    this.stop();
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    const gain = this.#context.createGain();
    source.connect(gain).connect(this.#volume);
    source.start();
    this.#now = { source, gain };
    this.last = { buffer, sound, started: performance.now() };
    this.onPlay(this.last);
  }

  stop() {
    if (!this.#now) return;
    const { source, gain } = this.#now;
    const time = this.#context.currentTime;
    gain.gain.setTargetAtTime(0, time, FADE_SECONDS / 4);
    source.stop(time + FADE_SECONDS);
    this.#now = null;
  }
}

/** Has sounds made and played as they are asked for; the newest wins. */
export class Auditions {
  #sounds;
  #player;
  #report;
  #running = null;
  #waiting = null;
  #prefetch = { controller: new AbortController(), keys: new Set(), made: null };

  /** @param {(error: Error) => void} report */
  constructor(sounds, player, report) {
    this.#sounds = sounds;
    this.#player = player;
    this.#report = report;
  }

  /**
   * Plays a sound once it is there, unless another is asked for meanwhile.
   * @param {Sound} sound
   * @param {string} gesture Where both belong to one gesture, the older is
   *   played as well: else a slider would be silent while it moves.
   */
  async play(sound, gesture = "") {
    const key = keyOf(sound);
    const buffer = this.#sounds.kept(sound);
    const same = this.#running?.key === key && !this.#running.controller.signal.aborted;
    this.#waiting = buffer || same ? null : { sound, gesture };
    if (same) return;
    const goesOn = gesture && this.#running?.gesture === gesture;
    if (buffer || !goesOn) this.#running?.controller.abort();
    if (buffer) {
      await this.#player.play(buffer, sound);
      return;
    }
    if (!this.#prefetch.keys.has(key)) this.#prefetch.controller.abort();
    if (!this.#running) await this.#work();
  }

  async #work() {
    while (this.#waiting) {
      const { sound, gesture } = this.#waiting;
      const key = keyOf(sound);
      const controller = new AbortController();
      this.#waiting = null;
      this.#running = { key, gesture, controller };
      try {
        // What is being made already is not asked for twice.
        if (this.#prefetch.keys.has(key)) await this.#prefetch.made;
        const [buffer] = await this.#sounds.get([sound], controller.signal);
        // Not waited for: a browser may be silent for long.
        if (!controller.signal.aborted) this.#player.play(buffer, sound);
      } catch (error) {
        this.#drop(error);
      }
      this.#running = null;
    }
  }

  /**
   * Has sounds made that may be asked for next, in one request.
   * @param {(signal: AbortSignal) => Promise<Sound[]>} find The likely first.
   */
  async prefetch(find) {
    if (this.#running) return;
    const count = Math.min(
      MOST_PREFETCHED, Math.floor(PREFETCH_MS / this.#sounds.pace));
    this.#prefetch.controller.abort();
    const controller = new AbortController();
    const mine = { controller, keys: new Set(), made: null };
    this.#prefetch = mine;
    try {
      const found = await find(controller.signal);
      const unknown = found.filter((sound) => !this.#sounds.kept(sound));
      const next = unknown.slice(0, count);
      mine.keys = new Set(next.map(keyOf));
      mine.made = this.#sounds.get(next, controller.signal).catch(this.#drop);
      await mine.made;
    } catch (error) {
      this.#drop(error);
    }
  }

  #drop = (error) => {
    if (!isAbort(error)) this.#report(error);
  };
}
