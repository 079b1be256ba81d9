// How a message is shown: by a name, such as `json`, or by a template in the manner of mosquitto_sub.
import type { Publish } from "../codec/mod.ts";
import type { CalendarTime } from "./io.ts";
import { escapeControls } from "./printable.ts";
import { joinBytes } from "./read_all.ts";
import { UsageError } from "./usage_error.ts";

/** Turns a message, and the moment at which it came, into what is printed. */
export type MessageFormat = (message: Publish, time: CalendarTime) => Uint8Array;

/** The formats that have a name, as the help tells them. */
export const FORMAT_NAMES: readonly (readonly [name: string, meaning: string])[] = [
  ["text", "the payload as it is, and a line feed; the default"],
  ["raw", "the payload as it is, and nothing else"],
  ["topic", "the topic, a space, and the payload as text"],
  ["hex", "the payload in hexadecimal digits"],
  ["base64", "the payload in base64"],
  ["json", "an object on a line: topicName, qos, retain, dup, payload, payloadEncoding (text or base64), timestamp"],
];

/** What stands for what in a template, as the help tells it. */
export const TEMPLATE_FIELDS: readonly (readonly [sequence: string, meaning: string])[] = [
  ["%t", "topic"],
  ["%p", "payload as it is"],
  ["%x", "payload in hexadecimal digits"],
  ["%b", "payload in base64"],
  ["%l", "length of the payload in bytes"],
  ["%q", "QoS"],
  ["%r", "1 if retained, else 0"],
  ["%d", "1 if the server says it may have come before, else 0"],
  ["%j", "all as JSON"],
  ["%I", "time of arrival, ISO 8601"],
  ["%U", "time of arrival, seconds since 1970"],
  ["%%", "%"],
  ["\\n \\t \\0 \\\\", "line feed, tab, NUL, backslash"],
];

/** Writes a part of the output. */
type Part = (message: Publish, time: CalendarTime) => string | Uint8Array;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const LINE_FEED = "\n";
/** Each byte in two digits. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

const topicName: Part = ({ topicName }) => topicName;
const payload: Part = ({ payload }) => payload;
const hex: Part = ({ payload }) => encodeHex(payload);
const base64: Part = ({ payload }) => encodeBase64(payload);
const json: Part = (message, time) => JSON.stringify(messageObject(message, time));

const NAMED: ReadonlyMap<string, readonly (Part | string)[]> = new Map([
  ["text", [payload, LINE_FEED]],
  ["raw", [payload]],
  ["topic", [topicName, " ", payload, LINE_FEED]],
  ["hex", [hex, LINE_FEED]],
  ["base64", [base64, LINE_FEED]],
  ["json", [json, LINE_FEED]],
]);

const FIELDS: ReadonlyMap<string, Part | string> = new Map<string, Part | string>([
  ["%t", topicName],
  ["%p", payload],
  ["%x", hex],
  ["%b", base64],
  ["%l", ({ payload }) => String(payload.length)],
  ["%q", ({ qos }) => String(qos)],
  ["%r", ({ retain }) => retain ? "1" : "0"],
  ["%d", ({ dup }) => dup ? "1" : "0"],
  ["%j", json],
  ["%I", (_message, time) => time.toISOString()],
  ["%U", (_message, time) => (time.getTime() / 1000).toFixed(3)],
  ["%%", "%"],
  ["\\n", LINE_FEED],
  ["\\t", "\t"],
  ["\\0", "\0"],
  ["\\\\", "\\"],
]);

/**
 * Chooses how messages are shown.
 *
 * @param name The name of a format, or a template, which has a `%` in it.
 * @param isTerminal Whether they are shown on a terminal, which control characters of strangers must not reach.
 * @returns The format.
 * @throws {UsageError} If it is neither.
 */
export function chooseFormat(name: string, isTerminal: boolean): MessageFormat {
  const parts = NAMED.get(name) ?? parseTemplate(name);
  // Who asks for the bytes as they are gets them.
  return isTerminal && name !== "raw" ? escaped(parts) : joined(parts);
}

/** A message as JSON has it. */
function messageObject(
  { topicName, qos, retain, dup, payload }: Publish,
  time: CalendarTime,
): Readonly<Record<string, unknown>> {
  const text = decodeText(payload);
  const shown = text === undefined
    ? { payload: encodeBase64(payload), payloadEncoding: "base64" }
    : { payload: text, payloadEncoding: "text" };
  return { topicName, qos, retain, dup, ...shown, timestamp: time.toISOString() };
}

function parseTemplate(template: string): readonly (Part | string)[] {
  if (!template.includes("%")) {
    const names = [...NAMED.keys()].join(", ");
    throw new UsageError("--format", `${JSON.stringify(template)} is none of ${names}, and no template with a %`);
  }
  const parts: (Part | string)[] = [];
  for (const [sequence] of template.matchAll(/[%\\][^]?|[^%\\]+/gu)) {
    const isPlain = !/^[%\\]/.test(sequence);
    const part = isPlain ? sequence : FIELDS.get(sequence);
    if (part === undefined) throw new UsageError("--format", `${JSON.stringify(sequence)} means nothing in a template`);
    parts.push(part);
  }
  return [...parts, LINE_FEED];
}

function joined(parts: readonly (Part | string)[]): MessageFormat {
  const prepared = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  return (message, time) =>
    joinBytes(prepared.map((part) => {
      const written = typeof part === "function" ? part(message, time) : part;
      return typeof written === "string" ? encoder.encode(written) : written;
    }));
}

function escaped(parts: readonly (Part | string)[]): MessageFormat {
  const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
  return (message, time) => {
    const shown = parts.map((part) => {
      if (typeof part === "string") return part;
      const written = part(message, time);
      return escapeControls(typeof written === "string" ? written : lossy.decode(written));
    });
    return encoder.encode(shown.join(""));
  };
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** What newer runtimes can do by themselves, many times faster. */
interface EncodableBytes {
  toHex?(): string;
  toBase64?(): string;
}

function encodeHex(bytes: Uint8Array): string {
  return (bytes as EncodableBytes).toHex?.() ?? Array.from(bytes, (byte) => HEX[byte]!).join("");
}

function encodeBase64(bytes: Uint8Array): string {
  const encoded = (bytes as EncodableBytes).toBase64?.();
  if (encoded !== undefined) return encoded;
  let binary = "";
  // In portions: a call takes so many arguments and no more.
  for (let start = 0; start < bytes.length; start += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  return btoa(binary);
}
