// An HTTP proxy for tests that knows CONNECT and nothing else.

import { Buffer } from "node:buffer";
import {
  type Destination,
  type HandReader,
  startProxy,
  type TestProxy,
  type TestProxyOptions,
} from "./proxy_server.ts";

/** Starts a proxy. */
export function startHttpProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  return startProxy((client) => serveConnect(client, options.user), options);
}

async function serveConnect(
  client: HandReader,
  user: TestProxyOptions["user"],
): Promise<Destination | undefined> {
  const { socket } = client;
  const head = await client.readHead();
  const [, host, port] = /^CONNECT \[?([^\s\]]+?)\]?:(\d+) HTTP\/1\.1\r\n/.exec(head) ?? [];
  if (host === undefined || !head.includes(`\r\nHost: `)) {
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    return undefined;
  }
  const expected = user && `Basic ${Buffer.from(`${user.username}:${user.password}`).toString("base64")}`;
  const [, given] = /^Proxy-Authorization: (.*)\r$/m.exec(head) ?? [];
  if (given !== expected) {
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n\r\n');
    return undefined;
  }
  return {
    host,
    port: Number(port),
    accept: () => socket.write("HTTP/1.1 200 Connection established\r\n\r\n"),
    refuse: () => socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nnone"),
  };
}
