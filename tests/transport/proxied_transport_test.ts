// The turns of a proxied connection that a network takes too rarely: what follows the answer at once, and an end in the same moment.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ProxiedTransport } from "../../src/transport/proxied_transport.ts";
import { HttpConnectHandshake } from "../../src/transport/proxy_http.ts";
import { ProxyError, TlsError, type Transport } from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";
import { neverAborted, Owner } from "./contract_connection.ts";

const action = "Cannot go through the proxy http://proxy.test:3128";
const answer = (rest = ""): Uint8Array => new TextEncoder().encode(`HTTP/1.1 200 OK\r\n\r\n${rest}`);

/** The connection with the proxy. */
class StubTransport implements Transport {
  readonly canPause = true;
  readonly calls: string[] = [];
  /** Present while a write is to wait. */
  written: PromiseWithResolvers<void> | undefined;

  write(chunk: Uint8Array, length: number): Promise<void> | undefined {
    this.calls.push(`write ${new TextDecoder().decode(chunk.subarray(0, length)).split(" ", 1)}`);
    return this.written?.promise;
  }
  pause(): void {
    this.calls.push("pause");
  }
  resume(): void {
    this.calls.push("resume");
  }
  shutdown(): void {
    this.calls.push("shutdown");
  }
  destroy(): void {
    this.calls.push("destroy");
  }
}

interface Scene {
  readonly proxy: StubTransport;
  readonly owner: Owner;
  readonly transport: ProxiedTransport;
  readonly opening: Promise<void>;
}

function begin(signal: AbortSignal = neverAborted): Scene {
  const proxy = new StubTransport();
  const owner = new Owner();
  const handshake = new HttpConnectHandshake({ hostname: "broker.test", port: 1883 }, undefined, action);
  const transport = new ProxiedTransport(handshake, owner, action);
  const opening = transport.open(proxy, signal);
  opening.catch(() => {});
  return { proxy, owner, transport, opening };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await undefined;
}

/** A connection that is open, with bytes that followed the answer. */
async function open(rest: string): Promise<Scene> {
  const scene = begin();
  scene.transport.data(answer(rest));
  await scene.opening;
  scene.proxy.calls.length = 0;
  return scene;
}

test("Proxied transport: bytes that follow the answer wait for the start, with the proxy held back", async () => {
  const { proxy, owner, transport, opening } = begin();
  await settle();
  transport.data(answer("abc"));
  await opening;
  assertEquals([proxy.calls, owner.byteCount], [["write CONNECT", "pause"], 0]);
  transport.start();
  assertEquals([proxy.calls.at(-1), owner.byteCount], ["resume", 3]);
  transport.data(Uint8Array.of(1, 2));
  assertEquals(owner.byteCount, 5);
});

test("Proxied transport: they wait for the resume too, and what comes of it is no call inside a call", async () => {
  const { proxy, owner, transport } = await open("abc");
  transport.pause();
  transport.start();
  assertEquals([proxy.calls, owner.byteCount], [[], 0]);
  transport.resume();
  transport.resume();
  assertEquals(owner.byteCount, 0);
  await settle();
  assertEquals([proxy.calls, owner.byteCount], [["resume"], 3]);
  transport.pause();
  transport.resume();
  assertEquals(proxy.calls, ["resume", "pause", "resume"]);
});

test("Proxied transport: a pause inside their delivery leaves the proxy held back", async () => {
  const { proxy, owner, transport } = await open("abc");
  owner.onData = () => transport.pause();
  transport.start();
  assertEquals([proxy.calls, owner.byteCount], [["pause"], 3]);
  transport.resume();
  assertEquals(proxy.calls, ["pause", "resume"]);
});

test("Proxied transport: an exception in their delivery ends the connection with it", async () => {
  const { proxy, owner, transport } = await open("abc");
  const thrown = new Error("the owner's fault");
  owner.onData = () => {
    throw thrown;
  };
  transport.start();
  assertEquals(proxy.calls[0], "destroy");
  transport.close();
  assertStrictEquals(await owner.closed, thrown);
});

test("Proxied transport: destroy drops them, and the end is told once", async () => {
  const { proxy, owner, transport } = await open("abc");
  transport.destroy();
  transport.start();
  transport.close();
  await settle();
  assertEquals([proxy.calls, owner.byteCount, owner.closeCount], [["destroy"], 0, 1]);
});

test("Proxied transport: the owner's first write does not meet a write of the handshake", async () => {
  const { proxy, transport, opening } = begin();
  proxy.written = Promise.withResolvers();
  await settle();
  let isOpen = false;
  void opening.then(() => isOpen = true);
  transport.data(answer());
  await settle();
  assertEquals(isOpen, false);
  proxy.written.resolve();
  await opening;
  proxy.written = undefined;
  assertStrictEquals(transport.write(Uint8Array.of(65), 1), undefined);
});

test("Proxied transport: an abort in the moment of the answer rejects, and nobody is told of the end", async () => {
  const controller = new AbortController();
  const { proxy, owner, transport, opening } = begin(controller.signal);
  await settle();
  transport.data(answer());
  await undefined;
  const reason = new Error("too slow");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => opening), reason);
  assertEquals(proxy.calls.at(-1), "destroy");
  transport.close();
  assertEquals(owner.closeCount, 0);
});

test("Proxied transport: an aborted signal asks the proxy for nothing", async () => {
  const reason = new Error("not today");
  const { proxy, opening } = begin(AbortSignal.abort(reason));
  assertStrictEquals(await assertRejects(() => opening), reason);
  assertEquals(proxy.calls, ["destroy"]);
});

test("Proxied transport: an end during the handshake is an error of the proxy, with its cause", async () => {
  const cause = new Error("reset");
  for (const error of [undefined, cause]) {
    const { owner, transport, opening } = begin();
    transport.close(error);
    const failure = await assertRejects(() => opening, ProxyError);
    assertEquals([failure.reason, failure.message], [
      "protocol",
      `${action}: it ended the connection before it answered`,
    ]);
    assertStrictEquals(failure.cause, error);
    assertEquals(owner.closeCount, 0);
  }
});

test("Proxied transport: a TLS alert of the proxy means that it cannot be reached", async () => {
  const { transport, opening } = begin();
  const alert = new TlsError("client-certificate-required", "Cannot keep the connection to proxy.test:443: no");
  transport.close(alert);
  const failure = await assertRejects(() => opening, ProxyError);
  assertEquals(failure.reason, "unreachable");
  assertInstanceOf(failure.cause, TlsError);
});

test("Proxied transport: an answer that is a refusal closes the connection with the proxy", async () => {
  const { proxy, owner, transport, opening } = begin();
  await settle();
  transport.data(new TextEncoder().encode("HTTP/1.1 403 No\r\n\r\n"));
  transport.data(new TextEncoder().encode("and a page about it"));
  assertEquals((await assertRejects(() => opening, ProxyError)).reason, "refused");
  transport.close();
  assertEquals([proxy.calls, owner.byteCount, owner.closeCount], [["write CONNECT", "destroy"], 0, 0]);
});
