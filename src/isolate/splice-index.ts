import { createHash } from "node:crypto"

/*
 * An index of 50,000 files is 4 MB, and git takes half a tenth of a second to write one again, whatever changed in it. Where
 * a few entries differ, the bytes of all others can stay as they are: an index is a sorted list of them and a checksum.
 */

/** `DIRC`, the version, the number of entries. */
const HEADER_BYTES = 12
/** Of an entry before its object id: times, device, inode, mode, owner, size. */
const STAT_BYTES = 40

type Entries = { index: Buffer; offsets: number[]; end: number; idBytes: number }

/**
 * An index with the entries of `some` put in or put in place of those of the same path, and without those of `gone`. It has
 * no extensions, which only save git time. Undefined for what is no plain index of version 2.
 */
export function spliceIndex(
  whole: Buffer,
  some: Buffer,
  gone: readonly string[],
  hash: "sha1" | "sha256",
): Buffer | undefined {
  const idBytes = hash === "sha256" ? 32 : 20
  const [all, fresh] = [entriesOf(whole, idBytes), entriesOf(some, idBytes)]
  if (all === undefined || fresh === undefined) return undefined
  const edits = [
    ...fresh.offsets.map((_, n) => ({ path: pathAt(fresh, n), bytes: entryAt(fresh, n) })),
    ...gone.map((path) => ({ path: Buffer.from(path), bytes: Buffer.alloc(0) })),
  ].sort((a, b) => Buffer.compare(a.path, b.path))
  const parts: Buffer[] = []
  let [kept, count] = [HEADER_BYTES, all.offsets.length]
  for (const { path, bytes } of edits) {
    const n = placeOf(all, path)
    const at = all.offsets[n] ?? all.end
    const isThere = n < all.offsets.length && pathAt(all, n).equals(path)
    parts.push(whole.subarray(kept, at), bytes)
    kept = isThere ? (all.offsets[n + 1] ?? all.end) : at
    count += (bytes.length > 0 ? 1 : 0) - (isThere ? 1 : 0)
  }
  const header = Buffer.from(whole.subarray(0, HEADER_BYTES))
  header.writeUInt32BE(count, 8)
  const body = Buffer.concat([header, ...parts, whole.subarray(kept, all.end)])
  return Buffer.concat([body, createHash(hash).update(body).digest()])
}

function entriesOf(index: Buffer, idBytes: number): Entries | undefined {
  if (index.length < HEADER_BYTES + idBytes || index.toString("latin1", 0, 4) !== "DIRC") return undefined
  if (index.readUInt32BE(4) !== 2) return undefined
  const flagsAt = STAT_BYTES + idBytes
  const offsets: number[] = []
  let at = HEADER_BYTES
  for (let count = index.readUInt32BE(8); count > 0; count--) {
    if (at + flagsAt + 2 > index.length) return undefined
    const flags = index.readUInt16BE(at + flagsAt)
    const length = flags & 0xfff
    // Kept aside, extended, of a merge, or with a path too long for its field: git's own to deal with.
    if ((flags & 0xf000) !== 0 || length === 0xfff) return undefined
    offsets.push(at)
    at += (flagsAt + 2 + length + 8) & ~7
  }
  const end = at
  while (at < index.length - idBytes) {
    // An extension whose name begins with a small letter must be understood by who reads the rest.
    if (at + 8 > index.length - idBytes || (index[at] ?? 0) >= 0x61) return undefined
    at += 8 + index.readUInt32BE(at + 4)
  }
  return at === index.length - idBytes ? { index, offsets, end, idBytes } : undefined
}

function pathAt({ index, offsets, idBytes }: Entries, n: number): Buffer {
  const flagsAt = (offsets[n] ?? 0) + STAT_BYTES + idBytes
  return index.subarray(flagsAt + 2, flagsAt + 2 + (index.readUInt16BE(flagsAt) & 0xfff))
}

function entryAt({ index, offsets, end }: Entries, n: number): Buffer {
  return index.subarray(offsets[n] ?? end, offsets[n + 1] ?? end)
}

/** Where a path is, or would come. */
function placeOf(entries: Entries, path: Buffer): number {
  let [low, high] = [0, entries.offsets.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (Buffer.compare(pathAt(entries, middle), path) < 0) low = middle + 1
    else high = middle
  }
  return low
}
