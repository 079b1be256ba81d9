// MQTT.js in a process of its own, with its options as they ship. Publishing keeps a window of callbacks outstanding, since its
// `publish` takes whatever it is given; that is also the fastest of the ways we tried.

import { Buffer } from "node:buffer";
import mqtt, { type MqttClient } from "mqtt";
import { measureIdle } from "./idle.ts";
import { type ClientPlan, delay, Meter, PACED_RATE, peerUrl, readPlan, report, WINDOW } from "./plan.ts";
import { DONE_TOPIC, TOPIC } from "./raw_packets.ts";

const plan = readPlan<ClientPlan>();
const { qos, messages, warmUp } = plan;
const payload = Buffer.alloc(plan.payloadBytes, 0x2a);
const options = { qos };
const meter = new Meter();

function connect(clientId: string): Promise<MqttClient> {
  return mqtt.connectAsync(peerUrl(plan), { clientId, reconnectPeriod: 0 });
}

/** Publishes so many messages, and keeps a window of them outstanding. */
function publishAll(client: MqttClient, count: number): void {
  let sent = 0;
  let outstanding = 0;
  let isPublishing = false;
  const publishMore = (): void => {
    isPublishing = true;
    while (sent < count && outstanding < WINDOW) {
      sent++;
      outstanding++;
      client.publish(TOPIC, payload, options, handlePublished);
    }
    isPublishing = false;
  };
  const handlePublished = (error?: Error): void => {
    if (error) throw error;
    outstanding--;
    // At QoS 0 the callback comes from inside `publish` for as long as the socket takes more.
    if (!isPublishing) publishMore();
  };
  publishMore();
}

async function publish(): Promise<void> {
  const client = await connect("publish");
  for (const count of [warmUp, messages]) {
    meter.start();
    const isDone = new Promise<void>((resolve) => client.once("message", (topic) => topic === DONE_TOPIC && resolve()));
    publishAll(client, count);
    await isDone;
  }
  report(meter.stop(messages));
}

async function receive(): Promise<void> {
  const client = await connect("receive");
  let bytes = 0;
  for (const count of [warmUp, messages]) {
    meter.start();
    await new Promise<void>((resolve) => {
      let received = 0;
      client.removeAllListeners("message");
      client.on("message", (_topic, message) => {
        bytes += message.length;
        if (++received === count) resolve();
      });
      client.subscribe(TOPIC, { qos });
    });
  }
  const measurement = meter.stop(messages);
  if (bytes !== (warmUp + messages) * plan.payloadBytes) throw new Error(`Cannot count: ${bytes} bytes came`);
  report(measurement);
}

async function throughServer(): Promise<void> {
  const client = await connect("through-server");
  await client.subscribeAsync(TOPIC, { qos });
  for (const count of [warmUp, messages]) {
    meter.start();
    await new Promise<void>((resolve) => {
      let received = 0;
      let sent = Math.min(WINDOW, count);
      client.removeAllListeners("message");
      client.on("message", () => {
        if (sent < count) {
          client.publish(TOPIC, payload, options);
          sent++;
        }
        if (++received === count) resolve();
      });
      for (let i = 0; i < sent; i++) client.publish(TOPIC, payload, options);
    });
  }
  report(meter.stop(messages));
}

async function echo(): Promise<void> {
  const client = await connect("echo");
  const latencies: number[] = [];
  for (const count of [warmUp, messages]) {
    latencies.length = 0;
    meter.start();
    await new Promise<void>((resolve) => {
      let begin = performance.now();
      client.removeAllListeners("message");
      client.on("message", () => {
        const now = performance.now();
        latencies.push((now - begin) * 1000);
        if (latencies.length === count) return resolve();
        begin = now;
        client.publish(TOPIC, payload);
      });
      client.publish(TOPIC, payload);
    });
  }
  report({ ...meter.stop(messages), latenciesMicros: latencies });
}

/** Publishes one message. @returns How long its acknowledgement took, in microseconds. */
function measureOne(client: MqttClient): Promise<number> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    client.publish(TOPIC, payload, options, (error) => {
      if (error) reject(error);
      else resolve((performance.now() - begin) * 1000);
    });
  });
}

async function puback(): Promise<void> {
  const client = await connect("puback");
  const latencies: number[] = [];
  for (const count of [warmUp, messages]) {
    latencies.length = 0;
    meter.start();
    for (let i = 0; i < count; i++) latencies.push(await measureOne(client));
  }
  report({ ...meter.stop(messages), latenciesMicros: latencies });
}

async function paced(): Promise<void> {
  const client = await connect("paced");
  let latencies: number[] = [];
  for (const count of [warmUp, messages]) {
    meter.start();
    const begin = performance.now();
    const underway: Promise<number>[] = [];
    while (underway.length < count) {
      const due = Math.min(count, Math.ceil((performance.now() - begin) * PACED_RATE / 1000));
      while (underway.length < due) underway.push(measureOne(client));
      await delay(1);
    }
    latencies = await Promise.all(underway);
  }
  report({ ...meter.stop(messages), latenciesMicros: latencies });
}

async function idle(): Promise<void> {
  await measureIdle(plan, meter, (index) => connect(`idle-${index}`));
}

const workloads = { publish, receive, "through-server": throughServer, echo, puback, paced, idle };
await workloads[plan.kind]();
