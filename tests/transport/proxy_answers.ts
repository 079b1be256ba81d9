// Answers of proxies, given to a handshake in every division.

import { assert, assertEquals } from "@std/assert";
import type { HandshakeStep, ProxyHandshake } from "../../src/transport/proxy_handshake.ts";

/** Gives the answer and what follows it whole, byte by byte, and divided once at every place. It must open, and find the rest. */
export function pushSplitAnywhere(begin: () => ProxyHandshake, answer: Uint8Array, rest: Uint8Array): void {
  const all = Uint8Array.of(...answer, ...rest);
  for (const portion of [1, all.length]) expectRest(begin(), all, portion, answer.length);
  const step = Math.max(1, Math.floor(answer.length / 200));
  for (let place = 1; place < answer.length; place += step) {
    const handshake = begin();
    assertEquals(handshake.push(all.subarray(0, place)), { type: "wait" });
    expectOpen(handshake.push(all.subarray(place)), rest);
  }
}

function expectRest(handshake: ProxyHandshake, all: Uint8Array, portion: number, answerBytes: number): void {
  for (let at = 0; at < all.length; at += portion) {
    const step = handshake.push(all.subarray(at, at + portion));
    if (at + portion < answerBytes) assertEquals(step, { type: "wait" });
    else return expectOpen(step, all.subarray(answerBytes, at + portion));
  }
}

function expectOpen(step: HandshakeStep, rest: Uint8Array): void {
  assert(step.type === "open");
  assertEquals([...step.rest], [...rest]);
}
