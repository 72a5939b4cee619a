// Decisions as they come: rows that do not grow without end, filters that are in the address, and a pause.

import { asked, FILTERS } from "./address.mjs";
import { ask } from "./api.mjs";
import { by, h, verdict } from "./dom.mjs";
import { address, clock, count, counted, moment, place, why } from "./format.mjs";
import { Rows } from "./rows.mjs";
import { follow } from "./stream.mjs";

const PAGE = 100;
const BEAT = 250;

/** The list of decisions. `page` goes to addresses, opens stories and hears of problems. */
export function live(page) {
  const form = by("filters");
  const state = { rows: new Rows(), stop: null, wanted: null, flow: "", older: null, drawing: null, shown: new Map() };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    page.go({ view: "live", values: values(form) });
  });
  form.elements.verdict.addEventListener("change", () => form.requestSubmit());
  by("clear").addEventListener("click", () => page.go({ view: "live", values: {} }));
  by("pause").addEventListener("click", () => turn(state));
  by("older").addEventListener("click", () => older(state, page));

  return {
    /** Show what is wanted; the stream goes on if that is the same as before. */
    show(wanted) {
      FILTERS.forEach((name) => { form.elements[name].value = wanted[name] ?? ""; });
      const key = asked(wanted);
      if (state.stop === null || key !== state.wanted) {
        begin(state, page, key);
      }
    },
    /** Stop following. */
    hide() {
      state.stop?.();
      state.stop = null;
    },
  };
}

const values = (form) => Object.fromEntries(FILTERS.map((name) => [name, form.elements[name].value.trim()]));

function begin(state, page, wanted) {
  state.stop?.();
  const paused = state.rows.paused && state.wanted === wanted;
  Object.assign(state, { wanted, rows: new Rows(), older: null });
  state.rows.paused = paused;
  say(state, "Connecting…");
  by("filters-problem").textContent = "";
  state.stop = follow(`/api/v1/decisions/stream?${wanted}`, {
    onRecord: (record) => state.rows.add(record) ? beat(state, page) : waits(state),
    onState: (kind, problem) => heard(state, page, kind, problem),
  });
  first(state, page, wanted);
}

async function first(state, page, wanted) {
  try {
    const found = await ask(`decisions?limit=${PAGE}&${wanted}`);
    if (state.wanted === wanted) {
      found.decisions.forEach((each) => state.rows.paused || state.rows.add(each));
      state.older = found.next;
    }
  } catch (problem) {
    refused(state, page, problem);
  }
  draw(state, page);
}

function heard(state, page, kind, problem) {
  if (kind === "open") {
    say(state, state.rows.paused ? "Paused" : "Live");
  } else if (kind === "lost") {
    say(state, "Connection lost, trying again…");
    page.recheck();
  } else {
    refused(state, page, problem);
  }
}

function refused(state, page, problem) {
  if (problem.status === 422) {
    by("filters-problem").textContent = `This cannot be looked for: ${problem.message}.`;
    say(state, "Not following");
  } else {
    page.failed(problem);
  }
}

/** What goes on with the stream, told once for each change. */
function say(state, words) {
  if (state.flow !== words) {
    state.flow = words;
    by("flow").textContent = words;
    by("flow").dataset.flow = words === "Live" ? "live" : words === "Paused" ? "paused" : "other";
  }
}

function turn(state) {
  const button = by("pause");
  if (state.rows.paused) {
    state.rows.resume();
    draw(state, state.page);
  } else {
    state.rows.paused = true;
  }
  button.setAttribute("aria-pressed", String(state.rows.paused));
  button.textContent = state.rows.paused ? "Resume" : "Pause";
  say(state, state.rows.paused ? "Paused" : "Live");
}

function waits(state) {
  if (state.rows.paused && state.rows.waiting > 0) {
    by("pause").textContent = `Resume (${count(state.rows.waiting)} new)`;
  }
}

async function older(state, page) {
  const wanted = state.wanted;
  try {
    const found = await ask(`decisions?limit=${PAGE}&before=${state.older}&${wanted}`);
    if (state.wanted === wanted) {
      state.rows.addOlder(found.decisions);
      state.older = found.next;
      draw(state, page);
    }
  } catch (problem) {
    page.failed(problem);
  }
}

/** Draw soon: however many decisions come, the page is drawn a few times a second. */
function beat(state, page) {
  state.drawing ??= setTimeout(() => {
    state.drawing = null;
    draw(state, page);
  }, BEAT);
}

/** The rows that stay keep their elements, so that who stands on one with the keyboard stays there. */
function draw(state, page) {
  state.page = page;
  const body = by("rows").tBodies[0];
  const records = state.rows.list();
  const kept = new Map(records.map((each) => [each.seq, state.shown.get(each.seq) ?? row(each, page)]));
  state.shown.forEach((element, seq) => kept.has(seq) || element.remove());
  let before = null;
  for (const element of [...kept.values()].reverse()) {
    if (element.parentNode !== body || element.nextSibling !== before) {
      body.insertBefore(element, before);
    }
    before = element;
  }
  state.shown = kept;
  by("rows").hidden = records.length === 0;
  by("no-rows").hidden = records.length > 0;
  by("no-rows").replaceChildren(...nothing(state.wanted));
  by("older").hidden = state.older === null;
}

function nothing(wanted) {
  return wanted === ""
    ? [h("p", {}, "No decision yet."), h("p", { class: "quiet" }, "Ask for something through the gateway, and it appears here.")]
    : [h("p", {}, "Nothing matches these filters."), h("p", { class: "quiet" }, "New decisions that match appear here.")];
}

function row(record, page) {
  const { decision, request, client, id } = record;
  const where = page.addressOf({ decision: id });
  const open = (event) => {
    event.preventDefault();
    page.go({ decision: id });
  };
  const reason = [h("span", { class: "rule" }, why(decision)), decision.place && h("span", { class: "quiet" }, place(decision.place))];
  const who = client?.user ?? client?.ip ?? "unknown";
  return h("tr", { class: decision.verdict === "deny" ? "denied" : "allowed" },
    h("td", {}, h("time", { datetime: record.time, title: moment(record.time) }, clock(record.time))),
    h("td", {}, verdict(decision.verdict)),
    h("td", { class: "request" },
      h("a", { href: where, on: { click: open } }, h("b", {}, request?.method ?? "–"), " ", address(request)),
      h("span", { class: "under quiet" }, `${who} · ${why(decision)}`)),
    h("td", { class: "wide" }, who),
    h("td", { class: "wide why" }, reason));
}

/** How many rows are there, for who filters. */
export const found = (number) => counted(number, "decision");
