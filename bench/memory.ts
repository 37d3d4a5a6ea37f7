import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { openEngine, type OpenedEngine } from '../src/open-engine.ts'
import { catchUp } from '../src/upkeep.ts'
import {
  alternate,
  bareFsync,
  benchOptions,
  percentile,
  report,
  temporaryDirectory,
  timedAsync,
  type BenchOptions,
  type Figure,
} from './harness.ts'
import { inventMemory, inventQuestion, randomFrom } from './invented-text.ts'

/**
 * What the memory costs: saves, searches, ingest, cold starts, an idle server. Each figure stands beside the bare cost of
 * the same work in the same run, because machines differ and ratios travel.
 */
const options = benchOptions()
const program = resolve(import.meta.dirname, '../bin/engram.js')
const project = 'bench'
const figures: Figure[] = []

const wants = (part: string): boolean => options.only.length === 0 || options.only.includes(part)

async function saves(directory: string, size: BenchOptions): Promise<void> {
  const fsync = bareFsync(directory, size.quick ? 200 : 1_000)
  figures.push(
    figure('bare fsync p50', fsync.p50, 'ms', { durability: 'disk' }),
    figure('bare fsync p99', fsync.p99, 'ms', { durability: 'disk' }),
  )
  for (const durability of ['full', 'normal'] as const) await savesAt(directory, durability, size.quick ? 20 : 100)
}

async function savesAt(directory: string, durability: 'full' | 'normal', slices: number): Promise<void> {
  const opened = await openEngine({ dataDir: join(directory, `saves-${durability}`), settings: { durability } })
  const bare = bareDatabase(join(directory, `bare-${durability}.db`), durability)
  const random = randomFrom(7)
  let serial = 0
  const ours = (): Promise<number> => {
    const memory = inventMemory(random, serial++)
    return timedAsync(() =>
      opened.caller.call('observation.save', { ...memory, project, session_id: `s-${serial % 50}` }),
    )
  }
  await opened.caller.call('observation.save', { ...inventMemory(random, serial++), project, session_id: 's-0' })
  const run = await alternate(ours, bare, slices, 25)
  const word = durability === 'full' ? 'disk' : 'os'
  const baselineName = 'one-row SQLite commit'
  for (const [name, share] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    figures.push(
      figure(`save ${name}, ${durability}`, percentile(run.ours, share), 'ms', {
        baseline: percentile(run.bare, share),
        baselineName,
        durability: word,
        goal: durability === 'full' && name === 'p99' ? 'p99 ≤ 3 ms above one fsync' : '',
      }),
    )
  }
  figures.push(
    figure(`save worst, ${durability}`, Math.max(...run.ours), 'ms', {
      durability: word,
      goal: durability === 'normal' ? 'G4: no call > 5 ms' : '',
    }),
  )
  const { walBytes, fileBytes } = opened.deps.store.stats()
  figures.push(
    figure(`bytes on disk per save, ${durability}`, (walBytes + fileBytes) / serial, 'B', { durability: word }),
  )
  await opened.close()
}

/** One row of about a kilobyte and one index, committed alone. */
function bareDatabase(path: string, durability: 'full' | 'normal'): () => Promise<number> {
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  database.pragma(`synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`)
  database.pragma('wal_autocheckpoint = 0')
  database.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, title TEXT, content TEXT)')
  const insert = database.prepare('INSERT INTO rows (title, content) VALUES (?, ?)')
  const random = randomFrom(9)
  let serial = 0
  return () => {
    const { title, content } = inventMemory(random, serial++)
    return timedAsync(async () => void insert.run(title, content))
  }
}

