// The first lines that a worker runs.
import {
  CALLER_BELL,
  FAILED,
  FAILURE_AT,
  FAILURE_LENGTH,
  IS_CLOSED,
  SharedMemory,
  STARTING,
  STATE,
} from "./ring/shared_memory.ts";
import type { WorkerStart } from "./threads.ts";
import { serveUrl } from "./worker/serve.ts";

const BUNDLED =
  "its modules were bundled into a program, and its worker cannot load them apart; leave them out of the bundle";

/**
 * What a worker runs. It loads a module that this one has loaded: whatever it needs is there before the thread that starts it blocks,
 * wherever it comes from, and its name is right also where it was compiled to another. That this fails, nobody but the worker can tell
 * a thread that blocks; and there is nothing but these lines to do it.
 */
export function bootUrl(): URL {
  const code = `
    import { workerData } from "node:worker_threads";
    import(${JSON.stringify(serveUrl())}).then(({ serveClient }) => {
      if (typeof serveClient === "function") return serveClient();
      const message = ${JSON.stringify(`Cannot use the blocking client here: ${BUNDLED}`)};
      throw Object.assign(new Error(message), { name: "UnsupportedRuntimeError" });
    }).catch((error) => {
      const cells = new Int32Array(workerData.buffer, 0, ${FAILURE_AT / 4});
      const told = { name: String(error?.name), message: String(error?.message ?? error).slice(0, 1000), fields: {} };
      const bytes = new TextEncoder().encode(JSON.stringify(told));
      new Uint8Array(workerData.buffer, ${FAILURE_AT}).set(bytes);
      Atomics.store(cells, ${FAILURE_LENGTH}, bytes.length);
      Atomics.store(cells, ${IS_CLOSED}, 1);
      Atomics.store(cells, ${STATE}, ${FAILED});
      Atomics.add(cells, ${CALLER_BELL}, 1);
      Atomics.notify(cells, ${CALLER_BELL});
    });
  `;
  return new URL(`data:text/javascript,${encodeURIComponent(code.replaceAll(/\n */g, ""))}`);
}

/**
 * Says whether this thread is a client's worker that has only begun to load. Whoever wants to start a client then was loaded with the
 * client's own modules, as one bundle, and would start workers without an end.
 *
 * @param workerData What this thread was started with.
 */
export function findBundling(workerData: WorkerStart | null | undefined): string | undefined {
  try {
    const { cells } = new SharedMemory(workerData?.buffer as SharedArrayBuffer);
    return Atomics.load(cells, STATE) === STARTING ? BUNDLED : undefined;
  } catch {
    return undefined;
  }
}
