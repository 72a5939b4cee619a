import assert from "node:assert/strict";
import { test } from "node:test";

import { bars, ceiling, filled, summary } from "../../../../../gateway/admin/pages/scripts/series.mjs";

const NOW = Date.parse("2026-11-23T10:00:30Z");

test("a span has every minute up to now, those without a decision too", () => {
  const series = filled("1h", [{ time: "2026-11-23T09:59", allow: 3, deny: 2 }, { time: "2026-11-22T01:00", deny: 9 }], NOW);

  assert.equal(series.length, 60);
  assert.deepEqual(series.at(-1), { time: "2026-11-23T10:00", at: "2026-11-23T10:00:00Z", allow: 0, deny: 0 });
  assert.deepEqual(series.at(-2), { time: "2026-11-23T09:59", at: "2026-11-23T09:59:00Z", allow: 3, deny: 2 });
  assert.equal(series.reduce((sum, each) => sum + each.deny, 0), 2);
});

test("a day has its hours", () => {
  const series = filled("24h", [{ time: "2026-11-22T11", allow: 1, deny: 1 }], NOW);

  assert.equal(series.length, 24);
  assert.deepEqual(series[0], { time: "2026-11-22T11", at: "2026-11-22T11:00:00Z", allow: 1, deny: 1 });
});

test("the scale ends with a round number", () => {
  assert.deepEqual([0, 1, 3, 7, 10, 11, 999].map(ceiling), [1, 1, 5, 10, 10, 20, 1000]);
});

test("bars stand on the ground within the drawing, and one of a thousand can still be seen", () => {
  const drawn = bars([{ deny: 1000 }, { deny: 1 }, { deny: 0 }], 300, 100);

  assert.deepEqual(drawn.map((each) => each.height), [100, 3, 0]);
  assert.ok(drawn.every((each) => each.y + each.height === 100 && each.x >= 0 && each.x + each.width <= 300));
});

test("who does not see the chart hears it in a sentence", () => {
  const series = filled("1h", [{ time: "2026-11-23T09:59", deny: 2 }, { time: "2026-11-23T09:58", deny: 5 }], NOW);

  assert.equal(summary(series, (at) => at.slice(11, 16)), "7 blocked, most at 09:58: 5.");
  assert.equal(summary([], String), "Nothing was blocked.");
});
