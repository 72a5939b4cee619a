import assert from "node:assert/strict";
import { test } from "node:test";

import { Events } from "../../../../../gateway/admin/pages/scripts/events.mjs";

const TEXT = 'retry: 1000\n\nid: 7\nevent: decision\ndata: {"a":\ndata: 1}\n\n: still here\r\n\r\nid: 9\n: still here\n\n';

test("events are the same however the text comes in pieces", () => {
  for (let size = 1; size <= TEXT.length; size += 1) {
    const events = new Events();
    const found = [];
    for (let begin = 0; begin < TEXT.length; begin += size) {
      found.push(...events.take(TEXT.slice(begin, begin + size)));
    }
    assert.deepEqual(found, [{ kind: "decision", id: "7", data: '{"a":\n1}' }], `in pieces of ${size}`);
    assert.equal(events.lastId, "9", "a sign of life says how far the log was read");
  }
});

test("what was read by half does not count: a break goes on behind the last whole event", () => {
  const events = new Events("5");

  assert.deepEqual(events.take("id: 6\nevent: decision\ndata: {"), []);
  assert.equal(events.lastId, "5");
});

test("an event without a kind is a message, and a colon may stand alone", () => {
  assert.deepEqual(new Events().take("data:x: y\ndata\n\n"), [{ kind: "message", id: null, data: "x: y\n" }]);
});
