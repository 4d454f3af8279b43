declare const FLYBALL_VERSION: string | undefined

/** The package's version: put in by the build, so that nothing is read at start. */
export const version = typeof FLYBALL_VERSION === "string" ? FLYBALL_VERSION : "0.0.0-source"
