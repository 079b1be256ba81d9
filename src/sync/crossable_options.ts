// Options on their way to another thread: data crosses, code does not.
import type { MqttOptions } from "../loop/mod.ts";
import { UnsupportedOptionError } from "../transport/transport.ts";

/**
 * Copies options into a form that can be given to another thread.
 *
 * @param options The options, valid.
 * @throws {UnsupportedOptionError} If one of them is no data, such as a function.
 */
export function crossableOptions(options: MqttOptions): MqttOptions {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, crossable(name, value)]));
}

function crossable(name: string, value: unknown): unknown {
  if (value instanceof URL) return value.href;
  // Not the rest of the buffer that it may be a view of.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map((item) => crossable(name, item));
  if (typeof value === "function" || (typeof value === "object" && value !== null && !isPlain(value))) {
    throw new UnsupportedOptionError(
      name,
      `Cannot use option "${name}": it is code, which cannot cross to the worker; a module named by option "module" can provide it`,
    );
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, part]) => [field, crossable(`${name}.${field}`, part)]),
  );
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
