// How messages are shown: every named format, every field of a template, and nothing that a terminal would obey.

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Publish } from "../../src/codec/mod.ts";
import { chooseFormat, FORMAT_NAMES, TEMPLATE_FIELDS } from "../../src/cli/message_format.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import { test } from "../support/test.ts";

const time = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));

function message(payload: Uint8Array | string, fields: Partial<Publish> = {}): Publish {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const base = { type: "publish", topicName: "rooms/7", qos: 1, retain: false, dup: false, packetId: 9 } as const;
  return { ...base, payload: bytes, ...fields };
}

function show(format: string, shown: Publish, isTerminal = false): string {
  const bytes = chooseFormat(format, isTerminal)(shown, time);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

const named: Readonly<Record<string, string>> = {
  text: "21.5 °C\n",
  raw: "21.5 °C",
  topic: "rooms/7 21.5 °C\n",
  hex: "32312e3520c2b043\n",
  base64: "MjEuNSDCsEM=\n",
  json: '{"topicName":"rooms/7","qos":1,"retain":false,"dup":false,"payload":"21.5 °C","payloadEncoding":"text",' +
    '"timestamp":"2026-01-02T03:04:05.678Z"}\n',
};

test("every format that has a name is tested, and in the help", () => {
  assertEquals(FORMAT_NAMES.map(([name]) => name).sort(), Object.keys(named).sort());
});

for (const [name, expected] of Object.entries(named)) {
  test(`--format ${name}`, () => {
    assertEquals(show(name, message("21.5 °C")), expected);
    assertEquals(show(name, message("21.5 °C"), true), expected);
  });
}

const fields: Readonly<Record<string, string>> = {
  "%t": "rooms/7",
  "%p": "a b",
  "%x": "612062",
  "%b": "YSBi",
  "%l": "3",
  "%q": "1",
  "%r": "0",
  "%d": "1",
  "%j": '{"topicName":"rooms/7","qos":1,"retain":false,"dup":true,"payload":"a b","payloadEncoding":"text",' +
    '"timestamp":"2026-01-02T03:04:05.678Z"}',
  "%I": "2026-01-02T03:04:05.678Z",
  "%U": "1767323045.678",
  "%%": "%",
  "\\n \\t \\0 \\\\": "\n \t \0 \\",
};

test("every field of a template is tested, and in the help", () => {
  assertEquals(TEMPLATE_FIELDS.map(([sequence]) => sequence).sort(), Object.keys(fields).sort());
});

for (const [sequence, expected] of Object.entries(fields)) {
  test(`--format '<${sequence}>%%'`, () => {
    assertEquals(show(`<${sequence}>%%`, message("a b", { dup: true })), `<${expected}>%\n`);
  });
}

test("%r and %d tell both ways", () => {
  assertEquals(show("%r%d", message("", { retain: true })), "10\n");
});

test("bytes are printed as they are, also those that are no UTF-8", () => {
  const payload = Uint8Array.of(0xef, 0xbb, 0xbf, 0xff, 0x00, 0x0a);
  assertEquals(chooseFormat("raw", false)(message(payload), time), payload);
  assertEquals(chooseFormat("raw", true)(message(payload), time), payload);
  assertEquals(chooseFormat("text", false)(message(payload), time), Uint8Array.of(...payload, 0x0a));
  assertEquals(chooseFormat("%p", false)(message(payload), time), Uint8Array.of(...payload, 0x0a));
});

test("JSON has text if the payload is UTF-8, byte order mark and all, and base64 if it is not", () => {
  const text = JSON.parse(show("json", message("\ufeff\u0000\u2028\n")));
  assertEquals([text.payload, text.payloadEncoding], ["\ufeff\u0000\u2028\n", "text"]);
  const bytes = JSON.parse(show("json", message(Uint8Array.of(0xc3))));
  assertEquals([bytes.payload, bytes.payloadEncoding], ["ww==", "base64"]);
});

test("JSON gives every payload back, byte by byte, on one line", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
    const line = show("json", message(payload));
    assertEquals(line.indexOf("\n"), line.length - 1);
    const { payload: shown, payloadEncoding } = JSON.parse(line);
    const back = payloadEncoding === "text"
      ? new TextEncoder().encode(shown)
      : Uint8Array.from(atob(shown), (character) => character.charCodeAt(0));
    assertEquals(back, payload);
  }));
});

test("a payload of megabytes is shown in every format", () => {
  const payload = new Uint8Array(3_000_001).fill(0xff);
  assertEquals(show("base64", message(payload)).length, 4_000_005);
  assertEquals(show("hex", message(payload)).length, 6_000_003);
  assertEquals(JSON.parse(show("json", message(payload))).payload.length, 4_000_004);
});

test("on a terminal control characters are shown, not obeyed; raw is as it is", () => {
  const evil = message("\x1b]0;title\x07\x9b31m\rok\tok\n\u202e\x7f", { topicName: "a/\x1bc" });
  const escaped = "\\x1b]0;title\\x07\\x9b31m\\x0dok\tok\n\\u202e\\x7f";
  assertEquals(show("text", evil, true), `${escaped}\n`);
  assertEquals(show("topic", evil, true), `a/\\x1bc ${escaped}\n`);
  assertEquals(show("%t: %p", evil, true), `a/\\x1bc: ${escaped}\n`);
  assertEquals(show("text", evil, false), "\x1b]0;title\x07\x9b31m\rok\tok\n\u202e\x7f\n");
  assertEquals(show("raw", evil, true), "\x1b]0;title\x07\x9b31m\rok\tok\n\u202e\x7f");
});

test("what is neither a format nor a template is refused", () => {
  const refuse = (format: string): string => assertThrows(() => chooseFormat(format, false), UsageError).message;
  assertEquals(
    refuse("xml"),
    'Cannot use --format: "xml" is none of text, raw, topic, hex, base64, json, and no template with a %',
  );
  assertEquals(refuse("%z"), 'Cannot use --format: "%z" means nothing in a template');
  assertEquals(refuse("%t %"), 'Cannot use --format: "%" means nothing in a template');
  assertEquals(refuse("%t\\q"), 'Cannot use --format: "\\\\q" means nothing in a template');
});
