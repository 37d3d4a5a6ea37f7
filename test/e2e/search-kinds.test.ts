import fc from 'fast-check'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Input, Output } from '../../src/api/operations.ts'
import type { FoundEntry } from '../../src/api/search.ts'
import { person } from '../../src/cli/testing/person.ts'
import { messageAt } from '../../src/engine/transcript-index.ts'
import { messageHash } from '../../src/store/transcript-index.ts'
import { JsonlStore } from '../../src/transcript/jsonl-store.ts'
import { ClaudeSession } from './ingest-lines.ts'
import {
  dropPlaces,
  longAgoMs,
  makePlaces,
  openWorld,
  worldNowMs,
  writeOld,
  type Places,
  type World,
} from './ingest-world.ts'

/** One search over memories, prompts, work units and archived conversations (RET-758 to RET-763). */

let places: Places
let world: World
beforeEach(async () => {
  places = makePlaces()
  world = await openWorld(places)
})
afterEach(async () => {
  await world.close()
  dropPlaces(places)
})

type Search = Output<'memory.search'>
const everywhere = ['memory', 'prompts', 'units', 'transcripts'] as const
const look = (query: string, more: Partial<Input<'memory.search'>> = {}): Promise<Search> =>
  world.opened.caller.call('memory.search', { query, in: ['transcripts'], limit: 100, all_projects: true, ...more })
const kindsIn = ({ found = [] }: Search): readonly string[] => found.map(({ kind }) => kind)
const refsIn = ({ found = [] }: Search): readonly string[] =>
  found.map(({ key, position, id, unit_id }) => (key === undefined ? String(id ?? unit_id) : `${key}#${position}`))

/** A conversation of a project, one message per text, user and agent in turn. */
async function talk(key: string, project: string, texts: readonly string[]): Promise<void> {
  for (const [at, content] of texts.entries()) {
    const created_at = new Date(worldNowMs - (texts.length - at) * 60_000).toISOString()
    await world.transcripts.addFullMessage(key, { role: at % 2 === 0 ? 'user' : 'assistant', content, created_at })
  }
  await world.transcripts.setNotes(key, { project })
}

/** The same words in every kind there is, each with one of its own. */
async function sayEverywhere(): Promise<void> {
  const { caller } = world.opened
  await caller.call('session.start', { id: 's1', project: 'orchard' })
  const place = { project: 'orchard', session_id: 's1' }
  await caller.call('observation.save', {
    ...place,
    type: 'decision',
    title: 'Pump',
    content: 'The pump is oiled: alder.',
  })
  await caller.call('prompt.save', { ...place, content: 'Why is the pump so loud? birch' })
  await caller.call('context.create', { id: 'shed', display_name: 'Shed', meta: { project: 'orchard' } })
  const unit = {
    context_id: 'shed',
    agent_id: 'coder',
    type: 'MESSAGE',
    payload: 'Oiling the pump now, cedar',
  } as const
  await caller.call('work-unit.append', unit)
  await talk('claude-code:one', 'orchard', ['The pumps are loud again, elder', 'I will oil them'])
}

