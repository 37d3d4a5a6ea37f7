import { command, type ExitCode } from '../command.ts'
import { runSelfTest, suites } from '../self-test.ts'
import { counted } from '../text/amounts.ts'
import { oneLine } from '../visible.ts'

export const testCommand = command({
  path: 'test',
  section: 'This machine',
  summary: 'Try this program on a throw-away data dir',
  details: 'It saves, searches, edits, deletes, restores, backs up and checks; your own data is not touched.',
  arguments: [
    { name: 'suite', description: `one of ${suites.join(', ')} (default: all)`, required: false, choices: suites },
  ],
  options: [{ flags: '--quick', description: 'leave the long steps out' }],
  examples: ['engram test', 'engram test --quick --json'],
  run: async (context): Promise<ExitCode> => {
    const results = await runSelfTest(context.program, context.config, {
      suite: suites.find((one) => one === context.argument('suite')) ?? null,
      quick: context.flag('quick'),
      onStep: (result) => {
        if (context.json) return
        const mark = result.ok ? context.paint.good('ok    ') : context.paint.bad('failed')
        context.print(`${mark}  ${result.suite}: ${result.name} (${result.ms} ms)`)
        if (result.problem !== undefined) context.print(`        ${oneLine(result.problem)}`)
      },
    })
    const failed = results.filter((one) => !one.ok).length
    context.answer({ ok: failed === 0, passed: results.length - failed, failed, steps: results }, () =>
      failed === 0
        ? `\n${counted(results.length, 'step')} passed`
        : `\n${counted(failed, 'step')} of ${results.length} failed`,
    )
    return failed === 0 ? 0 : 1
  },
})
