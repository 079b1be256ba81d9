// A second thread of a program, which uses the client that the first one shares. It does the job it is given, and leaves in shared memory
// how far it is: 1 about to call, 2 the call has returned, 3 it has thrown, with the name of the error.

import { Client, type SharedClient } from "@petrel/mqtt/sync";
import { workerData } from "node:worker_threads";

/** What a sideThread is given. */
export interface JobData {
  readonly shared: SharedClient;
  readonly job: keyof typeof jobs;
  readonly count: number;
  readonly progress: SharedArrayBuffer;
}

const data = workerData as JobData;
const progress = new Int32Array(data.progress, 0, 2);

function tell(value: number): void {
  Atomics.store(progress, 0, value);
  Atomics.notify(progress, 0);
}

function pause(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis);
}

const jobs = {
  /** Publishes messages that are numbered, at each QoS in turn. */
  publish(client: Client, count: number): void {
    for (let i = 0; i < count; i++) client.publish(`threads/${i % 5}`, `${i}`, { qos: (i % 3) as 0 | 1 | 2 });
  },
  /** Publishes until there is no room, and on. */
  fill(client: Client): void {
    for (;;) client.publish("a", "x", { qos: 1 });
  },
  /** Waits for the end of one publish. */
  wait(client: Client): void {
    client.publishTracked("a", "x", { qos: 1 }).wait();
  },
  /** Closes the client after a while. */
  close(client: Client): void {
    pause(200);
    client.close();
  },
  /** Disconnects in order after a while. */
  disconnect(client: Client): void {
    pause(200);
    client.disconnect();
  },
};

tell(1);
try {
  const client = Client.from(data.shared);
  jobs[data.job](client, data.count);
  client[Symbol.dispose]();
  tell(2);
} catch (error) {
  const name = new TextEncoder().encode((error as Error).name);
  new Uint8Array(data.progress, 8, 64).set(name);
  Atomics.store(progress, 1, name.length);
  tell(3);
}
