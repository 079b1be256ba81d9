// Options for a worker with a session store, which are functions and so cannot cross: the store is a file whose path is in the
// environment, and "the disk" is full once there is a file of that name beside it.

import type { MqttOptions } from "@petrel/mqtt";
import { type SessionDelta, SqliteSessionStore } from "@petrel/mqtt/store";
import { existsSync } from "node:fs";
import process from "node:process";

const path = process.env["PETREL_STORE"]!;

class Store extends SqliteSessionStore {
  override commit(key: string, delta: SessionDelta): void {
    if (existsSync(`${path}.full`)) throw new Error("the disk is full");
    super.commit(key, delta);
  }
}

/** What the worker is given besides what crosses. */
export const options: MqttOptions = { sessionStore: new Store(path), cleanSession: false };
