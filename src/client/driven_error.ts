// The errors of a driven client that the event loop does not have, by what the caller does next.

/** A stream with the overflow policy `"error"` was full when a message came. What it holds is still handed out; the stream is over. */
export class StreamOverflowError extends Error {
  /** The name of the class. */
  override readonly name: string = "StreamOverflowError";
  /** The Topic Filter of the stream. */
  readonly topicFilter: string;
  /** How many messages it could hold. */
  readonly capacity: number;

  /**
   * Makes the error.
   *
   * @param topicFilter The Topic Filter of the stream.
   * @param capacity How many messages it could hold.
   */
  constructor(topicFilter: string, capacity: number) {
    super(
      `Cannot keep the stream of ${topicFilter}: a message came while ${capacity} waited, and its overflow is "error"`,
    );
    this.topicFilter = topicFilter;
    this.capacity = capacity;
  }
}

/** A publish took longer than it was given. */
export class PublishTimeoutError extends Error {
  /** The name of the class. */
  override readonly name: string = "PublishTimeoutError";
  /** What it was given, in milliseconds. */
  readonly timeoutMillis: number;
  /**
   * Whether the server may have the message, or may still get it. If `false`, it was taken back before it was written, and may be
   * published anew without coming twice.
   */
  readonly mayHaveBeenDelivered: boolean;

  /**
   * Makes the error.
   *
   * @param timeoutMillis What it was given, in milliseconds.
   * @param mayHaveBeenDelivered Whether the server may have the message, or may still get it.
   */
  constructor(timeoutMillis: number, mayHaveBeenDelivered: boolean) {
    super(`Cannot complete publish: ${timeoutMillis} ms have passed, ${outcomeOf(mayHaveBeenDelivered)}`);
    this.timeoutMillis = timeoutMillis;
    this.mayHaveBeenDelivered = mayHaveBeenDelivered;
  }
}

/** No response came in the time a request was given. */
export class RequestTimeoutError extends Error {
  /** The name of the class. */
  override readonly name: string = "RequestTimeoutError";
  /** Where the response was awaited. */
  readonly responseTopic: string;
  /** What the request was given, in milliseconds. */
  readonly timeoutMillis: number;
  /** Whether the server may have the request, or may still get it. */
  readonly mayHaveBeenDelivered: boolean;

  /**
   * Makes the error.
   *
   * @param responseTopic Where the response was awaited.
   * @param timeoutMillis What the request was given, in milliseconds.
   * @param mayHaveBeenDelivered Whether the server may have the request, or may still get it.
   */
  constructor(responseTopic: string, timeoutMillis: number, mayHaveBeenDelivered: boolean) {
    const outcome = outcomeOf(mayHaveBeenDelivered);
    super(`Cannot complete request: no response on ${responseTopic} within ${timeoutMillis} ms, ${outcome}`);
    this.responseTopic = responseTopic;
    this.timeoutMillis = timeoutMillis;
    this.mayHaveBeenDelivered = mayHaveBeenDelivered;
  }
}

/**
 * An answer of the server lies behind more messages than may be held: their streams are full, and nobody takes from them. Whoever
 * waits for an answer is told, so that it can go on and take. What was asked for goes on too.
 */
export class ReadAheadError extends Error {
  /** The name of the class. */
  override readonly name: string = "ReadAheadError";
  /** Whether the server may have what was asked for, or may still get it: always, since it goes on. */
  readonly mayHaveBeenDelivered: boolean = true;

  /**
   * Makes the error.
   *
   * @param bytes How many bytes may be held.
   */
  constructor(bytes: number) {
    super(`Cannot wait any longer: more than ${bytes} bytes of messages that nobody takes came before the answer`);
  }
}

function outcomeOf(mayHaveBeenDelivered: boolean): string {
  return mayHaveBeenDelivered ? "it may have been delivered" : "it was not delivered";
}