async function searches(directory: string, count: number): Promise<void> {
  const opened = await filled(join(directory, `search-${count}`), count)
  const random = randomFrom(11)
  const bare = new Database(opened.deps.store.path, { readonly: true })
  const match = bare.prepare(
    'SELECT rowid FROM observation_fts WHERE observation_fts MATCH ? ORDER BY bm25(observation_fts) LIMIT 10',
  )
  const bareQuery = (text: string): string =>
    `{title content} : (${text
      .split(' ')
      .map((word) => `"${word}"`)
      .join(' OR ')})`
  for (const words of [5, 10]) {
    const questions = Array.from({ length: options.quick ? 60 : 300 }, () => inventQuestion(random, words))
    let [mine, theirs] = [0, 0]
    const ours = (): Promise<number> => {
      const query = questions[mine++ % questions.length] ?? ''
      return timedAsync(() => opened.caller.call('memory.search', { query, project, limit: 10 }))
    }
    const plain = (): Promise<number> =>
      timedAsync(async () => void match.all(bareQuery(questions[theirs++ % questions.length] ?? '')))
    const run = await alternate(ours, plain, options.quick ? 6 : 30, 10)
    for (const [name, share] of [
      ['p50', 0.5],
      ['p95', 0.95],
      ['p99', 0.99],
    ] as const) {
      figures.push(
        figure(`search ${name}, ${count} memories, ${words} words`, percentile(run.ours, share), 'ms', {
          baseline: percentile(run.bare, share),
          baselineName: 'bare FTS5 OR of all words',
          goal: name === 'p95' ? `p95 ≤ ${count > 10_000 ? 50 : 10} ms` : '',
        }),
      )
    }
  }
  bare.close()
  await opened.close()
}

/** A store with so many memories, its index caught up. */
async function filled(dataDir: string, count: number): Promise<OpenedEngine> {
  const opened = await openEngine({ dataDir, settings: { durability: 'normal' } })
  const random = randomFrom(3)
  const started = performance.now()
  for (let serial = 0; serial < count; serial += 50) {
    const batch = Array.from({ length: Math.min(50, count - serial) }, (_, index) =>
      inventMemory(random, serial + index),
    )
    await Promise.all(
      batch.map((memory, index) =>
        opened.caller.call('observation.save', { ...memory, project, session_id: `s-${(serial + index) % 200}` }),
      ),
    )
  }
  figures.push(
    figure(`saves per second, 50 at once, to ${count}`, (count / (performance.now() - started)) * 1_000, '/s', {
      durability: 'os',
    }),
  )
  while (!(await catchUp(opened))) continue
  const { fileBytes, walBytes } = opened.deps.store.stats()
  figures.push(figure(`file of ${count} memories`, (fileBytes + walBytes) / 1_048_576, 'MiB', {}))
  return opened
}

async function ingest(directory: string): Promise<void> {
  const source = join(directory, 'claude', 'projects', '-srv-bench')
  mkdirSync(source, { recursive: true })
  const bytes = writeTranscripts(source, options.quick ? 4 : 30)
  const opened = await openEngine({
    dataDir: join(directory, 'ingest'),
    environment: { CLAUDE_CONFIG_DIR: join(directory, 'claude'), CODEX_HOME: join(directory, 'none') },
  })
  const ms = await timedAsync(() => opened.caller.call('ingest.run', {}))
  const read = await timedAsync(async () => bareRead(source))
  figures.push(
    figure('ingest', bytes / 1_048_576 / (ms / 1_000), 'MiB/s', {
      baseline: bytes / 1_048_576 / (read / 1_000),
      baselineName: 'read and JSON.parse each line',
      durability: 'disk',
      goal: '1 GB in ≤ 10 min',
    }),
    figure('ingest with nothing new', await timedAsync(() => opened.caller.call('ingest.run', {})), 'ms', {}),
  )
  await opened.close()
}

/** Sessions of an agent that reads, edits and tests; about a megabyte each. */
function writeTranscripts(directory: string, files: number): number {
  const random = randomFrom(5)
  let bytes = 0
  for (let file = 0; file < files; file++) {
    const lines: string[] = []
    const sessionId = `00000000-0000-4000-8000-${String(file).padStart(12, '0')}`
    for (let index = 0; index < 600; index++) lines.push(JSON.stringify(record(random, sessionId, index)))
    const text = `${lines.join('\n')}\n`
    bytes += Buffer.byteLength(text)
    writeFileSync(join(directory, `${sessionId}.jsonl`), text)
  }
  return bytes
}

