// Decisions over time, and what most of them are about.

import { ask } from "./api.mjs";
import { by, h, renewing, s, table } from "./dom.mjs";
import { clock, count, moment } from "./format.mjs";
import { bars, ceiling, filled, summary } from "./series.mjs";

const WIDTH = 600;
const HEIGHT = 120;
const KINDS = [["rule", "Rules"], ["host", "Hosts"], ["client", "Clients"]];
const OTHERS = "(others)";

/** The figures above the list. `page` goes to addresses. */
export function overview(page) {
  let told = null;
  const totals = renewing(by("totals"), total);
  const chart = renewing(by("chart"), draw);
  const behind = renewing(by("chart-table"), (series) => table("Decisions over time", ["Time", "Blocked", "Allowed"],
    series.toReversed().map((each) => [moment(each.at).slice(0, -3), count(each.deny), count(each.allow)])));
  const tops = renewing(by("tops"), ([which, values]) => KINDS.map(([kind, title]) => top(page, which, kind, title, values[kind])));

  const render = () => {
    const series = filled(told.span, told.over_time, Date.now());
    totals(told.decisions);
    chart(series);
    behind(series);
    const which = document.querySelector('input[name="tops"]:checked').value;
    tops([which, told[which]]);
  };
  document.querySelectorAll('input[name="tops"]').forEach((each) => each.addEventListener("change", () => told && render()));
  document.querySelectorAll('input[name="span"]').forEach((each) =>
    each.addEventListener("change", () => page.go({ span: each.value }, { replace: true })));

  return {
    /** Ask, and show what is told. Throws Problem. */
    async show(span) {
      document.querySelector(`input[name="span"][value="${span}"]`).checked = true;
      told = await ask(`figures?top=6&span=${span}`);
      render();
    },
  };
}

function total({ allow, deny }) {
  const all = allow + deny;
  const share = all === 0 ? "" : ` (${((deny / all) * 100).toFixed(deny / all < 0.1 ? 1 : 0)} %)`;
  return [h("span", { class: "total" }, h("b", { class: "denied" }, count(deny)), ` blocked${share}`),
    h("span", { class: "total" }, h("b", {}, count(allow)), " allowed")];
}

function draw(series) {
  const top = ceiling(Math.max(1, ...series.map((each) => each.deny)));
  const drawn = bars(series, WIDTH, HEIGHT);
  const lines = [0, 0.5, 1].map((share) => s("line", { class: "rule-line", x1: 0, x2: WIDTH, y1: HEIGHT * share, y2: HEIGHT * share }));
  const shown = drawn.map((each) => s("rect", { class: "bar", x: each.x.toFixed(1), y: each.y.toFixed(1),
    width: each.width.toFixed(1), height: each.height.toFixed(1), rx: 1.5 },
  s("title", {}, `${clock(each.at).slice(0, 5)}: ${count(each.deny)} blocked, ${count(each.allow)} allowed`)));
  const short = (each) => clock(each.at).slice(0, 5);
  return [
    h("div", { class: "chart-frame" },
      s("svg", { viewBox: `0 -1 ${WIDTH} ${HEIGHT + 2}`, preserveAspectRatio: "none", role: "img", "aria-label": summary(series, short) }, lines, shown),
      h("span", { class: "top-label quiet", "aria-hidden": "true" }, count(top))),
    h("div", { class: "axis quiet", "aria-hidden": "true" },
      [series[0], series[Math.floor(series.length / 2)], series.at(-1)].map((each) => h("span", {}, short(each)))),
  ];
}

function top(page, which, kind, title, values) {
  const most = Math.max(1, ...values.map((each) => each.count));
  const verdict = which === "blocked" ? "deny" : "allow";
  const id = `top-${kind}`;
  return h("div", {}, h("h3", { id }, title),
    values.length === 0 ? h("p", { class: "quiet" }, "None") : h("ol", { class: which, "aria-labelledby": id }, values.map((each) => item(page, verdict, kind, most, each))));
}

function item(page, verdict, kind, most, each) {
  const filters = { verdict, [kind]: each.value };
  const name = each.value === OTHERS
    ? h("span", { class: "name" }, each.value)
    : h("a", { class: "name", "data-key": `${kind} ${each.value}`, title: each.value,
      href: page.addressOf({ view: "live", values: filters }),
      on: { click: (event) => { event.preventDefault(); page.go({ view: "live", values: filters }); } } }, each.value);
  const bar = s("svg", { class: "share", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { width: 100, height: 4, class: "share-all" }), s("rect", { width: Math.max(1, (each.count / most) * 100), height: 4, class: "share-part" }));
  return h("li", {}, name, h("span", { class: "number" }, count(each.count)), bar);
}
