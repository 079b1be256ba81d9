// Connections that are lost again and again right after CONNACK, and what that is called.

import { assertEquals } from "@std/assert";
import { MalformedPacketError, PacketTooLargeError } from "../../src/codec/mod.ts";
import { type ConnectionError, ConnectionLostError } from "../../src/loop/error.ts";
import { type Flap, FlapDetector } from "../../src/loop/flap.ts";
import { ProtocolError } from "../../src/session/mod.ts";
import { test } from "../support/test.ts";

const CLOSED: ConnectionError = new ConnectionLostError("closed-by-server", "Cannot keep: the server closed it");

/** Lets a server accept and take away connections that last `lifeMillis`. @returns What is said of the last. */
function lose(detector: FlapDetector, times: number, lifeMillis = 10, error = CLOSED, unacknowledged = false) {
  let flap: Flap | undefined;
  for (let i = 0; i < times; i++) {
    detector.handleConnected(1000 * i);
    flap = detector.handleLost(error, unacknowledged, 1000 * i + lifeMillis);
  }
  return flap;
}

test("two short connections in a row can be chance, three are a flap", () => {
  const detector = new FlapDetector(() => 5000);
  assertEquals(lose(detector, 2), undefined);
  assertEquals(lose(detector, 1), { losses: 3, likelyCause: "client-id-in-use" });
  assertEquals(lose(detector, 1), { losses: 4, likelyCause: "client-id-in-use" });
});

test("a connection that lasted ends a flap", () => {
  const detector = new FlapDetector(() => 5000);
  lose(detector, 3);
  assertEquals(lose(detector, 1, 5000), undefined);
  assertEquals(lose(detector, 2), undefined);
  assertEquals(lose(detector, 1)?.losses, 3);
});

test("a connection a millisecond short of lasting belongs to a flap", () => {
  assertEquals(lose(new FlapDetector(() => 5000), 3, 4999)?.losses, 3);
});

test("attempts that fail in between neither belong to a flap nor end it", () => {
  const detector = new FlapDetector(() => 5000);
  lose(detector, 2);
  for (let i = 0; i < 5; i++) assertEquals(detector.handleLost(CLOSED, false, 9000), undefined);
  assertEquals(lose(detector, 1)?.losses, 3);
});

test("the error and what is unacknowledged tell the likely cause", () => {
  const causes: [ConnectionError, boolean, string][] = [
    [CLOSED, false, "client-id-in-use"],
    [CLOSED, true, "publish-refused"],
    [new PacketTooLargeError(200, 100, 1), true, "incoming-packet-too-large"],
    [new MalformedPacketError("Cannot decode packet: type is 0", "MQTT-2.2.1", 0), true, "server-at-fault"],
    [new ProtocolError("pingreq", "only a client sends it", "MQTT-4.8.0-1"), false, "server-at-fault"],
  ];
  for (const [error, unacknowledged, likelyCause] of causes) {
    assertEquals(lose(new FlapDetector(() => 5000), 3, 10, error, unacknowledged), { losses: 3, likelyCause });
  }
});

test("without a time to last, nothing is a flap", () => {
  assertEquals(lose(new FlapDetector(() => 0), 9, 0), undefined);
});