describe('one search over everything', () => {
  it('RET-761 a message is shown only while the archive holds it as it was read', async () => {
    await talk('claude-code:two', 'orchard', ['The pump is loud', 'I will oil it'])
    const { conversations } = world.opened.deps
    if (conversations === null) throw new Error('no archive')
    const place = { key: 'claude-code:two', position: 1, hash: messageHash('The pump is loud') }
    expect(await messageAt(conversations, place)).toMatchObject({ content: 'The pump is loud' })
    expect(await messageAt(conversations, { ...place, position: 2 })).toBeNull()
    expect(await messageAt(conversations, { ...place, position: 9 })).toBeNull()
    await world.transcripts.setHistory('claude-code:two', [{ role: 'user', content: 'Something else' }])
    expect(await messageAt(conversations, place)).toBeNull()
  })

  it('RET-758 memories alone unless more is named, and then one list of all kinds by the same reading of the words', async () => {
    await sayEverywhere()
    const alone = await look('oiled pump', { in: undefined })
    expect([alone.hits.length, alone.found, alone.unread_transcripts]).toEqual([1, undefined, undefined])
    const all = await look('oiled pump', { in: [...everywhere] })
    expect(new Set(kindsIn(all))).toEqual(new Set(['observation', 'prompt', 'unit', 'message']))
    expect([all.hits.map(({ title }) => title), all.unread_transcripts]).toEqual([['Pump'], 0])
    const scores = all.found?.map(({ score }) => score) ?? []
    expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    for (const [word, kind] of [
      ['alder', 'observation'],
      ['birch', 'prompt'],
      ['cedar', 'unit'],
      ['elder', 'message'],
    ]) {
      const one = await look(`${word} please`, { in: [...everywhere], limit: 1 })
      expect(kindsIn(one), word).toEqual([kind])
      expect(one.found?.[0]?.snippet).toContain(word)
    }
  })

  it('RET-758 each kind is asked alone, and a filter it knows nothing of leaves nothing of it', async () => {
    await sayEverywhere()
    for (const [place, kind] of [
      ['memory', 'observation'],
      ['prompts', 'prompt'],
      ['units', 'unit'],
    ] as const) {
      expect(new Set(kindsIn(await look('pump', { in: [place, 'transcripts'] })))).toEqual(new Set([kind, 'message']))
    }
    expect(kindsIn(await look('pump', { in: [...everywhere], type: 'decision' }))).toEqual(['observation'])
    expect(kindsIn(await look('pump', { in: [...everywhere], scope: 'project' }))).toEqual(['observation'])
    const inSession = await look('pump', { in: [...everywhere], session_id: 's1' })
    expect(new Set(kindsIn(inSession))).toEqual(new Set(['observation', 'prompt']))
    expect(kindsIn(await look('pump', { in: [...everywhere], author: 'coder' }))).toEqual(['unit'])
    expect(kindsIn(await look('pump', { in: [...everywhere], since: '2099-01-01' }))).toEqual([])
    const inRoom = await look('pump', { context_ids: ['shed'] })
    expect([kindsIn(inRoom), inRoom.hits]).toEqual([['unit'], []])
    expect(kindsIn(await look('pump', { context_ids: ['elsewhere'] }))).toEqual([])
  })

  it('RET-758 the parts of an explanation multiplied are the score, of every kind', async () => {
    await sayEverywhere()
    const { found = [] } = await look('oiled pump loud', { in: [...everywhere], explain: true })
    expect(new Set(found.map(({ kind }) => kind)).size).toBe(4)
    for (const { explanation, score } of found) {
      const { L = 0, factors = {}, words = [] } = explanation ?? {}
      expect(Object.values(factors).reduce((product, factor) => product * factor, L)).toBeCloseTo(score, 6)
      expect(words.length).toBeGreaterThan(0)
    }
  })

  it('RET-755 the budget is that of the list, and what is doubtful is held back with strict', async () => {
    await sayEverywhere()
    const all = await look('oiled pump loud', { in: [...everywhere] })
    const { found = [], left_out } = await look('oiled pump loud', { in: [...everywhere], max_bytes: 60 })
    expect(
      Buffer.byteLength(found.map(({ title = '', snippet }) => `${title}\n${snippet}`).join('')),
    ).toBeLessThanOrEqual(60)
    expect(left_out?.count).toBe(kindsIn(all).length - found.length)
    expect(found.length).toBeGreaterThan(0)
    const doubtful = 'pump under seventeen violet umbrellas near Lisbon harbour'
    expect(await look(doubtful, { in: [...everywhere], strict: true })).toMatchObject({
      found: [],
      hits: [],
      reason: 'low_confidence',
    })
    expect((await look(doubtful, { in: [...everywhere] })).confidence).toBe('low')
  })

  it('RET-758 by meaning alone and by a pattern over what has no text to read are refused', async () => {
    await expect(look('pump', { mode: 'semantic' })).rejects.toMatchObject({ code: 'semantic_unavailable' })
    await expect(look('pump', { regex: true, in: ['prompts'] })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('RET-801 scripts without spaces and folded letters are found in units and messages as in memories', async () => {
    await world.opened.caller.call('context.create', { id: 'shed', display_name: 'Shed' })
    const unit = {
      context_id: 'shed',
      agent_id: 'coder',
      type: 'MESSAGE',
      payload: '修复了数据库连接 at Café',
    } as const
    await world.opened.caller.call('work-unit.append', unit)
    await talk('codex:two', '', ['修复了数据库连接 at Café'])
    for (const query of ['数据库', '连接', 'cafe', '数据库 cafe']) {
      expect(new Set(kindsIn(await look(query, { in: ['units', 'transcripts'] }))), query).toEqual(
        new Set(['unit', 'message']),
      )
    }
    expect(kindsIn(await look('0', { in: ['units', 'transcripts'] }))).toEqual([])
  })
})

describe('archived conversations', () => {
  it('RET-759 what person and agent said, and of a tool the beginning; no thought and no note', async () => {
    const say = (role: string, content: string, more = {}) =>
      world.transcripts.addFullMessage('k', { role, content, ...more })
    await say('user', 'quartz question')
    await say('assistant', 'quartz answer', { reasoning_content: 'feldspar thought' })
    await say('tool', `quartz output ${'x '.repeat(300)} granite`, { tool_call_id: 'c' })
    await say('system', 'quartz note')
    expect(new Set((await look('quartz')).found?.map(({ role }) => role))).toEqual(
      new Set(['user', 'assistant', 'tool']),
    )
    expect([kindsIn(await look('feldspar')), kindsIn(await look('granite'))]).toEqual([[], []])
  })

  it('RET-760 what is appended, hidden, replaced or deleted is seen by the next search', async () => {
    await talk('k', 'orchard', ['first maple', 'second walnut', 'third hazel', 'fourth linden'])
    // Whoever stands beside it is found too, behind it.
    expect(refsIn(await look('walnut'))[0]).toBe('k#2')
    await world.transcripts.addMessage('k', 'user', 'fifth rowan')
    expect(refsIn(await look('rowan'))).toEqual(['k#5'])
    await world.transcripts.truncateHistory('k', 3)
    expect(refsIn(await look('walnut'))).toEqual([])
    expect(refsIn(await look('hazel'))[0]).toBe('k#3')
    await world.transcripts.compact('k')
    expect(refsIn(await look('hazel'))[0]).toBe('k#3')
    await world.transcripts.setHistory('k', [{ role: 'user', content: 'only spruce' }])
    expect(refsIn(await look('hazel rowan linden'))).toEqual([])
    expect(refsIn(await look('spruce')).length).toBe(1)
    await world.transcripts.deleteSession('k')
    expect(refsIn(await look('spruce'))).toEqual([])
    expect(world.opened.deps.store.read((tx) => tx.all('SELECT * FROM transcript_messages'))).toEqual([])
  })

  it('RET-760 words of a deleted conversation leave with it, not with the next search', async () => {
    await talk('k', 'orchard', ['a maple'])
    expect(refsIn(await look('maple'))).toEqual(['k#1'])
    await world.opened.caller.call('transcript.delete', { key: 'k', purge: true })
    expect(world.opened.deps.store.read((tx) => tx.all(`SELECT rowid FROM transcript_fts('maple')`))).toEqual([])
  })

  it('RET-761 a conversation belongs to the project of its session, wherever that is filed', async () => {
    const { caller } = world.opened
    await caller.call('session.start', { id: 's1', project: 'orchard' })
    await talk('k', 'orchard', ['a maple'])
    await world.transcripts.setNotes('k', { session_id: 's1' })
    const of = async (project: string): Promise<readonly string[]> =>
      refsIn(await look('maple', { project, all_projects: false }))
    expect(await of('orchard')).toEqual(['k#1'])
    await caller.call('session.start', { id: 's2', project: 'garden' })
    await caller.call('project.merge', { from: ['orchard'], to: 'garden', force: true })
    expect(await of('garden')).toEqual(['k#1'])
  })

  it('RET-762 the first search of a large archive answers in time, says what it has not read, and the next go on', async () => {
    for (let at = 0; at < 6; at++)
      await talk(
        `k${at}`,
        'orchard',
        Array.from({ length: 40 }, (_, line) => `maple ${line}`),
      )
    // Each look at the clock costs as much as a slow disk might.
    const { clock } = world.opened.deps
    let looks = 0
    const monotonicMs = clock.monotonicMs.bind(clock)
    Object.assign(clock, { monotonicMs: () => monotonicMs() + (looks += 90) })
    const unread: number[] = []
    for (let asked = 0; asked < 10 && unread.at(-1) !== 0; asked++) {
      const answer = await look('maple')
      unread.push(answer.unread_transcripts ?? -1)
      const keys = new Set(answer.found?.map(({ key }) => key))
      expect(keys.size).toBeLessThanOrEqual(6 - (answer.unread_transcripts ?? 0))
    }
    expect(unread.length).toBeGreaterThan(1)
    expect(unread).toEqual(unread.toSorted((a, b) => b - a))
    expect(unread.at(-1)).toBe(0)
  })

  it('RET-202 the two before a message stand beside it, also over the borders of what is read at once', async () => {
    const word = (at: number): string =>
      `quartz${String(at).replaceAll(/\d/g, (digit) => 'bcdfghjkmp'.charAt(Number(digit)))}`
    await talk(
      'whole',
      '',
      Array.from({ length: 250 }, (_, at) => word(at + 1)),
    )
    for (let at = 1; at <= 220; at++) {
      await world.transcripts.addMessage('grown', 'user', `garnet${word(at)}`)
      if (at % 73 === 0) await look('nothing')
    }
    for (const at of [1, 2, 73, 74, 99, 100, 101, 146, 147, 199, 200, 201, 218]) {
      const beside = (key: string): readonly string[] => [at, at + 1, at + 2].map((position) => `${key}#${position}`)
      expect(refsIn(await look(word(at))).toSorted(), word(at)).toEqual(beside('whole').toSorted())
      expect(refsIn(await look(`garnet${word(at)}`)).toSorted()).toEqual(beside('grown').toSorted())
    }
  })

  it('RET-762 index --wait reads all of them', async () => {
    await talk('k', 'orchard', ['a maple'])
    const { words } = await world.opened.caller.call('index.wait', { vectors: false })
    expect(words.transcripts).toEqual({ conversations: 1, messages: 1 })
  })

  it('ING-CMD-6 a pattern is looked for in the archive itself, within its project', async () => {
    await world.opened.caller.call('session.start', { id: 's1', project: 'orchard' })
    await talk('k', 'orchard', ['see ticket AB-417', 'nothing here'])
    await talk('other', 'garden', ['see ticket AB-418'])
    const found = await look('AB-\\d+', { regex: true, project: 'orchard', all_projects: false })
    expect([refsIn(found), found.found?.[0]?.matches]).toEqual([['k#1'], [[11, 17]]])
  })

  it('RET-763 another program’s transcripts are shown and indexed without their secrets', async () => {
    const secret = `ghp_${'A1b2C3d4E5'.repeat(4).slice(0, 36)}`
    await world.close()
    const directory = join(places.dataDir, 'transcripts')
    dropPlaces(places)
    const store = await JsonlStore.open(directory, { layout: 'compat' })
    await store.addMessage('k', 'user', `the maple key is ${secret} <private>grandmother</private>`)
    await store.close()
    world = await openWorld(places)
    const { found = [] } = await look('maple')
    expect(found.map(({ snippet }) => snippet)).toEqual([expect.stringContaining('[REDACTED')])
    expect(JSON.stringify(found)).not.toMatch(/ghp_|grandmother/)
    expect([kindsIn(await look('grandmother')), kindsIn(await look(secret))]).toEqual([[], []])
  })
})

type Step =
  | { readonly do: 'say'; readonly key: number; readonly word: number }
  | { readonly do: 'hide' | 'delete' | 'compact'; readonly key: number }
  | { readonly do: 'replace'; readonly key: number; readonly word: number }
  | { readonly do: 'file'; readonly key: number; readonly project: number }
  | { readonly do: 'search' }

const words = ['maple', 'walnut', 'hazel', 'linden']
const projects = ['orchard', 'garden']
const key = fc.nat({ max: 2 })
const word = fc.nat({ max: words.length - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('say' as const), key, word }) },
  fc.record({ do: fc.constantFrom('hide' as const, 'delete' as const, 'compact' as const), key }),
  fc.record({ do: fc.constant('replace' as const), key, word }),
  fc.record({ do: fc.constant('file' as const), key, project: fc.nat({ max: 1 }) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('search' as const) }) },
)

