// Errors that cross to another thread come out as what they went in.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as codec from "../../src/codec/mod.ts";
import * as loop from "../../src/loop/mod.ts";
import * as session from "../../src/session/mod.ts";
import { decodeError, encodeError } from "../../src/sync/ring/error_record.ts";
import * as transport from "../../src/transport/transport.ts";
import { test } from "../support/test.ts";

/** One of each class that a client can come across. */
const samples: readonly Error[] = [
  new codec.MalformedPacketError("Cannot decode PUBLISH: qos is 3", "MQTT-3.3.1-4", 7),
  new codec.PacketTooLargeError(100, 50, 3),
  new session.ProtocolError("connack", "it came twice", "MQTT-4.8.0-1"),
  new session.ConnectionRefusedError(5),
  new session.KeepAliveTimeoutError(1500),
  new loop.ConnectionLostError("dial-failed", "Cannot connect to mqtt://x: no", new Error("connection refused")),
  new loop.DisconnectTimeoutError(5),
  new loop.LoopClosedError("publish"),
  new loop.RequestChannelFullError("publish", 10),
  new loop.RequestFailedError("publish", "session-lost", true),
  new loop.SessionStoreError("commit-failed", new Error("the disk is full")),
  new loop.SubscribeRefusedError([0, 0x80, 2]),
  new transport.TlsError("unknown-ca", "Cannot connect: nobody knows it"),
  new transport.UnsupportedOptionError("tls.insecure", 'Cannot use option "tls.insecure": not here'),
  new transport.WebSocketError("closed", "Cannot go on: closed", { closeCode: 1011 }),
  new transport.ProxyError("refused", "Cannot connect: the proxy refuses"),
  new transport.ReceiveOverflowError(1024),
  new TypeError("Cannot use option"),
  new RangeError("Cannot use option"),
  new SyntaxError("Cannot parse"),
];

function cross(error: unknown): unknown {
  return decodeError(encodeError(error));
}

for (const error of samples) {
  test(`${error.name} keeps its class, its message and its fields`, () => {
    const crossed = cross(error) as Error;
    assertInstanceOf(crossed, error.constructor as new () => Error);
    assertEquals(Object.getPrototypeOf(crossed), Object.getPrototypeOf(error));
    assertEquals([crossed.name, crossed.message, crossed.stack], [error.name, error.message, error.stack]);
    // A field that is undefined may be missing.
    const fields = Object.entries(error).filter(([, value]) => value !== undefined);
    assertEquals({ ...crossed }, Object.fromEntries(fields) as never);
  });
}

test("every class of error of the codec, the session, the loop and the transports has a sample", () => {
  const names = [codec, session, loop, transport].flatMap((module) =>
    Object.entries(module).filter(([, value]) => typeof value === "function" && value.prototype instanceof Error)
  ).map(([name]) => name);
  const missing = names.filter((name) => !samples.some((sample) => sample.name === name));
  assertEquals(missing, []);
});

test("the errors behind an error come with it", () => {
  const bottom = Object.assign(new TypeError("bottom"), { code: "ECONNREFUSED" });
  const middle = new loop.ConnectionLostError("dial-failed", "middle", bottom);
  const top = cross(new loop.RequestFailedError("publish", "loop-closed", false, middle)) as Error;
  assertInstanceOf(top.cause, loop.ConnectionLostError);
  assertEquals(top.cause.reason, "dial-failed");
  assertInstanceOf(top.cause.cause, TypeError);
  assertEquals((top.cause.cause as TypeError & { code: string }).code, "ECONNREFUSED");
});

test("an error that is its own cause comes out with an end", () => {
  const error = new Error("ring");
  error.cause = error;
  let depth = 0;
  for (let one: unknown = cross(error); one instanceof Error; one = one.cause) depth++;
  assert(depth > 1 && depth < 20);
});

test("a DOMException, an AggregateError, a foreign class and what is no error come out", () => {
  const aborted = cross(new DOMException("given up", "AbortError"));
  assertInstanceOf(aborted, DOMException);
  assertEquals([aborted.name, aborted.message], ["AbortError", "given up"]);

  const all = cross(new AggregateError([new TypeError("one"), "two"], "all"));
  assertInstanceOf(all, AggregateError);
  assertInstanceOf(all.errors[0], TypeError);
  assertEquals(all.errors[1], "two");

  class CustomError extends Error {
    override readonly name = "CustomError";
    readonly detail = { not: "data" };
    readonly number = 3;
  }
  const custom = cross(new CustomError("mine")) as CustomError;
  assertEquals([custom.name, custom.message, custom.number], ["CustomError", "mine", 3]);
  assertEquals("detail" in custom, false);

  assertEquals(cross("text"), "text");
  assertEquals(cross(undefined), "undefined");
});

test("an error of Deno's own keeps its class on Deno", () => {
  if (!("Deno" in globalThis)) return;
  assertInstanceOf(cross(new Deno.errors.ConnectionRefused("no")), Deno.errors.ConnectionRefused);
});
