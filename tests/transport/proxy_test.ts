// The contract of transports, through proxies of every kind.

import { selectDial } from "../../src/transport/select.ts";
import type { Dial, DialTarget, TlsSettings } from "../../src/transport/transport.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { runtime } from "../support/test.ts";
import { transportContract } from "./contract.ts";
import type { ContractServer } from "./contract_connection.ts";
import { listenLoopback, listenTls, plainTls } from "./loopback.ts";
import { listenDenoTls } from "./loopback_deno.ts";
import { type ProxyProtocol, startProxyPlace } from "./proxy_place.ts";
import { listenWs, listenWss } from "./websocket_dials.ts";

const skip = opensslMissing();
const dial: Dial = (target, handlers, options) => selectDial(target)(target, handlers, options);

/** Puts a proxy before a server. */
async function behind(protocol: ProxyProtocol, server: ContractServer): Promise<ContractServer> {
  const place = await startProxyPlace(protocol);
  return {
    ...server,
    target: { ...server.target, proxy: place.settings } as DialTarget,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** A server of the runtime that can be relied on. */
async function listenSecurely(withClient: boolean): Promise<ContractServer> {
  const { ca, server, client } = await makeCertificates();
  const settings: TlsSettings = { ...plainTls, ca: [ca], client: withClient ? client : undefined };
  return runtime === "deno" ? listenDenoTls(dial, server, settings) : await listenTls(dial, server, settings);
}

/** The farewell of TLS may come through before the reset: Deno's servers send it then too. */
const hasUnreadReset = runtime !== "deno";

for (const protocol of ["http", "https", "socks5"] as const) {
  transportContract(
    `TCP through ${protocol} on ${runtime}`,
    async () => await behind(protocol, await listenLoopback(dial)),
    { skip: protocol === "https" ? skip : undefined, hasReset: false },
  );
  transportContract(
    `TLS through ${protocol} on ${runtime}`,
    async () => await behind(protocol, await listenSecurely(false)),
    { skip, hasReset: false, hasUnreadReset },
  );
}

transportContract(
  `TLS with a client certificate through socks5 on ${runtime}`,
  async () => await behind("socks5", await listenSecurely(true)),
  { skip, hasReset: false, hasUnreadReset },
);

transportContract(
  `WebSocket through http on ${runtime}`,
  async () => await behind("http", await listenWs()),
  { hasReset: false },
);

transportContract(
  `WebSocket with TLS through https on ${runtime}`,
  async () => await behind("https", await listenWss()),
  { skip, hasReset: false, hasUnreadReset },
);
