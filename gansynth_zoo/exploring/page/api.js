/** What the server is asked for. All places are relative to the page. */

const TOKEN = "gansynth_zoo token";

/** A request that got no answer, with the sentence that says why. */
export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** Whether an error only says that nobody waits any more. */
export function isAbort(error) {
  return error.name === "AbortError";
}

async function refusal(answer) {
  try {
    return new Refusal(answer.status, (await answer.json()).error);
  } catch {
    return new Refusal(
      answer.status, `The server answers ${answer.status}.`);
  }
}

/** [samples, channels] of JSON -> samples by channel. */
function byChannel(sound) {
  return sound[0].map((_, channel) =>
    Float32Array.from(sound, (frame) => frame[channel]));
}

export class Api {
  #askToken;
  #asking = null;
  #token = sessionStorage.getItem(TOKEN);

  /** @param {(again: boolean) => Promise<string>} askToken */
  constructor(askToken) {
    this.#askToken = askToken;
  }

  /** What the model is; `predict` below needs it. */
  async about() {
    this.facts = await this.#json("explore/about");
    return this.facts;
  }

  /** @returns {Promise<{latents: number[][], labels: number[]}>} */
  latents(seeds, signal) {
    return this.#json(`explore/latents?seeds=${seeds.join()}`, { signal });
  }

  /**
   * Makes sounds, by the REST API of TF Serving.
   * @param {{latents: number[], label: number}[]} sounds
   * @returns {Promise<Float32Array[][]>} Of each sound its channels.
   */
  async predict(sounds, signal) {
    const inputs = { latents: sounds.map((sound) => sound.latents) };
    if (this.facts.labels.length) {
      inputs.labels = sounds.map((sound) => sound.label);
    }
    const { outputs } = await this.#json(this.facts.predict.slice(1), {
      ...posted({ signature_name: "serving_default", inputs }), signal });
    return outputs.map(byChannel);
  }

  map() {
    return this.#json("explore/map");
  }

  async directions() {
    return (await this.#json("explore/directions")).directions;
  }

  nearest({ latents, label }, signal) {
    const asked = posted({ latents, label });
    return this.#json("explore/nearest", { ...asked, signal });
  }

  /** Bytes of a sound of the training set. */
  async training(url) {
    return (await this.#answer(url.slice(1))).arrayBuffer();
  }

  async startSearch(file) {
    const asked = { method: "POST", body: file };
    return (await this.#json("explore/find", asked)).job;
  }

  search(job) {
    return this.#json(`explore/find/${job}`);
  }

  stopSearch(job) {
    return this.#answer(`explore/find/${job}`, { method: "DELETE" });
  }

  /** @returns {Promise<Blob>} A zip. */
  async pack(sounds, kind, rate) {
    const asked = posted({ sounds, kind, rate });
    return (await this.#answer("explore/pack", asked)).blob();
  }

  async #json(place, options) {
    return (await this.#answer(place, options)).json();
  }

  async #answer(place, options = {}) {
    const token = this.#token;
    const headers = { ...options.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    const url = new URL(place, document.baseURI);
    const answer = await fetch(url, { ...options, headers }).catch((error) => {
      if (isAbort(error)) throw error;
      throw new Refusal(
        0, "The server does not answer; see whether it still runs.");
    });
    if (answer.status === 401) {
      if (token === this.#token) await this.#renewToken();
      return this.#answer(place, options);
    }
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }

  /** Asks once, however many requests are refused at the same time. */
  #renewToken() {
    this.#asking ??= this.#askToken(Boolean(this.#token)).then((token) => {
      this.#token = token;
      sessionStorage.setItem(TOKEN, token);
      this.#asking = null;
    });
    return this.#asking;
  }
}

function posted(value) {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  };
}
