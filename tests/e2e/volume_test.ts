// Many messages through mosquitto, publisher and subscriber both in this process with default options: all of them arrive, once and in
// order, and what is held at any moment does not depend on how many there are.

import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import process from "node:process";
import { AsyncClient, type EventLoop, type QoS } from "../../mod.ts";
import { liveHeapBytes } from "../support/live_heap.ts";
import { mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";
import { runtime, test } from "../support/test.ts";

const MESSAGES = 100_000;
const PAYLOAD_BYTES = 1024;
/** How often memory and queues are looked at: every tenth part. */
const SAMPLES = 10;

// If every message were kept, the last four fifths would hold 41 MB of payloads alone. On Node what the tests before have left behind in
// the same process goes late.
const MOST_HEAP_GROWTH = runtime === "node" ? 20e6 : 6e6;
// What Node frees goes back to the system late.
const MOST_RSS_GROWTH = runtime === "node" ? 70e6 : 40e6;
/** Most events a loop holds: where it stops decoding, and what one batch of answers may add. */
const MOST_EVENTS = 2 * 4096;

/** What is held at a moment. */
interface Sample {
  readonly heap: number;
  readonly rss: number;
}

/** Queues and windows keep their bounds, whatever the load. */
function checkBounds(eventLoop: EventLoop): void {
  const { requests, session, events } = eventLoop.diagnostics();
  // One more than the capacity: whoever waits for room stands in line.
  assertLessOrEqual(requests.publishes, 101);
  assertLessOrEqual(session.inflight, 100);
  assertLessOrEqual(session.inflightQos2, 20);
  assertLess(events, MOST_EVENTS);
}

/** Compares every moment from the fifth part on with that one. */
function checkMemory(samples: readonly Sample[]): void {
  assertEquals(samples.length, SAMPLES);
  const [base, ...later] = samples.slice(SAMPLES / 5 - 1);
  for (const { heap, rss } of later) {
    assertLess(heap - base!.heap, MOST_HEAP_GROWTH, `the heap has grown by ${heap - base!.heap} bytes`);
    assertLess(rss - base!.rss, MOST_RSS_GROWTH, `the process has grown by ${rss - base!.rss} bytes`);
  }
}

async function publishAll(client: AsyncClient, qos: QoS): Promise<void> {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  const numbers = new DataView(payload.buffer);
  for (let index = 0; index < MESSAGES; index++) {
    // A payload of this size is copied at the call, so that one array serves all.
    numbers.setUint32(PAYLOAD_BYTES - 4, index);
    await client.publish("volume", payload, { qos });
  }
  await client.disconnect();
}

async function pollAll(eventLoop: EventLoop): Promise<void> {
  for await (const event of eventLoop) if (event.type === "disconnected") throw event.error;
}

/** Takes messages until all have come. @returns What was held meanwhile. */
async function receiveAll(client: AsyncClient, eventLoop: EventLoop, publisher: EventLoop): Promise<Sample[]> {
  const samples: Sample[] = [];
  let count = 0;
  for await (const event of eventLoop) {
    if (event.type === "disconnected") throw event.error;
    if (event.type !== "incoming" || event.packet.type !== "publish") continue;
    const { payload } = event.packet;
    assertEquals(payload.length, PAYLOAD_BYTES);
    const index = new DataView(payload.buffer, payload.byteOffset).getUint32(PAYLOAD_BYTES - 4);
    if (index !== count) throw new Error(`Message ${index} came in the place of message ${count}`);
    count++;
    if (count % (MESSAGES / SAMPLES) === 0) {
      samples.push({ heap: liveHeapBytes(), rss: process.memoryUsage.rss() });
      checkBounds(eventLoop);
      checkBounds(publisher);
    }
    if (count === MESSAGES) await client.disconnect();
  }
  assertEquals(count, MESSAGES);
  return samples;
}

/** Node has the engine of Deno, and sockets that one level shows at work. */
const levels: readonly QoS[] = runtime === "node" ? [1] : [0, 1, 2];

for (const qos of levels) {
  const name = `mosquitto: ${
    MESSAGES.toLocaleString("en")
  } messages at QoS ${qos} arrive once and in order, in bounded memory`;
  test(name, async () => {
    // Its log of every packet would be most of the load.
    await using server = await startMosquitto({ config: ["log_type none", "log_type information"] });
    const broker = `mqtt://127.0.0.1:${server.port}`;
    const subscriber = AsyncClient.create({ clientId: "subscriber", broker });
    const publisher = AsyncClient.create({ clientId: "publisher", broker });
    const subscribed = await subscriber.client.subscribeTracked("volume", qos);
    const receiving = receiveAll(subscriber.client, subscriber.eventLoop, publisher.eventLoop);
    try {
      await Promise.race([subscribed.waitCompletion(), receiving]);
      const publishing = publishAll(publisher.client, qos);
      await Promise.all([publishing, pollAll(publisher.eventLoop)]);
      checkMemory(await receiving);
      const { counters } = publisher.eventLoop.diagnostics();
      // CONNECT and DISCONNECT, a PUBLISH for each message, and at QoS 2 a PUBREL.
      assertEquals(counters.outgoingPackets, 2 + MESSAGES * (qos === 2 ? 2 : 1));
      assert(counters.outgoingBytes > MESSAGES * PAYLOAD_BYTES);
    } finally {
      subscriber.eventLoop.close();
      publisher.eventLoop.close();
      await receiving.catch(() => {});
    }
  }, { skip: mosquittoMissing(), timeoutMillis: 120_000 });
}
