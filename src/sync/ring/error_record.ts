// Errors as text that crosses to another thread, and errors of the same classes out of it again.
import { MalformedPacketError, PacketTooLargeError } from "../../codec/mod.ts";
import {
  ConnectionLostError,
  DisconnectTimeoutError,
  LoopClosedError,
  RequestChannelFullError,
  RequestFailedError,
  SessionStoreError,
  SubscribeRefusedError,
} from "../../loop/mod.ts";
import { ConnectionRefusedError, KeepAliveTimeoutError, ProtocolError } from "../../session/mod.ts";
import {
  ProxyError,
  ReceiveOverflowError,
  TlsError,
  UnsupportedOptionError,
  WebSocketError,
} from "../../transport/transport.ts";
import { UnsupportedRuntimeError } from "../error.ts";

/** How many errors behind each other are told. */
const MAX_DEPTH = 8;

/** Any class of errors. */
type ErrorClass = abstract new (...args: never[]) => Error;

/** The classes that come out as what they went in, by their names. */
const CLASSES: Readonly<Record<string, ErrorClass>> = {
  MalformedPacketError,
  PacketTooLargeError,
  ProtocolError,
  KeepAliveTimeoutError,
  ConnectionRefusedError,
  ConnectionLostError,
  DisconnectTimeoutError,
  LoopClosedError,
  RequestChannelFullError,
  RequestFailedError,
  SessionStoreError,
  SubscribeRefusedError,
  TlsError,
  WebSocketError,
  ProxyError,
  ReceiveOverflowError,
  UnsupportedOptionError,
  UnsupportedRuntimeError,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  URIError,
  EvalError,
};

/** What of the runtime's own is used, if it is there. */
interface RuntimeScope {
  readonly Deno?: { readonly errors?: Readonly<Record<string, ErrorClass>> };
}

/** An error as data. What is no error is told as text. */
type ErrorRecord =
  | { readonly thrown: string }
  | {
    readonly name: string;
    readonly message: string;
    readonly stack: string | undefined;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly cause?: ErrorRecord;
    readonly errors?: readonly ErrorRecord[];
  };

/** Describes an error, with the errors behind it. @returns JSON. */
export function encodeError(error: unknown): string {
  return JSON.stringify(describe(error, MAX_DEPTH));
}

/** Makes the error that was described: of its class, with its message, its fields and the errors behind it. */
export function decodeError(text: string): unknown {
  return rebuild(JSON.parse(text));
}

function describe(error: unknown, depth: number): ErrorRecord {
  if (!(error instanceof Error)) return { thrown: String(error) };
  const { cause } = error;
  return {
    name: error instanceof DOMException ? `DOMException ${error.name}` : error.name,
    message: error.message,
    stack: error.stack,
    fields: plainFields(error),
    ...(cause !== undefined && depth > 0 ? { cause: describe(cause, depth - 1) } : {}),
    ...(error instanceof AggregateError && depth > 0
      ? { errors: error.errors.map((one: unknown) => describe(one, depth - 1)) }
      : {}),
  };
}

/** The fields that are data: a class's own, and such as `code` of the runtime's errors. */
function plainFields(error: Error): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(error)) {
    if (name === "stack" || name === "message" || name === "cause" || name === "errors") continue;
    if (isPlain(value) || (Array.isArray(value) && value.every(isPlain))) fields[name] = value;
  }
  return fields;
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function rebuild(record: ErrorRecord): unknown {
  if ("thrown" in record) return record.thrown;
  const { name, message, stack, fields } = record;
  if (name.startsWith("DOMException ")) return new DOMException(message, name.slice("DOMException ".length));
  const options = record.cause === undefined ? undefined : { cause: rebuild(record.cause) };
  const error = record.errors === undefined
    ? new Error(message, options)
    : new AggregateError(record.errors.map(rebuild), message, options);
  const known = Object.hasOwn(CLASSES, name) ? CLASSES[name] : runtimeClass(name);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  Object.assign(error, fields);
  if (error.name !== name) Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  // Where it happened, which is in the other thread.
  if (stack !== undefined) Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
  return error;
}

/** Deno has classes of its own for what the system says. */
function runtimeClass(name: string): ErrorClass | undefined {
  const errors = (globalThis as RuntimeScope).Deno?.errors;
  return errors !== undefined && Object.hasOwn(errors, name) ? errors[name] : undefined;
}
