import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agents, type Home } from './agents.ts'
import { applyEdit, undoSetup } from './journal.ts'
import { planSetup, upToDate, type PlannedEdit } from './plan.ts'

let homeDir = ''
let file = ''
beforeEach(() => {
  homeDir = mkdtempSync(join(tmpdir(), 'engram-setup-'))
  file = join(homeDir, '.cursor', 'mcp.json')
  mkdirSync(join(homeDir, '.cursor'))
})
afterEach(() => rmSync(homeDir, { recursive: true, force: true }))

function planned(): PlannedEdit {
  const home: Home = { homeDir, environment: {}, platform: 'linux', executable: ['engram'], dataDirOptions: [] }
  const [edit] = planSetup(
    agents.filter(({ name }) => name === 'cursor'),
    home,
  ).edits
  if (edit === undefined) throw new Error('nothing was planned')
  return edit
}

describe('a plan', () => {
  it('MEM-1503 what an agent wrote to its file while the plan was read stays', () => {
    writeFileSync(file, '{}\n')
    const edit = planned()
    const grown = '{\n  "mcpServers": { "new": { "command": "new" } }\n}\n'
    writeFileSync(file, grown)
    applyEdit(join(homeDir, '.engram'), upToDate(edit), 'now')
    expect(Object.keys((JSON.parse(readFileSync(file, 'utf8')) as { mcpServers: object }).mcpServers)).toEqual([
      'engram',
      'new',
    ])
    undoSetup(join(homeDir, '.engram'), () => true, { dryRun: false })
    expect(readFileSync(file, 'utf8')).toBe(grown)
  })

  it('MEM-1504 a file of many megabytes is edited and given back too', () => {
    const large = `{"history":${JSON.stringify('x'.repeat(8 * 1024 * 1024))},"mcpServers":{}}`
    writeFileSync(file, large)
    applyEdit(join(homeDir, '.engram'), planned(), 'now')
    expect(readFileSync(file, 'utf8')).toContain('"engram"')
    undoSetup(join(homeDir, '.engram'), () => true, { dryRun: false })
    expect(readFileSync(file, 'utf8') === large).toBe(true)
  })
})
