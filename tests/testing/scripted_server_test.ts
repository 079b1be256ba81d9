import { assert, assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { type Connect, Decoder, encodePacket, type Packet, type Publish, type QoS } from "../../src/codec/mod.ts";
import { MemoryNetwork, ScriptedServer, ScriptError, settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";

const connectPacket: Connect = {
  type: "connect",
  clientId: "c",
  cleanSession: true,
  keepAlive: 60,
  will: undefined,
  username: undefined,
  password: undefined,
};

function publish(topicName: string, qos: QoS, packetId = 0, dup = false): Publish {
  return { type: "publish", topicName, payload: Uint8Array.of(1, 2), qos, retain: false, dup, packetId };
}

/** A client that only speaks when told to. */
async function openClient(network: MemoryNetwork) {
  const decoder = new Decoder();
  const received: Packet[] = [];
  const closes: (Error | undefined)[] = [];
  const chunkSizes: number[] = [];
  const handlers = {
    data(chunk: Uint8Array): void {
      chunkSizes.push(chunk.length);
      decoder.push(chunk);
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) received.push(packet);
    },
    close: (error?: Error): void => void closes.push(error),
  };
  const { signal } = new AbortController();
  const target = { kind: "tcp", hostname: "broker.test", port: 1883, noDelay: true } as const;
  const transport = await network.dial(target, handlers, { signal });
  const send = (packet: Packet): void => {
    const bytes = encodePacket(packet);
    transport.write(bytes, bytes.length);
  };
  return { transport, received, chunkSizes, closes, send };
}

async function open() {
  const network = new MemoryNetwork();
  const server = new ScriptedServer(network);
  const client = await openClient(network);
  return { network, server, client, connection: await server.accept() };
}

test("expect gives the packet it was asked for, acceptConnect answers it", async () => {
  const { client, connection } = await open();
  client.send(connectPacket);
  assertEquals((await connection.acceptConnect({ sessionPresent: true })).clientId, "c");
  client.send({ type: "pingreq" });
  client.send({ type: "puback", packetId: 7 });
  await connection.expect("pingreq");
  assertEquals((await connection.expect("puback")).packetId, 7);
  assertEquals(client.received, [{ type: "connack", sessionPresent: true, returnCode: 0 }]);
});

test("expect names what came instead", async () => {
  const { client, connection } = await open();
  client.send(publish("a/b", 1, 9));
  const error = await assertRejects(() => connection.expect("subscribe"), ScriptError);
  assertEquals([error.reason, error.packet?.type], ["unexpected-packet", "publish"]);
  assertStringIncludes(error.message, "Cannot go on without SUBSCRIBE: the client sent PUBLISH");
  assertStringIncludes(error.message, '"topicName":"a/b"');
  assertStringIncludes(error.message, '"payload":"2 bytes"');
});

test("waits end with the connection, however it ends", async () => {
  for (const end of ["destroy", "shutdown", "cut"] as const) {
    const { network, client, connection } = await open();
    const expecting = connection.expect("connect");
    if (end === "cut") network.cut(new Error("a fault"));
    else client.transport[end]();
    const error = await assertRejects(
      () => expecting,
      ScriptError,
      "Cannot go on without CONNECT: the connection is over",
    );
    assertEquals(error.reason, "connection-over");
    assertStrictEquals(await connection.receive(), undefined);
    await connection.send({ type: "pingresp" });
    await connection.expectEnd();
    await settle();
    assertEquals(client.closes.length, 1);
  }
});

test("expectEnd refuses a packet", async () => {
  const { client, connection } = await open();
  client.send({ type: "pingreq" });
  await assertRejects(() => connection.expectEnd(), ScriptError, "Cannot end: the client sent PINGREQ");
});

test("malformed bytes of the client are told as such", async () => {
  const { client, connection } = await open();
  client.transport.write(Uint8Array.of(0, 0), 2);
  const error = await assertRejects(() => connection.receive(), ScriptError);
  assertEquals(error.reason, "malformed-packet");
  assert(error.cause instanceof Error);
});

test("send resolves when the client was handed the packets, which leave in one write", async () => {
  const { client, connection } = await open();
  await connection.send({ type: "pingresp" }, publish("a", 0));
  assertEquals(client.chunkSizes, [9]);
  assertEquals(client.received, [{ type: "pingresp" }, publish("a", 0)]);
  await connection.sendBytes(Uint8Array.of(0xd0));
  assertEquals(client.received.length, 2);
  await connection.sendBytes(Uint8Array.of(0));
  assertEquals(client.received.length, 3);
});

test("close ends in order, cut with its error", async () => {
  const first = await open();
  void first.connection.send({ type: "pingresp" });
  first.connection.close();
  await settle();
  assertEquals([first.client.received.length, first.client.closes], [1, [undefined]]);

  const second = await open();
  const fault = new Error("a fault");
  void second.connection.send({ type: "pingresp" });
  second.connection.cut(fault);
  await settle();
  assertEquals([second.client.received.length, second.client.closes], [0, [fault]]);
});

test("refuseConnect answers with the code and ends the connection", async () => {
  const { client, connection } = await open();
  client.send(connectPacket);
  await connection.refuseConnect(4);
  await settle();
  assertEquals(client.received, [{ type: "connack", sessionPresent: false, returnCode: 4 }]);
  assertEquals(client.closes, [undefined]);
});

test("pause keeps the answers back until resume", async () => {
  const { client, connection } = await open();
  void connection.autoRespond();
  connection.pause();
  client.send({ type: "pingreq" });
  await settle();
  assertEquals(client.received, []);
  connection.resume();
  await settle();
  assertEquals(client.received, [{ type: "pingresp" }]);
});

test("autoRespond answers every packet a client may send, and ends after DISCONNECT", async () => {
  const { client, connection } = await open();
  const serving = connection.autoRespond();
  client.send(connectPacket);
  client.send({
    type: "subscribe",
    packetId: 1,
    subscriptions: [{ topicFilter: "a", qos: 2 }, { topicFilter: "b", qos: 0 }],
  });
  client.send({ type: "unsubscribe", packetId: 2, topicFilters: ["a"] });
  client.send(publish("a", 0));
  client.send(publish("a", 1, 3));
  client.send(publish("a", 2, 4));
  client.send({ type: "pubrel", packetId: 4 });
  client.send({ type: "pingreq" });
  client.send({ type: "disconnect" });
  await serving;
  await settle();
  assertEquals(client.received, [
    { type: "connack", sessionPresent: false, returnCode: 0 },
    { type: "suback", packetId: 1, returnCodes: [2, 0] },
    { type: "unsuback", packetId: 2 },
    { type: "puback", packetId: 3 },
    { type: "pubrec", packetId: 4 },
    { type: "pubcomp", packetId: 4 },
    { type: "pingresp" },
  ]);
  assertEquals(client.closes, [undefined]);
});

test("autoRespond of a server hands messages to all that have subscribed, at the lower QoS", async () => {
  const network = new MemoryNetwork({ chunkSizes: [3] });
  void new ScriptedServer(network).autoRespond();
  const [subscriber, publisher] = [await openClient(network), await openClient(network)];
  const subscriptions = [{ topicFilter: "a/#", qos: 1 }, { topicFilter: "a/+", qos: 0 }] as const;
  subscriber.send({ type: "subscribe", packetId: 1, subscriptions });
  await settle();
  publisher.send(publish("a/b", 2, 10));
  publisher.send(publish("b", 1, 11));
  publisher.send(publish("a/b/c", 0));
  publisher.send(publish("a", 1, 12));
  await settle();
  assertEquals(subscriber.received.slice(1), [publish("a/b", 1, 1), publish("a/b/c", 0), publish("a", 1, 2)]);
});

test("autoRespond hands a repeated QoS 2 message on once, until it is released", async () => {
  const { client, connection } = await open();
  void connection.autoRespond();
  client.send({ type: "subscribe", packetId: 1, subscriptions: [{ topicFilter: "a", qos: 2 }] });
  client.send(publish("a", 2, 5));
  client.send(publish("a", 2, 5, true));
  client.send({ type: "pubrel", packetId: 5 });
  client.send(publish("a", 2, 5));
  client.send({ type: "pubrec", packetId: 1 });
  await settle();
  const kinds = client.received.slice(1).map(({ type }) => type);
  assertEquals(kinds.filter((type) => type === "publish").length, 2);
  assertEquals(kinds.filter((type) => type === "pubrec").length, 3);
  assertEquals(client.received.at(-1), { type: "pubrel", packetId: 1 });
});

test("autoRespond rejects on a packet that only a server sends", async () => {
  const { client, connection } = await open();
  const serving = connection.autoRespond();
  client.send({ type: "pingresp" });
  await assertRejects(() => serving, ScriptError, "PINGRESP, which only a server sends");

  const network = new MemoryNetwork();
  const servingAll = new ScriptedServer(network).autoRespond();
  (await openClient(network)).send({ type: "unsuback", packetId: 1 });
  await assertRejects(() => servingAll, ScriptError, "UNSUBACK");
});
