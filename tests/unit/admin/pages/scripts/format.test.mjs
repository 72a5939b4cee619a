import assert from "node:assert/strict";
import { test } from "node:test";

import { address, bytes, clock, count, counted, duration, moment, place, rate, why } from "../../../../../gateway/admin/pages/scripts/format.mjs";

process.env.TZ = "UTC";

test("durations are told in the two units that say most", () => {
  const told = [0, 59, 60, 3725, 86_400, 200_000, -4].map(duration);

  assert.deepEqual(told, ["0 s", "59 s", "1 min", "1 h 2 min", "1 d", "2 d 7 h", "0 s"]);
});

test("moments are told where the reader is, and none for what is no moment", () => {
  assert.equal(clock("2026-11-23T09:05:07.123456Z"), "09:05:07");
  assert.equal(moment("2026-11-23T09:05:07.123456Z"), "2026-11-23 09:05:07");
  assert.equal(clock("never"), "");
});

test("numbers are told in words", () => {
  assert.deepEqual([count(1234567), count(null), counted(1, "rule"), counted(0, "rule")], ["1\u202f234\u202f567", "0", "1 rule", "0 rules"]);
  assert.deepEqual([0, 999, 1000, 123_456, 5_000_000_000].map(bytes), ["0 B", "999 B", "1.0 kB", "123 kB", "5.0 GB"]);
});

test("a request is told as its address", () => {
  const request = { method: "GET", scheme: "http", host: "ads.example", port: 80, path: "/x", query: { y: "REDACTED", z: ["1", "2"] } };

  assert.equal(address(request), "http://ads.example/x?y=REDACTED&z=1&z=2");
  assert.equal(address({ ...request, query: {}, port: 8080 }), "http://ads.example:8080/x");
  assert.equal(address({ method: "CONNECT", scheme: "https", host: "::1", port: 443, path: null }), "[::1]:443");
  assert.equal(address({ ...request, scheme: "https", port: 443, query: null, path: null }), "https://ads.example/");
  assert.equal(address(null), "(no host)");
});

test("who decided is a rule, or a reason where no rule did", () => {
  assert.equal(why({ rule: "no-ads", reason: "rule-deny" }), "no-ads");
  assert.equal(why({ rule: null, reason: "allowed-by-default" }), "allowed by default");
  assert.equal(place("/etc/wicketgate/corporate.yaml:33"), "corporate.yaml:33");
});

test("a limit is told as a policy writes it", () => {
  assert.equal(rate({ rate: { amount: 600, period: 60, burst: 100 } }), "600/min, 100 at once");
  assert.equal(rate({ rate: { amount: 5, period: 10, burst: 5 } }), "5/10 s, 5 at once");
  assert.equal(rate({ rate: null, concurrent: 8 }), "8 at once");
});
