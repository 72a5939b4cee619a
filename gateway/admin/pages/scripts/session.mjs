// Signing in with the token, or with a link that works once; and signing out.

import { ask, isLikely, remember } from "./api.mjs";
import { by } from "./dom.mjs";

const LINK = "#sign-in=";

/** The form. `entered` is called when somebody has signed in. */
export function session(entered) {
  const form = by("sign-in-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await enter({ token: form.elements.token.value.trim() }, entered);
    form.reset();
    if (!by("sign-in").hidden) {
      form.elements.token.focus();
    }
  });
  return {
    /** Whether there may be a session: the page asks for nothing while there is none. */
    get isLikely() {
      return isLikely();
    },
    /** Ask for the token, and say why. */
    show(why) {
      remember(null);
      if (by("sign-in").hidden) {
        by("sign-in").hidden = false;
        by("sign-in-why").textContent = why;
        form.elements.token.focus();
      }
    },
    hide() {
      by("sign-in").hidden = true;
      by("sign-in-problem").textContent = "";
    },
    /** Use the link that led here, if it is one to sign in with. It is taken out of the address at once. */
    async byLink() {
      if (location.hash.startsWith(LINK)) {
        const code = location.hash.slice(LINK.length);
        history.replaceState(null, "", location.pathname + location.search);
        await enter({ code }, () => {});
      }
    },
    /** Sign out. Throws Problem. */
    leave: () => ask("session", { method: "DELETE" }),
  };
}

async function enter(secret, entered) {
  by("sign-in-problem").textContent = "";
  try {
    const { key } = await ask("session", { method: "POST", body: secret });
    remember(key);
    entered();
  } catch (problem) {
    remember(null);
    by("sign-in-problem").textContent = problem.status === 401 && secret.code
      ? "This link was used already, or is too old. `wicketgate admin link` makes another one."
      : `That did not work: ${problem.message}.`;
  }
}
