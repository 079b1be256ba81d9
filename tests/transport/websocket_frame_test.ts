// The frames of RFC 6455, as bytes: what a server sends is decoded, what goes to it is encoded, and what breaks a rule is refused.

import { assert, assertEquals, assertInstanceOf, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { WebSocketError, type WebSocketErrorReason } from "../../src/transport/transport.ts";
import { FrameDecoder, type FramePart, OPCODE } from "../../src/transport/websocket_frame.ts";
import { FrameEncoder, PIECE_BYTES } from "../../src/transport/websocket_mask.ts";
import { test } from "../support/test.ts";
import { sizes, stream } from "./contract_connection.ts";
import { webSocketTarget } from "./web_socket_target.ts";
import { type ClientFrame, ClientFrames, encodeServerFrame, maskBytes, type ServerFrame } from "./websocket_codec.ts";

const runs = { numRuns: 300 };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (pair) => parseInt(pair, 16));

/** What comes out of some bytes, with payloads that lie next to each other joined: their cuts mean nothing. */
interface Decoded {
  readonly payload: Uint8Array;
  readonly controls: readonly FramePart[];
  readonly error: unknown;
}

/** Decodes bytes in chunks. Each chunk is a copy, whose views are looked at only in the end: nothing may change them later. */
function decode(chunks: readonly Uint8Array[]): Decoded {
  const decoder = new FrameDecoder(webSocketTarget("broker.test", 80));
  const payloads: Uint8Array[] = [];
  const controls: FramePart[] = [];
  let error: unknown;
  try {
    for (const chunk of chunks) {
      decoder.push(chunk.slice());
      for (let part = decoder.next(); part !== undefined; part = decoder.next()) {
        if (part.type !== "payload") {
          controls.push(part);
          continue;
        }
        assert(part.bytes.length > 0, "a payload of no bytes");
        payloads.push(part.bytes);
      }
    }
  } catch (thrown) {
    error = thrown;
  }
  return { payload: concat(payloads), controls, error };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function cut(bytes: Uint8Array, lengths: () => number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(at + lengths(), bytes.length);
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

const ping = (payload: Uint8Array): FramePart => ({ type: "ping", payload });
const close = (code: number | undefined, reason = ""): FramePart => ({ type: "close", code, reason });

const vectors: readonly (readonly [name: string, bytes: Uint8Array, payload: Uint8Array, controls: FramePart[]])[] = [
  ["nothing", hex(""), hex(""), []],
  ["a binary frame of 256 bytes, of RFC 6455, 5.7", concat([hex("827e0100"), stream(0, 256)]), stream(0, 256), []],
  [
    "a binary frame of 64 KiB, of RFC 6455, 5.7",
    concat([hex("827f0000000000010000"), stream(0, 65_536)]),
    stream(0, 65_536),
    [],
  ],
  ["a ping of RFC 6455, 5.7", hex("890548656c6c6f"), hex(""), [ping(bytesOf("Hello"))]],
  ["a pong that nobody asked for", hex("8a0548656c6c6f"), hex(""), []],
  ["a message in two fragments", hex("0203486f6c80026c61"), hex("486f6c6c61"), []],
  ["fragments with a ping between them", hex("02034d7174890170 8002 5454"), hex("4d71745454"), [ping(hex("70"))]],
  ["an empty frame", hex("8200"), hex(""), []],
  ["fragments of no bytes", hex("0200000080 00 8201ff"), hex("ff"), []],
  ["a frame of one byte", hex("82012a"), hex("2a"), []],
  ["messages after each other", hex("820101 82020203 8200 820104"), hex("01020304"), []],
  ["messages around a ping", hex("820101 8900 820102"), hex("0102"), [ping(hex(""))]],
  ["a message behind fragments", hex("020101 800102 820103"), hex("010203"), []],
  [
    "a long message behind a short one",
    concat([hex("820101 827e007e"), stream(0, 126)]),
    concat([
      hex("01"),
      stream(0, 126),
    ]),
    [],
  ],
  ["125 bytes", concat([hex("827d"), stream(0, 125)]), stream(0, 125), []],
  ["126 bytes", concat([hex("827e007e"), stream(0, 126)]), stream(0, 126), []],
  ["65,535 bytes", concat([hex("827effff"), stream(0, 65_535)]), stream(0, 65_535), []],
  ["a ping of 125 bytes", concat([hex("897d"), stream(0, 125)]), hex(""), [ping(stream(0, 125))]],
  ["a Close frame without a code", hex("8800"), hex(""), [close(undefined)]],
  ["a Close frame with a code", hex("880203e8"), hex(""), [close(1000)]],
  ["a Close frame with a reason", concat([hex("880d0fa1"), bytesOf("token: \u00e9\u00fc")]), hex(""), [
    close(4001, "token: \u00e9\u00fc"),
  ]],
  ["nothing behind a Close frame", hex("820101 880203e8 820102 ffff"), hex("01"), [close(1000)]],
  ["a Close frame between fragments", hex("020101 880203e9"), hex("01"), [close(1001)]],
];

for (const [name, bytes, payload, controls] of vectors) {
  test(`WebSocket frames: ${name}`, () => {
    const expected: Decoded = { payload, controls, error: undefined };
    assertEquals(decode([bytes]), expected);
    assertEquals(decode(cut(bytes, () => 1)), expected);
    const isLong = bytes.length > 300;
    for (let at = 0; at <= bytes.length; at += isLong && at > 20 ? 997 : 1) {
      assertEquals(decode([bytes.subarray(0, at), bytes.subarray(at)]), expected, `cut at ${at}`);
    }
  });
}

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
  test(`WebSocket frames: the close code ${code} may be sent`, () => {
    assertEquals(decode([Uint8Array.of(0x88, 2, code >> 8, code & 255)]).controls, [close(code)]);
  });
}

const unsendable = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

/** Each is refused with its last byte, and not before. */
const malformed: readonly (readonly [name: string, bytes: Uint8Array, state: string, reason?: WebSocketErrorReason])[] =
  [
    ["the first reserved bit", hex("c2"), "a reserved bit is set, and no extension was agreed on (RFC 6455, 5.2)"],
    ["the second reserved bit", hex("a2"), "a reserved bit is set, and no extension was agreed on (RFC 6455, 5.2)"],
    ["the third reserved bit", hex("92"), "a reserved bit is set, and no extension was agreed on (RFC 6455, 5.2)"],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
      [
        `the reserved opcode ${opcode}`,
        Uint8Array.of(0x80 | opcode),
        `a frame has the reserved opcode ${opcode} (RFC 6455, 5.2)`,
      ] as const
    ),
    ["a masked frame", hex("8281"), "the server masks a frame (RFC 6455, 5.1)"],
    ["a masked frame of no bytes", hex("8280"), "the server masks a frame (RFC 6455, 5.1)"],
    ["a masked ping", hex("8985"), "the server masks a frame (RFC 6455, 5.1)"],
    ["a text frame", hex("81"), "the server sent a text frame [MQTT-6.0.0-1]", "text-frame"],
    ["a fragmented text frame", hex("01"), "the server sent a text frame [MQTT-6.0.0-1]", "text-frame"],
    ["a text frame inside a message", hex("02010001"), "the server sent a text frame [MQTT-6.0.0-1]", "text-frame"],
    ["a continuation of nothing", hex("80"), "a continuation frame continues nothing (RFC 6455, 5.4)"],
    [
      "a continuation of a message that is whole",
      hex("82010000"),
      "a continuation frame continues nothing (RFC 6455, 5.4)",
    ],
    [
      "a continuation behind the last one",
      hex("02010080010000"),
      "a continuation frame continues nothing (RFC 6455, 5.4)",
    ],
    ["a message inside another", hex("02010082"), "a message begins inside another (RFC 6455, 5.4)"],
    ["a fragmented ping", hex("09"), "a control frame is fragmented (RFC 6455, 5.5)"],
    ["a fragmented pong", hex("0a"), "a control frame is fragmented (RFC 6455, 5.5)"],
    ["a fragmented Close frame", hex("08"), "a control frame is fragmented (RFC 6455, 5.5)"],
    ["a ping of 126 bytes", hex("897e"), "a control frame is longer than 125 bytes (RFC 6455, 5.5)"],
    ["a Close frame of more than 64 KiB", hex("887f"), "a control frame is longer than 125 bytes (RFC 6455, 5.5)"],
    [
      "16 bits for 125",
      hex("827e007d"),
      "the length 125 of a frame is not written in the shortest way (RFC 6455, 5.2)",
    ],
    ["16 bits for 0", hex("827e0000"), "the length 0 of a frame is not written in the shortest way (RFC 6455, 5.2)"],
    [
      "64 bits for 65,535",
      hex("827f000000000000ffff"),
      "the length 65535 of a frame is not written in the shortest way (RFC 6455, 5.2)",
    ],
    ["a negative length", hex("827f8000000000000000"), "a frame has an impossible length (RFC 6455, 5.2)"],
    ["a length beyond all numbers", hex("827fffffffffffffffff"), "a frame has an impossible length (RFC 6455, 5.2)"],
    ["a length beyond safe numbers", hex("827f0020000000000000"), "a frame has an impossible length (RFC 6455, 5.2)"],
    ["half a close code", hex("880103"), "a Close frame has half a close code (RFC 6455, 5.5.1)"],
    ...unsendable.map((code) =>
      [
        `the close code ${code}`,
        Uint8Array.of(0x88, 2, code >> 8, code & 255),
        `a Close frame has the close code ${code}, which cannot be sent (RFC 6455, 7.4)`,
      ] as const
    ),
    ["a reason that is not UTF-8", hex("880403e8c328"), "the reason of a Close frame is not UTF-8 (RFC 6455, 5.5.1)"],
  ];

