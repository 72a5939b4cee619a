// The policies in force: every rule with how often it had a say, and those that never had.

import { ask } from "./api.mjs";
import { by, h, pill, renewing, scrolling, table } from "./dom.mjs";
import { count, counted, moment, place } from "./format.mjs";

const KINDS = { guardrail: "Guardrail", deny: "Deny", allow: "Allow", exception: "Exception", limit: "Limit" };

/** The view. `page` goes to addresses. */
export function policies(page) {
  const render = renewing(by("policies-body"), (told) => told.map((each, index) => policy(page, each, index)));
  return {
    /** Ask, and show what is told. Throws Problem. */
    async show() {
      render((await ask("policies")).policies);
    },
  };
}

function policy(page, told, index) {
  const id = `policy-${index}`;
  const unused = told.never_fired.filter((each) => !each.startsWith("builtin-"));
  return h("section", { class: "card", "aria-labelledby": id },
    h("div", { class: "row" }, h("h2", { id }, told.name ?? "(no name)"), pill("", `${told.mode} · ${told.listener}`),
      told.kept_because.length > 0 && pill("warn", "Old policy kept")),
    h("p", { class: "quiet" }, `${told.file}, loaded ${moment(told.loaded)}, by default ${told.default === "allow" ? "allows" : "denies"}`),
    told.kept_because.length > 0 && h("div", { class: "notice warn" }, h("p", {}, "The file was refused, the policy before it stays in force:"),
      h("ul", {}, told.kept_because.map((each) => h("li", {}, each)))),
    scrolling(`Rules of ${told.name}`, table(`Rules of ${told.name}, on ${told.listener}`,
      ["Rule", "Kind", "Had a say", "Decided", "Where"],
      told.rules.toSorted((one, other) => other.fired - one.fired).map((each) => rule(page, each)))),
    unused.length > 0 && h("p", { class: "quiet" }, `${counted(unused.length, "rule")} never had a say since then.`));
}

function rule(page, each) {
  const filters = { rule: each.id };
  const shown = each.kind === "exception" || each.decided === 0 ? h("span", { class: "rule" }, each.id)
    : h("a", { class: "rule", "data-key": each.place + each.id, href: page.addressOf({ view: "live", values: filters }),
      on: { click: (event) => { event.preventDefault(); page.go({ view: "live", values: filters }); } } }, each.id);
  return [
    h("span", {}, shown, each.reason && h("span", { class: "under always quiet" }, each.reason)),
    h("span", {}, KINDS[each.kind] ?? each.kind, each.stage === "shadow" && h("span", {}, " ", pill("", "on trial"))),
    each.fired === 0 ? pill("", "Never") : said(each),
    count(each.decided),
    each.place === null ? "built in" : h("span", { title: each.place }, place(each.place)),
  ];
}

function said(each) {
  const more = [[each.shadow, "on trial"], [each.waived, "lifted"]].filter(([number]) => number > 0).map(([number, word]) => `${count(number)} ${word}`);
  return more.length === 0 ? count(each.fired) : `${count(each.fired)} (${more.join(", ")})`;
}
