/** Sliders for directions, and what chooses a label or a pitch. */

import { at, element, slider } from "./elements.js";

// Of each half of a slider.
const STEPS = 20;
const NOTES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const HEADINGS = { descriptor: "By ear", principal: "By the network" };

/** Steps next to a slider's value, nearest first. */
export function around(value, low, high) {
  return [1, -1, 2, -2, 3, -3, 4, -4]
    .map((step) => value + step).filter((x) => x >= low && x <= high);
}

/** MIDI pitch -> name of the note; 60 is C4. */
export function noteName(pitch) {
  return `${NOTES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
}

export class Shape {
  #explorer;
  #directions = [];
  #sliders = new Map();
  #pitches = [];

  constructor(explorer) {
    this.#explorer = explorer;
    const { labels, pitched } = explorer.about;
    if (pitched) this.#makePitch(labels);
    else if (labels.length) this.#makeLabels(labels);
    at("level").onclick = () => explorer.choose(this.#moved({}));
  }

  /** Makes the sliders, disabled until there is a sound to move. */
  take(directions) {
    this.#directions = directions;
    this.#sliders.clear();
    const rows = [];
    for (const kind of Object.keys(HEADINGS)) {
      const these = directions.filter((direction) => direction.kind === kind);
      if (!these.length) continue;
      rows.push(element("h3", { textContent: HEADINGS[kind] }));
      rows.push(...these.map((direction) => this.#makeSlider(direction)));
    }
    if (rows.length) at("sliders").replaceChildren(...rows);
    this.show();
  }

  /** Brings the controls to the current sound. */
  show() {
    const sound = this.#explorer.current;
    for (const [id, { input, show }] of this.#sliders) {
      input.disabled = !sound;
      input.value = sound?.moves[id] ?? 0;
      show();
    }
    if (!sound) return;
    for (const chip of at("labels").querySelectorAll("input")) {
      chip.checked = Number(chip.value) === sound.label;
    }
    const place = this.#pitches.findIndex(({ label }) => label === sound.label);
    if (place >= 0) at("pitch").value = place;
    this.#namePitch();
  }

  /** The current sound with other moves. */
  #moved(moves) {
    const { space, current } = this.#explorer;
    let latents = current.base;
    for (const { id, vector, range: [low, high] } of this.#directions) {
      const step = moves[id] ?? 0;
      // Towards the end of the range that the slider points to.
      const place = current.base.reduce((sum, value, i) => sum + value * vector[i], 0);
      const amount = step < 0 ? -step * Math.min(0, low - place) : step * Math.max(0, high - place);
      if (step) latents = space.moved(latents, vector, amount / STEPS);
    }
    return { ...current, moves, latents: space.inside(latents) };
  }

  #makeSlider({ id, name, correlation }) {
    const ends = { min: -STEPS, max: STEPS, value: 0 };
    const made = slider(name, ends, (step) => (step > 0 ? `+${step}` : `${step}`));
    if (correlation !== undefined && correlation !== null) {
      made.row.title = `Rank correlation with what is heard: ${correlation.toFixed(2)}`;
    }
    const of = (step) => {
      const { [id]: _, ...others } = this.#explorer.current.moves;
      return this.#moved(step ? { ...others, [id]: step } : others);
    };
    this.#hears(made.input, id, of, STEPS, -STEPS);
    this.#sliders.set(id, made);
    return made.row;
  }

  /** Has a slider play where it goes, and choose where it stops. */
  #hears(input, gesture, of, high, low = 0) {
    const explorer = this.#explorer;
    const value = () => Number(input.value);
    const next = () => around(value(), low, high).map(of);
    input.addEventListener("focus", () => {
      if (explorer.current) explorer.auditions.prefetch(async () => next());
    });
    input.addEventListener("input", () => explorer.preview(of(value()), gesture, next));
    input.addEventListener("change", () => explorer.choose(of(value()), { silent: true }));
  }

  #makePitch(labels) {
    this.#pitches = labels.map((name, label) => ({ pitch: Number(name), label }))
      .sort((a, b) => a.pitch - b.pitch);
    at("pitch").max = labels.length - 1;
    at("pitch-field").hidden = false;
    at("pitch").addEventListener("input", () => this.#namePitch());
    const of = (place) => this.#labelled(this.#pitches[place].label);
    this.#hears(at("pitch"), "pitch", of, labels.length - 1);
    this.#namePitch();
  }

  #namePitch() {
    const chosen = this.#pitches[Number(at("pitch").value)];
    if (chosen) at("pitch-name").textContent = `${noteName(chosen.pitch)} · ${chosen.pitch}`;
  }

  #makeLabels(labels) {
    const chips = labels.map((name, label) => element(
      "label", {},
      element("input", {
        type: "radio", name: "label", value: label,
        onchange: () => this.#chooseLabel(label),
      }), name));
    at("labels").append(element("div", { className: "chips" }, ...chips));
    at("labels").hidden = false;
  }

  #chooseLabel(label) {
    if (this.#explorer.current) this.#explorer.choose(this.#labelled(label));
    else this.#explorer.say("Pick a sound first; then choose its label.");
  }

  #labelled(label) {
    return { ...this.#explorer.current, label };
  }
}
