// A client whose server is a WebSocket read by hand: what it says of itself, what its frames hold, and what holds the server back.

import { assertEquals, assertGreater, assertInstanceOf, assertLess, assertStrictEquals } from "@std/assert";
import { type ConnectionError, ConnectionLostError, type MqttOptions, WebSocketError } from "../../mod.ts";
import { encodePacket } from "../../src/codec/mod.ts";
import { PolledClient, textOf } from "../support/polled_client.ts";
import { test } from "../support/test.ts";
import { firstDifference, MEBIBYTE, readAll, standstill, stream } from "./contract_connection.ts";
import { listenLoopback } from "./loopback.ts";
import { headerOf, join, noDial, type WebSocketServer } from "./loopback_websocket.ts";
import { measureTwoWritesOneAnswer } from "./two_writes.ts";
import { closeFrame } from "./websocket_connection.ts";
import { acceptRequest, listenWs } from "./websocket_dials.ts";
import { MqttPeer, publishOf } from "./websocket_mqtt.ts";

const prompt: MqttOptions = { reconnect: { minDelayMillis: 1, maxDelayMillis: 5 } };

function clientOf(server: WebSocketServer, options: MqttOptions = {}): PolledClient {
  return new PolledClient(0, { clientId: "c", broker: server.target.url, ...options });
}

/** A client that is connected, and the server's end of it. */
async function connected(
  server: WebSocketServer,
  options: MqttOptions = {},
): Promise<{ readonly client: PolledClient; readonly peer: MqttPeer }> {
  const client = clientOf(server, options);
  const peer = await MqttPeer.accept(server);
  await client.until(() => client.sessions.length > 0, "accepted");
  return { client, peer };
}

/** Sends DISCONNECT and sees the end. */
async function disconnect({ client, peer }: { readonly client: PolledClient; readonly peer: MqttPeer }): Promise<void> {
  const disconnecting = client.disconnect();
  await peer.expect("disconnect");
  assertStrictEquals(await peer.receive(), undefined);
  assertEquals([...peer.socket.closePayload ?? []], [1000 >> 8, 1000 & 255]);
  peer.socket.end();
  await disconnecting;
  assertEquals(client.losses, []);
}

test("WebSocket client: a function gives the headers of each upgrade request, in its own time", async () => {
  await using server = await listenWs();
  let asked = 0;
  const headers = async ({ url }: { readonly url: string }): Promise<Record<string, string>> => {
    await undefined;
    asked++;
    return { Authorization: `Bearer ${asked}`, "X-Url": url };
  };
  await using client = clientOf(server, { headers, ...prompt });
  for (const token of ["Bearer 1", "Bearer 2"]) {
    const peer = await MqttPeer.accept(server);
    assertEquals(headerOf(peer.socket.request, "authorization"), token);
    assertEquals(headerOf(peer.socket.request, "x-url"), server.target.url);
    peer.socket.reset();
  }
  client.eventLoop.close();
});

test("WebSocket client: a provider of credentials gives headers in place of those, and may sign the address", async () => {
  await using server = await listenWs();
  await using client = clientOf(server, {
    headers: { Authorization: "stale", "X-Kept": "no" },
    credentials: ({ attempt }) =>
      Promise.resolve({
        headers: { Authorization: `fresh ${attempt}` },
        broker: `${server.target.url}?signature=${attempt}`,
      }),
  });
  const { request } = (await MqttPeer.accept(server)).socket;
  assertEquals(headerOf(request, "authorization"), "fresh 1");
  assertEquals(headerOf(request, "x-kept"), undefined);
  assertEquals(request.split("\r\n")[0], "GET /mqtt?signature=1 HTTP/1.1");
  client.eventLoop.close();
});

test("WebSocket client: a refused upgrade is a failed dial, with the server's status", async () => {
  await using lower = await listenLoopback(noDial);
  const serving = acceptRequest(lower).then(async ({ stream }) => {
    await stream.write(join("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"));
    await readAll(stream, () => {});
  });
  const broker = `ws://127.0.0.1:${(lower.target as { readonly port: number }).port}/mqtt`;
  await using client = new PolledClient(0, { clientId: "c", broker, reconnect: false });
  const error = await client.finished.then(() => undefined, (error: ConnectionError) => error);
  assertInstanceOf(error, ConnectionLostError);
  assertInstanceOf(error.cause, WebSocketError);
  assertEquals([error.reason, error.cause.reason, error.cause.status], ["dial-failed", "upgrade-refused", 401]);
  assertEquals(error.message.includes("status 401 (Unauthorized)"), true, error.message);
  await serving;
});

const ends = [
  { code: 1000, reason: "closed-by-server", closeCode: undefined },
  { code: 1001, reason: "transport-failed", closeCode: 1001 },
  { code: 4001, reason: "transport-failed", closeCode: 4001 },
] as const;

