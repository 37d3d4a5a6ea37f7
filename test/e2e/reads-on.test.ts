import { spawnSync } from 'node:child_process'
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agentAtPipes, type McpAgent } from './mcp-client.ts'
import { bin, environment, newPlace, ServedProcess, type Place } from './served-process.ts'

const program = resolve(import.meta.dirname, '../../bin/engram.js')
const sample = resolve(
  import.meta.dirname,
  '../../examples/sessions/claude-code/projects/-srv-orchard/8e4d9085-d99e-44cd-803d-81561ce56e24.jsonl',
)

let place: Place
let transcript = ''
const closers: (() => unknown)[] = []
beforeEach(() => {
  place = newPlace()
  const directory = join(place.home, '.claude/projects/-srv-orchard')
  mkdirSync(directory, { recursive: true })
  mkdirSync(place.dataDir)
  transcript = join(directory, '8e4d9085-d99e-44cd-803d-81561ce56e24.jsonl')
})
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
  place.remove()
})

function run(words: readonly string[], input?: unknown): string {
  const done = spawnSync(process.execPath, words[0] === 'hook' ? [program, ...words] : [bin, ...words], {
    input: input === undefined ? '' : JSON.stringify(input),
    encoding: 'utf8',
    env: { ...environment(place.home), ENGRAM_DATA_DIR: place.dataDir },
  })
  expect({ words, status: done.status, err: done.stderr }).toMatchObject({ status: 0 })
  return done.stdout
}

const hook = (event: string, path = transcript): string =>
  run(['hook', 'claude-code', event], {
    session_id: '8e4d9085-d99e-44cd-803d-81561ce56e24',
    transcript_path: path,
    cwd: place.home,
    hook_event_name: event,
  })

const notes = (): readonly string[] => {
  const directory = join(place.dataDir, 'spool/ingest')
  return existsSync(directory) ? readdirSync(directory) : []
}

async function atPipes(): Promise<McpAgent> {
  const agent = await agentAtPipes(place, { revision: 'current' })
  closers.push(() => agent.close())
  return agent
}

const archived = (): number =>
  (JSON.parse(run(['transcript', 'list', '--json'])) as { readonly transcripts: readonly unknown[] }).transcripts.length
const readOn = () => expect.poll(notes, { timeout: 20_000, interval: 200 }).toEqual([])

describe('conversations are read on', () => {
  it('ING-HOK-1 what a hook noted, the next server at pipes reads when it has time', async () => {
    copyFileSync(sample, transcript)
    expect(hook('stop')).toBe('')
    hook('session-end')
    expect(notes()).toHaveLength(1)
    await atPipes()
    await readOn()
    expect(archived()).toBe(1)
    expect(run(['search', '--all', 'where do the rate limit counters live'])).toContain('rate limit counters')
  })

  it('ING-HOK-1 so does a server at a port, and only that file', async () => {
    copyFileSync(sample, transcript)
    writeFileSync(join(transcript, '../other.jsonl'), readFileSync(sample, 'utf8').replaceAll('8e4d9085', '8e4d9086'))
    hook('pre-compact')
    const served = new ServedProcess(place)
    closers.push(() => served.end())
    await readOn()
    expect(archived()).toBe(1)
  })

  it('ING-HOK-2 where no hook ever fires, the start of a server finds the tail of what was read before', async () => {
    const lines = readFileSync(sample, 'utf8').trimEnd().split('\n')
    writeFileSync(transcript, `${lines.slice(0, 4).join('\n')}\n`)
    run(['ingest'])
    const before = run(['ingest', '--dry-run', '--json'])
    expect(JSON.parse(before)).toMatchObject({ files: [] })
    appendFileSync(transcript, `${lines.slice(4).join('\n')}\n`)
    await atPipes()
    await expect
      .poll(() => (JSON.parse(run(['ingest', '--dry-run', '--json'])) as { files: unknown[] }).files, {
        timeout: 20_000,
        interval: 500,
      })
      .toEqual([])
  })

  it('ING-HOK-2 where nothing was ever read, nothing is read unasked', async () => {
    copyFileSync(sample, transcript)
    const agent = await atPipes()
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    expect(archived()).toBe(0)
    await agent.call('mem_context')
  })

  it('ING-HOK-1 a file that is gone, one that is no conversation and a note that is none are let go', async () => {
    hook('stop', join(place.home, 'gone.jsonl'))
    writeFileSync(join(place.home, 'none.jsonl'), 'no JSON\n')
    hook('stop', join(place.home, 'none.jsonl'))
    writeFileSync(join(place.dataDir, 'spool/ingest', `${'0'.repeat(32)}.json`), '{')
    await atPipes()
    await expect.poll(notes, { timeout: 20_000, interval: 200 }).toEqual([`${'0'.repeat(32)}.json.bad`])
  })

  it('ING-HOK-3 a hundred calls leave one note and no process', () => {
    for (let n = 0; n < 100; n++) hook('stop')
    expect(notes()).toHaveLength(1)
  })
})
