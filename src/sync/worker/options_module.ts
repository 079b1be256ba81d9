// Options that cannot cross to the worker come from a module that the worker loads. This is the one place that imports what a user
// names.
import type { MqttOptions } from "../../loop/mod.ts";

/**
 * Puts the options together that a worker goes by.
 *
 * @param given Options that have crossed; they come before those of the module.
 * @param module The address of a module that exports `options`, if there is one.
 * @throws {TypeError} If the module exports none.
 * @throws {Error} If it cannot be loaded: the runtime's own error.
 */
export async function loadOptions(given: MqttOptions, module: string | undefined): Promise<MqttOptions> {
  if (module === undefined) return given;
  const { options }: { options?: MqttOptions } = await import(module);
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot use option "module": ${module} exports no "options"`);
  }
  const merged = { ...options, ...given };
  if (!options.reconnect || !given.reconnect) return merged;
  return { ...merged, reconnect: { ...options.reconnect, ...given.reconnect } };
}
