import assert from "node:assert/strict";
import { test } from "node:test";

import { asked, read, write } from "../../../../../gateway/admin/pages/scripts/address.mjs";

test("an address is read into what is shown, and written as the same", () => {
  for (const address of [
    "/",
    "/?verdict=deny&rule=no-ads&client=10.0.0.0%2F8&host=ads.example",
    "/?span=24h",
    "/?view=policies",
    "/?decision=01M804JQT0685AK1TF65RVWEQX",
    "/?view=explain&url=https%3A%2F%2Fads.example%2F%3Fa%3Db%26c&method=POST&client=10.1.2.3&listener=egress",
  ]) {
    assert.equal(write(read(address.slice(1))), address);
  }
});

test("what makes no sense in an address is left out", () => {
  const found = read("?view=nowhere&verdict=maybe&rule=%20&span=1y&decision=%3Cscript%3E&more=1");

  assert.deepEqual(found, { view: "live", values: {}, span: "1h", decision: null });
  assert.equal(read(`?host=${"a".repeat(9000)}`).values.host.length, 4096);
});

test("a view has its own values: filters are none of the others", () => {
  assert.deepEqual(read("?view=system&rule=no-ads").values, {});
  assert.deepEqual(read("?view=explain&rule=no-ads&url=x").values, { url: "x" });
});

test("the API is asked with the filters that are there, and every sign of theirs", () => {
  assert.equal(asked({ rule: "a&b", host: "", client: "::1/128" }), "rule=a%26b&client=%3A%3A1%2F128");
});
