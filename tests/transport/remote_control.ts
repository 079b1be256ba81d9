// Lets a page or a worker be the client of a server of the contract: its peers are read and written by HTTP.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { bundle } from "../../tools/bundle.ts";
import type { ContractPeer, ContractServer } from "./contract_connection.ts";

/** Bundles a page's or a worker's part of the contract, as one file. */
export async function bundleRemote(entry: string): Promise<string> {
  const [file] = await bundle(entry, { replacements: { "@std/assert": "tests/transport/remote_assert.ts" } });
  return file!.text;
}

/** A control server, on this machine. */
export interface RemoteControl extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
}

/** What is served besides: the page that is the client, and its script. */
export type StaticFiles = Readonly<Record<string, { readonly type: string; readonly text: string }>>;

/** Starts a control server. */
export async function startRemoteControl(
  listen: (kind: string) => Promise<ContractServer>,
  files: StaticFiles = {},
): Promise<RemoteControl> {
  const servers: ContractServer[] = [];
  const peers: ContractPeer[] = [];
  const actions: Readonly<Record<string, (id: string, body: Uint8Array) => unknown>> = {
    listen: async (kind) => {
      const server = await listen(kind);
      return { id: servers.push(server) - 1, target: server.target };
    },
    accept: async (id) => ({ id: peers.push(await servers[Number(id)]!.accept()) - 1 }),
    refuse: (id) => servers[Number(id)]!.refuse(),
    close: (id) => servers[Number(id)]![Symbol.asyncDispose](),
    read: (id) => peers[Number(id)]!.read(),
    write: (id, body) => peers[Number(id)]!.write(body),
    end: (id) => peers[Number(id)]!.end(),
    reset: (id) => peers[Number(id)]!.reset(),
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, action = "", id = ""] = (request.url ?? "").split("/");
    const file = files[action];
    if (file !== undefined) {
      response.writeHead(200, { "content-type": file.type }).end(file.text);
      return;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const result = await actions[action]?.(id, Buffer.concat(chunks));
    if (result === undefined) response.writeHead(204).end();
    else response.writeHead(200).end(result instanceof Uint8Array ? result : JSON.stringify(result));
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const contractServer of servers) await contractServer[Symbol.asyncDispose]();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