for (const [name, bytes, state, reason = "protocol"] of malformed) {
  test(`WebSocket frames: ${name} is refused`, () => {
    const before = hex("8203616263");
    const whole = concat([before, bytes]);
    for (const chunks of [[whole], [before, bytes], cut(whole, () => 1), [concat([whole, new Uint8Array(50)])]]) {
      const { payload, error } = decode(chunks);
      assertEquals(payload, concat([bytesOf("abc"), decode([bytes.slice(0, -1)]).payload]));
      assertInstanceOf(error, WebSocketError);
      assertEquals([error.message, error.reason], [`Cannot keep the connection to broker.test:80: ${state}`, reason]);
    }
    assertEquals(decode([bytes.slice(0, -1)]).error, undefined, "refused too early");
  });
}

test("WebSocket frames: the longest length that is a safe number begins a frame", () => {
  assertEquals(decode([hex("827f001fffffffffffff01")]), { payload: hex("01"), controls: [], error: undefined });
});

/** Messages in fragments of any size, control frames between them, and what must come of it. */
interface Script {
  readonly frames: readonly ServerFrame[];
  readonly payload: Uint8Array;
  readonly controls: readonly FramePart[];
}

const control: fc.Arbitrary<ServerFrame> = fc.record({
  opcode: fc.constantFrom(OPCODE.ping, OPCODE.pong),
  payload: fc.uint8Array({ maxLength: 125 }),
});

