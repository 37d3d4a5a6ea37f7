import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * The main job in one go, on a data dir that is thrown away: read two agents' sample sessions, keep something by hand,
 * find it again with the reason, look at what stood around it. Ends with exit code 1 when a memory is not found.
 */
const root = resolve(import.meta.dirname, '..')
const sessions = join(root, 'examples', 'sessions')
const dataDir = mkdtempSync(join(tmpdir(), 'engram-demo-'))
const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
const bold = (text: string): string => (colour ? `\u001b[1m${text}\u001b[22m` : text)
const dim = (text: string): string => (colour ? `\u001b[2m${text}\u001b[22m` : text)

const environment = {
  ...process.env,
  ENGRAM_DATA_DIR: dataDir,
  CLAUDE_CONFIG_DIR: join(sessions, 'claude-code'),
  CODEX_HOME: join(sessions, 'codex'),
  ...(colour ? { FORCE_COLOR: '1' } : {}),
}

/** Runs one command of the program as a person would, and answers what it printed. */
function engram(...words: readonly string[]): string {
  console.log(
    `\n${bold('$ engram')} ${words.map((word) => (/^[\w./:=-]+$/.test(word) ? word : JSON.stringify(word))).join(' ')}`,
  )
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, 'bin', 'engram.js'), ...words], {
    env: environment,
    cwd: dataDir,
    encoding: 'utf8',
  })
  process.stdout.write(stdout)
  process.stderr.write(stderr)
  if (status !== 0) throw new Error(`engram ${words[0]} ended with exit code ${status}`)
  return stdout
}

function expectText(text: string, wanted: string): void {
  if (!text.includes(wanted)) throw new Error(`expected to find ${JSON.stringify(wanted)}`)
}

const started = performance.now()
try {
  console.log(dim(`A throwaway data dir: ${dataDir}`))
  engram('ingest')
  engram(
    'save',
    'Prices are integer cents',
    'Every price is a whole number of cents, from the form to the invoice. Floating point lost a cent on order 1187.',
    '--type',
    'decision',
    '--project',
    'orchard',
    '--topic',
    'architecture/prices',
  )
  const found = engram(
    'search',
    'why did expired tokens answer 500?',
    '--project',
    'orchard',
    '--limit',
    '3',
    '--explain',
  )
  expectText(found, 'token')
  const prices = engram('search', 'architecture/prices', '--project', 'orchard', '--limit', '1')
  expectText(prices, 'Prices are integer cents')
  const id = /#(\d+)/.exec(found)?.[1]
  if (id === undefined) throw new Error('expected a hit with an id')
  engram('timeline', id)
  engram('recall', 'orchard', '--budget', '600')
  engram('status')
  console.log(`
${bold('What next')}
  npm run -s engram -- ingest         read your own agents' sessions (Claude Code, Codex)
  npm run -s engram -- search WORDS   find what they learned
  npm run -s engram -- review         promote, edit or forget what was extracted
  npm start                           serve memory to programs on 127.0.0.1:7437
${dim(`Nothing was sent anywhere and no model was asked. ${((performance.now() - started) / 1000).toFixed(1)} s.`)}`)
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  rmSync(dataDir, { recursive: true, force: true })
}
