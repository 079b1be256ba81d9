// The checks of single option values. Each names the option, shows the value where it is no secret, and says the rule.
import { describeStringFault, MAX_STRING_BYTES } from "../codec/mod.ts";

/** A span of time that a timer can hold: at most 2^31 - 1 milliseconds, some 25 days. */
const MAX_MILLIS = 0x7fff_ffff;
/** Longest text shown in a message. */
const MAX_SHOWN = 80;

/** Makes the error for an option of a wrong type or content. */
export function optionError(name: string, state: string): TypeError {
  return new TypeError(`Cannot use option "${name}": ${state}`);
}

/** Makes the error for a number out of its range. */
export function optionRangeError(name: string, state: string): RangeError {
  return new RangeError(`Cannot use option "${name}": ${state}`);
}

/** Checks an option if it is given. */
export function optional<T, Checked>(
  check: (name: string, value: T) => Checked,
  name: string,
  value: T | undefined,
): Checked | undefined {
  return value === undefined ? undefined : check(name, value);
}

/** An object with no other fields than `fields`. */
export function checkFields(name: string, value: unknown, fields: readonly string[]): void {
  if (typeof value !== "object" || value === null) {
    throw optionError(name, `${show(value)} is no object`);
  }
  for (const field of Object.keys(value)) {
    if (!fields.includes(field)) {
      throw optionError(`${name}.${field}`, "there is no such option");
    }
  }
}

/** A string that MQTT can carry. */
export function checkText(name: string, value: unknown): string {
  const fault = describeStringFault(value);
  if (fault !== undefined) throw optionError(name, `${show(value)} ${fault}`);
  return value as string;
}

/** Text or bytes that fit a field of two bytes length, as bytes of their own. They are not shown. */
export function checkBytes(name: string, value: unknown): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  if (!(bytes instanceof Uint8Array)) {
    throw optionError(name, "it is neither text nor bytes");
  }
  if (bytes.length > MAX_STRING_BYTES) {
    throw optionRangeError(name, `${bytes.length} bytes are more than ${MAX_STRING_BYTES}`);
  }
  return typeof value === "string" ? bytes : new Uint8Array(bytes);
}

/** `true` or `false`. */
export function checkFlag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") {
    throw optionError(name, `${show(value)} is neither true nor false`);
  }
  return value;
}

/** A number in a range. */
export function checkNumber(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number") throw optionError(name, `${show(value)} is no number`);
  if (!(value >= least && value <= most)) {
    throw optionRangeError(name, `${value} is not from ${least} to ${most}`);
  }
  return value;
}

/** A whole number in a range. */
export function checkInteger(name: string, value: unknown, least: number, most: number): number {
  const checked = checkNumber(name, value, least, most);
  if (!Number.isInteger(checked)) throw optionRangeError(name, `${checked} is no whole number`);
  return checked;
}

/** A whole number in a range, or `Infinity`. */
export function checkIntegerOrInfinity(name: string, value: unknown, least: number): number {
  return value === Infinity ? Infinity : checkInteger(name, value, least, Number.MAX_SAFE_INTEGER);
}

/** A span of time in milliseconds. */
export function checkMillis(name: string, value: unknown, least: number): number {
  return checkNumber(name, value, least, MAX_MILLIS);
}

/** One of a few values. */
export function checkOneOf<const T extends string | number>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw optionError(name, `${show(value)} is none of ${allowed.map(show).join(", ")}`);
  }
  return found;
}

/** A function; what it takes and gives cannot be seen. */
// deno-lint-ignore ban-types
export function checkFunction<T extends Function>(name: string, value: T): T {
  if (typeof value !== "function") throw optionError(name, `${show(value)} is no function`);
  return value;
}

/** A value as a message shows it. */
function show(value: unknown): string {
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
}