const message: fc.Arbitrary<readonly ServerFrame[]> = fc.tuple(
  fc.array(
    fc.oneof({ weight: 20, arbitrary: fc.uint8Array({ maxLength: 200 }) }, {
      weight: 1,
      arbitrary: fc.integer({ min: 65_000, max: 70_000 }).map((length) => stream(length, length)),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  fc.array(fc.array(control, { maxLength: 2 }), { minLength: 4, maxLength: 4 }),
).map(([fragments, controls]) =>
  fragments.flatMap((payload, index): ServerFrame[] => [
    { opcode: index === 0 ? OPCODE.binary : OPCODE.continuation, payload, fin: index === fragments.length - 1 },
    ...controls[index]!,
  ])
);

const script: fc.Arbitrary<Script> = fc.array(message, { maxLength: 8 }).map((messages) => {
  const frames = messages.flat();
  return {
    frames,
    payload: concat(frames.filter(({ opcode }) => opcode < OPCODE.close).map(({ payload }) => payload!)),
    controls: frames.filter(({ opcode }) => opcode === OPCODE.ping).map(({ payload }) => ping(payload!)),
  };
});

test("WebSocket frames: any frames give the bytes and the pings that went in, however they are cut", () => {
  fc.assert(
    fc.property(script, fc.integer({ min: 1, max: 1000 }), fc.nat(), ({ frames, payload, controls }, most, seed) => {
      const bytes = concat(frames.map(encodeServerFrame));
      const expected = { payload, controls, error: undefined };
      assertEquals(decode([bytes]), expected);
      assertEquals(decode(cut(bytes, sizes(seed, most))), expected);
    }),
    runs,
  );
});

test("WebSocket frames: any bytes give parts or one WebSocketError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, seed) => {
      const whole = decode([bytes]);
      assert(whole.error === undefined || whole.error instanceof WebSocketError);
      const inPieces = decode(cut(bytes, sizes(seed, 7)));
      assertEquals([inPieces.payload, inPieces.controls, `${inPieces.error}`], [
        whole.payload,
        whole.controls,
        `${whole.error}`,
      ]);
    }),
    runs,
  );
});

