// Petrel in a process of its own, through its public API alone. The plain style is that of its first example: `await publish`, and
// `for await` over the events. The batch style is what is there for many messages at once: `tryPublish` with a prepared topic for as
// long as there is room, and `pollBatch`.

import { AsyncClient, type EventLoop, type MqttOptions, PreparedTopic, RequestChannelFullError } from "../../mod.ts";
import type { Event, Publish } from "../../mod.ts";
import { measureIdle } from "./idle.ts";
import { type ClientPlan, delay, Meter, PACED_RATE, peerUrl, readPlan, report, WINDOW } from "./plan.ts";
import { DONE_TOPIC, TOPIC } from "./raw_packets.ts";

const plan = readPlan<ClientPlan>();
const { qos, style, messages, warmUp } = plan;
const payload = new Uint8Array(plan.payloadBytes).fill(0x2a);
const topic = style === "plain" ? TOPIC : new PreparedTopic(TOPIC);
const meter = new Meter();

function createClient(clientId: string, options: MqttOptions = {}): { client: AsyncClient; eventLoop: EventLoop } {
  return AsyncClient.create({
    broker: peerUrl(plan),
    clientId,
    inflight: WINDOW,
    inflightQos2: WINDOW,
    outgoingEvents: false,
    reconnect: false,
    ...options,
  });
}

/** Polls until the loop ends, or the handler says that it is enough. */
async function poll(eventLoop: EventLoop, handle: (event: Event) => boolean): Promise<void> {
  if (style === "plain") {
    for await (const event of eventLoop) if (handle(event)) return;
    return;
  }
  for (let batch = await eventLoop.pollBatch(); batch.length > 0; batch = await eventLoop.pollBatch()) {
    let isEnough = false;
    for (const event of batch) isEnough = handle(event) || isEnough;
    if (isEnough) return;
  }
}

function messageOf(event: Event): Publish | undefined {
  return event.type === "incoming" && event.packet.type === "publish" ? event.packet : undefined;
}

const isConnected = (event: Event): boolean => event.type === "connected";

async function publishAll(client: AsyncClient, count: number): Promise<void> {
  if (style === "plain") {
    for (let i = 0; i < count; i++) await client.publish(topic, payload, { qos });
    return;
  }
  for (let i = 0; i < count; i++) {
    try {
      client.tryPublish(topic, payload, { qos });
    } catch (error) {
      if (!(error instanceof RequestChannelFullError)) throw error;
      await client.publish(topic, payload, { qos });
    }
  }
}

async function publish(): Promise<void> {
  const { client, eventLoop } = createClient("publish", style === "plain" ? {} : { capacity: 1024 });
  await poll(eventLoop, isConnected);
  let done = (): void => {};
  void poll(eventLoop, (event) => {
    if (messageOf(event)?.topicName === DONE_TOPIC) done();
    return false;
  });
  for (const count of [warmUp, messages]) {
    meter.start();
    const isDone = new Promise<void>((resolve) => done = resolve);
    await publishAll(client, count);
    await isDone;
  }
  report(meter.stop(messages));
}

async function receive(): Promise<void> {
  const { client, eventLoop } = createClient("receive");
  let received = 0;
  let bytes = 0;
  for (const count of [warmUp, messages]) {
    meter.start();
    received = 0;
    await client.subscribe(TOPIC, qos);
    await poll(eventLoop, (event) => {
      const message = messageOf(event);
      if (message === undefined) return false;
      bytes += message.payload.length;
      return ++received === count;
    });
  }
  const measurement = meter.stop(messages);
  if (bytes !== (warmUp + messages) * plan.payloadBytes) throw new Error(`Cannot count: ${bytes} bytes came`);
  report(measurement);
}

async function throughServer(): Promise<void> {
  const { client, eventLoop } = createClient("through-server", { capacity: 1024 });
  await client.subscribe(TOPIC, qos);
  await poll(eventLoop, (event) => event.type === "incoming" && event.packet.type === "suback");
  for (const count of [warmUp, messages]) {
    meter.start();
    let received = 0;
    let sent = Math.min(WINDOW, count);
    for (let i = 0; i < sent; i++) client.tryPublish(topic, payload, { qos });
    await poll(eventLoop, (event) => {
      if (messageOf(event) === undefined) return false;
      if (sent < count) {
        client.tryPublish(topic, payload, { qos });
        sent++;
      }
      return ++received === count;
    });
  }
  report(meter.stop(messages));
}

async function echo(): Promise<void> {
  const { client, eventLoop } = createClient("echo");
  await poll(eventLoop, isConnected);
  const latencies: number[] = [];
  for (const count of [warmUp, messages]) {
    latencies.length = 0;
    meter.start();
    let begin = performance.now();
    client.tryPublish(topic, payload);
    await poll(eventLoop, (event) => {
      if (messageOf(event) === undefined) return false;
      const now = performance.now();
      latencies.push((now - begin) * 1000);
      if (latencies.length === count) return true;
      begin = now;
      client.tryPublish(topic, payload);
      return false;
    });
  }
  report({ ...meter.stop(messages), latenciesMicros: latencies });
}

async function puback(): Promise<void> {
  const { client, eventLoop } = createClient("puback");
  void poll(eventLoop, () => false);
  const latencies: number[] = [];
  for (const count of [warmUp, messages]) {
    latencies.length = 0;
    meter.start();
    for (let i = 0; i < count; i++) {
      const begin = performance.now();
      const notice = await client.publishTracked(topic, payload, { qos });
      await notice.wait();
      latencies.push((performance.now() - begin) * 1000);
    }
  }
  report({ ...meter.stop(messages), latenciesMicros: latencies });
}

async function paced(): Promise<void> {
  const { client, eventLoop } = createClient("paced");
  void poll(eventLoop, () => false);
  const latencies: number[] = [];
  const measureOne = async (): Promise<void> => {
    const begin = performance.now();
    const notice = await client.publishTracked(topic, payload, { qos });
    await notice.wait();
    latencies.push((performance.now() - begin) * 1000);
  };
  for (const count of [warmUp, messages]) {
    latencies.length = 0;
    meter.start();
    const begin = performance.now();
    const underway: Promise<void>[] = [];
    while (underway.length < count) {
      const due = Math.min(count, Math.ceil((performance.now() - begin) * PACED_RATE / 1000));
      while (underway.length < due) underway.push(measureOne());
      await delay(1);
    }
    await Promise.all(underway);
  }
  report({ ...meter.stop(messages), latenciesMicros: latencies });
}

async function idle(): Promise<void> {
  await measureIdle(plan, meter, async (index) => {
    const { eventLoop } = createClient(`idle-${index}`);
    await poll(eventLoop, isConnected);
    void poll(eventLoop, () => false);
  });
}

const workloads = { publish, receive, "through-server": throughServer, echo, puback, paced, idle };
await workloads[plan.kind]();
