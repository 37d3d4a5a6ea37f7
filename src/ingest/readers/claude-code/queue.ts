import type { HumanEntry, Origin } from '../../entries.ts'
import { sha256Hex } from '../../../platform/bytes.ts'
import { isObject } from '../record.ts'

/**
 * Prompts typed while the agent worked, as far as only `queue-operation` lines tell of them (ING-CC-9).
 *
 *   enqueue ──► waiting ──┬─ a user line or attachment repeats it ──► repeated: that line is the prompt
 *                         ├─ removed from the queue, and 8 messages on nothing repeated it ──► given
 *                         └─ 400 messages on, or the file is quiet ──► given
 *
 * Which message decides depends on the lines alone, so reading in pieces and at once agree. A prompt already given
 * whose text comes after all is absorbed there, once, so that there is one human turn either way.
 */
export type PromptQueue = {
  enqueue(text: string, origin: Origin): void
  remove(): void
  /** A prompt that came by another record. */
  meet(text: string): { readonly repeated: number; readonly isAbsorbed: boolean }
  /** A message went by. */
  pass(): readonly HumanEntry[]
  flush(): readonly HumanEntry[]
  waiting(): number
  save(): SavedQueue
}

export type SavedQueue = {
  readonly waiting: readonly Waiting[]
  /** Hashes of the texts given, each absorbing one repetition. */
  readonly given: readonly string[]
}

type Waiting = { readonly text: string; readonly origin: Origin; readonly left: number; readonly isRemoved: boolean }

const messagesAfterRemoval = 8
const messagesMax = 400
const waitingMax = 64
const givenMax = 64

const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()
const hashOf = (text: string): string => sha256Hex(plain(text)).slice(0, 16)

export function createPromptQueue(saved: SavedQueue | null): PromptQueue {
  let waiting: readonly Waiting[] = saved?.waiting ?? []
  let given: readonly string[] = saved?.given ?? []

  const give = (prompts: readonly Waiting[]): readonly HumanEntry[] => {
    if (prompts.length === 0) return []
    waiting = waiting.filter((each) => !prompts.includes(each))
    given = [...given, ...prompts.map(({ text }) => hashOf(text))].slice(-givenMax)
    return prompts.map(({ text, origin }) => ({ kind: 'human', origin, text, queued: true, command: false }))
  }
  const absorb = (text: string): boolean => {
    const at = given.indexOf(hashOf(text))
    if (at !== -1) given = given.toSpliced(at, 1)
    return at !== -1
  }

  return {
    enqueue: (text, origin) => {
      waiting = [...waiting, { text, origin, left: messagesMax, isRemoved: false }]
    },
    remove: () => {
      const first = waiting.find((each) => !each.isRemoved)
      waiting = waiting.map((each) =>
        each === first ? { ...each, left: messagesAfterRemoval, isRemoved: true } : each,
      )
    },
    meet: (text) => {
      if (waiting.length === 0 && given.length === 0) return { repeated: 0, isAbsorbed: false }
      const repeated = repeatedIn(text, waiting)
      waiting = waiting.filter((each) => !repeated.includes(each))
      return { repeated: repeated.length, isAbsorbed: repeated.length === 0 && absorb(text) }
    },
    pass: () => {
      if (waiting.length === 0) return []
      waiting = waiting.map((each) => ({ ...each, left: each.left - 1 }))
      return give(waiting.filter((each, index) => each.left <= 0 || index < waiting.length - waitingMax))
    },
    flush: () => give(waiting),
    waiting: () => waiting.length,
    save: () => ({ waiting, given }),
  }
}

/** The one prompt the text equals, else the several it is made of: what was queued may be sent together. */
function repeatedIn(text: string, waiting: readonly Waiting[]): readonly Waiting[] {
  const wanted = plain(text)
  const one = waiting.find((each) => plain(each.text) === wanted)
  if (one !== undefined) return [one]
  const found: Waiting[] = []
  let rest = wanted
  for (const each of waiting) {
    const own = plain(each.text)
    if (rest !== own && !rest.startsWith(`${own} `)) continue
    found.push(each)
    rest = rest.slice(own.length).trimStart()
  }
  return rest === '' ? found : []
}

/** A saved queue, or null when it is none. */
export function queueFrom(value: unknown): SavedQueue | null {
  if (!isObject(value) || !Array.isArray(value.waiting) || !Array.isArray(value.given)) return null
  const { waiting, given } = value
  return waiting.every(isWaiting) && given.every((each) => typeof each === 'string') ? { waiting, given } : null
}

const isWaiting = (each: unknown): each is Waiting =>
  isObject(each) && typeof each.text === 'string' && typeof each.left === 'number' && isOrigin(each.origin)

const isOrigin = (value: unknown): value is Origin =>
  isObject(value) &&
  typeof value.uuid === 'string' &&
  typeof value.line === 'number' &&
  typeof value.offset === 'number'
