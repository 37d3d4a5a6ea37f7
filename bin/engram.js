#!/usr/bin/env node
/*
 * The way in. Plain JavaScript that an old Node can still read (no `?.`, no `??`, no top-level await), and nothing is
 * imported before the check: an old Node would fail inside a dependency with a message nobody understands.
 *
 *   Node-API 10 or newer ──► `--version` alone: print it
 *                        └─► dist/bin.js, or src/bin.ts in a clone that was not built, or changed since
 *   older, in a clone    ──► the same again on the Node that npm installed beside it
 *   older, elsewhere     ──► say what is missing, exit 1
 */
const napiNeeded = 10
const url = import.meta.url

if (Number(process.versions.napi) >= napiNeeded) start()
else void import('fs').then(startOnBroughtNode)

function start() {
  const fs = process.getBuiltinModule('fs')
  if (process.argv.length === 3 && process.argv[2] === '--version') {
    const { version } = JSON.parse(fs.readFileSync(new URL('../package.json', url), 'utf8'))
    process.stdout.write('engram ' + version + '\n')
    return
  }
  const isHook = process.argv[2] === 'hook' && process.argv.indexOf('--help') === -1
  const built = new URL('../dist/bin.js', url)
  // An agent waits for a hook, so that it runs what was built without looking for changes: a built hook of before knows
  // by the schema what it must not write.
  const isBuilt = fs.existsSync(built) && (isHook || !isOlder(fs, built, new URL('../src/', url)))
  // Node 22.14 to 22.17 has Node-API 10 and cannot run the sources of a clone.
  if (!isBuilt && !process.features.typescript) return startOnBroughtNode(fs)
  // What was compiled once is not compiled again: a quarter of a start, half of one from sources. Only in a clone, whose
  // own folder holds the cache: a shared one could be filled by somebody else.
  const modules = new URL('../node_modules/', url)
  if (fs.existsSync(modules)) {
    const cache = process.getBuiltinModule('url').fileURLToPath(new URL('.cache/engram', modules))
    process.getBuiltinModule('module').enableCompileCache(cache)
  }
  // Hooks start at every step of an agent: they read their own few files and none of the command line.
  const file = (isBuilt ? '../dist/' : '../src/') + (isHook ? 'hook' : 'bin') + (isBuilt ? '.js' : '.ts')
  const loaded = import(new URL(file, url).href)
  if (isHook) void loaded.then((hook) => hook.main())
}

/** Whether a source was changed, added or removed after the build: 3 ms, and nothing where there are no sources. */
function isOlder(fs, built, sources) {
  if (!fs.existsSync(sources)) return false
  const builtAt = fs.statSync(built).mtimeMs
  const isNewer = (path) => fs.statSync(path).mtimeMs > builtAt
  const hasNewer = (folder) =>
    isNewer(folder) ||
    fs.readdirSync(folder, { withFileTypes: true }).some((entry) => {
      const path = folder + '/' + entry.name
      if (entry.isDirectory()) return hasNewer(path)
      return !entry.name.endsWith('.test.ts') && isNewer(path)
    })
  return hasNewer(process.getBuiltinModule('url').fileURLToPath(sources))
}

function startOnBroughtNode(fs) {
  const brought = new URL('../node_modules/node-linux-' + process.arch + '/bin/node', url)
  if (process.platform !== 'linux' || !fs.existsSync(brought)) return refuse()
  void Promise.all([import('child_process'), import('url')]).then(([{ spawn }, { fileURLToPath }]) => {
    const node = fileURLToPath(brought)
    if (fs.realpathSync(process.execPath) === fs.realpathSync(node)) return refuse()
    const child = spawn(node, [fileURLToPath(url)].concat(process.argv.slice(2)), { stdio: 'inherit' })
    // A terminal's Ctrl-C reaches both; what is sent to this process alone is passed on.
    process.on('SIGINT', () => undefined)
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('error', refuse)
    child.on('exit', (code, signal) => {
      if (signal === null) process.exit(code)
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    })
  })
}

function refuse() {
  process.stderr.write(
    'engram needs Node 22.18 or newer; this is Node ' +
      process.versions.node +
      ' (' +
      process.execPath +
      ').\n' +
      'In a clone, `npm install` brings a Node of its own: then use `npm run -s engram -- …` or `npx engram …`.\n' +
      'Elsewhere, install a newer Node and try again.\n',
  )
  process.exitCode = 1
}
