import { accessSync, constants, existsSync, mkdirSync } from "node:fs"
import { dirname } from "node:path"

/**
 * Makes a folder of ours with those around it. On a read-only disk Node says of it that it does not exist, so what is thrown is
 * why the folder around it can't be written to, where that is so.
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    let around = dirname(path)
    while (!existsSync(around) && dirname(around) !== around) around = dirname(around)
    accessSync(around, constants.W_OK)
    throw error
  }
}
