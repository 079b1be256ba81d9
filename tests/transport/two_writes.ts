// What Nagle's algorithm costs: the second of two small writes waits for the acknowledgement of the first, which the peer delays.

import type { ContractServer } from "./contract_connection.ts";

/** The median of 15 round trips in which two small writes ask for one answer, in milliseconds. */
export async function measureTwoWritesOneAnswer(server: ContractServer): Promise<number> {
  let answered = (): void => {};
  const ended = Promise.withResolvers<void>();
  const handlers = { data: () => answered(), close: () => ended.resolve() };
  const accepting = server.accept();
  const transport = await server.dial(server.target, handlers, { signal: new AbortController().signal });
  const peer = await accepting;
  void (async () => {
    let heard = 0;
    for (let chunk = await peer.read(); chunk !== undefined; chunk = await peer.read()) {
      heard += chunk.length;
      for (; heard >= 2; heard -= 2) void peer.write(new Uint8Array(1));
    }
  })();
  const rounds: number[] = [];
  for (let i = 0; i < 15; i++) {
    const answer = new Promise<void>((resolve) => answered = resolve);
    const start = performance.now();
    await transport.write(new Uint8Array(1), 1);
    await transport.write(new Uint8Array(1), 1);
    await answer;
    rounds.push(performance.now() - start);
  }
  transport.destroy();
  await ended.promise;
  return rounds.sort((a, b) => a - b)[7]!;
}
