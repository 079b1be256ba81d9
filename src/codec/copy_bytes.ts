// Copying a few bytes: `set` with a view costs its call, a loop costs each byte.

/** Up to this length the loop takes less time, on V8 and on JavaScriptCore. */
const LOOP_LENGTH = 16;

/** Copies `count` bytes of `source`, from `sourceAt` on, to `target`. */
export function copyBytes(
  target: Uint8Array,
  targetAt: number,
  source: Uint8Array,
  sourceAt: number,
  count: number,
): void {
  if (count <= LOOP_LENGTH) {
    for (let i = 0; i < count; i++) target[targetAt + i] = source[sourceAt + i]!;
  } else if (count === source.length) {
    target.set(source, targetAt);
  } else {
    target.set(source.subarray(sourceAt, sourceAt + count), targetAt);
  }
}
