// Topic Names and Topic Filters: MQTT 3.1.1 section 4.7.

import { findTextFault, type TextFault } from "./utf8.ts";

/** What forbids a wildcard in a Topic Name: PUBLISH has a statement of its own. */
export type WildcardRule = "MQTT-4.7.1-1" | "MQTT-3.3.2-2";

const PLUS = 0x2b;
const NUMBER_SIGN = 0x23;
const SLASH = 0x2f;
const DOLLAR = 0x24;

/**
 * Tells whether a Topic Filter matches a Topic Name, by the rules of MQTT 3.1.1 section 4.7. `sport/#` matches `sport` too, and a
 * filter that begins with a wildcard matches no name that begins with `$` [MQTT-4.7.2-1].
 *
 * Both have to be valid, see {@linkcode isTopicName} and {@linkcode isTopicFilter}; otherwise the answer means nothing.
 *
 * @param topicName The Topic Name of a message.
 * @param topicFilter The Topic Filter of a subscription.
 * @returns Whether the subscription gets the message.
 *
 * @example
 * ```ts
 * import { topicMatches } from "@petrel/mqtt/codec";
 * import { assert, assertFalse } from "@std/assert";
 *
 * assert(topicMatches("sport/tennis/player1", "sport/+/player1"));
 * assert(topicMatches("sport", "sport/#"));
 * assertFalse(topicMatches("$SYS/uptime", "#"));
 * ```
 */
export function topicMatches(topicName: string, topicFilter: string): boolean {
  if (topicName.charCodeAt(0) === DOLLAR && isWildcard(topicFilter.charCodeAt(0))) return false;
  let name = 0;
  for (let filter = 0; filter < topicFilter.length; filter++) {
    const unit = topicFilter.charCodeAt(filter);
    if (unit === NUMBER_SIGN) return true;
    if (unit === PLUS) {
      while (name < topicName.length && topicName.charCodeAt(name) !== SLASH) name++;
    } else if (topicName.charCodeAt(name) === unit) {
      name++;
    } else {
      // The parent level of "#": all of the name is used up, and the filter goes on with "/#".
      return name === topicName.length && topicFilter.charCodeAt(filter + 1) === NUMBER_SIGN;
    }
  }
  return name === topicName.length;
}

/**
 * Tells whether a string is a valid Topic Name: one to 65,535 bytes of well-formed UTF-8 without U+0000 and without wildcards.
 *
 * Control characters and non-characters are allowed here, because a server may send them; what should not be sent, and why, is told
 * by {@linkcode describeTopicNameFault}.
 *
 * @param topicName The string to judge.
 * @returns Whether a PUBLISH may carry it.
 */
export function isTopicName(topicName: string): boolean {
  return findTopicNameFault(topicName, "MQTT-4.7.1-1") === undefined;
}

/**
 * Tells whether a string is a valid Topic Filter: one to 65,535 bytes of well-formed UTF-8 without U+0000, each `+` a level of its own
 * [MQTT-4.7.1-3], and `#` only as the last level [MQTT-4.7.1-2].
 *
 * Control characters and non-characters are allowed here; see {@linkcode describeTopicFilterFault}.
 *
 * @param topicFilter The string to judge.
 * @returns Whether a SUBSCRIBE may carry it.
 */
export function isTopicFilter(topicFilter: string): boolean {
  return findTopicFilterFault(topicFilter) === undefined;
}

/**
 * Says why a string should not be sent as a Topic Name. Stricter than {@linkcode isTopicName}: control characters and Unicode
 * non-characters are refused too, since a server may close the connection over them.
 *
 * @param topicName What was given as a Topic Name; anything but a string is a fault.
 * @returns The fault with its rule, to follow the name of the field: `contains "#" [MQTT-4.7.1-1]`; `undefined` if there is none.
 *
 * @example
 * ```ts
 * import { describeTopicNameFault } from "@petrel/mqtt/codec";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(describeTopicNameFault("a/#"), 'contains "#" [MQTT-4.7.1-1]');
 * assertEquals(describeTopicNameFault("a/b"), undefined);
 * ```
 */
export function describeTopicNameFault(topicName: unknown): string | undefined {
  if (typeof topicName !== "string") return "is not a string [MQTT-1.5.3]";
  return describe(findTopicNameFault(topicName, "MQTT-4.7.1-1") ?? findUnsendable(topicName));
}

