// The dial of a WebSocket: when it ends, what comes right behind the server's answer, and the headers it asks for.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline, delay } from "@std/async";
import { WebSocketError, type WebSocketTarget } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { type ContractPeer, neverAborted, Owner, readAll } from "./contract_connection.ts";
import { listenLoopback } from "./loopback.ts";
import { acceptanceOf, headerOf, join, noDial } from "./loopback_websocket.ts";
import { encodeServerFrame } from "./websocket_codec.ts";
import { acceptRequest, dialWebSocket, targetUpon } from "./websocket_dials.ts";

const silences: readonly (readonly [name: string, serve: (stream: ContractPeer, head: string) => Promise<void>])[] = [
  ["never answers", () => Promise.resolve()],
  ["stops in the middle of its answer", (stream, head) => stream.write(join(acceptanceOf(head).slice(0, -1)))],
];

for (const [name, serve] of silences) {
  test(`WebSocket dial: an abort ends the dial of a server that ${name}`, async () => {
    await using lower = await listenLoopback(noDial);
    const controller = new AbortController();
    const owner = new Owner();
    const dialing = dialWebSocket(targetUpon(lower), owner, { signal: controller.signal });
    const { stream, head } = await acceptRequest(lower);
    await serve(stream, head);
    assertStrictEquals(await Promise.race([dialing, delay(30)]), undefined);
    const reason = new Error("long enough");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => deadline(dialing, 1000)), reason);
    await deadline(readAll(stream, () => {}), 1000);
    assertEquals([owner.byteCount, owner.closeCount], [0, 0]);
  });
}

test("WebSocket dial: an abort in the very turn of the answer leaves nothing open, or comes too late", async () => {
  await using lower = await listenLoopback(noDial);
  for (let hops = 0; hops < 12; hops++) {
    const controller = new AbortController();
    const owner = new Owner();
    const dialing = dialWebSocket(targetUpon(lower), owner, { signal: controller.signal });
    const { stream, head } = await acceptRequest(lower);
    await stream.write(join(acceptanceOf(head)));
    for (let hop = 0; hop < hops; hop++) await (hops % 2 === 0 ? delay(0) : undefined);
    controller.abort(new Error("now"));
    const transport = await dialing.catch(() => undefined);
    transport?.destroy();
    await deadline(readAll(stream, () => {}), 1000);
    await delay(2);
    assertEquals([owner.byteCount, owner.closeCount], [0, transport === undefined ? 0 : 1]);
  }
});

/** Opens a WebSocket whose answer is written by hand. */
async function expectUpgrade(serve: (stream: ContractPeer, answer: string) => Promise<void>): Promise<Owner> {
  await using lower = await listenLoopback(noDial);
  const owner = new Owner();
  const dialing = dialWebSocket(targetUpon(lower), owner, { signal: neverAborted });
  const { stream, head } = await acceptRequest(lower);
  await serve(stream, acceptanceOf(head));
  const transport = await deadline(dialing, 5000);
  await owner.received(3);
  assertEquals(owner.chunks.flatMap((chunk) => [...chunk]), [1, 2, 3]);
  transport.destroy();
  await owner.closed;
  await readAll(stream, () => {});
  assertEquals(owner.breaches, []);
  return owner;
}

const firstFrame = encodeServerFrame({ opcode: 2, payload: Uint8Array.of(1, 2, 3) });

test("WebSocket dial: an answer that comes byte by byte is an answer", async () => {
  await expectUpgrade(async (stream, answer) => {
    for (const byte of join(answer, firstFrame)) {
      await stream.write(Uint8Array.of(byte));
      await delay(0);
    }
  });
});

test("WebSocket dial: bytes behind the head belong to the first frames", async () => {
  for (let cut = 0; cut <= firstFrame.length; cut++) {
    await expectUpgrade(async (stream, answer) => {
      await stream.write(join(answer, firstFrame.subarray(0, cut)));
      await delay(2);
      await stream.write(firstFrame.subarray(cut));
    });
  }
});

