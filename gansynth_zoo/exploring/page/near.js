/** The training sounds that are nearest to the chosen one. */

import { isAbort } from "./api.js";
import { at, button, element } from "./elements.js";

// A sound that is left at once is not asked about.
const PATIENCE_MS = 200;
const AGAIN_MS = 3000;
// Below this share of the usual distance a sound may be one of them.
const CLOSE = 0.5;

export class Near {
  #explorer;
  #asked = new AbortController();
  #timer = 0;
  #shown = null;

  constructor(explorer) {
    this.#explorer = explorer;
    at("near-section").hidden = !explorer.about.reference;
  }

  /** Asks for the neighbours of the current sound, once it stays. */
  show() {
    const { about, current } = this.#explorer;
    if (!about.reference || !current || current === this.#shown) return;
    this.#shown = current;
    this.#asked.abort();
    this.#askIn(PATIENCE_MS);
  }

  #askIn(milliseconds) {
    this.#asked = new AbortController();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), milliseconds);
  }

  async #ask() {
    const { api, current } = this.#explorer;
    try {
      this.#list(await api.nearest(current, this.#asked.signal));
    } catch (error) {
      if (isAbort(error)) return;
      at("near-help").textContent = error.message;
      // They are still being read.
      if (error.status === 503) this.#askIn(AGAIN_MS);
    }
  }

  #list({ sounds, typical }) {
    const share = sounds.length ? sounds[0].distance / typical : Infinity;
    at("near-help").textContent = share < CLOSE
      ? "Very near to a training sound: it may be remembered."
      : "A sound of its own. 1.0 is how far real sounds lie from these.";
    at("near").replaceChildren(...sounds.map((sound) => element(
      "li", {},
      button("Play", `Play ${sound.name}`, this.#explorer.guarded(() => this.#play(sound))),
      element("span", { className: "grow", textContent: sound.name }),
      element("span", { className: "of", textContent: (sound.distance / typical).toFixed(2) }))));
  }

  async #play({ name, url }) {
    const { api, player } = this.#explorer;
    const buffer = await player.decode(await api.training(url));
    await player.play(buffer, { title: name });
  }
}
