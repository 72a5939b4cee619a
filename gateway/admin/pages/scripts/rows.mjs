// The decisions that are shown: the newest so many, each once, the newest first; those that come in a pause wait. Pure.

export const MOST = 200;

/** Rows that do not grow without end. `older` ones may be asked for: then there is room for them too. */
export class Rows {
  #shown = new Map();
  #waiting = new Map();
  #room = MOST;
  paused = false;

  /** A record as it came; whether it is another row now. */
  add(record) {
    if (this.#shown.has(record.seq) || this.#waiting.has(record.seq)) {
      return false;
    }
    const target = this.paused ? this.#waiting : this.#shown;
    target.set(record.seq, record);
    bound(target, this.#room);
    return !this.paused && target.has(record.seq);
  }

  /** Records from before, for which room is made. */
  addOlder(records) {
    this.#room += records.length;
    records.forEach((each) => this.#shown.set(each.seq, each));
  }

  /** How many came in the pause, and are there to be shown. */
  get waiting() {
    return this.#waiting.size;
  }

  /** Show what waited. */
  resume() {
    this.paused = false;
    this.#waiting.forEach((record, seq) => this.#shown.set(seq, record));
    this.#waiting.clear();
    this.#room = MOST;
    bound(this.#shown, this.#room);
  }

  /** All of them, the newest first. */
  list() {
    return [...this.#shown.values()].sort((one, other) => other.seq - one.seq);
  }
}

function bound(records, room) {
  if (records.size > room) {
    const numbers = [...records.keys()].sort((one, other) => one - other);
    numbers.slice(0, records.size - room).forEach((each) => records.delete(each));
  }
}
