import { hostname } from 'node:os'
import { usernameOf } from './sync/username.ts'

/** The name an export signs with: `USER`, `USERNAME`, the host's name, `unknown` (CHK-904). */
export const getUsername = (): string => usernameOf(process.env, hostname())
