import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestFrom, digestOf, entriesOf } from './digest.ts'
import type { Entry, Origin } from './entries.ts'
import { labelledSessions } from './extract/labelled/sessions.ts'
import { summarise } from './summary.ts'

const stored = (entries: readonly Entry[]) => digestFrom(JSON.parse(JSON.stringify(digestOf(entries))))

/** Cuts where no call is parted from its result, as whoever keeps a digest does. */
function cutsOf(entries: readonly Entry[]): readonly number[] {
  const open = new Set<string>()
  return entries.flatMap((entry, index) => {
    if (entry.kind === 'call') open.add(entry.callId)
    if (entry.kind === 'result') open.delete(entry.callId)
    return open.size === 0 ? [index + 1] : []
  })
}

const origin = (line: number): Origin => ({
  uuid: `u${line}`,
  parent: null,
  line,
  offset: line,
  at: null,
  cwd: '/home/someone/orchard',
  branch: null,
  sidechain: false,
  agentId: null,
})

describe('digest', () => {
  it('ING-SES-3 a summary of a digest and the rest is that of the whole', () => {
    for (const { name, entries } of labelledSessions) {
      const whole = summarise(entries)
      for (const cut of cutsOf(entries)) {
        const told = [...entriesOf(stored(entries.slice(0, cut))), ...entries.slice(cut)]
        expect(summarise(told), `${name} cut at ${cut}`).toBe(whole)
      }
    }
  })

  it('ING-SES-3 so is that of a digest of a digest, whatever was changed how often', () => {
    const file = fc.constantFrom('a.ts', 'b.ts', 'c/d.ts', '/elsewhere/e.ts')
    fc.assert(
      fc.property(
        fc.array(fc.array(file, { minLength: 1, maxLength: 3 }), { maxLength: 30 }),
        fc.nat(30),
        (changes, at) => {
          const entries = changes.flatMap((files, index) => changed(index, files))
          const cut = Math.min(at, changes.length) * 2
          const first = stored(entries.slice(0, Math.floor(cut / 4) * 2))
          const second = stored([...entriesOf(first), ...entries.slice(Math.floor(cut / 4) * 2, cut)])
          expect(summarise([...entriesOf(second), ...entries.slice(cut)])).toBe(summarise(entries))
        },
      ),
    )
  })

  it.each([null, 3, {}, { asked: [1], commits: [{}], files: [['a']], checks: ['x'], ended: 5 }])(
    'ING-SES-3 what is no digest is an empty one (%j)',
    (value) => {
      expect(entriesOf(digestFrom(value))).toEqual([])
    },
  )
})

const changed = (index: number, files: readonly string[]): readonly Entry[] => [
  {
    kind: 'call',
    origin: origin(2 * index + 1),
    messageId: '',
    callId: `c${index}`,
    name: 'Edit',
    input: {},
    action: {
      kind: 'change',
      files: files.map((name) => (name.startsWith('/') ? name : `/home/someone/orchard/${name}`)),
      diff: null,
    },
  },
  {
    kind: 'result',
    origin: origin(2 * index + 2),
    callId: `c${index}`,
    text: '',
    outcome: 'ok',
    exitCode: null,
    answers: null,
  },
]
