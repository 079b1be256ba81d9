// Hosts as SOCKS5 has them: addresses as bytes, names as text.

/** The kinds of address. */
const [IPV4, NAME, IPV6] = [1, 3, 4];

/** The longest name. */
const MAX_NAME_BYTES = 255;

/** The 16-bit groups of an IPv6 address. */
const GROUPS = 8;

/**
 * Encodes a host, RFC 1928 section 5.
 *
 * @param hostname An IP address, IPv6 without brackets, or a host name.
 * @returns The kind of address and the address; `undefined` for a name of more than 255 bytes.
 */
export function encodeAddress(hostname: string): readonly number[] | undefined {
  const ipv4 = parseIpv4(hostname);
  if (ipv4 !== undefined) return [IPV4, ...ipv4];
  const ipv6 = parseIpv6(hostname);
  if (ipv6 !== undefined) return [IPV6, ...ipv6];
  const name = new TextEncoder().encode(hostname);
  return name.length > MAX_NAME_BYTES ? undefined : [NAME, name.length, ...name];
}

function parseIpv4(text: string): readonly number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): readonly number[] | undefined {
  if (!text.includes(":")) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined || halves.length === 2 && tail === undefined) return undefined;
  const missing = GROUPS - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail ?? []];
  return groups.flatMap((group) => [group >> 8, group & 0xff]);
}

/** The groups of one side of the `::`, the last two of which may be written as an IPv4 address. */
function parseGroups(text: string): readonly number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const ipv4 = parseIpv4(parts.at(-1)!);
  if (ipv4 !== undefined) parts.splice(-1, 1, ...pairs(ipv4));
  return parts.every((part) => /^[\da-f]{1,4}$/i.test(part)) ? parts.map((part) => parseInt(part, 16)) : undefined;
}

function pairs([a, b, c, d]: readonly number[]): readonly [string, string] {
  return [(a! << 8 | b!).toString(16), (c! << 8 | d!).toString(16)];
}
