import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST, Rows } from "../../../../../gateway/admin/pages/scripts/rows.mjs";

const numbers = (rows) => rows.list().map((each) => each.seq);
const some = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => ({ seq: first + index }));

test("rows are each there once, the newest first, whatever the order in which they came", () => {
  const rows = new Rows();
  [3, 1, 2, 3].forEach((seq) => rows.add({ seq }));

  assert.deepEqual(numbers(rows), [3, 2, 1]);
  assert.equal(rows.add({ seq: 2 }), false);
});

test("there are never more than so many, and the oldest go", () => {
  const rows = new Rows();
  some(1, MOST + 50).forEach((each) => rows.add(each));

  assert.equal(rows.list().length, MOST);
  assert.equal(numbers(rows).at(-1), 51);
  assert.equal(rows.add({ seq: 3 }), false, "an older one finds no room");
});

test("what comes in a pause waits, no more of it than there is room for", () => {
  const rows = new Rows();
  rows.add({ seq: 1 });
  rows.paused = true;
  some(2, MOST + 100).forEach((each) => assert.equal(rows.add(each), false));

  assert.deepEqual(numbers(rows), [1]);
  assert.equal(rows.waiting, MOST);
  rows.resume();
  assert.equal(rows.waiting, 0);
  assert.equal(numbers(rows)[0], MOST + 100);
  assert.equal(rows.list().length, MOST);
});

test("for older ones that were asked for there is room, until the next pause is over", () => {
  const rows = new Rows();
  some(1001, 1000 + MOST).forEach((each) => rows.add(each));
  rows.addOlder(some(901, 1000));

  assert.equal(rows.list().length, MOST + 100);
  assert.equal(numbers(rows).at(-1), 901);
  rows.resume();
  assert.equal(rows.list().length, MOST);
});
