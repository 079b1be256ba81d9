// The queue that everything waits in: its order, and that taking from the front keeps nothing alive and costs the same at any length.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Fifo } from "../src/fifo.ts";
import { test } from "./support/test.ts";

function filled(length: number): Fifo<number> {
  const fifo = new Fifo<number>();
  for (let i = 0; i < length; i++) fifo.push(i);
  return fifo;
}

test("Fifo gives elements back in their order", () => {
  const fifo = filled(3);
  assertEquals([fifo.shift(), fifo.shift(), fifo.shift(), fifo.shift()], [0, 1, 2, undefined]);
  assertEquals(fifo.length, 0);
});

test("Fifo.shift() of an empty queue is undefined, again and again, and the queue stays usable", () => {
  const fifo = new Fifo<string>();
  assertEquals([fifo.shift(), fifo.shift()], [undefined, undefined]);
  fifo.push("a");
  assertEquals([fifo.length, fifo.shift(), fifo.shift()], [1, "a", undefined]);
});

test("Fifo.peek() and Fifo.at() look without taking", () => {
  const fifo = filled(4);
  fifo.shift();
  assertEquals([fifo.peek(), fifo.at(0), fifo.at(2), fifo.at(3)], [1, 1, 3, undefined]);
  assertEquals(fifo.length, 3);
  fifo.clear();
  assertEquals([fifo.peek(), fifo.at(0)], [undefined, undefined]);
});

test("Fifo agrees with an array over a long mixture of pushes and shifts", () => {
  const fifo = new Fifo<number>();
  const array: number[] = [];
  let state = 1;
  for (let i = 0; i < 40_000; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    // Phases of growth and of decline, so that the taken slots are moved away many times.
    if (state % 100 < (Math.floor(i / 5_000) % 2 === 0 ? 70 : 35)) {
      fifo.push(i);
      array.push(i);
    } else {
      assertStrictEquals(fifo.shift(), array.shift());
    }
    assertStrictEquals(fifo.length, array.length);
    assertStrictEquals(fifo.peek(), array[0]);
  }
  assertEquals(fifo.take(), array);
});

test("Fifo keeps its order while taken slots are moved away", () => {
  const fifo = filled(10_000);
  for (let i = 0; i < 10_000; i++) {
    assertStrictEquals(fifo.shift(), i);
    assertStrictEquals(fifo.length, 9_999 - i);
  }
});

test("Fifo.remove() takes one element out of the middle", () => {
  const fifo = filled(5);
  fifo.shift();
  assertEquals([fifo.remove(2), fifo.remove(2), fifo.length], [true, false, 3]);
  assertEquals(fifo.take(), [1, 3, 4]);
});

test("Fifo.remove() takes the element at the front of a fresh queue", () => {
  const fifo = filled(3);
  assertEquals([fifo.remove(0), fifo.shift()], [true, 1]);
});

test("Fifo.remove() does not find what was taken", () => {
  const fifo = new Fifo<undefined>();
  fifo.push(undefined);
  fifo.push(undefined);
  fifo.shift();
  assertEquals([fifo.remove(undefined), fifo.remove(undefined), fifo.length], [true, false, 0]);
});

test("Fifo.remove() of the last element leaves an empty queue", () => {
  const fifo = filled(2);
  fifo.shift();
  fifo.remove(1);
  assertEquals([fifo.length, fifo.peek(), fifo.shift()], [0, undefined, undefined]);
  fifo.push(7);
  assertEquals([fifo.length, fifo.shift()], [1, 7]);
});

test("Fifo.take() empties the queue into an array of its own", () => {
  for (const taken of [0, 2]) {
    const fifo = filled(4);
    for (let i = 0; i < taken; i++) fifo.shift();
    const all = fifo.take();
    assertEquals(all, [0, 1, 2, 3].slice(taken));
    fifo.push(9);
    assertEquals([all.length, fifo.length, fifo.shift()], [4 - taken, 1, 9]);
  }
});

test("Fifo.clear() forgets everything", () => {
  const fifo = filled(3);
  fifo.shift();
  fifo.clear();
  assertEquals([fifo.length, fifo.shift()], [0, undefined]);
  fifo.push(5);
  assertEquals(fifo.take(), [5]);
});
