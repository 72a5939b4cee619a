// A decision's whole story, in a dialog: why, what would change it, and every record about it.

import { ask } from "./api.mjs";
import { by, h, lines, pairs, scrolling, sentence, table, verdict } from "./dom.mjs";
import { address, bytes, count, moment } from "./format.mjs";

/** The dialog. `page` goes to addresses and hears of problems. */
export function story(page) {
  const dialog = by("story");
  let shown = null;
  let from = null;
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    if (shown !== null) {
      shown = null;
      page.go({ decision: null });
    }
    if (from?.isConnected) {
      from.focus({ preventScroll: true });
    }
  });
  return {
    /** Show a decision, or none. */
    async show(id) {
      if (id === shown) {
        return;
      }
      shown = id;
      if (id === null) {
        dialog.close();
        return;
      }
      if (!dialog.open) {
        from = document.activeElement;
      }
      by("story-body").replaceChildren(h("p", { class: "quiet" }, "Looking it up…"));
      if (!dialog.open) {
        dialog.showModal();
      }
      by("story-title").focus();
      await tell(page, id, () => shown === id);
    },
    /** Out of sight, while the address still asks for it. */
    hide() {
      shown = null;
      dialog.close();
    },
  };
}

async function tell(page, id, wanted) {
  try {
    const found = await ask(`decisions/${id}/story`);
    if (wanted()) {
      by("story-body").replaceChildren(...parts(page, found).filter(Boolean));
    }
  } catch (problem) {
    if (wanted()) {
      by("story-body").replaceChildren(h("p", { class: "notice warn" }, problem.status === 404
        ? "No decision of this id is in the log: it may have been pruned, or belong to another gateway."
        : `It cannot be told: ${problem.message}.`));
    }
    if (problem.status !== 404) {
      page.failed(problem);
    }
  }
}

function parts(page, found) {
  const { decision: record, way_out: wayOut, why, records } = found;
  if (record === null) {
    return [h("p", {}, "No decision was made on this connection."), raw(records)];
  }
  const { request, client, decision } = record;
  return [
    h("div", { class: "row story-head" }, verdict(found.refused ? "deny" : decision.verdict),
      h("p", { class: "what" }, h("b", {}, request?.method ?? "–"), " ", address(request))),
    h("section", {}, h("h3", {}, "Why"), lines(why)),
    wayOut && change(wayOut),
    limits(record.limits),
    h("section", {}, h("h3", {}, "What is known"), pairs([
      ["Decided", h("time", { datetime: record.time }, moment(record.time))],
      ["Client", client?.ip && `${client.ip}${client.port ? ` port ${client.port}` : ""}`],
      ["User", client?.user],
      ["Groups", client?.groups?.join(", ")],
      ["Protocol", request?.protocol],
      ["TLS", record.tls && [record.tls.mode, record.tls.version, record.tls.sni].filter(Boolean).join(", ")],
      ["Leads to", record.destination?.answers?.join(", ")],
      ["Listener", record.listener && `${record.listener} (${record.mode})`],
      ["Policy", record.policy?.name && `${record.policy.name}, ${(record.policy.digest ?? "").slice(0, 19)}`],
      ["Trace", record.trace],
      ["Answered", decision.status && `status ${decision.status}`],
    ]), end(records.find((each) => each.event === "end"))),
    h("section", { class: "buttons" }, copying("Copy link", () => `${location.origin}${page.addressOf({ decision: found.id })}`),
      go(page, "Ask what is in force now", { view: "explain", values: question(record), decision: null }),
      decision.rule && go(page, "All of this rule", { view: "live", values: { rule: decision.rule }, decision: null }),
      record.trace && go(page, "All of this trace", { view: "live", values: { trace: record.trace }, decision: null }),
      client?.ip && go(page, "All of this client", { view: "live", values: { client: client.ip }, decision: null }),
      request?.host && go(page, "All of this host", { view: "live", values: { host: request.host }, decision: null })),
    raw(records),
  ];
}

function change({ words, yaml }) {
  const text = yaml.length > 0 && h("pre", { tabindex: 0, id: "snippet", "aria-label": "Lines for the policy" }, yaml.join("\n"));
  return h("section", {}, h("h3", {}, "What would have to change"), h("p", {}, sentence(`${words}.`)), text,
    text && h("div", { class: "buttons" }, copying("Copy for the policy", () => `${yaml.join("\n")}\n`)));
}

function limits(found) {
  return (found ?? []).length > 0 && h("section", {}, h("h3", {}, "Limits"), scrolling("Limits", table("Limits", ["Limit", "Counted for", "Left", "Of"],
    found.map((each) => [each.id, Object.entries(each.key).map(([name, value]) => `${name} ${value ?? "none"}`).join(", "),
      count(each.remaining), count(each.quota)]))));
}

function end(record) {
  return record
    ? pairs([["Ended", `${record.status ? `status ${record.status}, ` : ""}${bytes(record.bytes.down)} down, ${bytes(record.bytes.up)} up, ${record.seconds} s`],
      ["Served by", record.upstream?.server], ["Cache", record.cache], ["Because", record.reason]])
    : h("p", { class: "quiet" }, "It has not ended yet, or its end is not in the log.");
}

function raw(records) {
  return h("details", {}, h("summary", {}, `All ${count(records.length)} records of it`),
    records.map((each) => h("pre", { tabindex: 0, "aria-label": `Record ${each.seq}` }, JSON.stringify(each, null, 2))));
}

function question({ request, client, destination, listener }) {
  const asked = { ...request, query: {} };
  const url = request.method === "CONNECT" ? `https://${address(request)}/` : address(asked);
  return { url, method: request.method === "CONNECT" ? "GET" : request.method, client: client?.ip ?? "",
    destination: destination?.answers?.[0] ?? "", listener };
}

function go(page, words, target) {
  return h("a", { class: "button", href: page.addressOf(target), on: { click: (event) => { event.preventDefault(); page.go(target); } } }, words);
}

/** A button that copies, and says whether it could: only pages of this machine or with TLS may. */
function copying(words, text) {
  const said = h("span", { role: "status", class: "quiet" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      said.textContent = "Copied.";
    } catch {
      said.textContent = `The browser does not let this page copy. ${text().includes("\n") ? "Select the lines above." : text()}`;
    }
  };
  return h("span", { class: "copying" }, h("button", { type: "button", on: { click: copy } }, words), said);
}
