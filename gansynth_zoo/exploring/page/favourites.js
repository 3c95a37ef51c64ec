/** Sounds that were kept: in this browser, and as a file. */

import { at, button, element } from "./elements.js";
import { Refusal } from "./api.js";
import { download } from "./wav.js";

const FORMAT = "gansynth_zoo favourites";

export class Favourites {
  #explorer;
  #place;
  /** Each with name, seed, label, label_name and latents, and `ticked`. */
  #kept = [];

  constructor(explorer) {
    this.#explorer = explorer;
    this.#place = `${FORMAT} ${explorer.about.name}`;
    at("keep").onclick = () => this.#keep(explorer.current);
    at("save-file").onclick = () => this.#saveFile();
    at("open-file").onchange = explorer.guarded(() => this.#openFile());
    at("pack").onclick = explorer.guarded(() => this.#pack());
    at("tick-all").onchange = () => this.#tickAll(at("tick-all").checked);
    this.#recall();
    this.#show();
  }

  /** Seeds of what is kept. */
  get seeds() {
    return this.#kept.flatMap(({ seed }) => (seed === null ? [] : [seed]));
  }

  /** @returns {object[]} The sounds that are ticked. */
  ticked() {
    return this.#kept.filter(({ ticked }) => ticked).map((item) => this.#sound(item));
  }

  #keep(sound) {
    const item = this.#explorer.item(sound);
    const added = this.#add([item]);
    this.#explorer.say(added ? `Kept ${item.name}.` : "This sound is kept already.");
  }

  #add(items) {
    const known = new Set(this.#kept.map(keyOf));
    const added = items.filter((item) => !known.has(keyOf(item)));
    this.#kept.push(...added.map((item) => ({ ...item, ticked: true })));
    this.#store();
    this.#show();
    return added.length;
  }

  #sound({ name, latents, label, seed }) {
    return this.#explorer.fresh({ title: name, latents, label, seed });
  }

  #show() {
    at("kept").replaceChildren(...this.#kept.map((item) => this.#row(item)));
    this.#showTicks();
  }

  #showTicks() {
    const some = this.#kept.length > 0;
    at("none-kept").hidden = some;
    at("tick-all").checked = some && this.#kept.every(({ ticked }) => ticked);
  }

  #row(item) {
    const label = this.#explorer.labelName(item.label);
    const tick = element("input", { type: "checkbox", checked: item.ticked });
    const text = element("input", { type: "text", value: item.name, maxLength: 80 });
    const take = button("Take", "", () => this.#explorer.choose(this.#sound(item)));
    const remove = button("×", "", () => this.#remove(item));
    const tell = () => {
      tick.ariaLabel = `Tick ${item.name}`;
      text.ariaLabel = `Name of ${item.name}`;
      take.ariaLabel = `Take ${item.name}`;
      remove.ariaLabel = `Remove ${item.name}`;
    };
    tick.onchange = () => {
      item.ticked = tick.checked;
      this.#store();
    };
    text.onchange = () => {
      item.name = text.value = text.value.trim() || item.name;
      this.#store();
      tell();
    };
    tell();
    return element(
      "li", {}, tick, text, element("span", { className: "of", textContent: label }), take, remove);
  }

  #remove(item) {
    const place = this.#kept.indexOf(item);
    this.#kept.splice(place, 1);
    this.#store();
    this.#show();
    this.#explorer.say(`Removed ${item.name}.`);
    // The button that had the focus is gone.
    const rows = at("kept").children;
    (rows[Math.min(place, rows.length - 1)]?.lastChild ?? at("keep")).focus();
  }

  #tickAll(ticked) {
    for (const item of this.#kept) item.ticked = ticked;
    this.#store();
    this.#show();
  }

  #store() {
    try {
      localStorage.setItem(this.#place, JSON.stringify(this.#kept));
    } catch {
      this.#explorer.say("This browser keeps nothing; save the list as a file.");
    }
    this.#showTicks();
    this.#explorer.show();
  }

  #recall() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#place)) ?? [];
      this.#kept = kept.filter((item) => this.#fits(item));
    } catch {
      this.#kept = [];
    }
  }

  /** Whether this model can make what an item describes. */
  #fits({ name, seed, latents, label }) {
    const { latent_size: size, labels } = this.#explorer.about;
    return typeof name === "string" && (seed === null || Number.isSafeInteger(seed))
      && Array.isArray(latents) && latents.length === size && latents.every(Number.isFinite)
      && Number.isInteger(label) && label >= 0 && label < Math.max(1, labels.length);
  }

  #saveFile() {
    const { name, version, sample_rate } = this.#explorer.about;
    const sounds = this.#kept.map(({ ticked, ...item }) => item);
    const made = { format: FORMAT, model: name, version, sample_rate, sounds };
    const blob = new Blob([JSON.stringify(made, null, 1)], { type: "application/json" });
    download(blob, `${name}_favourites.json`);
  }

  async #openFile() {
    const [file] = at("open-file").files;
    at("open-file").value = "";
    const { model, sounds } = await readList(file);
    const { name } = this.#explorer.about;
    if (model !== name) {
      throw new Refusal(0, `Expected favourites of ${name}, received some of ${model}.`);
    }
    const fitting = sounds.filter((item) => this.#fits(item));
    const added = this.#add(fitting.map(
      ({ name: text, seed, label, label_name, latents }) =>
        ({ name: text, seed, label, label_name, latents })));
    const left = sounds.length - fitting.length;
    const said = left ? `; ${left} do not fit this model` : "";
    this.#explorer.say(`${added} sounds were added${said}.`);
  }

  async #pack() {
    const { api, about, say } = this.#explorer;
    const sounds = this.#kept.filter(({ ticked }) => ticked)
      .map(({ latents, label, name }) => ({ latents, label, name }));
    if (!sounds.length) {
      say("Tick the favourites that the zip shall hold.");
      return;
    }
    say(`Making a zip of ${sounds.length} sounds.`);
    const kind = at("kind").value;
    const zip = await api.pack(sounds, kind, Number(at("rate").value));
    download(zip, `${about.name}_${kind}.zip`);
    say("The zip is made.");
  }
}

function keyOf({ latents, label }) {
  return `${label}:${latents}`;
}

async function readList(file) {
  try {
    const read = JSON.parse(await file.text());
    if (read.format === FORMAT && Array.isArray(read.sounds)) return read;
  } catch {
    // Told below.
  }
  throw new Refusal(0, `Expected a list that this page saved, received ${file.name}.`);
}