/**
 * Says why a string should not be sent as a Topic Filter. Stricter than {@linkcode isTopicFilter}: control characters and Unicode
 * non-characters are refused too, since a server may close the connection over them.
 *
 * @param topicFilter What was given as a Topic Filter; anything but a string is a fault.
 * @returns The fault with its rule, to follow the name of the field: `is empty [MQTT-4.7.3-1]`; `undefined` if there is none.
 */
export function describeTopicFilterFault(topicFilter: unknown): string | undefined {
  if (typeof topicFilter !== "string") return "is not a string [MQTT-1.5.3]";
  return describe(findTopicFilterFault(topicFilter) ?? findUnsendable(topicFilter));
}

/**
 * Says why a value cannot be sent as a UTF-8 encoded string, such as a Client Identifier or a User Name.
 *
 * @param text What was given as a string.
 * @returns The fault with its rule, to follow the name of the field: `contains U+0000 [MQTT-1.5.3-2]`; `undefined` if there is none.
 */
export function describeStringFault(text: unknown): string | undefined {
  if (typeof text !== "string") return "is not a string [MQTT-1.5.3]";
  return describe(findTextFault(text, "MQTT-1.5.3"));
}

/** Finds the first fault of `topicName`, text and syntax. */
export function findTopicNameFault(topicName: string, wildcardRule: WildcardRule): TextFault | undefined {
  return findTextFault(topicName, "MQTT-4.7.3-3") ?? findNameSyntaxFault(topicName, wildcardRule);
}

/** Finds the first fault of `topicFilter`, text and syntax. */
export function findTopicFilterFault(topicFilter: string): TextFault | undefined {
  return findTextFault(topicFilter, "MQTT-4.7.3-3") ?? findFilterSyntaxFault(topicFilter);
}

/** Finds a wildcard in a Topic Name, or that it is empty. */
export function findNameSyntaxFault(topicName: string, wildcardRule: WildcardRule): TextFault | undefined {
  if (topicName.length === 0) return emptyFault();
  const plus = topicName.indexOf("+");
  const numberSign = topicName.indexOf("#");
  if (plus < 0 && numberSign < 0) return undefined;
  const isPlus = numberSign < 0 || (plus >= 0 && plus < numberSign);
  return isPlus
    ? { rule: wildcardRule, state: 'contains "+"', index: plus }
    : { rule: wildcardRule, state: 'contains "#"', index: numberSign };
}

/** Finds a misplaced wildcard in a Topic Filter, or that it is empty. */
export function findFilterSyntaxFault(topicFilter: string): TextFault | undefined {
  const { length } = topicFilter;
  if (length === 0) return emptyFault();
  for (let i = 0; i < length; i++) {
    const unit = topicFilter.charCodeAt(i);
    if (!isWildcard(unit)) continue;
    const startsLevel = i === 0 || topicFilter.charCodeAt(i - 1) === SLASH;
    if (unit === NUMBER_SIGN) {
      if (!startsLevel || i !== length - 1) {
        return { rule: "MQTT-4.7.1-2", state: 'has a "#" that is not the whole last level', index: i };
      }
    } else if (!startsLevel || (i !== length - 1 && topicFilter.charCodeAt(i + 1) !== SLASH)) {
      return { rule: "MQTT-4.7.1-3", state: 'has a "+" that is not a whole level', index: i };
    }
  }
  return undefined;
}

/** Finds a character that section 1.5.3 advises against and over which a receiver may close the connection. */
function findUnsendable(text: string): TextFault | undefined {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x1f && unit < 0x7f) continue;
    const point = text.codePointAt(i)!;
    const isControl = point <= 0x1f || (point >= 0x7f && point <= 0x9f);
    if (isControl || isNonCharacter(point)) {
      const kind = isControl ? "control character" : "non-character";
      const hex = point.toString(16).toUpperCase().padStart(4, "0");
      return { rule: "MQTT-1.5.3", state: `contains the ${kind} U+${hex}`, index: i };
    }
  }
  return undefined;
}

function isNonCharacter(point: number): boolean {
  return (point & 0xfffe) === 0xfffe || (point >= 0xfdd0 && point <= 0xfdef);
}

function isWildcard(unit: number): boolean {
  return unit === PLUS || unit === NUMBER_SIGN;
}

function emptyFault(): TextFault {
  return { rule: "MQTT-4.7.3-1", state: "is empty", index: 0 };
}

function describe(fault: TextFault | undefined): string | undefined {
  return fault === undefined ? undefined : `${fault.state} [${fault.rule}]`;
}
