// Server-sent events, read from pieces of text as they come (HTML standard, section 9.2.6). Pure.

/** Reads events; `lastId` is the id to go on behind after a break. */
export class Events {
  #rest = "";
  #data = [];
  #kind = "message";
  #id;

  constructor(lastId = null) {
    this.lastId = lastId;
    this.#id = lastId;
  }

  /** The events that this piece completes. */
  take(piece) {
    const lines = (this.#rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line) {
    if (line === "") {
      return this.#dispatch();
    }
    const [, name, value] = /^([^:]*)(?::\u0020?(.*))?$/s.exec(line);
    if (name === "data") {
      this.#data.push(value ?? "");
    } else if (name === "event") {
      this.#kind = value ?? "";
    } else if (name === "id" && !(value ?? "").includes("\0")) {
      this.#id = value ?? "";
    }
    return [];
  }

  #dispatch() {
    const { data, kind } = { data: this.#data, kind: this.#kind };
    this.lastId = this.#id;
    this.#data = [];
    this.#kind = "message";
    return data.length === 0 ? [] : [{ kind, id: this.lastId, data: data.join("\n") }];
  }
}
