// What a server may not send ends the connection it came on, and nothing more is said there. After DISCONNECT the same holds.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { encodePacket, PacketTooLargeError } from "../../src/codec/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { hex } from "../codec/hex.ts";
import { connectedScene, message, type Run, Scene, words } from "../loop/scene.ts";
import { test } from "../support/test.ts";

/** What a server does wrong, the statement it breaks, and its bytes. */
const violations: readonly (readonly [name: string, rule: string, bytes: string])[] = [
  ["a Topic Name in ill-formed UTF-8", "[MQTT-1.5.3-1]", "30 04 00 02 c3 28"],
  ["a Topic Name with a surrogate", "[MQTT-1.5.3-1]", "30 05 00 03 ed a0 80"],
  ["a Topic Name with U+0000", "[MQTT-1.5.3-2]", "30 03 00 01 00"],
  ["PUBACK with a reserved flag", "[MQTT-2.2.2-2]", "42 02 00 01"],
  ["PUBREL without its flag", "[MQTT-3.6.1-1]", "60 02 00 01"],
  ["Packet Identifier 0", "[MQTT-2.3.1-1]", "32 05 00 01 61 00 00"],
  ["a PUBLISH without a Topic Name", "[MQTT-3.3.2-1]", "30 00"],
  ["an empty Topic Name", "[MQTT-4.7.3-1]", "30 02 00 00"],
  ["a wildcard in a Topic Name", "[MQTT-3.3.2-2]", "30 03 00 01 23"],
  ["DUP at QoS 0", "[MQTT-3.3.1-2]", "38 03 00 01 61"],
  ["both QoS bits", "[MQTT-3.3.1-4]", "36 05 00 01 61 00 01"],
  ["a SUBACK without return codes", "[MQTT-3.8.4-5]", "90 02 00 01"],
  ["a reserved return code in SUBACK", "[MQTT-3.9.3-2]", "90 03 00 01 03"],
  ["a second CONNACK", "[MQTT-4.8.0-1]", "20 02 00 00"],
  ["CONNECT, which only a client sends", "[MQTT-4.8.0-1]", "10 0d 00 04 4d 51 54 54 04 02 00 00 00 01 61"],
  ["SUBSCRIBE, which only a client sends", "[MQTT-4.8.0-1]", "82 06 00 01 00 01 61 00"],
  ["SUBSCRIBE without a Topic Filter", "[MQTT-4.8.0-1]", "82 02 00 01"],
  ["SUBSCRIBE without its flag", "[MQTT-3.8.1-1]", "80 06 00 01 00 01 61 00"],
  ["UNSUBSCRIBE, which only a client sends", "[MQTT-4.8.0-1]", "a2 05 00 01 00 01 61"],
  ["PINGREQ, which only a client sends", "[MQTT-4.8.0-1]", "c0 00"],
  ["DISCONNECT, which only a client sends", "[MQTT-4.8.0-1]", "e0 00"],
];

/** The error of the last loss. */
function lastLoss(run: Run): Error {
  const lost = run.events.findLast((event) => event.type === "disconnected");
  assert(lost !== undefined);
  return lost.error;
}

for (const [name, rule, bytes] of violations) {
  test(`${name} ends the connection at once ${rule}`, async () => {
    const { scene, run, server } = await connectedScene();
    const before = encodePacket(message("before"));
    const after = encodePacket(message("after", 1));
    server.take();
    run.events.length = 0;
    await server.sendBytes(...before, ...hex(bytes), ...after);
    assertEquals([server.isOver, server.takeWords()], [true, []]);
    assertEquals(words(run.events), ["incoming publish", "disconnected"]);
    assert(lastLoss(run).message.endsWith(rule), lastLoss(run).message);

    // The fault is the connection's, not the client's: it goes on with the next one.
    await scene.clock.advance(1000);
    assertEquals((await scene.acceptConnect()).isOver, false);
    scene.eventLoop.close();
  });
}

test("a packet for which the client has no room ends the connection, though no rule was broken [MQTT-4.8.0-2]", async () => {
  const { scene, run, server } = await connectedScene({ maxIncomingPacketSize: 64 });
  server.take();
  await server.send({ ...message("large", 1), payload: new Uint8Array(64) });
  assertEquals([server.isOver, server.takeWords()], [true, []]);
  assertInstanceOf(lastLoss(run), PacketTooLargeError);
  scene.eventLoop.close();
});

test("a defect of the client's own while it handles a packet ends the connection [MQTT-4.8.0-2]", async () => {
  const defect = new Error("the clock has stopped");
  const { scene, run, server } = await connectedScene();
  server.take();
  scene.clock.now = () => {
    throw defect;
  };
  await server.send(message("any", 1));
  assertEquals([server.isOver, server.takeWords()], [true, []]);
  assertEquals(run.end.error, defect);
});

test("after DISCONNECT the client ends the connection [MQTT-3.14.4-1]", async () => {
  const { scene, run, server } = await connectedScene();
  server.take();
  await scene.client.publish("last", "x");
  await scene.client.disconnect();
  await settle();
  assertEquals([server.takeWords(), server.isOver], [["publish", "disconnect"], true]);
  assertEquals(run.end.state, "fulfilled");
});

test("after DISCONNECT the client ends the connection, also if the server does not [MQTT-3.14.4-1] [MQTT-3.14.4-2]", async () => {
  const scene = new Scene();
  const run = scene.run();
  const peer = await scene.network.accept();
  assertEquals((await peer.read())?.[0], 0x10);
  await peer.write(hex("20 02 00 00"));
  await peer.delivered();
  await settle();
  await scene.client.disconnect();
  assertEquals(await peer.read(), hex("e0 00"));
  // Messages, and an answer to none: what they ask for is never sent.
  void peer.write(encodePacket(message("late", 1)));
  void peer.write(hex("62 02 00 09"));
  assertEquals(await peer.read(), undefined);
  await settle();
  assertEquals([run.end.state, scene.writes.at(-1)], ["pending", hex("e0 00")]);
  await scene.clock.advance(1000);
  assertEquals([run.end.state, scene.writes.at(-1)], ["fulfilled", hex("e0 00")]);
  assertEquals(words(run.events), ["outgoing connect", "connected", "outgoing disconnect"]);
});