function record(random: () => number, sessionId: string, index: number): unknown {
  const text = inventMemory(random, index).content
  const uuid = `${sessionId.slice(24)}-${String(index).padStart(8, '0')}`
  const at = new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString()
  const envelope = {
    uuid,
    parentUuid: null,
    sessionId,
    timestamp: at,
    cwd: '/srv/bench',
    version: '2.0.0',
    gitBranch: 'main',
    isSidechain: false,
  }
  if (index % 20 === 0)
    return { ...envelope, type: 'user', message: { role: 'user', content: `Please look at this: ${text}` } }
  if (index % 2 === 1) {
    const call = { type: 'tool_use', id: `call-${index}`, name: 'Bash', input: { command: 'npm test' } }
    return {
      ...envelope,
      type: 'assistant',
      message: { id: `m-${index}`, role: 'assistant', model: 'sample', content: [{ type: 'text', text }, call] },
    }
  }
  const output = Array.from({ length: 20 }, () => inventMemory(random, index).content).join('\n')
  const result = { type: 'tool_result', tool_use_id: `call-${index - 1}`, content: output }
  return { ...envelope, type: 'user', message: { role: 'user', content: [result] } }
}

function bareRead(directory: string): void {
  const names = execFileSync('ls', [directory], { encoding: 'utf8' }).trim().split('\n')
  for (const name of names) {
    for (const line of readFileSync(join(directory, name), 'utf8').split('\n')) if (line !== '') JSON.parse(line)
  }
}

async function coldStarts(directory: string): Promise<void> {
  const dataDir = join(directory, 'cold')
  const environment = { ...process.env, ENGRAM_DATA_DIR: dataDir, NO_COLOR: '1' }
  const run = (words: readonly string[]): Promise<number> =>
    timedAsync(async () => void spawnSync(process.execPath, [program, ...words], { env: environment, cwd: directory }))
  const bare = (): Promise<number> =>
    timedAsync(async () => void spawnSync(process.execPath, ['-e', '0'], { env: environment }))
  let serial = 0
  await run(['save', 'first', 'The first memory of the bench', '--project', project])
  const starts: readonly (readonly [string, () => readonly string[], string])[] = [
    ['--version', () => ['--version'], '≤ 2 x node -e 0'],
    ['--help', () => ['--help'], 'G15: ≤ 1.25 x'],
    ['search', () => ['search', 'first memory', '--project', project], '≤ 4 x node -e 0'],
    [
      'save',
      () => ['save', `title ${serial}`, `A memory saved from a cold start, number ${serial++}`, '--project', project],
      '',
    ],
  ]
  for (const [name, words, goal] of starts) {
    const result = await alternate(() => run(words()), bare, options.quick ? 3 : 10, 3)
    figures.push(
      figure(`cold start of ${name}`, percentile(result.ours, 0.5), 'ms', {
        baseline: percentile(result.bare, 0.5),
        baselineName: 'node -e 0',
        goal,
        durability: name === 'save' ? 'disk' : '',
      }),
    )
  }
}

async function idleServer(directory: string): Promise<void> {
  const child = spawn(process.execPath, [program, 'serve', '--port', '0'], {
    env: { ...process.env, ENGRAM_DATA_DIR: join(directory, 'serve') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const bare = spawn(process.execPath, ['-e', "require('node:http').createServer().listen(0, '127.0.0.1')"], {
    stdio: 'ignore',
  })
  await new Promise((resolve) => setTimeout(resolve, options.quick ? 2_000 : 5_000))
  figures.push(
    figure('RSS of an idle server', residentMiB(child.pid), 'MiB', {
      baseline: residentMiB(bare.pid),
      baselineName: 'bare node:http',
      goal: '≤ 120 MB, G16: ≤ 60 MB',
    }),
  )
  child.kill('SIGTERM')
  bare.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
}

function residentMiB(pid: number | undefined): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? Number.NaN) / 1_024
}

function figure(
  name: string,
  value: number,
  unit: string,
  more: Partial<Pick<Figure, 'baseline' | 'baselineName' | 'durability' | 'goal'>>,
): Figure {
  return { name, value, unit, baseline: null, baselineName: '', durability: '', goal: '', ...more }
}

const temporary = temporaryDirectory()
try {
  if (wants('save')) await saves(temporary.path, options)
  if (wants('search')) await searches(temporary.path, 10_000)
  if (wants('search') && !options.quick) await searches(temporary.path, 100_000)
  if (wants('ingest')) await ingest(temporary.path)
  if (wants('start')) await coldStarts(temporary.path)
  if (wants('serve')) await idleServer(temporary.path)
  report('memory', figures, options)
} finally {
  temporary.remove()
}
