// Decisions as they come, until told to stop. A stream that breaks goes on behind the last event that was read
// (Last-Event-ID). Read with fetch: unlike EventSource it says why it was refused.

import { proof, told } from "./api.mjs";
import { Events } from "./events.mjs";

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15_000;
const SILENCE = 45_000; // the server gives a sign of life every 15 s

/** Follow `path`: `onRecord` hears every decision, `onState` of `open`, `lost` (with the Problem) and `refused`. */
export function follow(path, { onRecord, onState }) {
  const stop = new AbortController();
  run(path, stop.signal, onRecord, onState);
  return () => stop.abort();
}

async function run(path, stopped, onRecord, onState) {
  let last = null;
  let pause = FIRST_PAUSE;
  while (!stopped.aborted) {
    const events = new Events(last);
    try {
      await once(path, events, stopped, onRecord, () => {
        pause = FIRST_PAUSE;
        onState("open");
      });
    } catch (problem) {
      if (stopped.aborted) {
        return;
      }
      if ([401, 422].includes(problem.status)) {
        onState("refused", problem);
        return;
      }
    }
    last = events.lastId;
    if (!stopped.aborted) {
      onState("lost");
      await waited(pause, stopped);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }
}

async function once(path, events, stopped, onRecord, onOpen) {
  const silence = new AbortController();
  const headers = { ...proof(), ...(events.lastId === null ? {} : { "Last-Event-ID": events.lastId }) };
  const answer = await fetch(path, { headers, signal: AbortSignal.any([stopped, silence.signal]) });
  if (!answer.ok) {
    await told(answer);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) {
      return;
    }
    onOpen();
    for (const each of events.take(value)) {
      if (each.kind === "decision") {
        onRecord(JSON.parse(each.data));
      }
    }
  }
}

function waited(time, stopped) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    stopped.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
