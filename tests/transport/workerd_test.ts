// The transport contract in real workerd, over the WebSocket and the sockets that it offers.

import { assertEquals, assertMatch, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { makeCertificates } from "../support/certificates.ts";
import { runtime, test } from "../support/test.ts";
import { startWorker, workerdMissing } from "../support/workerd.ts";
import type { ContractServer } from "./contract_connection.ts";
import { listenLoopback, listenTls, plainTls } from "./loopback.ts";
import { listenWebSocket, type UpgradeAnswer } from "./loopback_websocket.ts";
import { bundleRemote, startRemoteControl } from "./remote_control.ts";
import type { RuleResult } from "./remote_program.ts";
import type { UpgradeOutcome } from "./upgrade_worker.ts";

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

if (runtime === "bun") {
  test("in workerd, the upgrade request has the headers of the provider, and each refusal is told", async () => {
    const script = await bundleRemote("tests/transport/upgrade_worker.ts");
    await using worker = await startWorker({ script, compatibilityDate: "2026-07-01" });
    const outcomeOf = async (answer: UpgradeAnswer): Promise<UpgradeOutcome & { readonly request: string }> => {
      await using server = await listenWebSocket(notDialled, answer);
      const accepting = server.accept();
      const answering = worker.fetch(`/?port=${server.target.port}`);
      const peer = await accepting;
      assertStrictEquals(await peer.read(), undefined);
      return { ...await (await answering).json(), request: peer.request };
    };
    const { request, ...accepted } = await outcomeOf({ protocol: "mqtt" });
    assertEquals(accepted, {});
    assertMatch(request, /^authorization: Bearer of ws:\/\/127\.0\.0\.1:\d+\/mqtt\?token=secret\r$/m);
    assertMatch(request, /^sec-websocket-protocol: mqtt\r$/m);
    const refused = await outcomeOf({ status: 401 });
    assertEquals([refused.reason, refused.status], ["upgrade-refused", 401]);
    assertMatch(refused.message!, /^Cannot open a WebSocket to 127\.0\.0\.1:\d+: the server answered with status 401$/);
    for (const protocol of [undefined, "mqttv3.1"]) {
      const { reason, message } = await outcomeOf({ protocol });
      assertEquals(reason, "subprotocol");
      const choice = protocol === undefined ? "no subprotocol" : `the subprotocol "${protocol}"`;
      assertStringIncludes(message!, `: the server chose ${choice}, not "mqtt" [MQTT-6.0.0-4]`);
    }
  }, { skip: workerdMissing() });

  test("in workerd, an abort ends an upgrade that stalls, by WebSocket's own connection", async () => {
    const script = await bundleRemote("tests/transport/upgrade_worker.ts");
    await using worker = await startWorker({ script, compatibilityDate: "2026-07-01" });
    await using server = await listenLoopback(notDialled);
    const accepting = server.accept();
    const answering = worker.fetch(`/?port=${server.target.port}&abort=50`);
    const peer = await accepting;
    assertEquals((await (await answering).json()).message, "long enough");
    while (await peer.read() !== undefined);
  }, { skip: workerdMissing() });
}
