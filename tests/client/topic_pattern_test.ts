// One string as filter, name and parameters.

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { topic } from "../../src/client/topic_pattern.ts";
import { isTopicFilter, topicMatches } from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";

test("a pattern is a Topic Filter, a way to make Topic Names and a way to read them", () => {
  const temperature = topic("site/{site}/sensor/{sensor}/temperature");
  assertEquals(temperature.topicFilter, "site/+/sensor/+/temperature");
  assertEquals(temperature.format({ site: "north", sensor: 7 }), "site/north/sensor/7/temperature");
  const params = temperature.match("site/north/sensor/7/temperature");
  assertEquals(params, { site: "north", sensor: "7" });
  // The types follow from the pattern.
  const site: string | undefined = params?.site;
  assertEquals(site, "north");
  // @ts-expect-error There is no such parameter.
  assertEquals(params?.room, undefined);
  // @ts-expect-error A parameter is missing.
  assertThrows(() => temperature.format({ site: "north" }), TypeError, "sensor is neither text nor a number");
});

test("a pattern without parameters is one topic", () => {
  const uptime = topic("$SYS/uptime");
  assertEquals([uptime.topicFilter, uptime.format()], ["$SYS/uptime", "$SYS/uptime"]);
  assertEquals(uptime.match("$SYS/uptime"), {});
  assertEquals(uptime.match("$SYS/uptime/x"), undefined);
});

test("{path...} is the levels that are left, and those may be none", () => {
  const files = topic("files/{owner}/{path...}");
  assertEquals(files.topicFilter, "files/+/#");
  assertEquals(files.format({ owner: "ann", path: ["a", 1] }), "files/ann/a/1");
  assertEquals(files.format({ owner: "ann", path: [] }), "files/ann");
  const path: readonly string[] | undefined = files.match("files/ann/a/b")?.path;
  assertEquals(path, ["a", "b"]);
  assertEquals(files.match("files/ann"), { owner: "ann", path: [] });
  assertEquals(files.match("files/ann/"), { owner: "ann", path: [""] });
  assertEquals(files.match("files"), undefined);
});

test("empty levels are levels", () => {
  assertEquals(topic("/{a}//{b}").match("/x//"), { a: "x", b: "" });
  assertEquals(topic("/{a}").format({ a: "" }), "/");
});

test("a parameter in front matches no name that begins with $ [MQTT-4.7.2-1]", () => {
  assertEquals(topic("{a}/uptime").match("$SYS/uptime"), undefined);
  assertEquals(topic("{all...}").match("$SYS/uptime"), undefined);
  assertEquals(topic("$SYS/{all...}").match("$SYS/uptime"), { all: ["uptime"] });
});

const refused: readonly (readonly [pattern: string, state: string])[] = [
  ["", "as a Topic Filter it is empty [MQTT-4.7.3-1]"],
  ["a/+/b", '"+" has a wildcard; a parameter such as {id} has a name'],
  ["a/#", '"#" has a wildcard; a parameter such as {id} has a name'],
  ["a/sensor-{id}", '"sensor-{id}" is neither a literal level nor a parameter'],
  ["a/{}", '"{}" is neither a literal level nor a parameter'],
  ["a/{1}", '"{1}" is neither a literal level nor a parameter'],
  ["a/{id", '"{id" is neither a literal level nor a parameter'],
  ["{id}/{id}", "it has {id} twice"],
  ["{rest...}/a", "{rest...} is not its last level"],
  ["a\0b", "as a Topic Filter it contains U+0000 [MQTT-1.5.3-2]"],
];

for (const [pattern, state] of refused) {
  test(`the pattern ${JSON.stringify(pattern)} is refused`, () => {
    const error = assertThrows(() => topic(pattern), TypeError);
    assertEquals(error.message, `Cannot use the topic pattern ${JSON.stringify(pattern)}: ${state}`);
  });
}

const badValues: readonly (readonly [value: unknown, state: string])[] = [
  ["a/b", 'id is "a/b", which is not one level [MQTT-4.7.1-1]'],
  ["+", 'id is "+", which is not one level [MQTT-4.7.1-1]'],
  [undefined, "id is neither text nor a number"],
  [{}, "id is neither text nor a number"],
  ["a\0", "the Topic Name contains U+0000 [MQTT-1.5.3-2]"],
];

for (const [value, state] of badValues) {
  test(`${JSON.stringify(value)} is refused as a level`, () => {
    const error = assertThrows(() => topic("a/{id}").format({ id: value as string }), TypeError);
    assertEquals(error.message, `Cannot format "a/{id}": ${state}`);
  });
}

test("what is formatted matches the filter, and is read again as it was", () => {
  const level = fc.string({ unit: "grapheme", maxLength: 5 }).filter((text) => !/[/+#{}\p{C}]/u.test(text));
  const parts = fc.array(fc.record({ text: level, isParameter: fc.boolean() }), { minLength: 1, maxLength: 6 });
  fc.assert(fc.property(parts, fc.option(fc.array(level, { maxLength: 3 })), (levels, rest) => {
    const values: Record<string, string | readonly string[]> = {};
    const pattern = levels.map(({ text, isParameter }, index) => {
      if (!isParameter) return text;
      values[`p${index}`] = text;
      return `{p${index}}`;
    });
    if (rest !== null) {
      pattern.push("{rest...}");
      values.rest = rest;
    }
    if (pattern.join("/") === "") return;
    const family = topic(pattern.join("/") as string);
    const names = [...levels.map(({ text }) => text), ...rest ?? []];
    if (names.join("/") === "") return;
    const topicName = family.format(values);
    assertEquals(topicName, names.join("/"));
    assertEquals(isTopicFilter(family.topicFilter), true);
    const isMatch = topicMatches(topicName, family.topicFilter);
    assertEquals(family.match(topicName), isMatch ? values : undefined);
  }));
});

test("match agrees with the rules of Topic Filters on any name", () => {
  const names = fc.array(fc.constantFrom("a", "b", "", "$x"), { minLength: 1, maxLength: 4 }).map((all) =>
    all.join("/")
  );
  const patterns = fc.array(fc.constantFrom("a", "b", "", "{?}"), { minLength: 1, maxLength: 4 }).chain((levels) =>
    fc.boolean().map((hasRest) =>
      [...levels, ...hasRest ? ["{rest...}"] : []].map((text, i) => text.replace("?", `p${i}`)).join("/")
    )
  );
  fc.assert(
    fc.property(names, patterns, (topicName, pattern) => {
      if (topicName === "" || pattern === "") return;
      const family = topic(pattern as string);
      assertEquals(family.match(topicName) !== undefined, topicMatches(topicName, family.topicFilter));
    }),
    { numRuns: 1000 },
  );
});
