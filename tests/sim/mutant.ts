// How a session with one thing wrong is made, from outside: by a class of its own, or by another method in one of its parts.

import { Session, type SessionOptions } from "../../src/session/mod.ts";
import type { Property } from "./violation.ts";
import type { SessionFactory } from "./world.ts";

/** A session with one thing wrong. */
export interface Mutant {
  /** What is wrong. */
  readonly name: string;
  /** The properties that may tell it. */
  readonly breaks: readonly Property[];
  /** Makes it. */
  readonly create: SessionFactory;
  /** Breaks a part of the session for as long as the mutant lives. @returns A function that mends it. */
  readonly patch?: () => () => void;
}

const createSession: SessionFactory = (options) => new Session(options);

/** A mutant that is a session of another class. */
export function subclass(
  name: string,
  breaks: readonly Property[],
  Mutated: new (options: SessionOptions) => Session,
): Mutant {
  return { name, breaks, create: (options) => new Mutated(options) };
}

/** A mutant one part of which has another method. */
export function patch<T extends object, K extends keyof T & string>(
  name: string,
  breaks: readonly Property[],
  Part: { readonly prototype: T },
  method: K,
  mutate: (original: T[K]) => T[K],
): Mutant {
  return { name, breaks, create: createSession, patch: () => replaceMethod(Part.prototype, method, mutate) };
}

/** A mutant one part of which has another getter. */
export function patchGetter<T extends object, K extends keyof T & string>(
  name: string,
  breaks: readonly Property[],
  Part: { readonly prototype: T },
  property: K,
  read: (part: T) => T[K],
): Mutant {
  return { name, breaks, create: createSession, patch: () => replaceGetter(Part.prototype, property, read) };
}

/** Replaces a method. @returns A function that puts it back. */
export function replaceMethod<T extends object, K extends keyof T & string>(
  prototype: T,
  method: K,
  mutate: (original: T[K]) => T[K],
): () => void {
  const original = prototype[method];
  prototype[method] = mutate(original);
  return () => {
    prototype[method] = original;
  };
}

/** Replaces a getter. @returns A function that puts it back. */
export function replaceGetter<T extends object, K extends keyof T & string>(
  prototype: T,
  property: K,
  read: (part: T) => T[K],
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, property)!;
  Object.defineProperty(prototype, property, {
    configurable: true,
    get(this: T): T[K] {
      return read(this);
    },
  });
  return () => Object.defineProperty(prototype, property, descriptor);
}
