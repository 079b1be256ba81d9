// Matching and validity of topics: MQTT 3.1.1 section 4.7, with all of its examples.

import { assertEquals } from "@std/assert";
import {
  describeTopicFilterFault,
  describeTopicNameFault,
  isTopicFilter,
  isTopicName,
  topicMatches,
} from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";

const matching: readonly [topicFilter: string, topicName: string, matches: boolean][] = [
  // 4.7.1.2
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/tennis/player1/#", "sport/tennis/player2", false],
  ["sport/tennis/player1/#", "sport/tennis/player11", false],
  ["sport/#", "sport", true],
  ["sport/#", "sport/", true],
  ["sport/#", "sports", false],
  ["sport/#", "spor", false],
  ["#", "sport", true],
  ["#", "/", true],
  ["#", "a/b/c", true],
  ["/#", "/", true],
  ["/#", "/a", true],
  ["/#", "a", false],
  // 4.7.1.3
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+", "a", true],
  ["+", "a/b", false],
  ["+/tennis/#", "sport/tennis", true],
  ["+/tennis/#", "sport/tennis/a/b", true],
  ["+/tennis/#", "tennis/sport", false],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["a/+/c", "a/b/c", true],
  ["a/+/c", "a//c", true],
  ["a/+/c", "a/b/b/c", false],
  ["a/+/c", "a/b", false],
  ["a/+/#", "a", false],
  ["a/+/#", "a/b", true],
  ["a/+/#", "a/", true],
  ["+/+/+", "a/b", false],
  ["+/+/+", "//", true],
  ["+/#", "a", true],
  ["+/#", "/", true],
  // 4.7.2
  ["#", "$SYS/monitor/Clients", false],
  ["+/monitor/Clients", "$SYS/monitor/Clients", false],
  ["+", "$SYS", false],
  ["+/#", "$SYS", false],
  ["$SYS/#", "$SYS/monitor/Clients", true],
  ["$SYS/#", "$SYS", true],
  ["$SYS/monitor/+", "$SYS/monitor/Clients", true],
  ["$SYS/+", "$SYS/a", true],
  ["a/#", "a/$b", true],
  ["a/+", "a/$b", true],
  // 4.7.3
  ["a", "a", true],
  ["a", "b", false],
  ["a", "A", false],
  ["a", "a/", false],
  ["a/", "a", false],
  ["/a", "a", false],
  ["a", "/a", false],
  ["ab", "a", false],
  ["a", "ab", false],
  ["Accounts payable", "Accounts payable", true],
  ["é/€", "é/€", true],
  ["e\u0301", "\u00e9", false],
  ["+/€", "\u{1f600}/€", true],
];

for (const [topicFilter, topicName, matches] of matching) {
  const rule = topicName.startsWith("$") ? "[MQTT-4.7.2-1]" : "[MQTT-4.7.3-4]";
  test(`${topicFilter} ${matches ? "matches" : "does not match"} ${topicName} ${rule}`, () => {
    assertEquals(topicMatches(topicName, topicFilter), matches);
  });
}

test("matching agrees with matching level by level", () => {
  const levels = ["", "a", "b", "$a", "+", "#"];
  const topics = levels.flatMap((
    a,
  ) => [a, ...levels.flatMap((b) => [`${a}/${b}`, ...levels.map((c) => `${a}/${b}/${c}`)])]);
  let compared = 0;
  for (const topicFilter of topics.filter(isTopicFilter)) {
    for (const topicName of topics.filter(isTopicName)) {
      assertEquals(
        topicMatches(topicName, topicFilter),
        matchesByLevel(topicName, topicFilter),
        `${topicFilter} ${topicName}`,
      );
      compared++;
    }
  }
  assertEquals(compared > 5000, true);
});

const longest = "a".repeat(65_535);

const names: readonly [topicName: string, fault: string | undefined][] = [
  ["a", undefined],
  ["/", undefined],
  ["a b/ c", undefined],
  ["$SYS/a", undefined],
  ["é€\u{1f600}\ufeff", undefined],
  ["\u{10fffd}", undefined],
  [longest, undefined],
  ["€".repeat(21_845), undefined],
  ["", "is empty [MQTT-4.7.3-1]"],
  ["+", 'contains "+" [MQTT-4.7.1-1]'],
  ["a/#", 'contains "#" [MQTT-4.7.1-1]'],
  ["a#b+", 'contains "#" [MQTT-4.7.1-1]'],
  ["a+b#", 'contains "+" [MQTT-4.7.1-1]'],
  ["a\0", "contains U+0000 [MQTT-1.5.3-2]"],
  ["a\ud800", "contains a lone surrogate [MQTT-1.5.3-1]"],
  ["\udfff", "contains a lone surrogate [MQTT-1.5.3-1]"],
  [longest + "a", "is longer than 65535 bytes [MQTT-4.7.3-3]"],
  ["€".repeat(21_845) + "a", "is longer than 65535 bytes [MQTT-4.7.3-3]"],
];

