import type { DirectoryList } from './list-directory.ts'
import { emptyMeta } from './meta.ts'
import type { Meta } from './meta.ts'

/** What stands beside a transcript, as picoclaw's programs ask for it (TRN-1202): a copy. */
export type SessionMeta = {
  readonly key: string
  readonly summary: string
  readonly skip: number
  readonly count: number
  /** RFC 3339, '' when never set. */
  readonly createdAt: string
  readonly updatedAt: string
  readonly scope?: unknown
  readonly aliases: readonly string[]
}

/** Of an unknown session: empty, with the key. */
export function sessionMetaOf(meta: Meta | null, sessionKey: string): SessionMeta {
  const { key, summary, skip, count, createdAt, updatedAt, scope, aliases } = meta ?? emptyMeta(sessionKey)
  const common = { key, summary, skip, count, createdAt, updatedAt, aliases: [...aliases] }
  return scope === undefined ? common : { ...common, scope: structuredClone(scope) }
}

/** Other names of a session: trimmed, each once, in order, without blanks and its own key. */
export const cleanAliases = (aliases: readonly string[], key: string): readonly string[] =>
  [...new Set(aliases.map((one) => one.trim()))].filter((one) => one !== '' && one !== key)

/** `found` false: no session answers to it; `key` is then what was asked for, trimmed. */
export type ResolvedKey = { readonly key: string; readonly found: boolean }

/**
 * Which session a name means (TRN-1203): one that has files and a plain name, else the session that has it as an alias,
 * else the one whose key it is, else one that has files. `isThere` tells whether it has.
 */
export async function resolveKey(list: DirectoryList, candidate: string, isThere: boolean): Promise<ResolvedKey> {
  if (isThere && !/[:/\\]/.test(candidate)) return { key: candidate, found: true }
  const { keys, owners } = await list.names()
  const owner = owners.get(candidate)
  if (owner !== undefined && owner !== candidate) return { key: owner, found: true }
  return { key: candidate, found: isThere || keys.has(candidate) }
}
