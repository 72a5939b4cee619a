// The page as a whole: what its address asks for is shown, kept up to date, and what goes wrong is told in words.

import { read, VIEWS, write } from "./address.mjs";
import { ask } from "./api.mjs";
import { by, h, renewing } from "./dom.mjs";
import { explain } from "./explain.mjs";
import { clock, duration, moment } from "./format.mjs";
import { live } from "./live.mjs";
import { overview } from "./overview.mjs";
import { policies } from "./policies.mjs";
import { session } from "./session.mjs";
import { story } from "./story.mjs";
import { system } from "./system.mjs";

const EVERY = 5000;
const TITLES = { live: "Live", policies: "Policies", system: "System", explain: "Explain" };
const NOBODY = "This page shows what a gateway decides, to those who look after it.";
const ENDED = "Your session has ended. Sign in again, and you are back where you were.";

let now = read(location.search);
let status = null;
let inside = false;
let heard = null;

const page = {
  /** Go where this differs from here; `replace` adds no step to go back. */
  go(change, { replace = false, again = false } = {}) {
    const before = now;
    now = { ...now, ...(change.view && change.view !== now.view ? { values: {} } : {}), ...change };
    history[replace ? "replaceState" : "pushState"](null, "", write(now));
    arrive(before, again);
  },
  addressOf: (change) => write({ ...now, ...(change.view && change.view !== now.view ? { values: {} } : {}), ...change }),
  failed,
  refresh,
  recheck: refresh,
};
const entrance = session(() => enter());
const views = { live: live(page), policies: policies(page), system: system(page), explain: explain(page) };
const figures = overview(page);
const teller = story(page);
const notices = renewing(by("notices"), (found) => found.map(({ mood, words, more }) =>
  h("div", { class: `notice ${mood}` }, h("p", {}, words), more && h("ul", {}, more.map((each) => h("li", {}, each))))));

/** Show what the address asks for. */
function arrive(before, again = false) {
  const { view, values, decision } = now;
  document.title = `${decision ? "Decision" : TITLES[view]} · Wicketgate`;
  VIEWS.forEach((each) => { by(each).hidden = !inside || each !== view; });
  document.querySelectorAll("nav a[data-view]").forEach((each) =>
    each.dataset.view === view ? each.setAttribute("aria-current", "page") : each.removeAttribute("aria-current"));
  if (!inside) {
    return;
  }
  if (view === "live") {
    views.live.show(values);
  } else {
    views.live.hide();
  }
  if (view === "explain" && (again || before?.view !== view || before?.values !== values)) {
    views.explain.show(values, status?.listeners ?? []);
  }
  if (before && before.view !== view && decision === null) {
    by("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  teller.show(decision);
  if (before?.view !== view || before?.span !== now.span) {
    refresh();
  }
}

/** Ask how the gateway is, and what the view shows. */
async function refresh() {
  if (!inside) {
    return;
  }
  try {
    status = await ask("status");
    heard = new Date().toISOString();
    well();
  } catch (problem) {
    failed(problem);
    if (problem.status === 401 || problem.status === 0) {
      return;
    }
  }
  const asked = { live: () => figures.show(now.span), policies: () => views.policies.show(), system: () => status && views.system.show(status) };
  await asked[now.view]?.().catch(failed);
}

/** What the gateway said of itself. */
function well() {
  const words = status.draining ? ["warn", "Draining"] : status.ready ? ["good", "Ready"] : ["bad", "Not ready"];
  standing(...words);
  by("since").textContent = `${status.version}, up ${duration(status.uptime)}`;
  by("since").title = status.started ? `since ${moment(status.started)}` : "";
  const kept = (status.reloads?.parts ?? []).filter((each) => each.state !== "loaded");
  notices([
    !status.audit.healthy && { mood: "bad", words: `The audit log cannot be written, so requests are refused: ${status.audit.trouble ?? "see to the disk of the state folder"}.` },
    status.draining && { mood: "warn", words: "The gateway drains: it takes nothing new, lets exchanges end, and stops." },
    kept.length > 0 && { mood: "warn", words: "A change was refused, what was in force before goes on:",
      more: kept.flatMap((each) => each.problems ?? []) },
    status.lists?.length > 0 && { mood: "warn", words: "Lists are in force that are not as they should be:",
      more: status.lists.flatMap((each) => each.problems) },
  ].filter(Boolean));
}

/** What went wrong, and the way out. */
function failed(problem) {
  if (problem.status === 401) {
    outside(ENDED);
  } else if (problem.status === 0) {
    standing("bad", "No answer");
    notices([{ mood: "bad", words: `Nobody answers at this address${last()}. If the gateway was stopped, start it again where it runs; this page goes on by itself.` }]);
  } else if (problem.status === 503) {
    standing("bad", "No answer");
    notices([{ mood: "bad", words: `The gateway gives no answer${last()}: ${problem.message}. What was written down can still be read here. See \`wicketgate status\` where it runs; this page goes on by itself.` }]);
  } else {
    notices([{ mood: "bad", words: `Something went wrong: ${problem.message ?? problem}.` }]);
  }
}

const last = () => (heard === null ? "" : ` since ${clock(heard)}`);

function standing(mood, words) {
  const pill = by("ready");
  if (pill.textContent !== words) {
    pill.textContent = words;
    pill.className = `pill ${mood}`;
  }
}

function outside(why) {
  inside = false;
  by("views").hidden = by("standing").hidden = true;
  views.live.hide();
  teller.hide();
  by("drain-dialog").close();
  notices([]);
  arrive(null);
  entrance.show(why);
}

async function enter() {
  if (!entrance.isLikely) {
    outside(NOBODY);
    return;
  }
  try {
    status = await ask("status");
  } catch (problem) {
    if (problem.status === 401) {
      outside(NOBODY);
      return;
    }
    inside = true;
    failed(problem);
  }
  inside = true;
  entrance.hide();
  by("views").hidden = by("standing").hidden = false;
  now = read(location.search);
  arrive(null);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-view]");
  if (link && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    page.go({ view: link.dataset.view, values: {}, decision: null });
  }
});
by("sign-out").addEventListener("click", async () => {
  await entrance.leave().catch(() => {});
  outside("You have signed out.");
});
addEventListener("popstate", () => {
  const before = now;
  now = read(location.search);
  arrive(before);
});
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => document.hidden || refresh(), EVERY);
await entrance.byLink();
await enter();
