// What the specification says of WebSocket, by a client and a server that is read by hand.

import { assertEquals, assertInstanceOf } from "@std/assert";
import { ConnectionLostError, WebSocketError } from "../../mod.ts";
import { Decoder, encodePacket, type Packet } from "../../src/codec/mod.ts";
import { connectedScene, message, words } from "../loop/scene.ts";
import { PolledClient } from "../support/polled_client.ts";
import { test } from "../support/test.ts";
import { listenLoopback } from "../transport/loopback.ts";
import { acceptanceOf, headerOf, join, noDial, readHead } from "../transport/loopback_websocket.ts";
import { ClientFrames } from "../transport/websocket_codec.ts";
import { listenWs } from "../transport/websocket_dials.ts";
import { MqttPeer } from "../transport/websocket_mqtt.ts";

test("packets travel in binary frames, and in no others [MQTT-6.0.0-1]", async () => {
  await using lower = await listenLoopback(noDial);
  const { port } = lower.target as { readonly port: number };
  await using client = new PolledClient(0, { clientId: "c", broker: `ws://127.0.0.1:${port}` });
  const socket = await lower.accept();
  const { head, rest } = (await readHead(socket))!;
  await socket.write(join(acceptanceOf(head)));
  const frames = new ClientFrames();
  frames.push(rest);
  const decoder = new Decoder();
  const next = async (): Promise<string> => {
    for (let packet = decoder.next();; packet = decoder.next()) {
      if (packet !== undefined) return packet.type;
      const frame = frames.next();
      if (frame === undefined) {
        frames.push((await socket.read())!);
        continue;
      }
      assertEquals([frame.opcode, frame.fin, frame.reserved], [2, true, 0]);
      decoder.push(frame.payload);
    }
  };
  assertEquals(await next(), "connect");
  await socket.write(
    Uint8Array.of(0x82, 4, ...encodePacket({ type: "connack", sessionPresent: false, returnCode: 0 })),
  );
  await client.client.subscribe("t", 1);
  assertEquals(await next(), "subscribe");
  await client.client.publish("t", "x", { qos: 1 });
  assertEquals(await next(), "publish");
});

test("a text frame ends the connection, whatever is in it [MQTT-6.0.0-1]", async () => {
  await using server = await listenWs();
  await using client = new PolledClient(0, { clientId: "c", broker: server.target.url, reconnect: false });
  const peer = await MqttPeer.accept(server);
  await client.until(() => client.sessions.length === 1, "accepted");
  // A PINGRESP that happens to be text as well.
  await peer.socket.send({ opcode: 1, payload: encodePacket({ type: "pingresp" }) });
  const error = await client.finished.then(() => undefined, (error) => error);
  assertInstanceOf(error, ConnectionLostError);
  assertInstanceOf(error.cause, WebSocketError);
  assertEquals([error.reason, error.cause.reason], ["transport-failed", "text-frame"]);
});

test("packets need not end where chunks end, whatever carries them [MQTT-6.0.0-2]", async () => {
  const packets: Packet[] = [message("a/b", 1, 7), { type: "pubrel", packetId: 9 }, message("c"), message("d", 2, 8)];
  const bytes = packets.flatMap((packet) => [...encodePacket(packet)]);
  for (const chunkSizes of [[1], [2, 3], [5, 1, 7], [bytes.length]]) {
    const { scene, run, server } = await connectedScene({}, { chunkSizes });
    server.take();
    run.events.length = 0;
    await server.sendBytes(...bytes);
    const incoming = words(run.events).filter((word) => word.startsWith("incoming"));
    assertEquals(incoming, ["incoming publish", "incoming pubrel", "incoming publish", "incoming publish"]);
    assertEquals(server.takeWords(), ["puback 7", "pubcomp 9", "pubrec 8"]);
    scene.eventLoop.close();
  }
});

test("packets need not end where frames end, nor where messages do [MQTT-6.0.0-2]", async () => {
  const bytes = [message("a/b", 1, 7), message("c", 1, 8), message("d", 1, 9)].flatMap((
    packet,
  ) => [...encodePacket(packet)]);
  for (const frameBytes of [1, 2, 5, bytes.length - 1, bytes.length]) {
    for (const isOneMessage of [false, true]) {
      await using server = await listenWs();
      await using client = new PolledClient(0, { clientId: "c", broker: server.target.url });
      const peer = await MqttPeer.accept(server);
      for (let at = 0; at < bytes.length; at += frameBytes) {
        const payload = Uint8Array.from(bytes.slice(at, at + frameBytes));
        const opcode = isOneMessage && at > 0 ? 0 : 2;
        await peer.socket.send({ opcode, payload, fin: !isOneMessage || at + frameBytes >= bytes.length });
      }
      for (const packetId of [7, 8, 9]) assertEquals((await peer.expect("puback")).packetId, packetId);
      assertEquals(client.messages.map(({ topicName }) => topicName), ["a/b", "c", "d"]);
    }
  }
});

test('the client offers the subprotocol "mqtt", and no other [MQTT-6.0.0-3]', async () => {
  await using server = await listenWs();
  await using client = new PolledClient(0, { clientId: "c", broker: server.target.url });
  const { socket } = await MqttPeer.accept(server);
  assertEquals(headerOf(socket.request, "sec-websocket-protocol"), "mqtt");
  assertEquals(client.losses, []);
});

test("no packet goes to a server that has not chosen it [MQTT-6.0.0-4]", async () => {
  await using lower = await listenLoopback(noDial);
  const { port } = lower.target as { readonly port: number };
  await using client = new PolledClient(0, { clientId: "c", broker: `ws://127.0.0.1:${port}`, reconnect: false });
  const socket = await lower.accept();
  const { head, rest } = (await readHead(socket))!;
  await socket.write(join(acceptanceOf(head).replace("Sec-WebSocket-Protocol: mqtt\r\n", "")));
  const error = await client.finished.then(() => undefined, (error) => error);
  assertInstanceOf(error, ConnectionLostError);
  assertInstanceOf(error.cause, WebSocketError);
  assertEquals([error.reason, error.cause.reason], ["dial-failed", "subprotocol"]);
  assertEquals([rest.length, await socket.read()], [0, undefined]);
});
