// One string for a family of topics: the Topic Filter to subscribe to, the Topic Name to publish to, and the parameters between them,
// with their types.
import { describeTopicFilterFault, describeTopicNameFault, MAX_STRING_BYTES } from "../codec/mod.ts";
import { bytesPayload, type PayloadCodec } from "./payload_codec.ts";
import type { Subscription } from "./subscription.ts";
import type { TopicArguments, TopicParams } from "./topic_params.ts";
import { type PayloadErrorHandler, TypedSubscription } from "./typed_subscription.ts";

/** A parameter that stands for one level, `{id}`, or for all that are left, `{path...}`. */
const PARAMETER = /^\{([A-Za-z_$][\w$]*)(\.\.\.)?\}$/;

/** One level of a pattern. */
type Level =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter" | "rest"; readonly name: string };

/**
 * A family of topics, made by {@linkcode topic}.
 *
 * @typeParam Pattern The pattern.
 * @typeParam Value What the payloads are, once they are decoded.
 */
export class TopicPattern<Pattern extends string, Value> {
  /** The pattern, as it was written. */
  readonly pattern: Pattern;
  /** The Topic Filter that matches exactly the topics of the family, and its parent if the pattern ends with `{path...}`. */
  readonly topicFilter: string;
  /** How payloads are written and read. */
  readonly payload: PayloadCodec<Value>;
  readonly #levels: readonly Level[];

  /**
   * Makes a family; {@linkcode topic} is the shorter way.
   *
   * @param pattern The pattern.
   * @param payload How payloads are written and read.
   * @throws {TypeError} If the pattern is not valid.
   */
  constructor(pattern: Pattern, payload: PayloadCodec<Value>) {
    this.pattern = pattern;
    this.payload = payload;
    this.#levels = parsePattern(pattern);
    this.topicFilter = this.#levels.map((level) =>
      level.kind === "literal" ? level.text : level.kind === "rest" ? "#" : "+"
    ).join("/");
    const fault = describeTopicFilterFault(this.topicFilter);
    if (fault !== undefined) throw patternError(pattern, `as a Topic Filter it ${fault}`);
  }

  /**
   * Fills the pattern in.
   *
   * @param values A value for each parameter; for `{path...}` the levels, which may be none.
   * @returns The Topic Name.
   * @throws {TypeError} If a value is missing, or cannot be a level: it has a `/` or a wildcard.
   */
  format(...values: keyof TopicParams<Pattern> extends never ? [] : [values: TopicArguments<Pattern>]): string {
    const given = ((values as readonly unknown[])[0] ?? {}) as Readonly<Record<string, unknown>>;
    const levels = this.#levels.flatMap((level) => {
      if (level.kind === "literal") return level.text;
      const value = given[level.name];
      if (level.kind === "parameter") return this.#levelText(level.name, value);
      if (!Array.isArray(value)) throw this.#formatError(level.name, "is no list of levels");
      return value.map((item) => this.#levelText(level.name, item));
    });
    const topicName = levels.join("/");
    const fault = describeTopicNameFault(topicName);
    if (fault === undefined) return topicName;
    throw new TypeError(`Cannot format ${JSON.stringify(this.pattern)}: the Topic Name ${fault}`);
  }

  /**
   * Reads the parameters out of a Topic Name.
   *
   * @param topicName The Topic Name.
   * @returns The parameters; `undefined` if the topic is not of this family.
   */
  match(topicName: string): TopicParams<Pattern> | undefined {
    const levels = topicName.split("/");
    const params: Record<string, string | readonly string[]> = {};
    for (const [index, level] of this.#levels.entries()) {
      if (level.kind === "rest") {
        params[level.name] = levels.slice(index);
        return this.#hides(topicName) ? undefined : params as TopicParams<Pattern>;
      }
      const text = levels[index];
      if (text === undefined || level.kind === "literal" && text !== level.text) return undefined;
      if (level.kind === "parameter") params[level.name] = text;
    }
    const isWhole = levels.length === this.#levels.length && !this.#hides(topicName);
    return isWhole ? params as TopicParams<Pattern> : undefined;
  }

  /**
   * Reads the messages of a subscription to the family's Topic Filter as values. `subscribe` does so when it is given the family.
   *
   * @param messages The subscription; it belongs to the stream from now on.
   * @param onPayloadError Called for each message whose payload does not fit. Without it such messages are only counted.
   * @returns The stream of values.
   */
  read(messages: Subscription, onPayloadError?: PayloadErrorHandler): TypedSubscription<Pattern, Value> {
    return new TypedSubscription(this, messages, onPayloadError);
  }

  /** Whether the name begins with `$` where the pattern begins with a parameter [MQTT-4.7.2-1]. */
  #hides(topicName: string): boolean {
    return topicName.startsWith("$") && this.#levels[0]!.kind !== "literal";
  }

  #levelText(name: string, value: unknown): string {
    if (typeof value !== "string" && typeof value !== "number") {
      throw this.#formatError(name, "is neither text nor a number");
    }
    const text = String(value);
    if (/[/+#]/.test(text)) {
      throw this.#formatError(name, `is ${JSON.stringify(text)}, which is not one level [MQTT-4.7.1-1]`);
    }
    return text;
  }

  #formatError(name: string, state: string): TypeError {
    return new TypeError(`Cannot format ${JSON.stringify(this.pattern)}: ${name} ${state}`);
  }
}

