import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { EngramError } from '../../model/errors.ts'
import { command, type CommandContext, type ExitCode } from '../command.ts'
import { oneLine } from '../visible.ts'

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** The program starts in strangers' directories, so a file that merely lies there is not read; but it is told (COL-1804). */
function noteFileLeftAside(context: CommandContext): void {
  const here = join(context.terminal.directory, 'config.yaml')
  const named = context.option('config') ?? context.terminal.environment['ENGRAM_CONFIG'] ?? ''
  if (named !== '' || context.terminal.directory === context.config.dataDir.value || !existsSync(here)) return
  context.note(context.paint.warn(`note: ${oneLine(here)} is not read; name it with --config`))
}

export const serveCommand = command({
  path: 'serve',
  section: 'This machine',
  summary: 'Serve memory, contexts, streams and locks over HTTP until stopped',
  details: 'On 127.0.0.1:7437 unless told otherwise. An address others can reach needs ENGRAM_HTTP_TOKEN.',
  arguments: [{ name: 'port', description: 'the port (default: 7437)', required: false }],
  options: [
    { flags: '--addr <address>', description: 'host:port or :port' },
    { flags: '--port <port>', description: 'the port alone' },
    { flags: '--socket <path>', description: 'only on this unix socket' },
    { flags: '--grpc-addr <address>', description: 'gRPC too, on this host:port or :port' },
    { flags: '--project <name>', description: 'what reads without a project are about', isProject: true },
    { flags: '--config <file>', description: 'settings in YAML', defaultText: 'config.yaml in the data dir' },
    { flags: '--token-file <file>', description: 'the token whoever asks must show' },
    { flags: '--create-token', description: 'make one in the data dir if there is none' },
    { flags: '--durability <how>', description: 'when a write is answered', choices: ['full', 'normal'] },
    { flags: '--log-level <level>', description: 'how much is logged', choices: levels, defaultText: 'info' },
  ],
  examples: ['engram serve', 'engram serve 8080', 'ENGRAM_HTTP_TOKEN=… engram serve --addr :8080'],
  run: async (context): Promise<ExitCode> => {
    const { config } = context
    const addressed = ['addr', 'port'].some((name) => context.option(name) !== undefined)
    if (context.option('socket') !== undefined && (addressed || context.argument('port') !== undefined)) {
      throw new EngramError('usage', 'Expected a socket or an address, got both.')
    }
    noteFileLeftAside(context)
    for (const warning of config.server.warnings) context.note(context.paint.warn(`note: ${oneLine(warning)}`))
    const outcome = await context.program.serve(
      config,
      {
        host: config.host.value,
        port: config.port.value,
        // An address typed now is meant more than a socket in the environment.
        socket: addressed || context.argument('port') !== undefined ? undefined : config.socket.value,
        grpc: config.grpcAddress.value ?? undefined,
        token: config.token.value,
        allowedHosts: config.allowedHosts.value,
        projectOverride: context.option('project') ?? config.project.value,
        server: config.server.settings,
        onListening: (address, grpcAddress) => {
          if (context.json) {
            context.printJson({
              status: 'listening',
              address,
              ...(grpcAddress === undefined ? {} : { grpc: grpcAddress }),
            })
            return
          }
          context.note(`[engram] HTTP server listening on ${oneLine(address)}`)
          if (grpcAddress !== undefined) context.note(`[engram] gRPC server listening on ${oneLine(grpcAddress)}`)
        },
      },
      context.signal,
    )
    if (outcome === 'already') context.answer({ status: 'already' }, () => 'This data dir is already served there.')
    return 0
  },
})
