// The example of a transport of one's own, held to what every transport owes.

import { connect } from "node:net";
import { Duplex } from "node:stream";
import { makeStreamTransport, type StreamPair } from "../../examples/custom_transport/stream_transport.ts";
import type { Dial, TcpTarget } from "../../src/transport/transport.ts";
import { runtime } from "../support/test.ts";
import { transportContract } from "./contract.ts";
import { listenLoopback } from "./loopback.ts";

const dial: Dial<TcpTarget> = ({ hostname, port }, handlers, { signal }) =>
  new Promise((resolve, reject) => {
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    const socket = connect({ host: hostname, port, allowHalfOpen: true }, () => {
      signal.removeEventListener("abort", abort);
      if (!signal.aborted) resolve(makeStreamTransport(Duplex.toWeb(socket) as unknown as StreamPair, handlers));
    });
    socket.once("error", reject);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });

transportContract(`the example of a transport over streams on ${runtime}`, () => listenLoopback(dial));
