// The transport contract in real workerd, over the WebSocket and the sockets that it offers.

import { assertEquals } from "@std/assert";
import { makeCertificates } from "../support/certificates.ts";
import { runtime, test } from "../support/test.ts";
import { startWorker, workerdMissing } from "../support/workerd.ts";
import type { ContractServer } from "./contract_connection.ts";
import { listenLoopback, listenTls, plainTls } from "./loopback.ts";
import { listenWebSocket } from "./loopback_websocket.ts";
import { bundleRemote, startRemoteControl } from "./remote_control.ts";
import type { RuleResult } from "./remote_program.ts";

const notDialled = (): never => {
  throw new Error("not dialled from here");
};

async function listen(kind: string): Promise<ContractServer> {
  if (kind === "tcp") return await listenLoopback(notDialled);
  if (kind === "websocket") return await listenWebSocket(notDialled);
  return await listenTls(notDialled, (await makeCertificates()).server, plainTls);
}

// Which runtime starts the workers makes no difference to them; Deno is no TLS server to be relied on.
const adapters = runtime === "bun" ? ["websocket", "tcp", "tls"] : [];

for (const adapter of adapters) {
  test(`in workerd, ${adapter} keeps the transport contract`, async () => {
    const script = await bundleRemote("tests/transport/remote_worker.ts");
    await using control = await startRemoteControl(listen);
    await using worker = await startWorker({
      script,
      compatibilityDate: "2026-07-01",
      compatibilityFlags: ["nodejs_compat"],
    });
    const response = await worker.fetch(`/?adapter=${adapter}&control=${encodeURIComponent(control.url)}`);
    const results: RuleResult[] = await response.json();
    assertEquals(results.filter(({ failure }) => failure !== undefined), []);
    assertEquals(results.length > 20, true, `only ${results.length} rules were run`);
  }, { skip: workerdMissing(), timeoutMillis: 180_000 });
}
