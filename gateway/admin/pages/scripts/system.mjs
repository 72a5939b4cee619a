// The gateway itself: what runs, what was read and what was refused, servers, limits, lists; and two orders.

import { ask } from "./api.mjs";
import { by, h, pairs, pill, renewing, scrolling, table } from "./dom.mjs";
import { count, counted, duration, moment, place, rate } from "./format.mjs";

const PARTS = { policy: "Policy", configuration: "Configuration", authorities: "Authority", trust: "Trust", certificates: "Certificates", list: "List" };
const STANDINGS = { up: "good", down: "bad", ejected: "bad", draining: "warn" };

/** The view. `page` hears of problems, and is told when something was ordered. */
export function system(page) {
  const render = renewing(by("system-body"), cards);
  by("reload").addEventListener("click", () => reload(page));
  draining(page);
  return {
    /** Ask, and show what is told. Throws Problem. */
    async show(status) {
      const [{ upstreams }, { limits }, { lists }] = await Promise.all([ask("upstreams"), ask("limits"), ask("lists")]);
      const { uptime: _, connections: __, ...steady } = status;
      render({ status: { ...steady, connections: status.connections }, upstreams, limits, lists });
    },
  };
}

function cards({ status, upstreams, limits, lists }) {
  return [gateway(status), reading(status.reloads?.parts ?? []), ...upstreams.map(servers), limited(limits), listed(lists)];
}

const card = (id, title, ...content) => h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), ...content);

function gateway(status) {
  const { audit } = status;
  return card("gateway-title", "Gateway", pairs([
    ["Version", `${status.version}, engine ${status.engine}`],
    ["Up since", status.started && moment(status.started)],
    ["Process", String(status.pid)],
    ["Connections", count(status.connections)],
    ["Audit log", h("span", {}, audit.healthy ? pill("good", "Healthy") : pill("bad", audit.trouble ?? "Cannot be written"),
      ` ${counted(audit.last, "record")}${audit.waiting > 0 ? `, ${count(audit.waiting)} not on the disk yet` : ""}`)],
    ["Workers", status.workers?.length > 1 && status.workers.map((each) => `${each.pid}: ${count(each.connections)}`).join(", ")],
    ...status.listeners.map((each) => [each.name, `${each.mode} on ${each.bind}, policy ${each.policy.name}`]),
  ]));
}

function reading(parts) {
  return card("parts-title", "What was read", h("ul", { class: "plain-list" }, parts.map((each) => {
    const kept = each.state !== "loaded";
    return h("li", {}, h("div", { class: "row" }, h("span", {}, [PARTS[each.what] ?? each.what, each.name, each.listener && `on ${each.listener}`].filter(Boolean).join(" ")),
      kept ? pill("warn", "Refused, the old one kept") : pill("good", "Loaded")),
    h("p", { class: "quiet" }, kept && each.kept_since ? `kept since ${moment(each.kept_since)}` : each.loaded && moment(each.loaded)),
    problems(each.problems), problems(each.notices));
  })));
}

const problems = (found) => (found ?? []).length > 0 && h("ul", { class: "problems" }, found.map((each) => h("li", {}, each)));

function servers(upstream, index) {
  return card(`upstream-${index}`, `Upstream ${upstream.name}`,
    h("p", { class: "quiet" }, `${upstream.balance.replaceAll("_", " ")}, ${upstream.checked ? "health is checked" : "health is not checked"}`),
    scrolling(`Servers of ${upstream.name}`, table(`Servers of ${upstream.name}`, ["Server", "Standing", "In flight", "Weight"],
      upstream.servers.map((each) => [each.url, h("span", {}, pill(STANDINGS[each.standing] ?? "warn", each.standing), each.note && h("span", { class: "under always quiet" }, each.note)),
        count(each.in_flight), count(each.weight)]))));
}

function limited(limits) {
  const rows = limits.flatMap((each) => {
    const first = [h("span", {}, each.id, h("span", { class: "under always quiet" }, `${place(each.place)} on ${each.listener}`)), rate(each)];
    const fullest = each.fullest.slice(0, 3).filter((one) => one.remaining !== null);
    const near = fullest.length === 0 ? "Nobody"
      : h("ul", { class: "plain-list tight" }, fullest.map((one) => h("li", {}, `${Object.values(one.key).join(", ")}: ${count(one.remaining)} left`)));
    return [[...first, count(each.keys), near]];
  });
  return card("limits-title", "Limits", rows.length === 0 ? h("p", { class: "quiet" }, "No policy in force has limits.")
    : scrolling("Every limit", table("Every limit", ["Limit", "Admits", "Counted", "Nearest to a refusal"], rows)));
}

function listed(lists) {
  return card("lists-title", "Lists", lists.length === 0 ? h("p", { class: "quiet" }, "No policy in force has lists.")
    : scrolling("Every list", table("Every list", ["List", "Entries", "Age", "Standing"], lists.map((each) => [
      h("span", {}, each.name, h("span", { class: "under always quiet" }, `${each.source} on ${each.listener}`)),
      count(each.entries), age(each), standing(each)]))));
}

const age = (list) => (list.age === null ? "unknown" : `${duration(list.age)}${list.most_age ? ` of ${duration(list.most_age)}` : ""}`);

function standing(list) {
  const mark = list.stale ? pill("bad", "Too old") : list.fell_back ? pill("warn", "Last good copy") : pill("good", "In force");
  return h("span", {}, mark, problems(list.problems));
}

async function reload(page) {
  const button = by("reload");
  button.disabled = true;
  by("order-outcome").replaceChildren(h("p", { class: "notice" }, "Everything is read again…"));
  try {
    const { kept, parts } = await ask("reload", { method: "POST" });
    const refused = parts.filter((each) => each.state !== "loaded");
    by("order-outcome").replaceChildren(kept === 0
      ? h("p", { class: "notice good" }, `Everything was read again: ${counted(parts.length, "part")}, none refused.`)
      : h("div", { class: "notice warn" }, h("p", {}, `${counted(kept, "part")} refused; what was in force before goes on:`),
        h("ul", {}, refused.map((each) => h("li", {}, `${PARTS[each.what] ?? each.what}${each.listener ? ` on ${each.listener}` : ""}`, problems(each.problems))))));
  } catch (problem) {
    by("order-outcome").replaceChildren(h("p", { class: "notice bad" }, `It was not read again: ${problem.message}.`));
    page.failed(problem);
  } finally {
    button.disabled = false;
    button.focus();
  }
  page.refresh();
}

function draining(page) {
  const dialog = by("drain-dialog");
  by("drain").addEventListener("click", () => {
    dialog.returnValue = "cancel";
    dialog.showModal();
  });
  dialog.addEventListener("close", async () => {
    by("drain").focus();
    if (dialog.returnValue !== "drain") {
      return;
    }
    try {
      const seconds = Number(by("drain-form").elements.seconds.value);
      const told = await ask("drain", { method: "POST", body: { seconds } });
      by("order-outcome").replaceChildren(h("p", { class: "notice warn" },
        `The gateway drains: ${counted(told.connections, "connection")} open, ${duration(told.seconds)} at most, then it stops.`));
    } catch (problem) {
      by("order-outcome").replaceChildren(h("p", { class: "notice bad" }, `It does not drain: ${problem.message}.`));
    }
    page.refresh();
  });
}
