import { assertEquals } from "@std/assert";
import { packetSize } from "../../src/codec/mod.ts";
import { LiveSubscriptions } from "../../src/session/subscriptions.ts";
import { test } from "../support/test.ts";

/** The live subscriptions after a SUBSCRIBE to so many filters of `length` characters was granted. */
function live(count: number, length = 4): LiveSubscriptions {
  const subscriptions = Array.from(
    { length: count },
    (_, i) => ({ topicFilter: `${i}`.padStart(length, "f"), qos: 1 as const }),
  );
  const live = new LiveSubscriptions();
  live.handleSuback(
    { type: "subscribe", packetId: 1, subscriptions },
    { type: "suback", packetId: 1, returnCodes: subscriptions.map(() => 1) },
  );
  return live;
}

test("a portion has at most eight subscriptions", () => {
  assertEquals(live(0).portions(1000).length, 0);
  assertEquals(live(20).portions(1000).map((portion) => portion.length), [8, 8, 4]);
});

test("a portion fits into the largest packet, and nothing is left out or moved", () => {
  const subscriptions = live(5, 30);
  const sizes = subscriptions.portions(80).map((portion) =>
    packetSize({ type: "subscribe", packetId: 1, subscriptions: portion })
  );
  assertEquals(sizes, [70, 70, 37]);
  assertEquals(subscriptions.portions(80).flat(), subscriptions.portions(1000).flat());
});

test("a subscription that is larger than any packet goes alone", () => {
  assertEquals(live(2, 100).portions(10).map((portion) => portion.length), [1, 1]);
});
