// The upgrade request as a worker: each request dials once, with headers, and tells what became of it.

import type { WebSocketError } from "../../src/transport/transport.ts";
import { dialWorkerdWebSocket } from "../../src/transport/websocket_workerd.ts";
import { webSocketTarget } from "./web_socket_target.ts";

/** What became of a dial. */
export interface UpgradeOutcome {
  readonly reason?: string;
  readonly status?: number | undefined;
  readonly message?: string;
}

async function dial(port: number, abortMillis: number | undefined): Promise<UpgradeOutcome> {
  const abort = new AbortController();
  if (abortMillis !== undefined) setTimeout(() => abort.abort(new Error("long enough")), abortMillis);
  const headers = async ({ url }: { readonly url: string }): Promise<Record<string, string>> => {
    await Promise.resolve();
    return { "authorization": `Bearer of ${url}` };
  };
  const closed = Promise.withResolvers<void>();
  const handlers = { data: () => {}, close: () => closed.resolve() };
  try {
    const target = { ...webSocketTarget("127.0.0.1", port), headers };
    const transport = await dialWorkerdWebSocket(target, handlers, { signal: abort.signal });
    transport.destroy();
    await closed.promise;
    return {};
  } catch (error) {
    const { reason, status, message } = error as WebSocketError;
    return { reason, status, message };
  }
}

const worker: { fetch(request: Request): Promise<Response> } = {
  async fetch(request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const abortMillis = searchParams.get("abort");
    return Response.json(
      await dial(Number(searchParams.get("port")), abortMillis === null ? undefined : Number(abortMillis)),
    );
  },
};

// deno-lint-ignore petrel/no-default-export -- that is how workerd finds it
export default worker;
