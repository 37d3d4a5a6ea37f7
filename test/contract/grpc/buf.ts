import { spawnSync } from 'node:child_process'
import { createFileRegistry, fromBinary, type FileRegistry } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'

/** Folders of the two contracts: as programs of the Go server know it, and as it is now. */
export const folders = { kept: 'test/contract/grpc/kept', ours: 'proto' } as const

const lintRules = {
  use: ['STANDARD'],
  // Names of the Go program, which programs compiled with them know: values without the name of their enum, zero values
  // that mean something, a package that stands in no folder of its name.
  except: ['ENUM_VALUE_PREFIX', 'ENUM_ZERO_VALUE_SUFFIX', 'PACKAGE_DIRECTORY_MATCH'],
}
const config = JSON.stringify({ version: 'v1', lint: lintRules, breaking: { use: ['FILE'] } })

export type Told = { readonly status: number | null; readonly said: string; readonly bytes: Uint8Array }

/** What the tool of the contract's own field says. */
export function buf(...words: readonly string[]): Told {
  const given = [...words, ...(words[0] === 'build' ? [] : ['--config', config])]
  const { status, stdout, stderr, error } = spawnSync('node_modules/.bin/buf', given)
  if (error !== undefined) throw error
  return { status, said: `${stdout.toString('utf8')}${stderr.toString('utf8')}`, bytes: stdout }
}

/** Descriptors of one contract, read by a library that is not ours. */
export function registryOf(contract: keyof typeof folders): FileRegistry {
  const { status, said, bytes } = buf('build', folders[contract], '-o', '-#format=binpb')
  if (status !== 0) throw new Error(said)
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes))
}
