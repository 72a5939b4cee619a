"use strict";

const form = document.getElementById("sign-in");
const said = document.getElementById("said");
const shown = document.getElementById("status");
const leave = document.getElementById("sign-out");

async function show() {
  const answer = await fetch("/api/v1/status");
  const signedIn = answer.status !== 401;
  form.hidden = signedIn;
  leave.hidden = shown.hidden = !signedIn;
  if (signedIn) {
    shown.textContent = JSON.stringify(await answer.json(), null, 2);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = new FormData(form).get("token");
  const answer = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  said.textContent = answer.ok ? "" : (await answer.json()).detail;
  form.reset();
  await show();
});

leave.addEventListener("click", async () => {
  await fetch("/api/v1/session", { method: "DELETE" });
  await show();
});

show();
