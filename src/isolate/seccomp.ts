import { renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/*
 * What no namespace divides. Who is in a sandbox still holds the session keyring of whoever started it, with the tickets and
 * passphrases that lie there; and a socket to a virtual machine's host (AF_VSOCK) leads out of any network namespace. So the
 * three calls that lead to keyrings are refused inside, and all sockets but those that namespaces do divide; and with them
 * `io_uring`, through which calls go that no filter sees.
 */

/** Writes the filter for `bwrap --seccomp` into a folder, and says where; undefined on a machine of another kind. */
export function writeFilter(folder: string): string | undefined {
  const machine = machines[process.arch]
  if (machine === undefined) return undefined
  const path = join(folder, "calls.bpf")
  // Moved into place whole: another process may be starting a sandbox with it.
  const fresh = `${path}.${process.pid}`
  writeFileSync(fresh, filterFor(machine), { mode: 0o600 })
  renameSync(fresh, path)
  return path
}

/** Architectures as the kernel numbers them (`AUDIT_ARCH_…`): their `add_key`, `request_key`, `keyctl`, `io_uring_setup`, and `socket`. */
type Machine = readonly { audit: number; refused: readonly number[]; socket: number; foreignFrom?: number }[]

const machines: Readonly<Record<string, Machine>> = {
  // The second is what 32-bit programs use on it, `socketcall` among it, whose arguments can't be seen; x32, a third way
  // in, numbers its calls from 2^30 on.
  x64: [
    { audit: 0xc000003e, refused: [248, 249, 250, 425], socket: 41, foreignFrom: 0x40000000 },
    { audit: 0x40000003, refused: [286, 287, 288, 102, 425], socket: 359 },
  ],
  arm64: [
    { audit: 0xc00000b7, refused: [217, 218, 219, 425], socket: 198 },
    { audit: 0x40000028, refused: [309, 310, 311, 425], socket: 281 },
  ],
}

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. */
const FAMILIES = [1, 2, 10, 16]

/** Classic BPF over `struct seccomp_data`: the number of the call is at 0, the architecture at 4, arguments from 16 on. */
function filterFor(machine: Machine): Buffer {
  const blocks = machine.map(({ audit, refused, socket, foreignFrom }) => {
    const tests = refused.map((call) => ({ op: JUMP_IF_EQUAL, to: call }))
    if (foreignFrom !== undefined) tests.push({ op: JUMP_IF_GREATER_OR_EQUAL, to: foreignFrom })
    const judged = [
      instruction(LOAD, 0),
      // Past the tests that are left, and all that follows but the refusal.
      ...tests.map(({ op, to }, index) => instruction(op, to, tests.length - index - 1 + FAMILIES.length + 4, 0)),
      instruction(JUMP_IF_EQUAL, socket, 0, FAMILIES.length + 2),
      instruction(LOAD, 16),
      ...FAMILIES.map((family, index) => instruction(JUMP_IF_EQUAL, family, FAMILIES.length - index, 0)),
      instruction(RETURN, NO_FAMILY),
      instruction(RETURN, ALLOW),
      instruction(RETURN, REFUSE),
    ]
    return [instruction(JUMP_IF_EQUAL, audit, 0, judged.length), ...judged]
  })
  return Buffer.concat([instruction(LOAD, 4), ...blocks.flat(), instruction(RETURN, ALLOW)])
}

const LOAD = 0x20
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_GREATER_OR_EQUAL = 0x35
const RETURN = 0x06
const ALLOW = 0x7fff0000
/** As on a kernel without keyrings, and without that kind of socket: SECCOMP_RET_ERRNO with ENOSYS, EAFNOSUPPORT. */
const REFUSE = 0x00050000 | 38
const NO_FAMILY = 0x00050000 | 97

function instruction(code: number, operand: number, jumpTrue = 0, jumpFalse = 0): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt8(jumpTrue, 2)
  bytes.writeUInt8(jumpFalse, 3)
  bytes.writeUInt32LE(operand, 4)
  return bytes
}
