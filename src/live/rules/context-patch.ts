import { EngramError } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import type { ContextChanges, Meta } from '../../model/live.ts'
import type { ContextPatch } from '../../model/log-store.ts'

/** What a PATCH may change. */
export type Patchable = {
  readonly displayName: string
  readonly agentIds: readonly string[]
  readonly pinnedUnits: readonly string[]
  readonly meta: Meta
}

export const emptyContext: Patchable = { displayName: '', agentIds: [], pinnedUnits: [], meta: {} }

export type Patched = { readonly after: Patchable; readonly changes: ContextChanges }

/**
 * A PATCH in its order: name, add agents, remove agents, pin, unpin, meta (COL-1401). A name both added and removed is
 * removed; doubles are dropped. Null when it changes nothing. Throws `payload_too_large` over the limits.
 */
export function applyPatch(before: Patchable, patch: ContextPatch): Patched | null {
  const after: Patchable = {
    displayName: patch.displayName === null ? '' : patch.displayName || before.displayName,
    agentIds: patchList(before.agentIds, patch.addAgents ?? [], patch.removeAgents ?? []),
    pinnedUnits: patchList(before.pinnedUnits, patch.pinUnits ?? [], patch.unpinUnits ?? []),
    meta: patchMeta(before.meta, patch.meta ?? {}),
  }
  refuseTooMuch(after)
  const changes = changesOf(before, after)
  return Object.keys(changes).length === 0 ? null : { after, changes }
}

function patchList(before: readonly string[], add: readonly string[], remove: readonly string[]): readonly string[] {
  const gone = new Set(remove)
  return [...new Set([...before, ...add])].filter((one) => !gone.has(one))
}

/** Entries, not assignment: `__proto__` is a key like any other. */
function patchMeta(before: Meta, patch: Readonly<Record<string, string | null>>): Meta {
  const entries = new Map<string, string>(Object.entries(before))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) entries.delete(key)
    else entries.set(key, value)
  }
  return Object.fromEntries(entries)
}

function refuseTooMuch(context: Patchable): void {
  const told = (what: string, max: number): EngramError =>
    new EngramError('payload_too_large', `A context has at most ${max} ${what}.`)
  if (context.agentIds.length > limits.contextAgentsMax) throw told('agents', limits.contextAgentsMax)
  if (context.pinnedUnits.length > limits.contextPinsMax) throw told('pins', limits.contextPinsMax)
  if (Object.keys(context.meta).length > limits.metaKeysMax) throw told('keys of meta', limits.metaKeysMax)
}

function changesOf(before: Patchable, after: Patchable): ContextChanges {
  const metaBefore = new Map(Object.entries(before.meta))
  const metaSet = Object.entries(after.meta).filter(([key, value]) => metaBefore.get(key) !== value)
  const lists = {
    agents_added: without(after.agentIds, before.agentIds),
    agents_removed: without(before.agentIds, after.agentIds),
    pinned: without(after.pinnedUnits, before.pinnedUnits),
    unpinned: without(before.pinnedUnits, after.pinnedUnits),
    meta_deleted: without(Object.keys(before.meta), Object.keys(after.meta)),
  }
  return {
    ...(before.displayName === after.displayName ? {} : { display_name: after.displayName }),
    ...(metaSet.length === 0 ? {} : { meta_set: Object.fromEntries(metaSet) }),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
  }
}

function without(list: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others)
  return list.filter((one) => !known.has(one))
}
