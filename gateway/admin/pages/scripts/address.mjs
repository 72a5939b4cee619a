// What the page shows, as its address: whoever gets the address sees the same. Pure.

export const VIEWS = ["live", "policies", "system", "explain"];
export const FILTERS = ["verdict", "rule", "client", "host", "since", "trace"];
export const QUESTION = ["url", "method", "client", "destination", "listener"];
const LONGEST = 4096;

/** What an address asks for; what makes no sense in it is left out. */
export function read(search) {
  const given = new URLSearchParams(search);
  const view = VIEWS.includes(given.get("view")) ? given.get("view") : "live";
  const named = view === "explain" ? QUESTION : view === "live" ? FILTERS : [];
  const values = Object.fromEntries(named.flatMap((name) => {
    const value = (given.get(name) ?? "").trim().slice(0, LONGEST);
    return value === "" || (name === "verdict" && !["allow", "deny"].includes(value)) ? [] : [[name, value]];
  }));
  const decision = given.get("decision") ?? "";
  return {
    view,
    values,
    span: given.get("span") === "24h" ? "24h" : "1h",
    decision: /^[0-9A-Za-z]{1,64}$/.test(decision) ? decision : null,
  };
}

/** The address of what is shown: the shortest that says it. */
export function write({ view = "live", values = {}, span = "1h", decision = null }) {
  const given = new URLSearchParams();
  if (view !== "live") {
    given.set("view", view);
  }
  for (const name of view === "explain" ? QUESTION : FILTERS) {
    if (values[name]) {
      given.set(name, values[name]);
    }
  }
  if (span !== "1h") {
    given.set("span", span);
  }
  if (decision) {
    given.set("decision", decision);
  }
  const text = given.toString();
  return text === "" ? "/" : `/?${text}`;
}

/** The same as what the API takes. */
export const asked = (values) => new URLSearchParams(FILTERS.flatMap((name) => (values[name] ? [[name, values[name]]] : []))).toString();
