// The assertions that the transport contract needs, for pages and workers, where there is no `node:assert`.

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message = `Expected a truthy value, got ${value}`): asserts value {
  if (!value) throw new Error(message);
}

/** Fails unless both are written alike as JSON. */
export function assertEquals(actual: unknown, expected: unknown, message = "Expected equal values"): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  assert(a === b, `${message}: ${a?.slice(0, 1_000)} is not ${b?.slice(0, 1_000)}`);
}

/** Fails unless both are the same value. */
export function assertStrictEquals(actual: unknown, expected: unknown, message = "Expected the same value"): void {
  assert(Object.is(actual, expected), `${message}: ${actual} is not ${expected}`);
}

/** Fails unless `actual < expected`. */
export function assertLess(actual: number, expected: number, message = "Expected less"): void {
  assert(actual < expected, `${message}: ${actual} is not less than ${expected}`);
}

/** Fails unless `act` throws. */
export function assertThrows(act: () => unknown, ErrorClass: ErrorConstructor = Error, part = ""): Error {
  try {
    act();
  } catch (error) {
    return checkError(error, ErrorClass, part);
  }
  throw new Error("Expected function to throw");
}

/** Fails unless `act` rejects. */
export async function assertRejects(
  act: () => PromiseLike<unknown>,
  ErrorClass: ErrorConstructor = Error,
  part = "",
): Promise<Error> {
  try {
    await act();
  } catch (error) {
    return checkError(error, ErrorClass, part);
  }
  throw new Error("Expected function to reject");
}

function checkError(error: unknown, ErrorClass: ErrorConstructor, part: string): Error {
  assert(error instanceof ErrorClass, `Expected an ${ErrorClass.name}, got ${error}`);
  assert(error.message.includes(part), `Expected "${error.message}" to include "${part}"`);
  return error;
}
