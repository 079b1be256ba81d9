// Streams cut into lines or put together, and outputs that are written to.

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { OutputClosedError } from "../../src/cli/io.ts";
import { ProcessOutput } from "../../src/cli/process_output.ts";
import { readAll } from "../../src/cli/read_all.ts";
import { readLines } from "../../src/cli/read_lines.ts";
import { UsageError } from "../../src/cli/usage_error.ts";
import { settle } from "../../src/testing/mod.ts";
import { test } from "../support/test.ts";
import { stream } from "./fake_io.ts";

async function linesOf(chunks: readonly (Uint8Array | string)[], maxBytes = 1000): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(stream(chunks), maxBytes)) lines.push(new TextDecoder().decode(line));
  return lines;
}

test("lines end at LF or CR LF; empty ones are left out, a last one without an end is not", async () => {
  assertEquals(await linesOf([]), []);
  assertEquals(await linesOf(["a\nb\r\n\n\r\nc d\re"]), ["a", "b", "c d\re"]);
  assertEquals(await linesOf(["a", "b\r", "\nc", "", "d\n", "\n"]), ["ab", "cd"]);
});

test("lines are the same however the stream is cut", async () => {
  const text = fc.array(fc.constantFrom("a", "é", "\r", "\n", "xyz"), { maxLength: 30 }).map((parts) => parts.join(""));
  await fc.assert(fc.asyncProperty(text, fc.array(fc.nat({ max: 4 })), async (whole, sizes) => {
    const bytes = new TextEncoder().encode(whole);
    const chunks: Uint8Array[] = [];
    for (let start = 0, index = 0; start < bytes.length; index++) {
      const size = sizes[index] ?? 5;
      chunks.push(bytes.subarray(start, start + size));
      start += size;
    }
    const expected = whole.replace(/\r?\n$/, "").split(/\r?\n/).filter((line) => line !== "");
    assertEquals(await linesOf(chunks), expected);
  }));
});

test("a line that is too long is refused before it has come to its end", async () => {
  let isDrained = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 1000; i++) yield new Uint8Array(10).fill(0x61);
    await undefined;
    isDrained = true;
  }
  await assertRejects(
    async () => {
      for await (const line of readLines(endless(), 100)) assert(line === undefined);
    },
    UsageError,
    "Cannot use standard input: a line has more than 100 bytes",
  );
  assertEquals(isDrained, false);
});

test("lines are read from the stream only as they are asked for", async () => {
  let read = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for (const chunk of ["a\nb\n", "c\n", "d\n"]) {
      await undefined;
      read++;
      yield new TextEncoder().encode(chunk);
    }
  }
  const lines = readLines(counted(), 100);
  await lines.next();
  await lines.next();
  assertEquals(read, 1);
  await lines.next();
  assertEquals(read, 2);
  await lines.return(undefined);
});

test("a stream is read whole up to its limit, and not beyond", async () => {
  const read = async (chunks: string[], limit: number) =>
    new TextDecoder().decode(await readAll(stream(chunks), limit, "--x"));
  assertEquals(await read([], 0), "");
  assertEquals(await read(["ab", "", "c"], 3), "abc");
  await assertRejects(() => read(["ab", "cd"], 3), UsageError, "Cannot use --x: it has more than 3 bytes");
});

/** Writes that wait until a test lets them go. */
class Pipe {
  readonly written: string[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;

  readonly write = (bytes: Uint8Array): Promise<void> => {
    this.written.push(new TextDecoder().decode(bytes));
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  };

  async take(): Promise<void> {
    this.#waiting?.resolve();
    await settle();
  }

  async break(error: Error): Promise<void> {
    this.#waiting?.reject(error);
    await settle();
  }
}

test("an output writes in order, one write at a time, small pieces together", async () => {
  const pipe = new Pipe();
  const output = new ProcessOutput(false, undefined, pipe.write);
  await output.flushed();
  output.write("a");
  output.write("");
  output.write("b");
  await settle();
  output.write("c");
  output.write(new TextEncoder().encode("d"));
  const flushed = output.flushed();
  let isFlushed = false;
  void flushed.then(() => isFlushed = true);
  await settle();
  assertEquals(pipe.written, ["ab"]);
  await pipe.take();
  assertEquals([pipe.written, isFlushed], [["ab", "cd"], false]);
  await pipe.take();
  assertEquals(isFlushed, true);
});

test("an output that is not taken says that it is full, and gathers no more than it may", async () => {
  const pipe = new Pipe();
  const output = new ProcessOutput(false, undefined, pipe.write);
  output.write("x".repeat(100_000));
  await settle();
  assertEquals(output.isFull, false);
  output.write("y".repeat(65_535));
  assertEquals(output.isFull, false);
  output.write("zz");
  assertEquals(output.isFull, true);
  await pipe.take();
  assertEquals(output.isFull, false);
  assertEquals(pipe.written.map((text) => text.length), [100_000, 65_535]);
  await pipe.take();
  await pipe.take();
  await output.flushed();
});

for (
  const error of [
    Object.assign(new Error("write EPIPE"), { code: "EPIPE" }),
    Object.assign(new Error(), { name: "BrokenPipe" }),
  ]
) {
  test(`an output that nobody reads any more says so: ${error.name} ${error.message}`, async () => {
    const pipe = new Pipe();
    const output = new ProcessOutput(false, undefined, pipe.write);
    output.write("a");
    await settle();
    output.write("b");
    await pipe.break(error);
    await assertRejects(() => output.flushed(), OutputClosedError);
    output.write("c");
    await assertRejects(() => output.flushed(), OutputClosedError);
    assertEquals([pipe.written, output.isFull], [["a"], false]);
  });
}

test("an output that cannot be written is a failure, not an end", async () => {
  const pipe = new Pipe();
  const output = new ProcessOutput(false, undefined, pipe.write);
  output.write("a");
  await settle();
  await pipe.break(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
  await assertRejects(() => output.flushed(), Error, "Cannot write the output: no space left on device");
});
