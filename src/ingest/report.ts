import type { IngestAgentReport, IngestReport, IngestUpgrade } from '../api/ingest.ts'
import type { Discovered } from './discover.ts'
import type { Followed } from './follow-file.ts'

/** The result of a run, gathered file by file (ING-CLI-9). */
export type Report = {
  add(followed: Followed): void
  fail(path: string, reason: string): void
  skip(path: string, reason: string): void
  /** Conversations read anew from the archive. */
  upgraded(upgrade: IngestUpgrade): void
  /** How many sessions only earlier rules have seen. */
  behind(sessions: number): void
  /** Files that were to be read and were not, with their unread bytes. */
  leave(left: IngestReport['left']): void
  done(about: { readonly ms: number; readonly dryRun: boolean; readonly busy?: boolean }): IngestReport
}

const noFigures: IngestAgentReport = {
  files: 0,
  sessions_new: 0,
  sessions_grown: 0,
  records: 0,
  bytes: 0,
  bad_lines: 0,
}

export function createReport(agents: readonly string[], discovered: Discovered): Report {
  const followed: Followed[] = []
  const errors: { path: string; reason: string }[] = []
  const skipped = discovered.skipped.map(({ path, reason, detail }) => ({
    path,
    reason: detail === '' ? reason : `${reason} (${detail})`,
  }))
  let upgrade: IngestUpgrade | null = null
  let behind = 0
  let left: IngestReport['left'] = { interrupted: false, files: 0, bytes: 0 }
  const sum = (of: (each: Followed) => number): number => followed.reduce((total, each) => total + of(each), 0)
  return {
    add: (each) => {
      followed.push(each)
      const { path } = each.report
      if (each.isOwn) skipped.push({ path, reason: 'own' })
      if (each.refused > 0) errors.push({ path, reason: `${each.refused} messages could not be archived` })
    },
    fail: (path, reason) => errors.push({ path, reason }),
    skip: (path, reason) => skipped.push({ path, reason }),
    upgraded: (given) => {
      upgrade = given
    },
    behind: (sessions) => {
      behind = sessions
    },
    leave: (given) => {
      left = given
    },
    done: ({ ms, dryRun, busy = false }) => ({
      dry_run: dryRun,
      agents: Object.fromEntries(agents.map((agent) => [agent, figuresOf(agent, discovered, followed)])),
      projects: [...new Set(followed.map((each) => each.report.project))].toSorted(),
      archived_messages: sum((each) => each.report.archived),
      prompts: sum((each) => each.report.prompts),
      sessions: followed.filter((each) => each.session === 'created' || each.session === 'completed').length,
      candidates: {
        saved: sum((each) => each.saved),
        repeated: sum((each) => each.repeated),
        suppressed: sum((each) => each.suppressed),
        below_threshold: sum((each) => each.belowThreshold),
        withdrawn: sum((each) => each.withdrawn),
      },
      redacted: sum((each) => each.redacted),
      errors,
      skipped,
      looked: discovered.looked,
      found: discovered.found,
      busy,
      left,
      upgrade,
      behind,
      llm: { calls: 0, tokens: 0 },
      ms: Math.round(ms),
      files: followed.map((each) => each.report),
    }),
  }
}

function figuresOf(agent: string, discovered: Discovered, followed: readonly Followed[]): IngestAgentReport {
  const own = followed.filter((each) => each.report.agent === agent)
  const sessions = own.filter((each) => !each.isSidechain && !each.isOwn)
  const sum = (of: (each: Followed) => number): number => own.reduce((total, each) => total + of(each), 0)
  return {
    ...noFigures,
    files: discovered.files.filter((file) => file.agent === agent).length,
    sessions_new: sessions.filter((each) => each.report.state === 'new').length,
    sessions_grown: sessions.filter((each) => each.report.state !== 'new' && each.report.new_bytes > 0).length,
    records: sum((each) => each.report.records),
    bytes: sum((each) => each.report.new_bytes),
    bad_lines: sum((each) => each.badLines),
  }
}
