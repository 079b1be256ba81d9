// Payloads as values, and why some are none.

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  bytesPayload,
  describePayloadFault,
  jsonPayload,
  type PayloadCodec,
  PayloadError,
  type StandardSchema,
  textPayload,
} from "../../src/client/payload_codec.ts";
import { test } from "../support/test.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a codec says against a payload. */
function fault(codec: PayloadCodec<unknown>, payload: Uint8Array): PayloadError {
  return describePayloadFault("a/b", assertThrows(() => codec.decode(payload)));
}

/** A schema of one field, as the libraries make them. */
function celsius(isAsync: boolean): StandardSchema<{ celsius: number }> {
  const validate = (value: unknown) => {
    const given = (value as { celsius?: unknown } | null)?.celsius;
    return typeof given === "number" ? { value: { celsius: given } } : {
      issues: [{ message: "no number", path: ["celsius"] }, { message: "odd", path: [{ key: 0 }, "x"] }, {
        message: "bad",
      }],
    };
  };
  return {
    "~standard": { version: 1, validate: (value) => isAsync ? Promise.resolve(validate(value)) : validate(value) },
  };
}

test("bytes and text go as they are", async () => {
  const bytes = Uint8Array.of(0, 255);
  assertStrictEquals(bytesPayload.encode(bytes), bytes);
  assertStrictEquals(await bytesPayload.decode(bytes), bytes);
  assertEquals(textPayload.encode("häuser"), "häuser");
  assertEquals(await textPayload.decode(encode("\ufeffhäuser")), "\ufeffhäuser");
});

test("JSON is read with a schema and without", async () => {
  const loose = jsonPayload<{ celsius: number }>();
  assertEquals(loose.encode({ celsius: 1 }), '{"celsius":1}');
  assertEquals(await loose.decode(encode('{"celsius":1}')), { celsius: 1 });
  for (const isAsync of [false, true]) {
    const value = await jsonPayload(celsius(isAsync)).decode(encode('{"celsius":1,"more":2}'));
    assertEquals(value.celsius, 1);
    assertEquals(Object.keys(value), ["celsius"]);
  }
  assertThrows(() => jsonPayload().encode(undefined), TypeError, "undefined has no JSON");
});

test("a payload that is none says why, and is not shown", async () => {
  const secret = "hunter2";
  const cases: readonly (readonly [codec: PayloadCodec<unknown>, payload: Uint8Array, state: string])[] = [
    [textPayload as PayloadCodec<unknown>, Uint8Array.of(0xff), "it is not UTF-8"],
    [jsonPayload(), encode(secret), "it is not JSON"],
    [
      jsonPayload(celsius(false)) as PayloadCodec<unknown>,
      encode(`{"celsius":"${secret}"}`),
      "its schema refuses it (celsius: no number; 0.x: odd; bad)",
    ],
  ];
  for (const [codec, payload, state] of cases) {
    const error = fault(codec, payload);
    assertInstanceOf(error, PayloadError);
    assertEquals(error.message, `Cannot decode the payload of a/b: ${state}`);
    assertEquals([error.topicName, error.name], ["a/b", "PayloadError"]);
  }
  const late = await assertRejects(async () => await jsonPayload(celsius(true)).decode(encode("{}")));
  assertEquals(describePayloadFault("x", late).message.includes("its schema refuses it"), true);
});

test("what a codec of the user's throws is the cause", () => {
  const cause = new RangeError("too hot");
  const error = describePayloadFault("a/b", cause);
  assertEquals(error.message, "Cannot decode the payload of a/b: its codec refuses it");
  assertStrictEquals(error.cause, cause);
});
