// CRC-32 as of Ethernet and gzip: it tells records that a disk or another program has changed.

const POLYNOMIAL = 0xedb88320;
let table: Uint32Array | undefined;

/**
 * The checksum of bytes.
 *
 * @param bytes The bytes.
 * @param before The checksum of what comes before them.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  const byteTable = table ??= createTable();
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = byteTable[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function createTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
}
