// Options for a worker with a session store, which are functions and so cannot cross: the store is a file whose path is in the
// environment. Files of that name beside it say how it fares: with `.full` "the disk" is full, with `.held` a change does not end for as
// long as the file is there, and with `.slow` each takes a while.

import type { MqttOptions } from "@petrel/mqtt";
import { type SessionStore, SqliteSessionStore } from "@petrel/mqtt/store";
import { existsSync } from "node:fs";
import process from "node:process";

const path = process.env["PETREL_STORE"]!;
const file = new SqliteSessionStore(path);

const sessionStore: SessionStore = {
  load: (key) => file.load(key),
  commit: (key, delta) => {
    if (existsSync(`${path}.full`)) throw new Error("the disk is full");
    const millis = existsSync(`${path}.slow`) ? 300 : 0;
    if (millis === 0 && !existsSync(`${path}.held`)) return file.commit(key, delta);
    return pause(millis).then(() => file.commit(key, delta));
  },
  clear: (key) => file.clear(key),
};

async function pause(millis: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, millis));
  while (existsSync(`${path}.held`)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What the worker is given besides what crosses. */
export const options: MqttOptions = { sessionStore, cleanSession: false };
