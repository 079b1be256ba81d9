// Feeds the codec with bytes that are nearly MQTT, in random chunks, and ends with an error unless every input gives nothing but packets and
// perhaps one MalformedPacketError, the same in one chunk and in many.
//
// `deno task fuzz --inputs 1000000 --seed 1`, `bun tools/fuzz.ts --inputs 1000000 --seed 1`

import { Decoder, encodePacket, MalformedPacketError, type Packet } from "../src/codec/mod.ts";
import { concat, toHex } from "../tests/codec/hex.ts";
import { malformed } from "../tests/codec/malformed.ts";
import { vectors } from "../tests/codec/vectors.ts";

/** What to run. */
export interface FuzzOptions {
  /** How many inputs are made. */
  readonly inputs: number;
  /** Where the random numbers begin: the same seed makes the same inputs. */
  readonly seed: number;
}

/** What was seen. */
export interface FuzzResult {
  /** How many inputs were decoded. */
  readonly inputs: number;
  /** How many packets came out of them. */
  readonly packets: number;
  /** How many inputs ended in a MalformedPacketError. */
  readonly malformed: number;
  /** The rules that were broken, and how often. */
  readonly rules: ReadonlyMap<string, number>;
}

/** An input the codec does not stand. */
export class FuzzFailure extends Error {
  /** The name of the class. */
  override readonly name: string = "FuzzFailure";
  /** The bytes. */
  readonly input: Uint8Array;

  /**
   * @param options The run it was found in.
   * @param index The place of the input in the run.
   * @param input The bytes.
   * @param cause What went wrong.
   */
  constructor(options: FuzzOptions, index: number, input: Uint8Array, cause: unknown) {
    super(`input ${index} of seed ${options.seed} failed: ${toHex(input)}`, { cause });
    this.input = input;
  }
}

/** What one decoding ended in. */
interface Outcome {
  readonly packets: Packet[];
  readonly error: MalformedPacketError | undefined;
}

const MAX_SEED_SIZE = 400;

/**
 * Makes inputs and decodes them.
 *
 * @param options How many, and from which seed.
 * @param decode What decodes one input; the codec itself unless a test says otherwise.
 * @returns What was seen.
 * @throws {FuzzFailure} At the first input that gives anything else than packets and a MalformedPacketError.
 */
export function fuzz(options: FuzzOptions, decode: typeof decodeChunks = decodeChunks): FuzzResult {
  const random = generator(options.seed);
  const valid = vectors.map(({ bytes }) => bytes).filter(({ length }) => length <= MAX_SEED_SIZE);
  // Three valid packets to one that is not: a stream goes no further than its first fault.
  const seeds = [...valid, ...valid, ...valid, ...malformed.map(({ bytes }) => bytes)];
  const rules = new Map<string, number>();
  let packets = 0;
  let faults = 0;
  for (let index = 0; index < options.inputs; index++) {
    const input = makeInput(random, seeds);
    try {
      const whole = decode([input]);
      judge(input, whole);
      judgeSame(whole, decode(cut(random, input)));
      packets += whole.packets.length;
      if (whole.error === undefined) continue;
      faults++;
      rules.set(whole.error.rule, (rules.get(whole.error.rule) ?? 0) + 1);
    } catch (error) {
      throw new FuzzFailure(options, index, input, error);
    }
  }
  return { inputs: options.inputs, packets, malformed: faults, rules };
}

/** Decodes chunks, half of them pushed ahead. Whatever is thrown but a MalformedPacketError goes on to the caller. */
export function decodeChunks(chunks: readonly Uint8Array[]): Outcome {
  const decoder = new Decoder();
  const packets: Packet[] = [];
  try {
    chunks.forEach((chunk, index) => {
      decoder.push(chunk);
      if (index % 2 === 1 && index !== chunks.length - 1) return;
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) packets.push(packet);
    });
    return { packets, error: undefined };
  } catch (error) {
    if (error instanceof MalformedPacketError) return { packets, error };
    throw error;
  }
}

