// From the first poll to CONNACK: what is sent, what is accepted, and every way it can go wrong.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { encodePacket, MalformedPacketError, type Packet, PacketTooLargeError } from "../../src/codec/mod.ts";
import { ConnectionLostError, type MqttOptions } from "../../src/loop/mod.ts";
import { ConnectionRefusedError, ProtocolError } from "../../src/session/mod.ts";
import { settle } from "../../src/testing/mod.ts";
import { UnsupportedOptionError } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { connectedScene, message, packetWord, placeOf, type Run, Scene, words } from "./scene.ts";

/** The error of the last loss of a run that goes on. */
function lastLoss(run: Run): Error {
  const lost = run.events.findLast((event) => event.type === "disconnected");
  assert(lost !== undefined);
  return lost.error;
}

test("CONNECT is the first packet and is sent once [MQTT-3.1.0-1] [MQTT-3.1.0-2]", async () => {
  const scene = new Scene();
  await scene.client.subscribe("a/#", 1);
  await scene.client.publish("a", "x", { qos: 1 });
  scene.run();
  const server = await scene.accept();
  await scene.clock.advance(4000);
  assertEquals(server.takeWords(), ["connect"]);
  await server.send({ type: "connack", sessionPresent: false, returnCode: 0 });
  assertEquals(server.takeWords(), ["subscribe 1", "publish 2"]);
  scene.eventLoop.close();
});

test("CONNECT carries the options", async () => {
  const scene = new Scene({
    clientId: "",
    keepAlive: 17,
    username: "ann",
    password: "secret",
    will: { topicName: "gone", payload: "bye", qos: 2, retain: true },
  });
  scene.run();
  const server = await scene.accept();
  assertEquals(server.take(), [{
    type: "connect",
    clientId: "",
    cleanSession: true,
    keepAlive: 17,
    will: { topicName: "gone", payload: new TextEncoder().encode("bye"), qos: 2, retain: true },
    username: "ann",
    password: new TextEncoder().encode("secret"),
  }]);
  scene.eventLoop.close();
});

test("the address gives user and password where the options do not", async () => {
  const cases: [MqttOptions, string | undefined, string | undefined][] = [
    [{}, "bob", "from-url"],
    [{ username: "ann", password: "given" }, "ann", "given"],
  ];
  for (const [options, username, password] of cases) {
    const scene = new Scene({ broker: "mqtt://bob:from-url@broker.test", ...options });
    scene.run();
    const [connect] = (await scene.accept()).take();
    assert(connect?.type === "connect");
    assertEquals([connect.username, new TextDecoder().decode(connect.password)], [username, password]);
    scene.eventLoop.close();
  }
});

for (const returnCode of [1, 2, 4, 5] as const) {
  test(`return code ${returnCode} for the very first connection gives up`, async () => {
    const scene = new Scene();
    const run = scene.run();
    await (await scene.server.accept()).refuseConnect(returnCode);
    await settle();
    assertInstanceOf(run.end.error, ConnectionRefusedError);
    assertEquals(run.end.error.returnCode, returnCode);
    assertEquals([words(run.events), scene.eventLoop.diagnostics().isDone], [["outgoing connect"], true]);
  });

  test(`return code ${returnCode} is retried by a client that has been connected`, async () => {
    const { scene, run, server } = await connectedScene();
    await server.close();
    await scene.clock.advance(50);
    await (await scene.server.accept()).refuseConnect(returnCode);
    await settle();
    const error = lastLoss(run);
    assertInstanceOf(error, ConnectionRefusedError);
    assertEquals([error.returnCode, run.end.state], [returnCode, "pending"]);
    scene.eventLoop.close();
  });
}

test("return code 3, server unavailable, is retried", async () => {
  const scene = new Scene();
  const run = scene.run();
  await (await scene.server.accept()).refuseConnect(3);
  await settle();
  const error = lastLoss(run);
  assertInstanceOf(error, ConnectionRefusedError);
  assertEquals(error.returnCode, 3);
  await scene.clock.advance(50);
  await scene.acceptConnect();
  assertEquals(words(run.events).at(-1), "connected");
  scene.eventLoop.close();
});

test("giveUpOn in the options decides instead", async () => {
  const scene = new Scene({ reconnect: { giveUpOn: (_error, { attempts }) => attempts === 2 } });
  const run = scene.run();
  for (let i = 0; i < 2; i++) {
    await (await scene.server.accept()).refuseConnect(5);
    await scene.clock.advance(200);
  }
  assertInstanceOf(run.end.error, ConnectionRefusedError);
  assertEquals(words(run.events).filter((word) => word === "disconnected").length, 1);
});

