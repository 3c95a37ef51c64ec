/**
 * Latents: how to draw them, mix them and move between them.
 * The priors are those of gansynth_zoo/latents.py; nothing leaves its prior.
 */

/** A standard normal number (Box and Muller 1958). */
function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return radius * Math.cos(2 * Math.PI * Math.random());
}

function norm(vector) {
  return Math.hypot(...vector);
}

/** Folds a number at -1 and 1, as a ball between two walls. */
function reflected(x) {
  const turned = (((x + 1) % 4) + 4) % 4;
  return turned <= 2 ? turned - 1 : 3 - turned;
}

/** The space of a model's latents. */
export class Space {
  /** @param {{latent_prior: string, latent_truncation: ?number}} about */
  constructor({ latent_prior: prior, latent_truncation: truncation }) {
    this.uniform = prior === "uniform";
    this.most = truncation ?? (this.uniform ? 1 : Infinity);
  }

  /** Latents with what lies outside of the prior brought to its edge. */
  inside(latents) {
    return latents.map((x) => Math.max(-this.most, Math.min(this.most, x)));
  }

  /** Latents moved along a vector. */
  moved(latents, vector, amount) {
    return latents.map((x, i) => x + amount * vector[i]);
  }

  /**
   * A point on the way from one latent to another: on a straight line for the
   * uniform prior, on the arc of a great circle for the normal one (White
   * 2016, section 2.1).
   */
  between(first, second, t) {
    const mixed = (u, v) => first.map((x, i) => u * x + v * second[i]);
    if (this.uniform) return mixed(1 - t, t);
    const [p, q] = [norm(first) || 1, norm(second) || 1];
    const apart = norm(first.map((x, i) => x / p - second[i] / q));
    const along = norm(first.map((x, i) => x / p + second[i] / q));
    const angle = 2 * Math.atan2(apart, along);
    const sine = Math.sin(angle);
    if (sine <= 1e-4) return mixed(1 - t, t);
    return mixed(
      Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine);
  }

  /**
   * A latent near another one; if this is drawn from the prior, so is that.
   * @param {number[]} latents
   * @param {number} strength 0 changes nothing, 1 keeps nothing.
   */
  mutated(latents, strength) {
    if (this.uniform) {
      const step = () => strength * (4 * Math.random() - 2);
      const { most } = this;
      return latents.map((x) => most * reflected(x / most + step()));
    }
    const kept = Math.sqrt(1 - strength ** 2);
    return this.inside(latents.map((x) => kept * x + strength * normal()));
  }

  /** A latent that has each of its numbers from one of several. */
  crossed(parents) {
    const any = () => parents[Math.floor(Math.random() * parents.length)];
    return parents[0].map((_, i) => any()[i]);
  }
}
