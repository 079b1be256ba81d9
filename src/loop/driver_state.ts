// The states of a driver, and what it counts.
import type { Attempt } from "./attempt.ts";
import type { Connection, TrafficCounters } from "./connection.ts";
import type { ConnectionError } from "./error.ts";

/** A connection is open. */
export interface Open {
  /** The tag of this state. */
  readonly type: "open";
  /** The connection. */
  readonly connection: Connection;
  /** Its address, for messages. */
  readonly label: string;
  /** By when CONNACK must have come. */
  readonly connectBy: number;
  /** Why it cannot go on, once what came before is told. */
  failure: ConnectionError | undefined;
}

/** DISCONNECT was handed out. */
export interface Closing {
  /** The tag of this state. */
  readonly type: "closing";
  /** The connection. */
  readonly connection: Connection;
  /** Whether the sending side was ended. */
  isShutDown: boolean;
  /** When the connection is dropped. */
  deadline: number;
}

/** The state of a driver. */
export type DriverState =
  | { readonly type: "waiting" }
  | { readonly type: "connecting"; readonly attempt: Attempt; readonly connectBy: number }
  | Open
  | Closing
  | { readonly type: "done" };

/** Counts of what a driver has been through. */
export interface DriverCounters extends TrafficCounters {
  /** Connections that a server accepted. */
  connections: number;
  /** Attempts that failed, and connections that were lost. */
  failures: number;
}

/** The earlier of two times, each of which may be missing. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
