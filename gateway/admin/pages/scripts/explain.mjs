// What would become of a request, asked of what is in force.

import { QUESTION } from "./address.mjs";
import { ask } from "./api.mjs";
import { by, h, lines, verdict } from "./dom.mjs";

/** The view. `page` goes to addresses and hears of problems. */
export function explain(page) {
  const form = by("question");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = Object.fromEntries(QUESTION.map((name) => [name, form.elements[name].value.trim()]));
    page.go({ view: "explain", values }, { again: true });
  });
  return {
    /** Fill the form in, and ask if there is something to ask. */
    async show(values, listeners) {
      const select = form.elements.listener;
      select.replaceChildren(...listeners.map((each) => h("option", { value: each.name }, `${each.name} (${each.mode})`)));
      for (const name of QUESTION) {
        form.elements[name].value = values[name] ?? { method: "GET", listener: listeners[0]?.name ?? "" }[name] ?? "";
      }
      if (select.selectedIndex < 0) {
        select.selectedIndex = 0;
      }
      by("answer").replaceChildren();
      if (values.url) {
        await answer(page, form);
      }
    },
  };
}

async function answer(page, form) {
  const { url, method, client, destination, listener } = Object.fromEntries(new FormData(form));
  const body = { url, method, listener, ...(client && { client }), ...(destination && { destinations: [destination] }) };
  try {
    const told = await ask("explain", { method: "POST", body });
    by("answer").replaceChildren(h("div", { class: "card" },
      h("h2", {}, "It would be ", verdict(told.decision.verdict)),
      lines(told.why),
      h("p", { class: "quiet" }, `policy ${told.policy.name}, ${told.policy.digest.slice(0, 19)}, on listener ${told.listener}`)));
  } catch (problem) {
    if (![409, 422].includes(problem.status)) {
      page.failed(problem);
      return;
    }
    by("answer").replaceChildren(h("p", { class: "notice warn" }, `This cannot be asked: ${problem.message}`));
  }
}
