// Elements made from text and other elements, never from markup: what clients sent stays what it is, text.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id. */
export const by = (id) => document.getElementById(id);

/** An element; attributes that are null, undefined or false are left out, `on` holds its listeners by event. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same, of a drawing. */
export function s(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const [event, listener] of Object.entries(on)) {
    element.addEventListener(event, listener);
  }
  element.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

/** Show other children; whoever had the focus on one with a `data-key` keeps it on the one with the same. */
export function renew(container, ...children) {
  const focused = document.activeElement;
  const key = container.contains(focused) ? focused.dataset.key : undefined;
  container.replaceChildren(...children.flat().filter(Boolean));
  if (key !== undefined) {
    [...container.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key)?.focus({ preventScroll: true });
  }
}

/** A function that renews a container only when what it is made from has become another. */
export function renewing(container, make) {
  let before;
  return (from) => {
    const now = JSON.stringify(from);
    if (now !== before) {
      before = now;
      renew(container, make(from));
    }
  };
}

/** A table: `head` are its columns, `rows` arrays of texts or elements; the first cell of a row names it. */
export function table(caption, head, rows) {
  return h("table", {}, h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, head.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", {}, rows.map(([first, ...rest]) =>
      h("tr", {}, h("th", { scope: "row" }, first), rest.map((each) => h("td", {}, each ?? ""))))));
}

/** A table that scrolls on its own where the window is too narrow for it. */
export function scrolling(label, content) {
  return h("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": label }, content);
}

/** Pairs of names and what they are; those of nothing are left out. */
export function pairs(entries) {
  const told = entries.filter(([, value]) => value);
  return h("dl", {}, told.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** A sentence of ours: what stands between backticks is shown as code, digests in short. */
export function sentence(text) {
  const short = text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]+/g, "$1…");
  const pieces = short.split("`");
  if (pieces.length % 2 === 0) {
    return [short];
  }
  const first = pieces[0].charAt(0).toUpperCase() + pieces[0].slice(1);
  return [first, ...pieces.slice(1).map((each, index) => (index % 2 === 0 ? h("code", {}, each) : each))];
}

/** Sentences as a list, of which those that begin with blanks belong to the one before. */
export function lines(sentences) {
  return h("ul", { class: "lines" }, sentences.map((each) =>
    h("li", { class: `deep-${Math.min(2, Math.floor((each.length - each.trimStart().length) / 2))}` }, sentence(each.trim()))));
}

/** A verdict in a word and a sign: the colour only repeats it. */
export function verdict(value) {
  const denied = value === "deny";
  return h("span", { class: `verdict ${denied ? "denied" : "allowed"}` },
    h("span", { "aria-hidden": "true" }, denied ? "✕" : "✓"), denied ? " Blocked" : " Allowed");
}

/** A word with a mood: good, bad, warn or none. */
export const pill = (mood, ...children) => h("span", { class: `pill ${mood}` }, ...children);
