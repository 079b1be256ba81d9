// A server of one page and its script, for browsers.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Serves a page.
 *
 * @param page Its HTML.
 * @param scriptPath Where it asks for its script.
 * @param script The script.
 * @returns The server, with the address of the page.
 */
export async function servePage(
  page: string,
  scriptPath: string,
  script: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const isScript = request.url === scriptPath;
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html; charset=utf-8" });
    response.end(isScript ? script : page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
