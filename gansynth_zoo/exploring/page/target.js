/** The search for the latent whose sound is nearest to a given one. */

import { Refusal } from "./api.js";
import { at } from "./elements.js";

const POLL_MS = 400;

export class Target {
  #explorer;
  #job = null;
  #target = null;
  #best = null;

  constructor(explorer) {
    this.#explorer = explorer;
    const start = explorer.guarded((file) => this.#start(file));
    const zone = at("drop");
    zone.ondragover = (event) => {
      event.preventDefault();
      zone.classList.add("over");
    };
    zone.ondragleave = () => zone.classList.remove("over");
    zone.ondrop = (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer.files.length) start(event.dataTransfer.files[0]);
    };
    at("target").onchange = () => {
      const [file] = at("target").files;
      at("target").value = "";
      if (file) start(file);
    };
    at("play-target").onclick = () => explorer.player.play(this.#target, { title: "target" });
    at("take-best").onclick = () => this.#take();
    at("cancel").onclick = explorer.guarded(() => this.#cancel());
  }

  async #start(file) {
    const { about, api, player, say } = this.#explorer;
    const { bytes } = about.limits;
    if (file.size > bytes) {
      throw new Refusal(0, `Expected a file of ${bytes} bytes at the most, received ${file.size}.`);
    }
    if (this.#job) await this.#cancel();
    const job = await api.startSearch(file);
    this.#job = job;
    this.#best = null;
    at("search").hidden = false;
    at("cancel").hidden = false;
    at("take-best").disabled = true;
    // A browser reads fewer formats than the server does.
    this.#target = await file.arrayBuffer().then((bytes) => player.decode(bytes)).catch(() => null);
    at("play-target").hidden = !this.#target;
    say(`Searching for ${file.name}.`);
    await this.#follow(job);
  }

  async #follow(job) {
    while (this.#job === job) {
      const search = await this.#explorer.api.search(job);
      if (this.#job !== job) return;
      this.#show(search);
      if (search.state !== "running") {
        this.#end(search);
        return;
      }
      await new Promise((done) => { setTimeout(done, POLL_MS); });
    }
  }

  #show({ step, of, loss, start_loss: before, seconds_left: left, latents, label }) {
    at("search-bar").max = of || 1;
    at("search-bar").value = step;
    const said = [`Step ${step} of ${of}.`];
    if (before) said.push(`Distance: ${Math.round(100 * loss / before)} % of the best start's.`);
    if (left) said.push(`${Math.ceil(left)} s left.`);
    at("search-state").textContent = said.join(" ");
    if (latents) {
      this.#best = { latents, label };
      at("take-best").disabled = false;
    }
  }

  #end({ state, error }) {
    this.#job = null;
    if (document.activeElement === at("cancel")) at("take-best").focus();
    at("cancel").hidden = true;
    const said = { done: "The search is done.", cancelled: "The search was cancelled." };
    this.#explorer.say(error ?? said[state] ?? "The search failed.");
    if (state === "done") this.#take();
  }

  #take() {
    this.#explorer.choose(this.#explorer.fresh({ title: "found for the target", ...this.#best }));
  }

  async #cancel() {
    if (this.#job) await this.#explorer.api.stopSearch(this.#job);
  }
}
