// The transport contract as a worker: each request runs it over one adapter.

import { dialWorkerdSocket } from "../../src/transport/sockets_workerd.ts";
import type { Dial } from "../../src/transport/transport.ts";
import { dialWorkerdWebSocket } from "../../src/transport/websocket_workerd.ts";
import type { ContractNetwork } from "./contract_cases.ts";

const adapters: Readonly<Record<string, readonly [Dial<never>, ContractNetwork]>> = {
  websocket: [dialWorkerdWebSocket, { canPause: false, hasHalfClose: false }],
  // Workerd from before August 2026 reads a reset as an end.
  tcp: [dialWorkerdSocket, { hasReset: false }],
  tls: [dialWorkerdSocket, { hasReset: false }],
};

const worker: { fetch(request: Request): Promise<Response> } = {
  async fetch(request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const kind = searchParams.get("adapter")!;
    const [dial, network] = adapters[kind]!;
    // The suite makes an AbortSignal when it is loaded, which a worker may not.
    const { runRemoteContract } = await import("./remote_program.ts");
    return Response.json(await runRemoteContract(searchParams.get("control")!, kind, dial, network));
  },
};

// deno-lint-ignore petrel/no-default-export -- that is how workerd finds it
export default worker;
