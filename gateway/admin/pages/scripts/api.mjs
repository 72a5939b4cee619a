// Questions and orders to the admin API of the same origin, and what goes wrong with them in words.

const PATIENCE = 70_000;
const KEPT = "signed-in";
let key = kept();

/** What the browser keeps for pages of this origin alone: other ports of this host have the cookie, and not this. */
function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/** Keep the key of the session for this page and others of this origin; null forgets it. */
export function remember(given) {
  key = given;
  try {
    given === null ? localStorage.removeItem(KEPT) : localStorage.setItem(KEPT, given);
  } catch {
    // Without storage the key lives as long as the page.
  }
}

/** Whether there may be a session: one that began in another window is one of this page, too. */
export const isLikely = () => (key = kept() ?? key) !== null;

/** The field that says so. */
export const proof = () => (isLikely() ? { "Wicketgate-Session-Key": key } : {});

/** The API did not do it; `status` is 0 where nobody answered at all. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** What the API says. Throws Problem. */
export async function ask(path, { method = "GET", body } = {}) {
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, {
      method,
      headers: { ...proof(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Problem(0, "nobody answers at this address");
  }
  return told(answer);
}

/** What an answer says, as JSON. Throws Problem. */
export async function told(answer) {
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const wait = answer.headers.get("Retry-After");
    throw new Problem(answer.status, `${said.detail ?? "it failed"}${wait ? ` (${wait} s)` : ""}`);
  }
  return said;
}
