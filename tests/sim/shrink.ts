// Makes a failing script small: fewer operations, smaller arguments, a plainer world.

import { type Operation, plainSetup, type Script, type Setup } from "./script.ts";

/** Most scripts that are tried for one failure. */
const MAX_TRIES = 3_000;

/**
 * Shrinks a script.
 *
 * @param script A script that fails.
 * @param fails Whether a script fails in the same way.
 * @returns The smallest script found that fails.
 */
export function shrink(script: Script, fails: (script: Script) => boolean): Script {
  let smallest = script;
  let tries = 0;
  const attempt = (candidate: Script): boolean => {
    if (tries++ >= MAX_TRIES || !fails(candidate)) return false;
    smallest = candidate;
    return true;
  };
  for (;;) {
    const before = smallest;
    removeOperations(() => smallest, attempt);
    simplifySetup(() => smallest, attempt);
    simplifyOperations(() => smallest, attempt);
    if (smallest === before || tries >= MAX_TRIES) return smallest;
  }
}

type Current = () => Script;
type Attempt = (candidate: Script) => boolean;

/** Leaves out runs of operations: half of them, a quarter, and so on down to single ones. */
function removeOperations(current: Current, attempt: Attempt): void {
  for (let size = current().operations.length >> 1; size >= 1; size >>= 1) {
    for (let start = 0; start < current().operations.length;) {
      const { operations } = current();
      const rest = [...operations.slice(0, start), ...operations.slice(start + size)];
      if (!attempt({ ...current(), operations: rest })) start += size;
    }
  }
}

function simplifySetup(current: Current, attempt: Attempt): void {
  for (const field of Object.keys(plainSetup) as (keyof Setup)[]) {
    const { setup } = current();
    if (field !== "packetIds" && setup[field] !== plainSetup[field]) {
      attempt({ ...current(), setup: { ...setup, [field]: plainSetup[field] } });
    }
  }
}

function simplifyOperations(current: Current, attempt: Attempt): void {
  for (let i = 0; i < current().operations.length; i++) {
    for (const simpler of simplerThan(current().operations[i]!)) {
      if (attempt({ ...current(), operations: current().operations.with(i, simpler) })) break;
    }
  }
}

/** Operations that do less, the least first. */
function simplerThan(operation: Operation): Operation[] {
  switch (operation.op) {
    case "advance":
    case "sleep":
      return [0, 1, 2, 10, 100, 1_000].filter((millis) => millis < operation.millis)
        .map((millis) => ({ op: operation.op, millis }));
    case "publish":
    case "serverPublish":
      return ([0, 1] as const).filter((qos) => qos < operation.qos).map((qos) => ({ op: operation.op, qos }));
    case "subscribe":
      return [{ op: "subscribe" as const, filter: 0, count: 1 }, { ...operation, count: 1 }, {
        ...operation,
        filter: 0,
      }]
        .filter(({ filter, count }) => filter < operation.filter || count < operation.count);
    case "unsubscribe":
      return operation.filter > 0 ? [{ op: "unsubscribe", filter: 0 }] : [];
    case "acknowledge":
    case "forget":
      return operation.index > 0 ? [{ op: operation.op, index: 0 }] : [];
    default:
      return [];
  }
}