test("what giveUpOn throws is told, and the loop goes on", async () => {
  const defect = new Error("a defect in the application");
  const scene = new Scene({
    reconnect: {
      giveUpOn: () => {
        throw defect;
      },
    },
  });
  scene.network.refuse(new Error("nobody listens"));
  const run = scene.run();
  await settle();
  assertEquals([run.end.error, scene.eventLoop.diagnostics().isDone], [defect, false]);
  const again = scene.run();
  await scene.clock.advance(50);
  await scene.acceptConnect();
  assertEquals(words(again.events), ["outgoing connect", "connected"]);
  scene.eventLoop.close();
});

const MISPLACED: Packet[] = [
  message("a"),
  { type: "puback", packetId: 1 },
  { type: "pingresp" },
  { type: "suback", packetId: 1, returnCodes: [0] },
  { type: "pingreq" },
];
for (const packet of MISPLACED) {
  test(`${packet.type.toUpperCase()} in place of CONNACK ends the attempt [MQTT-3.2.0-1]`, async () => {
    const scene = new Scene();
    const run = scene.run();
    const server = await scene.accept();
    await server.send(packet);
    assertInstanceOf(lastLoss(run), ProtocolError);
    assertEquals([words(run.events), server.isOver], [["outgoing connect", "disconnected"], true]);
    scene.eventLoop.close();
  });
}

test("a second CONNACK ends the connection within the same turn [MQTT-4.8.0-1]", async () => {
  const { scene, run, server } = await connectedScene();
  await server.send({ type: "connack", sessionPresent: false, returnCode: 0 }, message("never"));
  const error = lastLoss(run);
  assertInstanceOf(error, ProtocolError);
  assertEquals([error.rule, server.isOver], ["MQTT-4.8.0-1", true]);
  assertEquals(words(run.events), ["outgoing connect", "connected", "disconnected"]);
  scene.eventLoop.close();
});

test("session present 1 for a clean session is refused [MQTT-3.2.2-1]", async () => {
  const scene = new Scene();
  const run = scene.run();
  const server = await scene.acceptConnect({ sessionPresent: true });
  const error = lastLoss(run);
  assertInstanceOf(error, ProtocolError);
  assertEquals([error.rule, words(run.events), server.isOver], [
    "MQTT-3.2.2-1",
    ["outgoing connect", "disconnected"],
    true,
  ]);
  scene.eventLoop.close();
});

test("session present 1 is told to a client with a session", async () => {
  const scene = new Scene({ cleanSession: false });
  const run = scene.run();
  await scene.acceptConnect({ sessionPresent: true });
  assertEquals(run.events.at(-1), { type: "connected", sessionPresent: true });
  scene.eventLoop.close();
});

test("a dial that hangs is given up at the limit", async () => {
  const scene = new Scene({ connectTimeoutMillis: 3000 });
  scene.network.stall();
  const run = scene.run();
  await scene.clock.advance(2999);
  assertEquals(run.events, []);
  await scene.clock.advance(1);
  const error = lastLoss(run);
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.reason, "connect-timeout");
  assertEquals(error.message, "Cannot connect to mqtt://broker.test:1883: no CONNACK within 3000 ms");
  await scene.clock.advance(50);
  await scene.acceptConnect();
  assertEquals(words(run.events).at(-1), "connected");
  scene.eventLoop.close();
});

test("a CONNACK that does not come is given up at the limit, dial and wait together", async () => {
  const clock = { slowDial: Promise.withResolvers<void>() };
  const scene = new Scene();
  const { dial } = scene.network;
  scene.eventLoop.setOptions({
    connectTimeoutMillis: 3000,
    transport: async (...args) => {
      await clock.slowDial.promise;
      return await dial(...args);
    },
  });
  const run = scene.run();
  await scene.clock.advance(2000);
  clock.slowDial.resolve();
  const server = await scene.accept();
  assertEquals(server.takeWords(), ["connect"]);
  await scene.clock.advance(999);
  assertEquals(server.isOver, false);
  await scene.clock.advance(1);
  const error = lastLoss(run);
  assertInstanceOf(error, ConnectionLostError);
  assertEquals([error.reason, server.isOver, server.takeWords()], ["connect-timeout", true, []]);
  scene.eventLoop.close();
});

test("a server that sends half a CONNACK is given up at the limit", async () => {
  const scene = new Scene({ connectTimeoutMillis: 3000 });
  const run = scene.run();
  const server = await scene.accept();
  for (const byte of [0x20, 0x02, 0x00]) {
    await scene.clock.advance(900);
    await server.sendBytes(byte);
  }
  await scene.clock.advance(300);
  assertInstanceOf(lastLoss(run), ConnectionLostError);
  scene.eventLoop.close();
});

test("CONNACK in time ends the limit", async () => {
  const { scene, run, server } = await connectedScene({ connectTimeoutMillis: 3000, keepAlive: 0 });
  await scene.clock.advance(3_000_000);
  assertEquals([run.end.state, server.isOver, server.takeWords()], ["pending", false, []]);
  scene.eventLoop.close();
});

