// Payloads as values: how they are written into bytes and read again.

/** Writes and reads the payloads of a family of topics. */
export interface PayloadCodec<Value> {
  /**
   * Writes a value.
   *
   * @param value The value.
   * @returns The payload, text as UTF-8.
   */
  encode(value: Value): Uint8Array | string;
  /**
   * Reads a payload. What it throws, or its promise rejects with, becomes the cause of a {@linkcode PayloadError}.
   *
   * @param payload The payload: a view that must not be changed, and is copied to be kept.
   * @returns The value.
   */
  decode(payload: Uint8Array): Value | Promise<Value>;
}

/** A schema of any library that keeps to Standard Schema, version 1. */
export interface StandardSchema<Value> {
  /** What the libraries have agreed on. */
  readonly "~standard": {
    /** The version of the agreement. */
    readonly version: 1;
    /** Judges a value. */
    readonly validate: (value: unknown) => StandardResult<Value> | Promise<StandardResult<Value>>;
  };
}

/** What a schema says of a value: the value, perhaps another one, or why it is not valid. */
export type StandardResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** Why a value is not valid. */
export interface StandardIssue {
  /** The reason, in the schema's words. */
  readonly message: string;
  /** Where in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A payload cannot be read as its codec expects. The message it came in was received and is counted, but gives no value. */
export class PayloadError extends Error {
  /** The name of the class. */
  override readonly name: string = "PayloadError";
  /** The Topic Name of the message. */
  readonly topicName: string;

  /**
   * Makes the error. Its message does not show the payload.
   *
   * @param topicName The Topic Name of the message.
   * @param state What is wrong with the payload.
   * @param cause What the codec threw.
   */
  constructor(topicName: string, state: string, cause?: unknown) {
    super(`Cannot decode the payload of ${topicName}: ${state}`, cause === undefined ? undefined : { cause });
    this.topicName = topicName;
  }
}

/** What is wrong with a payload, in words that do not show it; other errors keep their own words as the cause alone. */
class PayloadFault extends Error {
  override readonly name: string = "PayloadFault";
}

/** Payloads as they are. */
export const bytesPayload: PayloadCodec<Uint8Array> = {
  encode: (value) => value,
  decode: (payload) => payload,
};

/** Payloads as text: UTF-8, where bytes that are none are refused. */
export const textPayload: PayloadCodec<string> = {
  encode: (value) => value,
  decode: decodeText,
};

/**
 * Makes a codec of JSON.
 *
 * @param schema Judges each value that is read, if it is given; without it a payload is believed to be what the type says.
 * @returns The codec.
 *
 * @example
 * ```ts
 * import { jsonPayload } from "@petrel/mqtt";
 * import { assertEquals } from "@std/assert";
 *
 * const reading = jsonPayload<{ celsius: number }>();
 * assertEquals(reading.encode({ celsius: 21.5 }), '{"celsius":21.5}');
 * assertEquals(await reading.decode(new TextEncoder().encode('{"celsius":21.5}')), { celsius: 21.5 });
 * ```
 */
export function jsonPayload<Value>(schema?: StandardSchema<Value>): PayloadCodec<Value> {
  return {
    encode(value): string {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined) throw new TypeError(`Cannot encode a payload as JSON: ${typeof value} has no JSON`);
      return text;
    },
    decode(payload): Value | Promise<Value> {
      const value = parseJson(decodeText(payload));
      if (schema === undefined) return value as Value;
      const result = schema["~standard"].validate(value);
      return result instanceof Promise ? result.then(valueOf) : valueOf(result);
    },
  };
}

/**
 * Says why a payload could not be decoded.
 *
 * @param topicName The Topic Name of the message.
 * @param cause What the codec threw.
 * @returns The error.
 */
export function describePayloadFault(topicName: string, cause: unknown): PayloadError {
  if (cause instanceof PayloadFault) return new PayloadError(topicName, cause.message, cause.cause);
  return new PayloadError(topicName, "its codec refuses it", cause);
}

function decodeText(payload: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
  } catch (cause) {
    throw new PayloadFault("it is not UTF-8", { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PayloadFault("it is not JSON", { cause });
  }
}

function valueOf<Value>(result: StandardResult<Value>): Value {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }) => {
    const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
    return keys.length === 0 ? message : `${keys.join(".")}: ${message}`;
  });
  throw new PayloadFault(`its schema refuses it (${issues.join("; ")})`);
}