test("WebSocket dial: headers of other cases, with blanks and in lists, are understood", async () => {
  await expectUpgrade((stream, answer) =>
    stream.write(join(
      answer.replace("Upgrade: websocket", "UPGRADE:WebSocket\t").replace(
        "Connection: Upgrade",
        "connection: foo ,\tupGRADE",
      )
        .replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions:\r\nX-Other: \u00e9:,\r\nX-Other: 2\r\n\r\n"),
      firstFrame,
    ))
  );
});

test("WebSocket dial: a Close frame right behind the answer ends what the dial has opened", async () => {
  await using lower = await listenLoopback(noDial);
  const owner = new Owner();
  const dialing = dialWebSocket(targetUpon(lower), owner, { signal: neverAborted });
  const { stream, head } = await acceptRequest(lower);
  await stream.write(join(acceptanceOf(head), encodeServerFrame({ opcode: 8, payload: Uint8Array.of(3, 240) })));
  await dialing;
  const error = await owner.closed;
  assertInstanceOf(error, WebSocketError);
  assertEquals([error.reason, error.closeCode], ["closed", 1008]);
  await readAll(stream, () => {});
});

test("WebSocket dial: a connection that ends right behind the answer is told after the dial", async () => {
  for (const how of ["end", "reset"] as const) {
    await using lower = await listenLoopback(noDial);
    const owner = new Owner();
    const dialing = dialWebSocket(targetUpon(lower), owner, { signal: neverAborted });
    const { stream, head } = await acceptRequest(lower);
    await stream.write(join(acceptanceOf(head)));
    // A reset would overtake the answer.
    if (how === "reset") await dialing;
    stream[how]();
    await dialing;
    assertInstanceOf(await owner.closed, Error);
    assertEquals([owner.closeCount, owner.breaches], [1, []]);
  }
});

test("WebSocket dial: headers are asked for anew at each dial, and may take their time", async () => {
  await using lower = await listenLoopback(noDial);
  const asked: string[] = [];
  const target = targetUpon(lower, {
    headers: async ({ url }) => {
      asked.push(url);
      await delay(5);
      return { Authorization: `Bearer ${asked.length}` };
    },
  });
  for (const token of ["Bearer 1", "Bearer 2"]) {
    const owner = new Owner();
    const dialing = dialWebSocket(target, owner, { signal: neverAborted });
    const { stream, head } = await acceptRequest(lower);
    assertEquals(headerOf(head, "authorization"), token);
    await stream.write(join(acceptanceOf(head)));
    (await dialing).destroy();
    await owner.closed;
  }
  assertEquals(asked, [target.url, target.url]);
});

test("WebSocket dial: a provider of headers that fails ends the dial before there is a connection", async () => {
  await using lower = await listenLoopback(noDial);
  const fault = new Error("no token");
  const providers: WebSocketTarget["headers"][] = [() => Promise.reject(fault), () => {
    throw fault;
  }];
  for (const headers of providers) {
    const target = targetUpon(lower, { headers });
    const error = await assertRejects(() => dialWebSocket(target, new Owner(), { signal: neverAborted }));
    assertStrictEquals(error, fault);
  }
  assertStrictEquals(await Promise.race([lower.accept(), delay(20)]), undefined);
});

test("WebSocket dial: an abort does not wait for a provider of headers, and tells it", async () => {
  await using lower = await listenLoopback(noDial);
  const controller = new AbortController();
  const late = Promise.withResolvers<Record<string, string>>();
  let isTold = false;
  const target = targetUpon(lower, {
    headers: ({ signal }) => {
      signal.addEventListener("abort", () => isTold = true);
      return late.promise;
    },
  });
  const dialing = dialWebSocket(target, new Owner(), { signal: controller.signal });
  await delay(5);
  const reason = new Error("too slow");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => dialing), reason);
  assertEquals(isTold, true);
  late.reject(new Error("nobody listens any more"));
  await delay(5);
  assertStrictEquals(await Promise.race([lower.accept(), delay(20)]), undefined);
});