test("a connection that ends before CONNACK is a failed attempt", async () => {
  const scene = new Scene({ reconnect: { maxAttempts: 1 } });
  const run = scene.run();
  const server = await scene.accept();
  await server.close();
  assertInstanceOf(run.end.error, ConnectionLostError);
  assertEquals(run.end.error.reason, "closed-by-server");
});

test("a transport that cannot do what an option asks is told as such", async () => {
  const unsupported = new UnsupportedOptionError("noDelay", "Cannot set noDelay: this runtime has no way to");
  const scene = new Scene({ transport: () => Promise.reject(unsupported) });
  const run = scene.run();
  await settle();
  assertEquals(lastLoss(run), unsupported);
  scene.eventLoop.close();
});

test("malformed bytes end the connection, and the packets before them are delivered", async () => {
  const { scene, run, server } = await connectedScene();
  await server.sendBytes(...encodePacket(message("a")), ...encodePacket(message("b")), 0xf0, 0x00);
  assertEquals(words(run.events).slice(2), ["incoming publish", "incoming publish", "disconnected"]);
  const error = lastLoss(run);
  assertInstanceOf(error, MalformedPacketError);
  // 4 bytes of CONNACK, twice 8 of PUBLISH.
  assertEquals([error.offset, server.isOver], [20, true]);
  scene.eventLoop.close();
});

test("malformed bytes right behind CONNACK end a connection that was accepted", async () => {
  const scene = new Scene({ reconnect: { maxAttempts: 1, jitter: "none" } });
  const run = scene.run();
  const server = await scene.accept();
  await server.sendBytes(0x20, 0x02, 0x00, 0x00, 0xf0, 0x00);
  assertEquals(words(run.events), ["outgoing connect", "connected", "disconnected"]);
  const { counters } = scene.eventLoop.diagnostics();
  assertEquals([counters.connections, counters.failures], [1, 1]);
  scene.eventLoop.close();
});

test("a packet larger than maxIncomingPacketSize ends the connection before its body comes", async () => {
  const { scene, run, server } = await connectedScene({ maxIncomingPacketSize: 1000 });
  await server.sendBytes(0x30, 0xe6, 0x07);
  const error = lastLoss(run);
  assertInstanceOf(error, PacketTooLargeError);
  assertEquals([error.size, error.maxPacketSize, server.isOver], [1001, 1000, true]);
  scene.eventLoop.close();
});

test("a packet of exactly maxIncomingPacketSize is taken", async () => {
  const { scene, run, server } = await connectedScene({ maxIncomingPacketSize: 1000 });
  const publish = { ...message("t"), payload: new Uint8Array(994) };
  assertEquals(encodePacket(publish).length, 1000);
  await server.send(publish);
  assertEquals(words(run.events).at(-1), "incoming publish");
  scene.eventLoop.close();
});

test("several addresses are tried in turn, each with its back-off", async () => {
  const scene = new Scene({ broker: ["mqtt://one.test", "mqtt://two.test:1999"], reconnect: { jitter: "none" } });
  scene.network.refuse(new Error("nobody listens"), 3);
  const run = scene.run();
  await settle();
  const hosts = (): string[] => scene.network.targets.map(placeOf);
  assertEquals(hosts(), ["one.test:1883", "two.test:1999"]);
  await scene.clock.advance(100);
  assertEquals(hosts(), ["one.test:1883", "two.test:1999", "one.test:1883", "two.test:1999"]);
  await scene.acceptConnect();
  assertEquals(words(run.events).at(-1), "connected");
  scene.eventLoop.close();
});

test("two scenes with the same script have the same transcript", async () => {
  const transcripts: string[][] = [];
  for (let i = 0; i < 2; i++) {
    const { scene, run, server } = await connectedScene({ keepAlive: 5 });
    await scene.client.publish("a", "x", { qos: 2 });
    await server.send(message("b", 1, 3));
    await scene.clock.advance(20_000);
    await server.cut();
    await scene.clock.advance(100);
    transcripts.push([...words(run.events), ...server.take().map(packetWord)]);
    scene.eventLoop.close();
  }
  assertEquals(transcripts[0], transcripts[1]);
});

test("a first refusal by one of several servers is not the last word", async () => {
  const scene = new Scene({ broker: ["mqtt://one.test", "mqtt://two.test"] });
  const run = scene.run();
  await (await scene.server.accept()).refuseConnect(5);
  await settle();
  assertEquals(run.end.state, "pending");
  await (await scene.server.accept()).refuseConnect(4);
  await settle();
  assertInstanceOf(run.end.error, ConnectionRefusedError);
  assertEquals(run.end.error.returnCode, 4);
});
