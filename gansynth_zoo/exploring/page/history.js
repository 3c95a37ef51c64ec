/** What was chosen, one after the other, to go back and forth in. */

const MOST = 500;

export class History {
  #states = [];
  #place = -1;

  get current() {
    return this.#states[this.#place] ?? null;
  }

  get canUndo() {
    return this.#place > 0;
  }

  get canRedo() {
    return this.#place < this.#states.length - 1;
  }

  /** Adds a state after the current one; what came after that is forgotten. */
  push(state) {
    this.#states = [...this.#states.slice(0, this.#place + 1), state].slice(-MOST);
    this.#place = this.#states.length - 1;
  }

  /** Goes one back; false if there is none. */
  undo() {
    if (!this.canUndo) return false;
    this.#place -= 1;
    return true;
  }

  /** Goes one forth; false if there is none. */
  redo() {
    if (!this.canRedo) return false;
    this.#place += 1;
    return true;
  }
}
