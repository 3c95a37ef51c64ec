/**
 * The page: one chosen sound, what is done to it, and what shows it.
 *
 * `window.explorer` is the `Explorer`; its `lastPlayed` tells what was played
 * last, {buffer: AudioBuffer, sound, started: milliseconds}.
 */

import { Api, isAbort, Refusal } from "./api.js";
import { at, element } from "./elements.js";
import { Favourites } from "./favourites.js";
import { History } from "./history.js";
import { Space } from "./latents.js";
import { SoundMap } from "./map.js";
import { Near } from "./near.js";
import { drawSpectrogram, drawWaveform } from "./picture.js";
import { noteName, Shape } from "./shape.js";
import { Auditions, channelsOf, Player, Sounds } from "./sound.js";
import { Target } from "./target.js";
import { Walk } from "./walk.js";
import { download, encodeWav } from "./wav.js";

const POLL_MS = 1000;
const LOOKED_AHEAD = 16;
// What takes letters for itself.
const WRITTEN_IN = "select, input:not([type=range], [type=checkbox], [type=radio])";
const dark = matchMedia("(prefers-color-scheme: dark)");

class Explorer {
  #history = new History();
  #hovers = 0;

  constructor(api, about) {
    this.api = api;
    this.about = about;
    this.space = new Space(about);
    this.sounds = new Sounds(api, about);
    this.player = new Player((last) => this.#showPlaying(last));
    this.auditions = new Auditions(this.sounds, this.player, this.fail);
    this.map = new SoundMap(at("map"), {
      hover: this.guarded((point) => this.#hover(point)),
      pick: this.guarded((point) => this.#pick(point)),
    });
    this.favourites = new Favourites(this);
    this.shape = new Shape(this);
    this.walk = new Walk(this);
    this.near = new Near(this);
    this.target = new Target(this);
    this.#connect();
    this.show();
  }

  /** What was played last; for tests and for the curious. */
  get lastPlayed() {
    return this.player.last;
  }

  /** @returns {?Sound} The chosen sound. */
  get current() {
    return this.#history.current;
  }

  say = (text) => {
    at("status").textContent = text;
  };

  fail = (error) => {
    this.say(error.message);
    if (!(error instanceof Refusal)) console.error(error);
  };

  /** A function whose errors are told. */
  guarded(action) {
    return async (...args) => {
      try {
        await action(...args);
      } catch (error) {
        if (!isAbort(error)) this.fail(error);
      }
    };
  }

  /** A sound that is not moved along any direction. */
  fresh({ title, latents, label, seed = null }) {
    return { title, latents, base: latents, moves: {}, label, seed };
  }

  /** A sound in a few words, with its label. */
  title(sound) {
    const label = this.labelName(sound.label);
    return `${this.plain(sound)}${label && ` · ${label}`}`;
  }

  /** A sound in a few words. */
  plain({ title, moves = {} }) {
    return Object.keys(moves).length ? `${title}, shaped` : title;
  }

  /** The name of a label; of a pitch that of its note. */
  labelName(label) {
    const name = this.about.labels[label] ?? "";
    return name && this.about.pitched ? noteName(Number(name)) : name;
  }

  /** What a file says of a sound, so that it can be made again. */
  item(sound) {
    const { latents, label, seed, moves } = sound;
    const moved = Object.keys(moves).length > 0;
    const label_name = this.about.labels[label] ?? "";
    return { name: this.plain(sound), seed: moved ? null : seed, label, label_name, latents };
  }

  /** Plays a sound without choosing it. */
  async preview(sound, gesture = "", next = null) {
    await this.auditions.play(sound, gesture);
    if (next) await this.auditions.prefetch(async () => next());
  }

  /** Makes a sound the chosen one, and plays it unless it was just heard. */
  async choose(sound, { silent = false } = {}) {
    this.#history.push(sound);
    this.show();
    if (!silent) await this.preview(sound);
  }

  /** Brings the whole page to the chosen sound. */
  show() {
    const { current } = this;
    at("pick").textContent = current ? this.title(current) : "none yet";
    for (const control of document.querySelectorAll(".needs-pick")) {
      control.disabled = !current;
    }
    // Not `disabled`, which would take the focus away.
    at("undo").ariaDisabled = String(!this.#history.canUndo);
    at("redo").ariaDisabled = String(!this.#history.canRedo);
    this.shape?.show();
    this.near?.show();
    const marks = new Map(this.favourites?.seeds.map((seed) => [seed, "♥"]));
    if (current && current.seed !== null) marks.set(current.seed, "");
    for (const [seed, text] of this.walk?.seeds ?? []) marks.set(seed, text);
    this.map.mark(marks);
  }

  undo() {
    if (this.#history.undo()) this.#goneBack();
  }

  redo() {
    if (this.#history.redo()) this.#goneBack();
  }

  #goneBack() {
    this.show();
    this.preview(this.current);
    this.say(`Now ${this.title(this.current)}.`);
  }

  /** Shows the map while it is made; more directions come at its end. */
  async follow() {
    let made = await this.#look();
    this.shape.take(await this.api.directions());
    while (!made.final) {
      await new Promise((done) => { setTimeout(done, POLL_MS); });
      made = await this.#look();
    }
    this.shape.take(await this.api.directions());
    at("map-progress").hidden = true;
    this.say(`The map is done: ${made.of} sounds.`);
    // So that a click has to wait for its sound alone.
    await this.#soundsOf(made.points);
  }

  /** Shows the map as it is now. */
  async #look() {
    const made = await this.api.map();
    if (made.error) throw new Refusal(0, made.error);
    const { done, of, points, seconds_left: left } = made;
    this.map.show(points);
    this.#showLegend();
    at("map-bar").max = of;
    at("map-bar").value = done;
    const time = left ? `, ${Math.ceil(left)} s left` : "";
    at("map-left").textContent = `${done} of ${of} sounds${time}`;
    return made;
  }

  #showLegend() {
    const { labels } = this.about;
    const dot = (colour, text) => {
      const made = element("span", { className: "dot" });
      made.style.background = colour;
      return element("span", {}, made, text);
    };
    if (at("colour").value === "label") {
      at("legend").replaceChildren(...labels.map((_, label) => dot(
        this.map.colourOfLabel(label, labels.length),
        this.labelName(label))));
      return;
    }
    const [low, high] = this.map.range().map((x) => `${(x / 1000).toFixed(1)} kHz`);
    const ramp = element("span", { className: "ramp" });
    ramp.style.background = `linear-gradient(90deg, ${this.map.gradient().join()})`;
    at("legend").replaceChildren(`Centroid ${low}`, ramp, high);
  }

  /** The sounds of points. */
  async #soundsOf(points, signal) {
    const seeds = points.map(({ seed }) => seed);
    const known = await this.sounds.seeded(seeds, signal);
    return known.map(({ latents, label }, i) =>
      this.fresh({ title: `seed ${seeds[i]}`, seed: seeds[i], latents, label }));
  }

  async #hover(point) {
    this.#hovers += 1;
    const number = this.#hovers;
    const [sound] = await this.#soundsOf([point]);
    if (number !== this.#hovers) return;
    this.say(`${this.title(sound)}, ${(point.centroid / 1000).toFixed(1)} kHz`);
    await this.auditions.play(sound, "hover");
    await this.auditions.prefetch(
      (signal) => this.#soundsOf(this.map.near(point, LOOKED_AHEAD), signal));
  }

  async #pick(point) {
    this.#hovers += 1;
    const [sound] = await this.#soundsOf([point]);
    this.say(`Picked ${this.title(sound)}.`);
    await this.choose(sound);
  }

  async #new() {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const [{ latents, label }] = await this.sounds.seeded([seed]);
    await this.choose(this.fresh({ title: `seed ${seed}`, seed, latents, label }));
  }

  #showPlaying({ buffer, sound }) {
    at("now").textContent = this.title(sound);
    at("playhead").animate(
      [{ left: "0", opacity: 0.8 }, { left: "100%", opacity: 0.8 }],
      1000 * buffer.duration);
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const last = this.lastPlayed;
    if (!last) return;
    const channels = channelsOf(last.buffer);
    const mono = channels[0].map((_, i) =>
      channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
    drawWaveform(at("waveform"), mono);
    drawSpectrogram(at("spectrogram"), mono, last.buffer.sampleRate);
  }

  async #save() {
    const [buffer] = await this.sounds.get([this.current]);
    const name = `${this.about.name} ${this.title(this.current)}`;
    const wav = encodeWav(
      channelsOf(buffer), buffer.sampleRate, Number(at("bits").value));
    download(wav, `${name.replace(/[^\w-]+/g, "_")}.wav`);
  }

  #connect() {
    const { about, map, player } = this;
    const rate = `${about.sample_rate / 1000} kHz`;
    const seconds = (about.num_samples / about.sample_rate).toFixed(2);
    document.title = `${about.name} · Explorer`;
    at("name").textContent = about.name;
    at("facts").textContent = `version ${about.version} · ${seconds} s at ${rate}`;
    at("colour-field").hidden = !about.labels.length;
    at("colour").onchange = () => {
      map.colourBy(at("colour").value, about.labels.length);
      this.#showLegend();
    };
    map.colourBy("brightness");
    at("zoom-in").onclick = () => map.zoom(1.5);
    at("zoom-out").onclick = () => map.zoom(1 / 1.5);
    at("zoom-reset").onclick = () => map.reset();
    at("new").onclick = this.guarded(() => this.#new());
    at("play").onclick = () => this.preview(this.current);
    at("save").onclick = this.guarded(() => this.#save());
    at("undo").onclick = () => this.undo();
    at("redo").onclick = () => this.redo();
    at("volume").oninput = () => { player.volume = at("volume").value; };
    player.volume = at("volume").value;
    at("show-keys").onclick = () => at("keys").showModal();
    this.say("Click or press a key once: then sounds play.");
    document.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(at("spectrogram"));
    dark.addEventListener("change", () => {
      this.#draw();
      this.#showLegend();
    });
  }

  #key(event) {
    const { key, target } = event;
    if (document.querySelector("dialog[open]") || target.matches(WRITTEN_IN)) return;
    if (event.ctrlKey || event.metaKey) {
      const letter = key.toLowerCase();
      if (letter !== "z" && letter !== "y") return;
      event.preventDefault();
      if (letter === "y" || event.shiftKey) this.redo();
      else this.undo();
      return;
    }
    if (event.altKey || (key === " " && target.matches("button, input:not([type=range])"))) return;
    const id = { " ": "play", n: "new", k: "keep", m: "mutate", a: "set-a", b: "set-b" }[key];
    if (!id) return;
    event.preventDefault();
    at(id).click();
  }
}

/** Asks for the server's token. */
function askToken(again) {
  at("ask-text").textContent = again
    ? "The server knows another token; it printed it when it started."
    : "The server printed a token when it started.";
  at("token").value = "";
  at("ask").showModal();
  return new Promise((done) => {
    at("ask").addEventListener("close", () => done(at("token").value.trim()), { once: true });
  });
}

async function main() {
  const api = new Api(askToken);
  try {
    window.explorer = new Explorer(api, await api.about());
  } catch (error) {
    at("status").textContent = error.message;
    throw error;
  }
  await window.explorer.guarded(() => window.explorer.follow())();
}

main();
