/** The library: an engine in the process, without a server. Contracts stand on the types. */
export type { Caller } from './api/caller.ts'
export { operations, type Input, type OperationName, type Output } from './api/operations.ts'
export { EngramError, errorTable, type ErrorCode } from './model/errors.ts'
export { openEngine, type OpenedEngine, type OpenEngineOptions } from './open-engine.ts'
export { configFromYaml, createEngine, defaultConfig, type Config, type Engine } from './embed.ts'
