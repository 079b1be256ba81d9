// What holds for any packet and for any bytes.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import {
  Decoder,
  encodePacket,
  Encoder,
  isTopicFilter,
  isTopicName,
  MalformedPacketError,
  packetSize,
  PreparedTopic,
  publishSize,
} from "../../src/codec/mod.ts";
import { test } from "../support/test.ts";
import * as arbitrary from "./arbitraries.ts";
import { collect, drain } from "./collect.ts";
import { concat } from "./hex.ts";
import { decodeNaive, encodeNaive } from "./naive.ts";

const runs = { numRuns: 2000 };

test("any packet is decoded as it was encoded, and has the size that was told", () => {
  fc.assert(
    fc.property(arbitrary.packet, (packet) => {
      const bytes = encodePacket(packet);
      assertEquals(collect([bytes]), { packets: [packet], error: undefined });
      assertEquals(packetSize(packet), bytes.length);
    }),
    runs,
  );
});

test("any packet has the bytes of the naive codec", () => {
  fc.assert(
    fc.property(arbitrary.packet, (packet) => {
      assertEquals(encodePacket(packet), encodeNaive(packet));
    }),
    runs,
  );
});

test("packets encoded one after another are decoded so, whatever the chunks are", () => {
  const packets = fc.array(arbitrary.packet, { maxLength: 12 });
  const encoder = new Encoder();
  const stream = packets.map((list) => {
    for (const packet of list) encoder.encode(packet);
    const bytes = concat(...encoder.take().map((part) => part.bytes.slice(0, part.length)));
    encoder.reset();
    return bytes;
  });
  fc.assert(
    fc.property(arbitrary.chunked(stream), ({ stream, chunks }) => {
      const whole = decodeNaive(stream);
      assertEquals(whole.ending, "clean");
      assertEquals(collect(chunks), { packets: whole.packets, error: undefined });
    }),
    { numRuns: 500 },
  );
});

test("any bytes give packets, and then perhaps one MalformedPacketError", () => {
  fc.assert(
    fc.property(arbitrary.anyBytes, (bytes) => {
      const { packets, error } = collect([bytes]);
      if (error !== undefined) {
        assertInstanceOf(error, MalformedPacketError);
        assert(error.offset >= 0 && error.offset <= bytes.length);
        assert(/^MQTT-\d+(\.\d+)+(-\d+)?$/.test(error.rule), error.rule);
      }
      assert(packets.length <= bytes.length / 2);
    }),
    { numRuns: 5000 },
  );
});

test("any bytes are taken or refused as the naive codec does", () => {
  fc.assert(
    fc.property(arbitrary.anyBytes, (bytes) => {
      const { packets, error } = collect([bytes]);
      const naive = decodeNaive(bytes);
      assertEquals(packets, naive.packets);
      assertEquals(error !== undefined, naive.ending === "malformed");
    }),
    { numRuns: 5000 },
  );
});

test("how any bytes are cut into chunks changes neither packets nor error", () => {
  fc.assert(
    fc.property(arbitrary.chunked(arbitrary.anyBytes), ({ stream, chunks }) => {
      const whole = collect([stream]);
      const cut = collect(chunks);
      assertEquals(cut.packets, whole.packets);
      assertEquals([cut.error?.rule, cut.error?.offset], [whole.error?.rule, whole.error?.offset]);

      const queued = new Decoder();
      for (const chunk of chunks) queued.push(chunk);
      const packets: typeof whole.packets = [];
      let error: MalformedPacketError | undefined;
      try {
        drain(queued, packets);
      } catch (thrown) {
        error = thrown as MalformedPacketError;
      }
      assertEquals(packets, whole.packets);
      assertEquals([error?.rule, error?.offset], [whole.error?.rule, whole.error?.offset]);
    }),
    { numRuns: 5000 },
  );
});

test("any packet that is decoded can be encoded again, to bytes that are as long or shorter", () => {
  fc.assert(
    fc.property(arbitrary.anyBytes, (bytes) => {
      const { packets } = collect([bytes]);
      const again = concat(...packets.map((packet) => encodePacket(packet)));
      assert(again.length <= bytes.length);
      assertEquals(collect([again]).packets, packets);
    }),
    { numRuns: 3000 },
  );
});

test("any text is a valid topic if, and only if, a packet may carry it", () => {
  const anyText = fc.oneof(
    arbitrary.text,
    arbitrary.topicFilter,
    fc.string({ unit: fc.constantFrom("a", "/", "+", "#", "\0", "\ud800", "\udc00", "é"), maxLength: 6 }),
  );
  const encodes = (encode: () => unknown): boolean => {
    try {
      encode();
      return true;
    } catch (error) {
      assertInstanceOf(error, TypeError);
      return false;
    }
  };
  fc.assert(
    fc.property(anyText, (value) => {
      const payload = new Uint8Array(0);
      const publish = {
        type: "publish",
        topicName: value,
        payload,
        qos: 0,
        retain: false,
        dup: false,
        packetId: 0,
      } as const;
      assertEquals(isTopicName(value), encodes(() => encodePacket(publish)));
      const unsubscribe = { type: "unsubscribe", packetId: 1, topicFilters: [value] } as const;
      assertEquals(isTopicFilter(value), encodes(() => encodePacket(unsubscribe)));
    }),
    runs,
  );
});

test("a prepared topic changes no byte", () => {
  fc.assert(
    fc.property(arbitrary.publish, (packet) => {
      let preparedTopic: PreparedTopic;
      try {
        preparedTopic = new PreparedTopic(packet.topicName);
      } catch {
        return; // Control characters and non-characters may be encoded, but not prepared.
      }
      assertEquals(encodePacket({ ...packet, preparedTopic }), encodePacket(packet));
      assertEquals(publishSize(preparedTopic, packet.payload.length, packet.qos), packetSize(packet));
      assertEquals(publishSize(packet.topicName, packet.payload.length, packet.qos), packetSize(packet));
    }),
    runs,
  );
});
