// The servers that the end-to-end tests run against.

import { startAedes } from "../support/aedes.ts";
import { mosquittoMissing, startMosquitto } from "../support/mosquitto.ts";

/** A server that runs. */
export interface Server extends AsyncDisposable {
  /** Where it listens, at 127.0.0.1. */
  readonly port: number;
}

/** A kind of server. */
export interface ServerKind {
  /** Its name. */
  readonly name: "aedes" | "mosquitto";
  /** Starts one. */
  start(): Promise<Server>;
  /** Why it cannot be started on this machine. */
  readonly skip: string | undefined;
  /** Bytes of a payload that counts as large, and is not too large for it. */
  readonly largePayloadBytes: number;
}

/** The servers at hand. */
export const servers: readonly ServerKind[] = [
  { name: "mosquitto", start: () => startMosquitto(), skip: mosquittoMissing(), largePayloadBytes: 1 << 20 },
  // In the process of the tests; inside Deno it breaks above about 130 kB.
  { name: "aedes", start: startAedes, skip: undefined, largePayloadBytes: 100_000 },
];