async function take(one: Step): Promise<void> {
  const { transcripts } = world
  const { caller } = world.opened
  world.clock.advance(1)
  if (one.do === 'search') return void (await look('maple'))
  const name = `k${one.key}`
  const isThere = await transcripts.exists(name)
  if (one.do === 'say') {
    await caller.call('transcript.append', { key: name, message: { role: 'user', content: words[one.word] ?? '' } })
    if (!isThere) await transcripts.setNotes(name, { project: 'orchard' })
  } else if (!isThere) return
  else if (one.do === 'hide') await caller.call('transcript.truncate', { key: name, keep: 1 })
  else if (one.do === 'compact') await caller.call('transcript.compact', { key: name })
  else if (one.do === 'delete') await caller.call('transcript.delete', { key: name })
  else if (one.do === 'replace') {
    await caller.call('transcript.replace', { key: name, messages: [{ role: 'user', content: words[one.word] ?? '' }] })
  } else if (one.do === 'file') await transcripts.setNotes(name, { project: projects[one.project] ?? '' })
}

/** What the archive itself holds of a word, by project. */
async function held(text: string, project: string): Promise<readonly string[]> {
  const refs: string[] = []
  for (const { key: name } of (await world.transcripts.listSessions()).sessions) {
    if ((await world.transcripts.notes(name)).project !== project) continue
    const { messages } = await world.transcripts.readHistory(name)
    refs.push(
      ...messages.filter(({ message }) => message.content === text).map(({ position }) => `${name}#${position}`),
    )
  }
  return refs.toSorted()
}

