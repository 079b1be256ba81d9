// The transport contract over WebSocket.

import { makeCertificates, opensslMissing } from "../support/certificates.ts";
import { runtime } from "../support/test.ts";
import { transportContract } from "./contract.ts";
import { listenWs, listenWss } from "./websocket_dials.ts";

const skip = opensslMissing();

transportContract(`WebSocket on ${runtime}`, () => listenWs());

transportContract(`WebSocket in fragments on ${runtime}`, () => listenWs({ frameBytes: 1000 }));

transportContract(`secure WebSocket on ${runtime}`, () => listenWss(), { skip, hasReset: false });

transportContract(`secure WebSocket with a client certificate on ${runtime}`, async () => {
  const { client } = await makeCertificates();
  return await listenWss({ client });
}, { skip, hasReset: false });
