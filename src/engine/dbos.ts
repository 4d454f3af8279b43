// All that we take of DBOS, its inner parts too, for the version that package-lock.json pins. Loaded lazily, by `durable.ts` alone.
export { DBOS } from "@dbos-inc/dbos-sdk"
export { DBOSExecutor } from "@dbos-inc/dbos-sdk/internal/dbos-executor"
export { ensureSystemDatabase, verifySystemDatabase } from "@dbos-inc/dbos-sdk/internal/system_database"
export { GlobalLogger } from "@dbos-inc/dbos-sdk/internal/telemetry/logs"
export { dbRetryConfig } from "@dbos-inc/dbos-sdk/internal/utils"
export { InvokedHandle } from "@dbos-inc/dbos-sdk/internal/workflow"
