import { alnum, base64, dash, digit, dot, lower, slash, upper, word } from './characters.ts'

/** A key whose first characters name who made it. */
export type PrefixRule = {
  readonly kind: string
  readonly prefix: string
  /** Which classes of characters may follow. */
  readonly body: number
  /** At least this many of them. All that follow belong to the secret. */
  readonly bodyMin: number
  /** The prefix is short or a part of words, so a word must begin there and the body must look random. */
  readonly doubtful?: true
  /** Exactly `bodyMin` characters, then no letter or digit. */
  readonly exact?: true
}

const rule = (kind: string, body: number, bodyMin: number, ...prefixes: readonly string[]): PrefixRule[] =>
  prefixes.map((prefix) => ({ kind, prefix, body, bodyMin }))

const doubtful = (kind: string, body: number, bodyMin: number, ...prefixes: readonly string[]): PrefixRule[] =>
  prefixes.map((prefix) => ({ kind, prefix, body, bodyMin, doubtful: true }))

const exact = (kind: string, body: number, bodyMin: number, ...prefixes: readonly string[]): PrefixRule[] =>
  prefixes.map((prefix) => ({ kind, prefix, body, bodyMin, doubtful: true, exact: true }))

/** ING-RED-2, the rows that are known by a prefix. `service` holds what only the preset of secretlint knows besides. */
export const prefixRules: readonly PrefixRule[] = [
  ...rule('github', word | dot, 36, 'ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'),
  ...rule('github', alnum | dash, 22, 'github_pat_'),

  ...doubtful('model-key', word, 20, 'sk-ant-', 'sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-or-v1-', 'sk-'),
  ...doubtful('model-key', word, 30, 'hf_', 'xai-', 'gsk_', 'r8_'),

  ...exact('aws', upper | digit, 16, 'AKIA', 'ASIA', 'ABIA', 'ACCA'),

  ...rule('cloud', word, 35, 'AIza'),
  ...rule('cloud', word | dot, 20, 'ya29.'),
  ...rule('cloud', word, 28, 'GOCSPX-'),
  ...rule('cloud', alnum, 64, 'dop_v1_', 'doo_v1_', 'dor_v1_'),

  ...doubtful('chat', word, 10, 'xoxa-', 'xoxb-', 'xoxe-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxo-', 'xapp-'),
  ...rule(
    'chat',
    word | slash,
    20,
    'hooks.slack.com/services/',
    'discord.com/api/webhooks/',
    'discordapp.com/api/webhooks/',
  ),

  ...rule('pay', alnum, 16, 'sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'),
  ...doubtful('pay', base64 | dash, 16, 'whsec_'),
  ...exact('pay', lower | digit, 32, 'SK'),

  ...rule('registry', alnum, 36, 'npm_'),
  ...rule('registry', word, 50, 'pypi-'),
  ...rule('registry', word | dot, 20, 'glpat-', 'gldt-', 'glrt-', 'glptt-'),
  ...rule('registry', word, 20, 'dckr_pat_', 'dckr_oat_'),
  ...rule('registry', alnum, 48, 'rubygems_'),

  ...rule('age', upper | digit, 40, 'AGE-SECRET-KEY-1'),
  ...rule('age', upper | digit | dash, 40, 'AGE-SECRET-KEY-PQ-1'),

  ...doubtful('service', word, 24, 'hvs.', 'hvb.', 'hvr.'),
  ...rule('service', alnum | dash, 32, 'lin_api_', 'lin_oauth_', 'shppa_', 'shpca_', 'shpat_', 'shpss_'),
  ...rule('service', alnum, 46, 'ntn_'),
  ...rule('service', base64, 32, 'glc_'),
  ...rule('service', word, 40, 'glsa_', 'figd_'),
  ...rule('service', base64 | dash, 60, 'ops_ey'),
  ...doubtful('service', alnum, 20, 'vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'),
  ...doubtful('service', lower | upper | digit | dash, 32, 'dapi'),
  ...doubtful('service', alnum, 48, 'cfk_', 'cfut_', 'cfat_'),
  ...rule('service', word, 24, 'tskey-auth-', 'tskey-api-', 'tskey-client-', 'tskey-scim-', 'tskey-webhook-'),
  ...rule('service', word, 40, 'sntrys_', 'PMAK-', 'pscale_tkn_', 'pscale_pw_', 'lsv2_pt_', 'lsv2_sk_'),
  ...doubtful('service', alnum, 27, 'NRAK-'),
]
