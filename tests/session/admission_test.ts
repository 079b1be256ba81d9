// Who may go next. Each name is a part of the rule.

import { assertEquals } from "@std/assert";
import type { QoS } from "../../src/codec/mod.ts";
import { type AdmissionGate, type Lane, nextLane } from "../../src/session/mod.ts";
import { test } from "../support/test.ts";
import { connected } from "./support.ts";

/** A session that takes publishes at these QoS, and control requests or not. */
function gate({ publish, control }: { publish: readonly QoS[]; control: boolean }): AdmissionGate {
  return { canPublish: (qos) => publish.includes(qos), canControl: () => control };
}

const open = gate({ publish: [0, 1, 2], control: true });
const windowFull = gate({ publish: [0], control: true });
const qos2WindowFull = gate({ publish: [0, 1], control: true });
const idsExhausted = gate({ publish: [0], control: false });
const closed = gate({ publish: [], control: false });

const at = (order: number): { order: number } => ({ order });
const publishAt = (order: number, qos: QoS): { order: number; qos: QoS } => ({ order, qos });

test("nothing waits: nothing goes", () => {
  assertEquals(nextLane(undefined, undefined, open), undefined);
});

test("the only one that waits goes if it can", () => {
  assertEquals(nextLane(publishAt(0, 1), undefined, open), "publish");
  assertEquals(nextLane(undefined, at(0), open), "control");
  assertEquals(nextLane(publishAt(0, 1), undefined, windowFull), undefined);
  assertEquals(nextLane(undefined, at(0), idsExhausted), undefined);
});

test("of two that can go, the older goes first", () => {
  assertEquals(nextLane(publishAt(1, 1), at(2), open), "publish");
  assertEquals(nextLane(publishAt(2, 1), at(1), open), "control");
});

test("a control request passes a publish that the window holds back", () => {
  assertEquals(nextLane(publishAt(1, 1), at(2), windowFull), "control");
  assertEquals(nextLane(publishAt(1, 2), at(2), qos2WindowFull), "control");
});

test("a control request never passes a publish that can go", () => {
  assertEquals(nextLane(publishAt(1, 0), at(2), windowFull), "publish");
  assertEquals(nextLane(publishAt(1, 1), at(2), qos2WindowFull), "publish");
});

test("a publish never passes a control request, not even at QoS 0", () => {
  assertEquals(nextLane(publishAt(2, 0), at(1), idsExhausted), undefined);
  assertEquals(nextLane(publishAt(2, 0), at(1), gate({ publish: [0, 1, 2], control: false })), undefined);
});

test("while the session admits nothing, nothing goes", () => {
  assertEquals(nextLane(publishAt(1, 0), at(2), closed), undefined);
  assertEquals(nextLane(publishAt(2, 0), at(1), closed), undefined);
});

test("a publish is asked for at the QoS it has", () => {
  const asked: QoS[] = [];
  const curious: AdmissionGate = { canPublish: (qos) => asked.push(qos) > 0, canControl: () => true };
  for (const qos of [0, 1, 2] as const) nextLane(publishAt(1, qos), undefined, curious);
  assertEquals(asked, [0, 1, 2]);
});

/** Lets requests through to a session, as its owner would; what goes, in order. `p1` is a publish at QoS 1, `s` a SUBSCRIBE. */
function admits(requests: readonly string[], inflight: number): string[] {
  const { session } = connected({ inflight });
  const publishes = requests.flatMap((name, order) =>
    name.startsWith("p") ? { name, order, qos: +name[1]! as QoS } : []
  );
  const controls = requests.flatMap((name, order) => name === "s" ? { name, order } : []);
  const admitted: string[] = [];
  const take: Readonly<Record<Lane, () => void>> = {
    publish: () => {
      const { name, qos } = publishes.shift()!;
      admitted.push(name);
      session.publish({ topicName: "t", payload: new Uint8Array(), qos, retain: false });
    },
    control: () => {
      admitted.push(controls.shift()!.name);
      session.subscribe([{ topicFilter: "a", qos: 0 }]);
    },
  };
  for (
    let lane = nextLane(publishes[0], controls[0], session);
    lane;
    lane = nextLane(publishes[0], controls[0], session)
  ) {
    take[lane]();
  }
  return admitted;
}

test("a publish never passes another, whatever its QoS: QoS 0 waits behind QoS 1 that the window holds back", () => {
  assertEquals(admits(["p1", "p1", "p0", "p0"], 1), ["p1"]);
});

test("all control requests pass the publish that is held back, in their order", () => {
  assertEquals(admits(["p1", "p1", "s", "p0", "s"], 1), ["p1", "s", "s"]);
});

test("with room for all, everything goes in the order of the requests", () => {
  assertEquals(admits(["p1", "s", "p0", "p2", "s", "p1"], 9), ["p1", "s", "p0", "p2", "s", "p1"]);
});
