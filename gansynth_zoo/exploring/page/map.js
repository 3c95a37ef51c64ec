/** The map: sounds as points, near to each other where they sound alike. */

import { sized } from "./picture.js";

const MOST_ZOOM = 60;
const REACH = 24;
const CLICK = 5;
const GLIDE_MS = 500;
const SHADES = 24;
const MARGIN = 22;
const SILENT = 0.01;

/** Colour from low (0) to high (1), as bright as each other. */
function shade(part, light) {
  return `oklch(${light} 0.15 ${270 + 150 * part})`;
}

/** Colour of one out of several kinds. */
function kind(number, count, light) {
  return `oklch(${light} 0.14 ${(360 * number) / count})`;
}

/**
 * @typedef {object} Point
 * @property {number} seed
 * @property {number} x
 * @property {number} y
 * @property {number} label
 * @property {number} centroid In Hz.
 * @property {number} peak
 */

export class SoundMap {
  #canvas;
  #points = [];
  #shown = new Map();
  #moved = 0;
  #view = { x: 0, y: 0, zoom: 1 };
  #bounds = { x: 0, y: 0, size: 1 };
  #hovered = null;
  #marks = new Map();
  #fingers = new Map();
  #travelled = 0;
  #drawing = false;
  #range = [0, 1];
  #byColour = new Map();
  /** @type {(point: Point) => string} */
  #colour = () => "";

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{hover: (point: Point) => void, pick: (point: Point) => void}} on
   */
  constructor(canvas, on) {
    this.#canvas = canvas;
    this.on = on;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event, true));
    canvas.addEventListener("pointercancel", (event) => this.#up(event, false));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
  }

  /** Shows points; those that are shown already glide to their new places. */
  show(points) {
    this.#shown = new Map(points.map((point) => {
      const { x, y } = this.#shown.has(point.seed) ? this.#placeOf(point) : point;
      return [point.seed, { from: { x, y }, point }];
    }));
    this.#points = points;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#moved = still ? -GLIDE_MS : performance.now();
    const [xs, ys] = [points.map((p) => p.x), points.map((p) => p.y)];
    const [left, right] = extent(xs);
    const [low, high] = extent(ys);
    const size = Math.max(right - left, high - low) || 1;
    this.#bounds = { x: (left + right) / 2, y: (low + high) / 2, size };
    this.#paint();
  }

  /** @param {"brightness"|"label"} what @param {number} labels How many. */
  colourBy(what, labels) {
    const light = () => this.#light();
    if (what === "label") {
      this.#colour = (point) => kind(point.label, labels, light());
    } else {
      this.#colour = (point) => {
        const part = this.#brightness(point);
        return shade(Math.round(part * SHADES) / SHADES, light());
      };
    }
    this.#paint();
  }

  /** The colours of brightness as a gradient, for a legend. */
  gradient() {
    return [0, 0.25, 0.5, 0.75, 1].map((part) => shade(part, this.#light()));
  }

  /** The colour of a label, for a legend. */
  colourOfLabel(label, labels) {
    return kind(label, labels, this.#light());
  }

  /** The centroids at which the colours begin and end, in Hz. */
  range() {
    const sounding = this.#points.map((p) => p.centroid).filter(Boolean);
    const sorted = sounding.sort((a, b) => a - b);
    const at = (part) => sorted[Math.floor(part * (sorted.length - 1))] || 1;
    return [at(0.02), at(0.98)];
  }

  /** Finds the colours of all points, and draws them. */
  #paint() {
    this.#range = this.range().map(Math.log2);
    this.#byColour = Map.groupBy(this.#points, this.#colour);
    this.draw();
  }

  /** Centroid of a point, 0 to 1. */
  #brightness({ centroid }) {
    const [low, high] = this.#range;
    const part = (Math.log2(centroid || 1) - low) / (high - low || 1);
    return Math.max(0, Math.min(1, part));
  }

  /** @param {Map<number, string>} marks Texts by seed; "" is the pick. */
  mark(marks) {
    this.#marks = marks;
    this.draw();
  }

  /** Points near to one on the map, nearest first. */
  near(point, count) {
    const far = (p) => (p.x - point.x) ** 2 + (p.y - point.y) ** 2;
    const others = this.#points.filter((p) => p !== point);
    return others.sort((a, b) => far(a) - far(b)).slice(0, count);
  }

  zoom(factor, middle = { x: this.#canvas.clientWidth / 2, y: this.#canvas.clientHeight / 2 }) {
    const view = this.#view;
    const zoom = Math.max(1, Math.min(MOST_ZOOM, view.zoom * factor));
    const scale = this.#scale();
    const grown = zoom / view.zoom;
    const dx = middle.x - this.#canvas.clientWidth / 2;
    const dy = middle.y - this.#canvas.clientHeight / 2;
    view.x += dx * (1 - 1 / grown) / scale;
    view.y += dy * (1 - 1 / grown) / scale;
    view.zoom = zoom;
    this.#pan(0, 0);
  }

  /** Shows all of the map. */
  reset() {
    this.#view = { x: 0, y: 0, zoom: 1 };
    this.draw();
  }

  /** Draws with the next frame. */
  draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
      if (performance.now() - this.#moved < GLIDE_MS) this.draw();
    });
  }

  #light() {
    return matchMedia("(prefers-color-scheme: dark)").matches ? 0.75 : 0.58;
  }

  /** Pixels that a unit of the map takes. */
  #scale() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const fits = Math.max(1, Math.min(width, height) - 2 * MARGIN);
    return fits / this.#bounds.size * this.#view.zoom;
  }

  /** Where a point is on the map while it glides. */
  #placeOf(point) {
    const { from, point: to } = this.#shown.get(point.seed);
    const passed = (performance.now() - this.#moved) / GLIDE_MS;
    const part = 1 - (1 - Math.max(0, Math.min(1, passed))) ** 3;
    return { x: from.x + part * (to.x - from.x), y: from.y + part * (to.y - from.y) };
  }

  /** Where a point is on the canvas, in pixels. */
  at(point) {
    const { x, y } = this.#placeOf(point);
    const scale = this.#scale();
    return {
      x: this.#canvas.clientWidth / 2 + (x - this.#bounds.x - this.#view.x) * scale,
      y: this.#canvas.clientHeight / 2 + (y - this.#bounds.y - this.#view.y) * scale,
    };
  }

  #draw() {
    const { context, width, height } = sized(this.#canvas);
    const radius = Math.min(7, 2.6 * this.#view.zoom ** 0.3);
    for (const [colour, points] of this.#byColour) {
      context.fillStyle = colour;
      for (const point of points) {
        const { x, y } = this.at(point);
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        context.globalAlpha = point.peak < SILENT ? 0.25 : 0.85;
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.globalAlpha = 1;
    const style = getComputedStyle(this.#canvas);
    const ring = (point, size, colour, thick) => {
      const { x, y } = this.at(point);
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.beginPath();
      context.arc(x, y, radius + size, 0, 2 * Math.PI);
      context.stroke();
      return { x, y };
    };
    const ink = style.getPropertyValue("--ink");
    if (this.#hovered) ring(this.#hovered, 4, ink, 1.5);
    context.font = `bold 13px ${style.fontFamily}`;
    const back = style.getPropertyValue("--back");
    for (const [seed, text] of this.#marks) {
      const shown = this.#shown.get(seed);
      if (!shown) continue;
      const { x, y } = ring(shown.point, 7, style.getPropertyValue("--accent"), 2.5);
      context.strokeStyle = back;
      context.lineWidth = 4;
      context.strokeText(text, x + radius + 10, y - radius - 4);
      context.fillStyle = ink;
      context.fillText(text, x + radius + 10, y - radius - 4);
    }
  }

  /** The point nearest to a place on the canvas, if it is within reach. */
  #find(place) {
    let [best, least] = [null, REACH ** 2];
    for (const point of this.#points) {
      const { x, y } = this.at(point);
      const distance = (x - place.x) ** 2 + (y - place.y) ** 2;
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  }

  #hover(point) {
    if (!point || point === this.#hovered) return;
    this.#hovered = point;
    this.draw();
    this.on.hover(point);
  }

  #pan(dx, dy) {
    const half = this.#bounds.size / 2;
    const limited = (value) => Math.max(-half, Math.min(half, value));
    this.#view.x = limited(this.#view.x - dx / this.#scale());
    this.#view.y = limited(this.#view.y - dy / this.#scale());
    this.draw();
  }

  #down(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#fingers.set(event.pointerId, placeOf(event));
    this.#travelled = this.#fingers.size > 1 ? Infinity : 0;
    if (event.pointerType === "touch") this.#hover(this.#find(placeOf(event)));
  }

  #move(event) {
    const [place, before] = [placeOf(event), this.#fingers.get(event.pointerId)];
    if (!before) {
      this.#hover(this.#find(place));
      return;
    }
    const others = [...this.#fingers].filter(([id]) => id !== event.pointerId);
    this.#fingers.set(event.pointerId, place);
    this.#travelled += apart(place, before);
    if (others.length) {
      // Two fingers zoom and move the map.
      const other = others[0][1];
      const middle = { x: (place.x + other.x) / 2, y: (place.y + other.y) / 2 };
      this.zoom(apart(place, other) / Math.max(1, apart(before, other)), middle);
      this.#pan((place.x - before.x) / 2, (place.y - before.y) / 2);
    } else if (event.pointerType === "touch") {
      // One finger plays what it passes.
      this.#hover(this.#find(place));
    } else if (this.#travelled > CLICK) {
      this.#pan(place.x - before.x, place.y - before.y);
    }
  }

  #up(event, picks) {
    const alone = this.#fingers.size === 1;
    this.#fingers.delete(event.pointerId);
    const touched = event.pointerType === "touch" && this.#travelled !== Infinity;
    if (!picks || !alone || (!touched && this.#travelled > CLICK)) return;
    const point = touched ? this.#hovered : this.#find(placeOf(event));
    if (point) this.#pick(point);
  }

  #pick(point) {
    this.#hovered = point;
    this.draw();
    this.on.pick(point);
  }

  #wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 400), placeOf(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    }[event.key];
    if (way) this.#step(...way);
    else if (event.key === "Enter" && this.#hovered) this.#pick(this.#hovered);
    else if (event.key === "+") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.reset();
    else return;
    event.preventDefault();
  }

  /** Goes to the next point in a direction, and has it in sight. */
  #step(dx, dy) {
    if (!this.#points.length) return;
    const middle = { x: this.#canvas.clientWidth / 2, y: this.#canvas.clientHeight / 2 };
    const start = this.#hovered ? this.at(this.#hovered) : middle;
    let [best, least] = [null, Infinity];
    for (const point of this.#points) {
      const { x, y } = this.at(point);
      const along = (x - start.x) * dx + (y - start.y) * dy;
      const across = Math.abs((x - start.x) * dy) + Math.abs((y - start.y) * dx);
      // Within a right angle around the direction.
      if (along <= 0 || across > along || point === this.#hovered) continue;
      const distance = along + 2 * across;
      if (distance < least) [best, least] = [point, distance];
    }
    if (!best) return;
    this.#hover(best);
    const { x, y } = this.at(best);
    const over = (value, size) => Math.max(0, value - size) + Math.min(0, value);
    this.#pan(
      -over(x, this.#canvas.clientWidth - MARGIN),
      -over(y, this.#canvas.clientHeight - MARGIN));
  }
}

function extent(values) {
  return values.reduce(
    ([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity]);
}

function placeOf(event) {
  return { x: event.offsetX, y: event.offsetY };
}

function apart(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
