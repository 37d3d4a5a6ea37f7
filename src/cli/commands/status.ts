import { join } from 'node:path'
import { command } from '../command.ts'
import { allOption, projectOption, readPlace } from '../place.ts'
import { pageOf } from '../text/page.ts'
import { encodedName } from '../text/project-name.ts'
import { renderStatus } from '../text/status.ts'
import { oneLine } from '../visible.ts'

export const statusCommand = command({
  path: 'status',
  section: 'This machine',
  summary: 'Size, counts, last save, last error, conflicts, cost of today',
  examples: ['engram status', 'engram status --json'],
  run: async (context) => {
    const status = await context.call('system.status', {})
    context.answer(status, () => renderStatus(status, { ...pageOf(context), nowMs: context.program.nowMs() }))
  },
})

export const statsCommand = command({
  path: 'stats',
  section: 'This machine',
  summary: 'Counts of sessions, memories and prompts',
  options: [projectOption, allOption],
  examples: ['engram stats', 'engram stats --all --json'],
  run: async (context) => {
    const stats = await context.call('memory.stats', readPlace(context))
    context.answer(stats, () =>
      [
        context.paint.title('Engram Memory Stats'),
        `  Sessions:     ${stats.total_sessions}`,
        `  Observations: ${stats.total_observations}`,
        `  Prompts:      ${stats.total_prompts}`,
        `  Projects:     ${stats.projects.length === 0 ? 'none yet' : stats.projects.map(encodedName).join(', ')}`,
        `  Database:     ${oneLine(join(context.config.dataDir.value, 'engram.db'))}`,
      ].join('\n'),
    )
  },
})