test("WebSocket frames: what was handed out of a chunk is not touched by what follows in it", () => {
  const decoder = new FrameDecoder(webSocketTarget("broker.test", 80));
  decoder.push(concat([hex("8900 820101 820102 8900 820103 820104 8900 82020506 02010780 0108")]));
  const seen: string[] = [];
  const held: { readonly bytes: Uint8Array; readonly copy: Uint8Array }[] = [];
  for (let part = decoder.next(); part !== undefined; part = decoder.next()) {
    seen.push(part.type);
    if (part.type === "payload") held.push({ bytes: part.bytes, copy: part.bytes.slice() });
    for (const { bytes, copy } of held) assertEquals(bytes, copy);
  }
  assertEquals(concat(held.map(({ bytes }) => bytes)), hex("0102030405060708"));
  assertEquals(seen, ["ping", "payload", "ping", "payload", "ping", "payload", "payload", "payload"]);
});

test("WebSocket frames: a payload is a view of its chunk, long before its frame is whole", () => {
  const decoder = new FrameDecoder(webSocketTarget("broker.test", 80));
  const chunk = concat([hex("827f0000000010000000"), stream(0, 100)]);
  decoder.push(chunk);
  const part = decoder.next();
  assert(part?.type === "payload");
  assertEquals([part.bytes.buffer === chunk.buffer, part.bytes.byteOffset, part.bytes.length], [true, 10, 100]);
  assertEquals(decoder.next(), undefined);
});

test("WebSocket frames: a chunk comes only when the one before is used up", () => {
  const decoder = new FrameDecoder(webSocketTarget("broker.test", 80));
  decoder.push(hex("8900 8900"));
  decoder.next();
  assertThrows(() => decoder.push(hex("8900")), Error, "the chunk before is not used up");
});

/** One frame of a client, encoded in pieces. */
function encode(encoder: FrameEncoder, opcode: number, payload: Uint8Array): Uint8Array {
  const pieces = cut(payload, () => PIECE_BYTES);
  return concat([
    encoder.begin(opcode, payload.length, pieces[0] ?? hex("")).slice(),
    ...pieces.slice(1).map((piece) => encoder.proceed(piece).slice()),
  ]);
}

function only(bytes: Uint8Array): ClientFrame {
  const frames = new ClientFrames();
  frames.push(bytes);
  const frame = frames.next();
  assert(frame !== undefined);
  assertEquals(frames.left, 0);
  return frame;
}

const lengths = [0, 1, 2, 3, 4, 5, 15, 16, 17, 124, 125, 126, 127, 1000, 65_535, 65_536, 65_537, 131_072, 200_003];

for (const length of lengths) {
  test(`WebSocket frames: ${length} bytes are encoded as the server's own codec would mask them`, () => {
    const encoder = new FrameEncoder();
    for (let offset = 0; offset < 5; offset++) {
      // Views that begin anywhere in their memory.
      const memory = stream(length, length + 8);
      const before = memory.slice();
      const payload = memory.subarray(offset, offset + length);
      const bytes = encode(encoder, OPCODE.binary, payload);
      assertEquals(memory, before, "the payload was written to");
      const { mask, payload: _, ...header } = only(bytes);
      assertEquals(header, { opcode: 2, fin: true, reserved: 0 });
      const expected = encodeServerFrame({ opcode: 2, payload, mask: mask as [number, number, number, number] });
      assertEquals(bytes, expected);
    }
  });
}

test("WebSocket frames: any payload comes out at the server as it went in", () => {
  const encoder = new FrameEncoder();
  fc.assert(
    fc.property(fc.constantFrom(2, 8, 9, 10), fc.uint8Array({ maxLength: 125 }), (opcode, payload) => {
      const { mask, ...frame } = only(encode(encoder, opcode, payload));
      assertEquals(frame, { opcode, fin: true, reserved: 0, payload });
      assertEquals(mask?.length, 4);
    }),
    runs,
  );
});

test("WebSocket frames: every frame has a mask of its own, also beyond those that are asked for at once", () => {
  const encoder = new FrameEncoder();
  const masks = Array.from({ length: 2000 }, () => only(encode(encoder, OPCODE.binary, hex("00000000"))).mask!.join());
  // Two of 2,000 are equal once in two thousand such runs, three never.
  assert(new Set(masks).size >= 1999);
  const other = only(encode(new FrameEncoder(), OPCODE.binary, hex("00000000"))).mask!.join();
  assertNotEquals(masks[0], other);
});

test("WebSocket frames: masking is its own inverse", () => {
  const payload = stream(0, 1000);
  const mask = [1, 2, 3, 254];
  assertEquals(maskBytes(maskBytes(payload, mask), mask), payload);
});
