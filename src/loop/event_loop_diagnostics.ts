// What an event loop shows of itself.
import type { SessionDiagnostics } from "../session/mod.ts";
import type { DriverCounters } from "./driver_state.ts";
import type { PersistenceDiagnostics } from "./persistence.ts";
import type { RequestChannelDiagnostics } from "./request_channel.ts";

/** What can be seen of an event loop from outside. */
export interface EventLoopDiagnostics {
  /** Whether it has ended for good. */
  readonly isDone: boolean;
  /** Events that wait to be polled. */
  readonly events: number;
  /** Requests that wait to be admitted to the session. */
  readonly requests: RequestChannelDiagnostics;
  /** Tracked requests that the session has taken and not finished. */
  readonly trackedRequests: number;
  /** The session. */
  readonly session: SessionDiagnostics;
  /** What was done with the session store; `undefined` if there is none. */
  readonly sessionStore: PersistenceDiagnostics | undefined;
  /** Counts since the loop was made. */
  readonly counters: Readonly<DriverCounters>;
}