const filters: readonly [topicFilter: string, fault: string | undefined][] = [
  ["a", undefined],
  ["/", undefined],
  ["#", undefined],
  ["+", undefined],
  ["+/tennis/#", undefined],
  ["/+", undefined],
  ["+/", undefined],
  ["+/+/+", undefined],
  ["a//#", undefined],
  ["$share/group/a/+", undefined],
  [longest, undefined],
  ["", "is empty [MQTT-4.7.3-1]"],
  ["sport/tennis#", 'has a "#" that is not the whole last level [MQTT-4.7.1-2]'],
  ["sport/tennis/#/ranking", 'has a "#" that is not the whole last level [MQTT-4.7.1-2]'],
  ["#/", 'has a "#" that is not the whole last level [MQTT-4.7.1-2]'],
  ["a/#b", 'has a "#" that is not the whole last level [MQTT-4.7.1-2]'],
  ["sport+", 'has a "+" that is not a whole level [MQTT-4.7.1-3]'],
  ["+a", 'has a "+" that is not a whole level [MQTT-4.7.1-3]'],
  ["++", 'has a "+" that is not a whole level [MQTT-4.7.1-3]'],
  ["a/b+/c", 'has a "+" that is not a whole level [MQTT-4.7.1-3]'],
  ["a/\0", "contains U+0000 [MQTT-1.5.3-2]"],
  ["a/\udc00", "contains a lone surrogate [MQTT-1.5.3-1]"],
  [longest + "/#", "is longer than 65535 bytes [MQTT-4.7.3-3]"],
];

test("Topic Names: what is valid, and what is wrong with the rest", () => {
  for (const [topicName, fault] of names) {
    const shown = JSON.stringify(topicName.slice(0, 20));
    assertEquals(isTopicName(topicName), fault === undefined, shown);
    assertEquals(describeTopicNameFault(topicName), fault, shown);
  }
});

test("Topic Filters: what is valid, and what is wrong with the rest", () => {
  for (const [topicFilter, fault] of filters) {
    const shown = JSON.stringify(topicFilter.slice(0, 20));
    assertEquals(isTopicFilter(topicFilter), fault === undefined, shown);
    assertEquals(describeTopicFilterFault(topicFilter), fault, shown);
  }
});

test("control characters and non-characters may be received but should not be sent", () => {
  const unsendable: readonly [text: string, fault: string][] = [
    ["\u0001", "control character U+0001"],
    ["a\n", "control character U+000A"],
    ["\u001f", "control character U+001F"],
    ["\u007f", "control character U+007F"],
    ["é\u0080", "control character U+0080"],
    ["\u009f", "control character U+009F"],
    ["\ufdd0", "non-character U+FDD0"],
    ["\ufdef", "non-character U+FDEF"],
    ["\ufffe", "non-character U+FFFE"],
    ["a/\uffff", "non-character U+FFFF"],
    ["\u{1fffe}", "non-character U+1FFFE"],
    ["\u{1f600}\u{10ffff}", "non-character U+10FFFF"],
  ];
  for (const [text, fault] of unsendable) {
    assertEquals([isTopicName(text), isTopicFilter(text)], [true, true], fault);
    assertEquals(describeTopicNameFault(text), `contains the ${fault} [MQTT-1.5.3]`);
    assertEquals(describeTopicFilterFault(text), `contains the ${fault} [MQTT-1.5.3]`);
  }
  for (const text of [" ", "~", "\u00a0", "\ufdcf", "\ufdf0", "\ufffd", "\u{1fffd}", "\u{20000}"]) {
    assertEquals([describeTopicNameFault(text), describeTopicFilterFault(text)], [undefined, undefined]);
  }
});

test("what is no string is a fault, not an exception", () => {
  for (const value of [undefined, null, 7, {}, ["a"]]) {
    assertEquals(describeTopicNameFault(value), "is not a string [MQTT-1.5.3]");
    assertEquals(describeTopicFilterFault(value), "is not a string [MQTT-1.5.3]");
  }
});

/** Section 4.7 word for word. */
function matchesByLevel(topicName: string, topicFilter: string): boolean {
  const nameLevels = topicName.split("/");
  const filterLevels = topicFilter.split("/");
  if (topicName.startsWith("$") && /^[+#]/.test(topicFilter)) return false;
  const isOpen = filterLevels.at(-1) === "#";
  if (isOpen) filterLevels.pop();
  if (isOpen ? nameLevels.length < filterLevels.length : nameLevels.length !== filterLevels.length) return false;
  return filterLevels.every((level, index) => level === "+" || level === nameLevels[index]);
}
