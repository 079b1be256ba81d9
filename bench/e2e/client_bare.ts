// The runtime's own socket under the same work, without a client around it. Messages are so many bytes here.

import { openBareSocket } from "./bare_socket.ts";
import { measureIdle } from "./idle.ts";
import { type ClientPlan, delay, Meter, PACED_RATE, readPlan, report } from "./plan.ts";
import { CONNACK, rawConnect, rawPublish, rawPublishes, TOPIC } from "./raw_packets.ts";

/** What a write loop writes at once: both runtimes do best from here on. */
const WRITE_BYTES = 256 * 1024;
const PUBACK_BYTES = 4;
/** An idle socket needs room for one packet. */
const IDLE_READ_BYTES = 64;

const plan = readPlan<ClientPlan>();
const { messages, warmUp } = plan;
const packet = rawPublish(TOPIC, plan.payloadBytes, plan.qos, 1);
const meter = new Meter();

async function publish(): Promise<void> {
  let handle = (): void => {};
  const socket = await openBareSocket(plan.port, () => handle());
  const perWrite = Math.max(1, Math.floor(WRITE_BYTES / packet.length));
  const block = rawPublishes(perWrite, plan.payloadBytes, plan.qos);
  for (const count of [warmUp, messages]) {
    meter.start();
    const isDone = new Promise<void>((resolve) => handle = resolve);
    for (let left = count; left > 0; left -= perWrite) {
      await socket.write(left >= perWrite ? block : block.subarray(0, left * packet.length));
    }
    await isDone;
  }
  report(meter.stop(messages));
}

async function receive(): Promise<void> {
  let handle = (_chunk: Uint8Array): void => {};
  const socket = await openBareSocket(plan.port, (chunk) => handle(chunk));
  for (const count of [warmUp, messages]) {
    meter.start();
    const isDone = new Promise<void>((resolve) => {
      let missing = count * packet.length;
      handle = (chunk) => {
        missing -= chunk.length;
        if (missing === 0) resolve();
      };
    });
    await socket.write(Uint8Array.of(1));
    await isDone;
  }
  report(meter.stop(messages));
}

/** Sends the packet again whenever an answer of this many bytes is whole. */
async function pingPong(answerBytes: number): Promise<void> {
  let handle = (_chunk: Uint8Array): void => {};
  const socket = await openBareSocket(plan.port, (chunk) => handle(chunk));
  await new Promise<void>((resolve) => {
    handle = (chunk) => chunk.length === CONNACK.length && resolve();
    void socket.write(rawConnect("bare"));
  });
  const latencies: number[] = [];
  for (const count of [warmUp, messages]) {
    latencies.length = 0;
    meter.start();
    await new Promise<void>((resolve) => {
      let begin = performance.now();
      let missing = answerBytes;
      handle = (chunk) => {
        missing -= chunk.length;
        if (missing > 0) return;
        missing = answerBytes;
        const now = performance.now();
        latencies.push((now - begin) * 1000);
        if (latencies.length === count) return resolve();
        begin = now;
        void socket.write(packet);
      };
      void socket.write(packet);
    });
  }
  report({ ...meter.stop(messages), latenciesMicros: latencies });
}

async function paced(): Promise<void> {
  const begins: number[] = [];
  const latencies: number[] = [];
  let answered = 0;
  const socket = await openBareSocket(plan.port, (chunk) => {
    for (answered += chunk.length; answered >= PUBACK_BYTES; answered -= PUBACK_BYTES) {
      latencies.push((performance.now() - begins[latencies.length]!) * 1000);
    }
  });
  for (const count of [warmUp, messages]) {
    begins.length = 0;
    latencies.length = 0;
    meter.start();
    const begin = performance.now();
    let writing: Promise<void> | undefined;
    while (latencies.length < count) {
      const due = Math.min(count, Math.ceil((performance.now() - begin) * PACED_RATE / 1000));
      while (begins.length < due) {
        await writing;
        begins.push(performance.now());
        writing = socket.write(packet);
      }
      await delay(1);
    }
  }
  report({ ...meter.stop(messages), latenciesMicros: latencies });
}

async function idle(): Promise<void> {
  await measureIdle(plan, meter, (_index) => openBareSocket(plan.port, () => {}, IDLE_READ_BYTES));
}

function throughServer(): Promise<void> {
  return Promise.reject(new Error("Cannot run: a bare socket has nothing to say to a server"));
}

const workloads = {
  publish,
  receive,
  "through-server": throughServer,
  echo: () => pingPong(packet.length),
  puback: () => pingPong(PUBACK_BYTES),
  paced,
  idle,
};
await workloads[plan.kind]();
