// A SOCKS5 proxy for tests.

import { Buffer } from "node:buffer";
import {
  type Destination,
  type HandReader,
  startProxy,
  type TestProxy,
  type TestProxyOptions,
} from "./proxy_server.ts";

/** Starts a proxy. */
export function startSocks5Proxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  return startProxy((client) => serveSocks5(client, options.user), options);
}

async function serveSocks5(client: HandReader, user: TestProxyOptions["user"]): Promise<Destination | undefined> {
  const { socket } = client;
  const [version, count] = await client.read(2);
  const methods = await client.read(count!);
  const method = user === undefined ? 0 : 2;
  if (version !== 5 || !methods.includes(method)) {
    socket.end(Uint8Array.of(5, 0xff));
    return undefined;
  }
  socket.write(Uint8Array.of(5, method));
  if (user !== undefined && !await isUser(client, user)) {
    socket.end(Uint8Array.of(1, 1));
    return undefined;
  }
  if (user !== undefined) socket.write(Uint8Array.of(1, 0));
  const [, , , kind] = await client.read(4);
  const host = await readHost(client, kind!);
  const [high, low] = await client.read(2);
  const reply = (code: number): Uint8Array => Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0);
  return {
    host,
    port: high! << 8 | low!,
    accept: () => socket.write(reply(0)),
    refuse: () => socket.end(reply(5)),
  };
}

async function isUser(client: HandReader, user: NonNullable<TestProxyOptions["user"]>): Promise<boolean> {
  const [, nameLength] = await client.read(2);
  const name = Buffer.from(await client.read(nameLength!)).toString();
  const [passwordLength] = await client.read(1);
  const password = passwordLength === 0 ? "" : Buffer.from(await client.read(passwordLength!)).toString();
  return name === user.username && password === user.password;
}

async function readHost(client: HandReader, kind: number): Promise<string> {
  if (kind === 1) return (await client.read(4)).join(".");
  if (kind === 3) return Buffer.from(await client.read((await client.read(1))[0]!)).toString();
  const bytes = Buffer.from(await client.read(16));
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16)).join(":");
}