for (const { code, reason, closeCode } of ends) {
  test(`WebSocket client: a connection that the server closes with ${code} is lost by ${reason}, and comes again`, async () => {
    await using server = await listenWs();
    const { client, peer } = await connected(server, prompt);
    await peer.socket.stream.write(closeFrame(code, "bye"));
    const again = await MqttPeer.accept(server);
    await client.until(() => client.sessions.length === 2, "accepted again");
    const [loss] = client.losses;
    assertInstanceOf(loss, ConnectionLostError);
    assertEquals(loss.reason, reason);
    assertEquals(loss.cause instanceof WebSocketError ? loss.cause.closeCode : undefined, closeCode);
    client.losses.length = 0;
    await disconnect({ client, peer: again });
  });
}

const packetBytes = 16 * MEBIBYTE;

for (const frameBytes of [Infinity, 100_000, 1000]) {
  const frames = frameBytes === Infinity ? "one frame" : `frames of ${frameBytes} bytes`;
  test(`WebSocket client: a packet of 16 MiB comes in ${frames}`, async () => {
    await using server = await listenWs({ frameBytes });
    const pair = await connected(server);
    const payload = stream(0, packetBytes - 8);
    const packet = publishOf(payload);
    assertEquals(encodePacket(packet).length, packetBytes);
    await pair.peer.send(packet, publishOf("behind it"));
    const [large, behind] = await pair.client.received(2);
    assertEquals(large!.payload.length, payload.length);
    assertEquals(firstDifference(large!.payload, 0), -1);
    assertEquals(textOf(behind!), "behind it");
    await disconnect(pair);
  });
}

test("WebSocket client: a packet of 16 MiB leaves in frames that do not end where it does", async () => {
  await using server = await listenWs();
  const pair = await connected(server);
  const payload = stream(0, packetBytes);
  const publishing = pair.client.publish("large", payload, 1);
  const received = await pair.peer.expect("publish");
  assertEquals([received.payload.length, firstDifference(received.payload, 0)], [payload.length, -1]);
  assertEquals(firstDifference(payload, 0), -1, "the payload was written to");
  assertGreater(pair.peer.frames, 10);
  await pair.peer.send({ type: "puback", packetId: received.packetId });
  await publishing;
  await disconnect(pair);
});

test("WebSocket client: many packets come in one frame", async () => {
  await using server = await listenWs();
  const pair = await connected(server);
  await pair.peer.send(...Array.from({ length: 10_000 }, (_, index) => publishOf(`${index}`)));
  assertEquals((await pair.client.received(10_000)).map(textOf), Array.from({ length: 10_000 }, (_, i) => `${i}`));
  await disconnect(pair);
});

test("WebSocket client: many packets come in as many frames", async () => {
  await using server = await listenWs();
  const pair = await connected(server);
  const packets = Array.from({ length: 5000 }, (_, index) => encodePacket(publishOf(`${index}`)));
  await pair.peer.socket.stream.write(
    join("", ...packets.flatMap((packet) => [Uint8Array.of(0x82, packet.length), packet])),
  );
  assertEquals((await pair.client.received(5000)).map(textOf), Array.from({ length: 5000 }, (_, i) => `${i}`));
  await disconnect(pair);
});

test("WebSocket client: what is sent in one turn is one frame, not one for each packet", async () => {
  await using server = await listenWs();
  const pair = await connected(server, { capacity: 1000 });
  const { client, peer } = pair;
  peer.frames = 0;
  for (let index = 0; index < 1000; index++) client.client.tryPublish("many", `${index}`, { qos: 0 });
  for (let index = 0; index < 1000; index++) assertEquals(textOf(await peer.expect("publish")), `${index}`);
  assertLess(peer.frames, 10);
  await disconnect(pair);
});

test("WebSocket client: events that are not taken hold the server back, and nothing is lost", async () => {
  await using server = await listenWs();
  const pair = await connected(server);
  const { client, peer } = pair;
  const resume = client.pause();
  const total = 4000;
  const payload = "x".repeat(10_000);
  let taken = 0;
  const sending = (async () => {
    for (; taken < total; taken++) await peer.send(publishOf(payload));
  })();
  assertLess(await standstill(() => taken), total);
  // A pause is asked for at 256 KiB, and two more reads may be under way.
  assertLess(client.eventLoop.diagnostics().counters.incomingBytes, 2 * MEBIBYTE);
  resume();
  await sending;
  await client.received(total);
  await disconnect(pair);
});

test("WebSocket: two small writes and an answer take no delayed ACK", async () => {
  await using server = await listenWs();
  assertLess(await measureTwoWritesOneAnswer(server), 20);
});
