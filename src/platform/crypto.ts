import type * as nodeCrypto from 'node:crypto'

/**
 * Node's crypto, loaded when something is first hashed or drawn: a command that only reads never needs it, and it is a
 * tenth of a cold start.
 */
export const crypto = (): typeof nodeCrypto => (loaded ??= process.getBuiltinModule('node:crypto'))

let loaded: typeof nodeCrypto | undefined
