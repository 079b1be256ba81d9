import { assertGreater, assertLess } from "@std/assert";
import { dialBunTls } from "../../src/transport/tls_bun.ts";
import { dialDenoTls } from "../../src/transport/tls_deno.ts";
import { dialNodeTls } from "../../src/transport/tls_node.ts";
import type { Dial, TlsTarget } from "../../src/transport/transport.ts";
import { type Certificate, makeCertificates, opensslMissing } from "../support/certificates.ts";
import { runtime, test } from "../support/test.ts";
import { transportContract } from "./contract.ts";
import type { ContractServer } from "./contract_connection.ts";
import { listenTls, plainTls } from "./loopback.ts";
import { listenDenoTls } from "./loopback_deno.ts";
import { measureTwoWritesOneAnswer } from "./two_writes.ts";

const skip = opensslMissing();
const dial: Dial<TlsTarget> = { deno: dialDenoTls, bun: dialBunTls, node: dialNodeTls }[runtime];

/** A server of the runtime that can be relied on, and one way to dial it. */
async function listen(dial: Dial<TlsTarget>, client?: Certificate): Promise<ContractServer> {
  const { ca, server } = await makeCertificates();
  const settings = { ...plainTls, ca: [ca], client };
  return runtime === "deno" ? listenDenoTls(dial, server, settings) : await listenTls(dial, server, settings);
}

transportContract(`TLS on ${runtime}`, () => listen(dial), { skip, hasReset: false });

transportContract(`TLS with a client certificate on ${runtime}`, async () => {
  const { client } = await makeCertificates();
  return await listen(dial, client);
}, { skip, hasReset: false });

for (const withClient of [false, true]) {
  const name = withClient ? "TLS with a client certificate" : "TLS";
  const start = async (noDelay: boolean): Promise<ContractServer> => {
    const server = await listen(dial, withClient ? (await makeCertificates()).client : undefined);
    return { ...server, target: { ...server.target as TlsTarget, noDelay } };
  };

  test(`${name} on ${runtime}: two small writes and an answer take no delayed ACK`, async () => {
    await using server = await start(true);
    assertLess(await measureTwoWritesOneAnswer(server), 20);
  }, { skip });

  const platform = globalThis.process?.platform;
  test(`${name} on ${runtime}: noDelay false leaves Nagle's algorithm on`, async () => {
    await using server = await start(false);
    assertGreater(await measureTwoWritesOneAnswer(server), 20);
  }, { skip: skip ?? (platform === "linux" ? undefined : "the delayed ACK of Linux is what is measured") });
}
