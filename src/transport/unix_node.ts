// Unix sockets on Node.

import { openNodeTransport } from "./node_connect.ts";
import type { Dial, DialOptions, Transport, TransportHandlers, UnixTarget } from "./transport.ts";
import { describeUnixFailure } from "./unix_failure.ts";

/** The longest path that the address of a socket holds, in bytes: on macOS, and elsewhere. */
const [MOST_BYTES_DARWIN, MOST_BYTES] = [103, 107];

/** What is used of the global scope. */
interface NodeScope {
  readonly process: { readonly platform: string };
}

/**
 * Opens a connection to a unix socket with `node:net`.
 *
 * @param target The path.
 * @param handlers Who is told of bytes and of the end.
 * @param options The signal that ends the attempt.
 * @returns The open transport.
 * @throws {Error} If the attempt fails: what is wrong with the path, with Node's error as its cause, or the signal's reason.
 */
export const dialNodeUnix: Dial<UnixTarget> = async (
  { path }: UnixTarget,
  handlers: TransportHandlers,
  { signal }: DialOptions,
): Promise<Transport> => {
  try {
    checkLength(path);
    return await openNodeTransport({ path }, handlers, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw await describeUnixFailure(path, error);
  }
};

/** Node 22 would connect to what is left of a longer path. */
function checkLength(path: string): void {
  const { platform } = (globalThis as unknown as NodeScope).process;
  const most = platform === "darwin" ? MOST_BYTES_DARWIN : MOST_BYTES;
  if (platform === "win32" || new TextEncoder().encode(path).length <= most) return;
  throw Object.assign(new Error(`Cannot connect to ${path}: its name is too long`), { code: "ENAMETOOLONG" });
}