/**
 * Makes a family of topics out of one string, whose parameters stand for a level each, `{id}`, or, at the end, for all levels that are
 * left, `{path...}`. The types of the parameters come from the string.
 *
 * @param pattern Levels, each a literal or a parameter.
 * @param payload How payloads are written and read; bytes as they are, unless it is given.
 * @returns The family.
 * @throws {TypeError} If the pattern is not valid, or a name is there twice.
 *
 * @example
 * ```ts
 * import { jsonPayload, topic } from "@petrel/mqtt";
 * import { assertEquals } from "@std/assert";
 *
 * const temperature = topic("sensors/{id}/temperature", jsonPayload<{ celsius: number }>());
 * assertEquals(temperature.topicFilter, "sensors/+/temperature");
 * assertEquals(temperature.format({ id: 7 }), "sensors/7/temperature");
 * assertEquals(temperature.match("sensors/7/temperature")?.id, "7");
 * assertEquals(temperature.payload.encode({ celsius: 21.5 }), '{"celsius":21.5}');
 *
 * const files = topic("files/{path...}");
 * assertEquals(files.topicFilter, "files/#");
 * assertEquals(files.match("files/a/b")?.path, ["a", "b"]);
 * ```
 */
export function topic<const Pattern extends string, Value = Uint8Array>(
  pattern: Pattern,
  payload?: PayloadCodec<Value>,
): TopicPattern<Pattern, Value> {
  return new TopicPattern(pattern, payload ?? bytesPayload as PayloadCodec<unknown> as PayloadCodec<Value>);
}

function parsePattern(pattern: string): readonly Level[] {
  if (typeof pattern !== "string") throw new TypeError(`Cannot use a topic pattern: ${typeof pattern} is no text`);
  if (pattern.length > MAX_STRING_BYTES) {
    throw new TypeError(`Cannot use a topic pattern: it is longer than a Topic Name`);
  }
  const names = new Set<string>();
  const texts = pattern.split("/");
  return texts.map((text, index) => {
    const [, name, rest] = PARAMETER.exec(text) ?? [];
    if (name === undefined) return { kind: "literal", text: checkLiteral(pattern, text) };
    if (names.has(name)) throw patternError(pattern, `it has {${name}} twice`);
    names.add(name);
    if (rest === undefined) return { kind: "parameter", name };
    if (index !== texts.length - 1) throw patternError(pattern, `{${name}...} is not its last level`);
    return { kind: "rest", name };
  });
}

function checkLiteral(pattern: string, text: string): string {
  if (/[{}]/.test(text)) {
    throw patternError(pattern, `${JSON.stringify(text)} is neither a literal level nor a parameter`);
  }
  if (/[+#]/.test(text)) {
    throw patternError(pattern, `${JSON.stringify(text)} has a wildcard; a parameter such as {id} has a name`);
  }
  return text;
}

function patternError(pattern: string, state: string): TypeError {
  return new TypeError(`Cannot use the topic pattern ${JSON.stringify(pattern)}: ${state}`);
}
