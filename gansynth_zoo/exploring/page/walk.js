/** From sound to sound: A to B, walks, mutation and crossing. */

import { at, button } from "./elements.js";
import { around } from "./shape.js";
import { channelsOf } from "./sound.js";
import { download, encodeWav, joined } from "./wav.js";

const pause = (seconds) => new Promise((done) => { setTimeout(done, 1000 * seconds); });

export class Walk {
  #explorer;
  #slots = { a: null, b: null };
  #rendering = new AbortController();
  #rendered = [];
  #walking = null;

  constructor(explorer) {
    this.#explorer = explorer;
    for (const slot of ["a", "b"]) {
      at(`set-${slot}`).onclick = () => this.#set(slot);
      at(`play-${slot}`).onclick = () => explorer.preview(this.#slots[slot]);
    }
    const place = at("between");
    const value = () => Number(place.value);
    const next = () => around(value(), 0, Number(place.max)).map((x) => this.#between(x));
    place.oninput = () => {
      this.#showBetween();
      explorer.preview(this.#between(value()), "between", next);
    };
    place.onchange = () => explorer.choose(this.#between(value()), { silent: true });
    at("render").onclick = explorer.guarded(() => this.#render());
    at("save-walk").onclick = () => this.#save();
    at("strength").oninput = () => { at("strength-value").textContent = at("strength").value; };
    at("mutate").onclick = () => this.#mutate();
    at("random-walk").onclick = explorer.guarded(() => this.#toggle());
    at("cross").onclick = () => this.#cross();
  }

  /** Seeds of the slots' sounds, by the slots' names. */
  get seeds() {
    return Object.entries(this.#slots)
      .filter(([, sound]) => sound && sound.seed !== null)
      .map(([slot, sound]) => [sound.seed, slot.toUpperCase()]);
  }

  /** Puts the current sound in a slot. */
  #set(slot) {
    const { current, say } = this.#explorer;
    this.#slots[slot] = current;
    at(`play-${slot}`).textContent = this.#explorer.title(current);
    at(`play-${slot}`).disabled = false;
    const ready = Boolean(this.#slots.a && this.#slots.b);
    at("between").disabled = !ready;
    at("render").disabled = !ready;
    this.#showBetween();
    this.#explorer.show();
    say(`${slot.toUpperCase()} is ${this.#explorer.title(current)}.`);
  }

  #showBetween() {
    const share = Math.round(100 * at("between").value / at("between").max);
    at("between-value").textContent = `${share} %`;
  }

  /** The sound at a place of the slider between A and B. */
  #between(place, last = Number(at("between").max)) {
    const { a, b } = this.#slots;
    const t = place / last;
    if (t === 0) return a;
    if (t === 1) return b;
    return this.#explorer.fresh({
      title: `A to B, ${Math.round(100 * t)} %`,
      latents: this.#explorer.space.between(a.latents, b.latents, t),
      label: t < 0.5 ? a.label : b.label,
    });
  }

  /** Makes and plays the sounds from A to B. */
  async #render() {
    const { player, say, sounds } = this.#explorer;
    const count = Math.max(2, Math.min(64, Math.round(at("steps").value) || 2));
    const way = Array.from({ length: count }, (_, i) => this.#between(i, count - 1));
    this.#rendering.abort();
    this.#rendering = new AbortController();
    const { signal } = this.#rendering;
    const buffers = await sounds.get(
      way, signal, (done) => say(`Rendering the walk: ${done} of ${count}.`));
    this.#rendered = buffers;
    say(`The walk is rendered: ${count} sounds.`);
    const buttons = way.map((sound, i) => button(
      String(i + 1), `Take sound ${i + 1} of the walk`,
      () => this.#explorer.choose(sound)));
    at("walk").replaceChildren(...buttons);
    at("walk").hidden = false;
    at("save-walk").hidden = false;
    for (const [i, buffer] of buffers.entries()) {
      await player.play(buffer, way[i]);
      buttons.forEach((made, j) => made.classList.toggle("on", i === j));
      await pause(buffer.duration);
      // Whoever plays another sound has heard enough.
      if (signal.aborted || player.last.buffer !== buffer) break;
    }
    buttons.forEach((made) => made.classList.remove("on"));
  }

  #save() {
    const channels = joined(this.#rendered.map(channelsOf));
    const { name, sample_rate: rate } = this.#explorer.about;
    download(encodeWav(channels, rate, Number(at("bits").value)), `${name}_walk.wav`);
  }

  #mutant(sound) {
    const strength = Number(at("strength").value);
    return this.#explorer.fresh({
      title: `mutation ${strength}`,
      latents: this.#explorer.space.mutated(sound.latents, strength),
      label: sound.label,
    });
  }

  #mutate() {
    this.#explorer.choose(this.#mutant(this.#explorer.current));
  }

  /** Starts a random walk, or ends it. */
  async #toggle() {
    const explorer = this.#explorer;
    const walk = this.#walking ? null : {};
    this.#walking = walk;
    at("random-walk").ariaPressed = String(Boolean(walk));
    while (walk && this.#walking === walk) {
      // From wherever the user has gone meanwhile.
      await explorer.choose(this.#mutant(explorer.current));
      const { duration } = explorer.player.last?.buffer ?? { duration: 1 };
      await pause(Math.max(0.3, 0.8 * duration));
    }
  }

  #cross() {
    const parents = this.#explorer.favourites.ticked();
    if (parents.length < 2) {
      this.#explorer.say("Tick two or more favourites to cross them.");
      return;
    }
    const any = parents[Math.floor(Math.random() * parents.length)];
    this.#explorer.choose(this.#explorer.fresh({
      title: `crossing of ${parents.length}`,
      latents: this.#explorer.space.crossed(parents.map(({ latents }) => latents)),
      label: any.label,
    }));
  }
}