const own = (entries: readonly FoundEntry[], text: string): readonly string[] =>
  entries
    .filter(({ snippet }) => snippet === text)
    .map(({ key: name, position }) => `${name}#${position}`)
    .toSorted()

describe('random histories of conversations', () => {
  it('RET-760, RET-761 a search finds what the archive holds of the project, no less and nothing else; rebuilt is the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        for (const { key: name } of (await world.transcripts.listSessions()).sessions)
          await world.opened.caller.call('transcript.delete', { key: name, purge: true })
        for (const one of steps) await take(one)
        const lists: unknown[] = []
        for (const project of projects) {
          await world.opened.caller.call('session.start', { id: `s-${project}`, project })
          for (const text of words) {
            const answer = await look(text, { project, all_projects: false })
            expect(own(answer.found ?? [], text)).toEqual(await held(text, project))
            expect(answer.found?.every((entry) => entry.project === project) ?? true).toBe(true)
            lists.push(answer.found)
          }
        }
        await world.opened.caller.call('index.rebuild', {})
        const again: unknown[] = []
        for (const project of projects)
          for (const text of words) again.push((await look(text, { project, all_projects: false })).found)
        expect(again).toEqual(lists)
      }),
      { numRuns: 25 },
    )
  }, 120_000)
})

describe('the program', () => {
  it('RET-758 engram ingest, then engram search --transcripts finds what was said in a session', async () => {
    const session = new ClaudeSession(1)
      .human('Why does the irrigation timer skip Sundays?')
      .says('The crontab lists six weekdays; the seventh is missing.')
    writeOld(join(places.claude, 'projects', 'orchard', `${session.id}.jsonl`), session.text, longAgoMs)
    const ana = person()
    try {
      const environment = { CLAUDE_CONFIG_DIR: places.claude, CODEX_HOME: places.codex }
      expect((await ana.say(['ingest', '--agent', 'claude-code', '--skip-knowledge'], { environment })).code).toBe(0)
      const words = ['search', '--all', 'crontab weekdays missing']
      expect((await ana.say(words)).out).toContain('No memories found')
      const said = await ana.say([...words, '--transcripts'])
      expect([said.code, said.out]).toEqual([
        0,
        expect.stringMatching(/^Found 1 result:\n\n\[1\] message 2 of claude-code:/),
      ])
      const json = (await ana.json([...words, '--in', 'prompts,transcripts'])) as Search
      expect([kindsIn(json)[0], json.unread_transcripts]).toEqual(['message', 0])
      expect((await ana.say([...words, '--in', 'attic'])).code).toBe(2)
    } finally {
      ana.leave()
    }
  })
})
