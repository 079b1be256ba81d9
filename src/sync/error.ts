// The errors that only the blocking pair has. All others are those of the asynchronous form.

/** This thread of this runtime cannot block, so the blocking pair cannot work here. `AsyncClient` can. */
export class UnsupportedRuntimeError extends Error {
  /** The name of the class. */
  override readonly name: string = "UnsupportedRuntimeError";

  /**
   * Makes the error.
   *
   * @param state What is missing.
   */
  constructor(state: string) {
    super(`Cannot use the blocking client here: ${state}`);
  }
}

/**
 * The worker in which the event loop runs could not start, or has failed; `cause` is its error, if it told one. The client is of no
 * use any more, and its connection is closed.
 */
export class WorkerFailedError extends Error {
  /** The name of the class. */
  override readonly name: string = "WorkerFailedError";

  /**
   * Makes the error.
   *
   * @param state What became of the worker.
   * @param cause Its error, if it told one.
   */
  constructor(state: string, cause?: unknown) {
    super(`Cannot go on: ${state}`, cause === undefined ? undefined : { cause });
  }
}

/** A wait ended before what it waited for. Wait again, or go on with something else: the request is not touched. */
export class WaitTimeoutError extends Error {
  /** The name of the class. */
  override readonly name: string = "WaitTimeoutError";

  /**
   * Makes the error.
   *
   * @param action What was asked for.
   * @param state What has not come.
   * @param timeoutMillis For how long it was waited for, in milliseconds.
   */
  constructor(action: string, state: string, timeoutMillis: number) {
    super(`Cannot ${action}: ${state} within ${timeoutMillis} ms`);
  }
}

/**
 * A call would block for ever: events that nobody takes fill their ring, so the event loop stands, and the only thread that could take
 * them is the one that made the call. Take events from the connection, and call again.
 */
export class DeadlockError extends Error {
  /** The name of the class. */
  override readonly name: string = "DeadlockError";

  /**
   * Makes the error.
   *
   * @param action What was asked for, such as `publish`.
   */
  constructor(action: string) {
    super(`Cannot ${action}: the ring of events is full, and this thread alone could take events from it`);
  }
}