function judge(input: Uint8Array, { packets, error }: Outcome): void {
  // Two bytes are the smallest packet: more packets than that would be a loop without an end.
  demand(packets.length <= input.length / 2, "more packets than bytes");
  if (error !== undefined) demand(error.offset >= 0 && error.offset <= input.length, `offset ${error.offset}`);
  for (const packet of packets) {
    const bytes = encodePacket(packet);
    const again = decodeChunks([bytes]).packets[0];
    demand(again !== undefined && areEqual(again, packet), `${packet.type} is another packet when it is encoded again`);
  }
}

function judgeSame(whole: Outcome, cut: Outcome): void {
  demand(whole.packets.length === cut.packets.length, "the chunks change the number of packets");
  whole.packets.forEach((packet, i) => demand(areEqual(packet, cut.packets[i]!), "the chunks change a packet"));
  demand(whole.error?.message === cut.error?.message, "the chunks change the error");
}

/** Compares packets by the bytes they are encoded to. */
function areEqual(a: Packet, b: Packet): boolean {
  if (a.type !== b.type) return false;
  const aBytes = encodePacket(a);
  const bBytes = encodePacket(b);
  return aBytes.length === bBytes.length && aBytes.every((byte, i) => byte === bBytes[i]);
}

function demand(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** Makes one input: random bytes, a random body behind a plausible fixed header, or known packets with changes. */
function makeInput(random: Random, seeds: readonly Uint8Array[]): Uint8Array {
  const kind = random(10);
  if (kind === 0) return randomBytes(random, random(64));
  if (kind === 1) {
    const body = randomBytes(random, random(40));
    return concat(Uint8Array.of(random(256), body.length + random(3)), body);
  }
  let input = concat(...Array.from({ length: 1 + random(4) }, () => seeds[random(seeds.length)]!));
  for (let changes = random(4); changes > 0; changes--) input = change(random, input);
  return input;
}

function change(random: Random, input: Uint8Array): Uint8Array {
  if (input.length === 0) return randomBytes(random, 1 + random(5));
  const at = random(input.length + 1);
  switch (random(6)) {
    case 0:
      return input.with(random(input.length), random(256));
    case 1:
      return flipBit(random, input);
    case 2:
      return input.slice(0, at);
    case 3:
      return concat(input.subarray(0, at), randomBytes(random, 1 + random(5)), input.subarray(at));
    case 4:
      return concat(input.subarray(0, at), input.subarray(at + 1 + random(5)));
    default:
      return concat(input.subarray(0, at), input.subarray(random(at + 1), at), input.subarray(at));
  }
}

function flipBit(random: Random, input: Uint8Array): Uint8Array {
  const at = random(input.length);
  return input.with(at, input[at]! ^ 1 << random(8));
}

function cut(random: Random, input: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const largest = 1 + random(20);
  for (let at = 0; at < input.length;) {
    const end = at + random(largest + 1);
    chunks.push(input.slice(at, end));
    at = end;
  }
  return chunks;
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

/** Gives an integer from 0 up to, not including, its argument. */
type Random = (below: number) => number;

/** A linear congruential generator; its high bits are used, for the low ones have short periods. */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

function option(name: string, fallback: number, words: readonly string[]): number {
  const at = words.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(words[at + 1]);
  if (!Number.isInteger(value) || value < 0) throw new TypeError(`Cannot fuzz: --${name} is ${words[at + 1]}`);
  return value;
}

function main(words: readonly string[]): number {
  const options = { inputs: option("inputs", 1_000_000, words), seed: option("seed", 1, words) };
  const begin = performance.now();
  try {
    const { inputs, packets, malformed, rules } = fuzz(options);
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    print(
      `${inputs} inputs of seed ${options.seed} in ${seconds} s: ${packets} packets, ${malformed} malformed inputs`,
    );
    for (const [rule, count] of [...rules].sort(([, a], [, b]) => b - a)) print(`${String(count).padStart(9)} ${rule}`);
    return 0;
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    print(error.message);
    print(String((error.cause as Error | undefined)?.stack ?? error.cause));
    return 1;
  }
}

function print(line: string): void {
  // deno-lint-ignore no-console
  console.log(line);
}

if (import.meta.main) {
  if ("Deno" in globalThis) Deno.exit(main(Deno.args));
  const { argv, exit } = await import("node:process");
  exit(main(argv.slice(2)));
}
