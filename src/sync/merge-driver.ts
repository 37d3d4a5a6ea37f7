import { join } from 'node:path'
import { EngramError } from '../model/errors.ts'
import { writeAtomic, type Files } from '../platform/files.ts'
import type { Git } from '../platform/git.ts'
import type { Random } from '../platform/random.ts'
import { decodeManifest, encodeManifest, mergeManifests } from '../protocol/manifest.ts'

/**
 * Git merging manifests by union, in the clones where somebody asked for it (CHK-407). Two marks say what was added, so
 * that it can be taken away again and nothing else: one line in `.gitattributes`, and a section of the clone's config.
 */

const attributeLine = '.engram/manifest.json merge=engram-manifest'
const section = 'merge.engram-manifest'
/** Notes in the clone's config that `.gitattributes` did not exist before, or did not end its last line. */
const journalKey = `${section}.attributes`
const gitWaitMs = 10_000

type Doors = { readonly files: Files; readonly git: Git; readonly random: Random }

export type DriverOutcome = { readonly outcome: 'installed' | 'removed' | 'unchanged'; readonly attributes: string }

export async function installMergeDriver(doors: Doors, directory: string, program: string): Promise<DriverOutcome> {
  const root = await rootOf(doors.git, directory)
  const attributes = join(root, '.gitattributes')
  const before = await doors.files.readBytes(attributes)
  const text = textOf(before)
  const isListed = linesOf(text).includes(attributeLine)
  const driver = `${program} sync merge-driver %O %A %B`
  const isSet = (await configured(doors.git, root, `${section}.driver`)) === driver
  if (isListed && isSet) return { outcome: 'unchanged', attributes }
  const journal = isListed ? null : before === null ? 'made' : text === '' || text.endsWith('\n') ? 'line' : 'line+end'
  if (journal !== null) await setConfig(doors.git, root, journalKey, journal)
  await setConfig(doors.git, root, `${section}.name`, 'engram manifest, merged by union')
  await setConfig(doors.git, root, `${section}.driver`, driver)
  if (!isListed) await write(doors, attributes, `${text}${journal === 'line+end' ? '\n' : ''}${attributeLine}\n`)
  return { outcome: 'installed', attributes }
}

/** Leaves the file and the config as they were before the driver was installed. */
export async function removeMergeDriver(doors: Doors, directory: string): Promise<DriverOutcome> {
  const root = await rootOf(doors.git, directory)
  const attributes = join(root, '.gitattributes')
  if ((await configured(doors.git, root, `${section}.driver`)) === null) return { outcome: 'unchanged', attributes }
  const journal = await configured(doors.git, root, journalKey)
  if (journal !== null) await takeLine(doors, attributes, journal)
  await doors.git.run(root, ['config', '--local', '--remove-section', section], gitWaitMs)
  return { outcome: 'removed', attributes }
}

async function takeLine(doors: Doors, attributes: string, journal: string): Promise<void> {
  const text = textOf(await doors.files.readBytes(attributes))
  const whole = `${attributeLine}\n`
  const at = text.startsWith(whole) ? 0 : text.indexOf(`\n${whole}`) + 1
  if (at === 0 && !text.startsWith(whole)) return
  const rest = text.slice(0, at) + text.slice(at + whole.length)
  if (rest === '' && journal === 'made') return doors.files.remove(attributes)
  const isLast = at + whole.length === text.length
  await write(doors, attributes, journal === 'line+end' && isLast ? rest.replace(/\n$/, '') : rest)
}

/** What git calls: three versions of the manifest, the result over ours. Union cannot fail (CHK-407). */
export async function mergeManifestFiles(
  doors: Pick<Doors, 'files' | 'random'>,
  paths: { readonly base: string; readonly ours: string; readonly theirs: string },
): Promise<{ readonly path: string; readonly chunks: number; readonly version: number }> {
  const read = async (path: string) => decodeManifest(textOf(await doors.files.readBytes(path))).manifest
  const merged = mergeManifests(await read(paths.base), await read(paths.ours), await read(paths.theirs))
  await write(doors, paths.ours, encodeManifest(merged))
  return { path: paths.ours, chunks: merged.chunks.length, version: merged.version }
}

const textOf = (bytes: Uint8Array | null): string => (bytes === null ? '' : new TextDecoder().decode(bytes))

const linesOf = (text: string): readonly string[] => text.split('\n').map((line) => line.trim())

async function rootOf(git: Git, directory: string): Promise<string> {
  const root = (await git.run(directory, ['rev-parse', '--show-toplevel'], gitWaitMs))?.trim() ?? ''
  if (root !== '') return root
  throw new EngramError('invalid_request', `Expected a clone of a git repository at ${directory}.`)
}

async function configured(git: Git, root: string, key: string): Promise<string | null> {
  const value = await git.run(root, ['config', '--local', '--get', key], gitWaitMs)
  return value === null ? null : value.replace(/\n$/, '')
}

async function setConfig(git: Git, root: string, key: string, value: string): Promise<void> {
  if ((await git.run(root, ['config', '--local', key, value], gitWaitMs)) !== null) return
  throw new EngramError('storage_failed', `git could not write ${key} to the config of ${root}.`)
}

const write = (doors: Pick<Doors, 'files' | 'random'>, path: string, text: string): Promise<void> =>
  writeAtomic(doors.files, path, new TextEncoder().encode(text), { permissions: 0o644, unique: doors.random.hex(8) })
