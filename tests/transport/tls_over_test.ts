// TLS upon a transport of the runtime, as it goes through a proxy.

import { dialBunTcp } from "../../src/transport/tcp_bun.ts";
import { dialDenoTcp } from "../../src/transport/tcp_deno.ts";
import { dialNodeTcp } from "../../src/transport/tcp_node.ts";
import { dialTlsOver } from "../../src/transport/tls_over.ts";
import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { runtime } from "../support/test.ts";
import { transportContract } from "./contract.ts";
import { listenTls, plainTls } from "./loopback.ts";
import { listenDenoTls } from "./loopback_deno.ts";

const skip = opensslMissing();
const dial = dialTlsOver({ deno: dialDenoTcp, bun: dialBunTcp, node: dialNodeTcp }[runtime]);

transportContract(`TLS over TCP on ${runtime}`, async () => {
  const { ca, server } = await makeCertificates();
  const settings = { ...plainTls, ca: [ca] };
  return runtime === "deno" ? listenDenoTls(dial, server, settings) : await listenTls(dial, server, settings);
}, { skip, hasReset: false });
