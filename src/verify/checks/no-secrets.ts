import { bullets, type ChangeCheck, fails, passes, plural } from "./check.ts"
import { findSecrets } from "./secrets.ts"

/** No added line has the well-known shape of a secret; the text itself is never repeated. */
export const noSecrets: ChangeCheck = ({ lines, entries }) => {
  const secrets = findSecrets(lines)
  if (secrets.length === 0) return passes("no added line has the shape of a secret", entries.length)
  const where = secrets.map(({ rule, path, line }) => `${rule} in ${path}:${line}`)
  return fails(
    `${plural(secrets.length, "added line")} with the shape of a secret: ${where.slice(0, 3).join("; ")}`,
    `These added lines have the shape of a secret. Take them out; a test needs an obviously false value:\n${bullets(where)}`,
    secrets.map(({ rule, path }) => `secret: ${rule} in ${path}`),
    entries.length,
  )
}
